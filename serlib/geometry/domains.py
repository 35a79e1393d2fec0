"""Decision domains between classes: in closed form (paper 000, eq. 4-9), and found on the losses themselves.

The closed forms lie in the plane of two class weights w1 and w2 that stand A = ``angle_deg`` apart. u1 is the direction
where a feature of class 1, margin included, ties with class 2; u2 the same for class 2. Angles are in degrees. What is
found uses no formula of a margin, so the closed forms can be wrong; it works for every loss of serlib that ends in
cross-entropy over one logit per class, unless it moves the other classes' logits too, as logit adjustment does.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

_CONES = {  # the tie f(x) = cos(A - x), solved for x
    "angular": lambda m, A: A / (m + 1),
    "arcface": lambda m, A: (A - math.degrees(m)) / 2,
    "cosface": lambda m, A: A / 2 - np.degrees(np.arcsin(min(1, m / 2 / np.sin(np.radians(A / 2))))),
}


@dataclass(frozen=True)
class Domains:
    """The angles of the paper's Figure 2."""

    x_deg: float  # from w1 to u1: half the width of the cone that training leaves to features
    y_deg: float  # from w2 to u2
    angle_deg: float  # from w1 to w2

    @property
    def z_deg(self) -> float:
        """From u1 to u2: the gap that the margins open between the cones."""
        return self.angle_deg - self.x_deg - self.y_deg

    @property
    def d_deg(self) -> tuple[float, float]:
        """D1 and D2: from w1 and from w2 to the boundary at prediction.

        No margin acts there, so it is the bisector: D1 = D2 = (x + y + z)/2 = A/2 for every pair of margins. Hence
        inequality (9), D1 > D1' and D2 < D2', cannot hold as printed: it asks for A > A' and A < A' at once.
        """
        return (self.angle_deg / 2, self.angle_deg / 2)


def cone_deg(kind: str, margin: float, *, angle_deg: float) -> float:
    """Return x, the angle from a class weight to its training boundary; 0 where the margin leaves no cone.

    ``"angular"``, margin >= 1: cos(m x) = cos(A - x), so x = A/(m + 1), eq. 4 with A = x + y + z (margin 1: softmax);
    ``"arcface"``, margin >= 0 in radians: cos(x + m) = cos(A - x), so x = (A - m)/2;
    ``"cosface"``, margin >= 0: cos(x) - m = cos(A - x), so x = A/2 - asin(m / (2 sin(A/2))).
    Another kind, a smaller margin, or A outside (0, 180] is a ValueError.
    """
    if kind not in _CONES:
        raise ValueError(f"kind is {kind!r}; allowed are {sorted(_CONES)}")
    if not margin >= (least := int(kind == "angular")):
        raise ValueError(f"margin is {margin}; allowed for {kind} is at least {least}")
    if not 0 < angle_deg <= 180:
        raise ValueError(f"angle_deg is {angle_deg}; the angle between two weights lies in (0, 180]")
    return max(0.0, float(_CONES[kind](margin, angle_deg)))


def domains(kind: str, margin_1: float, margin_2: float, *, angle_deg: float) -> Domains:
    """Return the paper's Figure 2 for one margin per class (eq. 5; arguments as in ``cone_deg``)."""
    x, y = (cone_deg(kind, margin, angle_deg=angle_deg) for margin in (margin_1, margin_2))
    return Domains(x, y, angle_deg)


def simplex(num_classes: int) -> np.ndarray:
    """Return ``num_classes`` unit vectors (C, C - 1) as far apart as they can be: every pair acos(-1/(C - 1)) apart."""
    if num_classes < 2:
        raise ValueError(f"num_classes is {num_classes}; a simplex needs at least 2")
    points = np.linalg.svd(np.eye(num_classes) - 1 / num_classes)[0][:, : num_classes - 1]
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def target_logits(loss: nn.Module, embeddings: np.ndarray, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the target's logits (N,), margin included, and the best of the other logits (N,), for embeddings (N, E).

    The loss of each sample tells it: L = log(1 + sum_j exp(f_j - f_y)), so f_y = logsumexp_j(f_j) - log(exp(L) - 1).
    """
    x = torch.as_tensor(embeddings, dtype=torch.float64)
    with torch.no_grad():
        others = np.delete(loss.get_logits(x).numpy(), label, axis=1)
        losses = loss.per_sample(x, torch.full((len(x),), label)).numpy()
    with np.errstate(divide="ignore"):  # a loss of 0: the target's logit is out of reach
        return np.logaddexp.reduce(others, axis=1) - np.log(np.expm1(losses)), others.max(1)


def boundary_deg(loss: nn.Module, label: int, *, towards: int | np.ndarray, norm: float = 1.0) -> float | np.ndarray:
    """Return the angle from a class' weight to where its target logit ties with the best other one.

    The way leads along the great circle ``towards`` another class or, for each of N results, towards directions
    (N, E). ``norm`` is that of the features on the way and matters only to a loss with biases. 0 degrees: even the
    weight's own direction loses; 180: nothing on the way does.
    """
    weight = loss.weight.detach().double().numpy()
    own = weight[label] / np.linalg.norm(weight[label])
    goals = weight[[towards]] if np.ndim(towards) == 0 else towards
    sides = goals - (goals @ own)[:, None] * own
    sides = sides / np.linalg.norm(sides, axis=1, keepdims=True)

    def lost(angles: np.ndarray) -> np.ndarray:
        directions = np.cos(angles)[:, None] * own + np.sin(angles)[:, None] * sides
        return np.less_equal(*target_logits(loss, norm * directions, label))

    walk = np.stack([lost(np.full(len(sides), angle)) for angle in np.linspace(0, np.pi, 91)])
    first = np.where(walk.any(0), walk.argmax(0), 91)
    low, high = np.radians(2.0 * (first - 1)), np.radians(2.0 * first)
    for _ in range(40):  # halve the 2 degrees in which the tie lies
        middle = (low + high) / 2
        beyond = lost(middle)
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    found = np.clip(np.degrees(high), 0, 180) * (first > 0)
    return float(found[0]) if np.ndim(towards) == 0 else found


def cone_outline(loss: nn.Module, label: int, *, points: int = 90) -> np.ndarray:
    """Return the training boundary around one class' weight in 3-D: unit vectors (points, 3)."""
    own = nn.functional.normalize(loss.weight[label].detach().double(), dim=0).numpy()
    turns = np.linspace(0, 2 * np.pi, points)[:, None]
    across = np.linalg.svd(own[None])[2][1:]
    sides = np.cos(turns) * across[0] + np.sin(turns) * across[1]
    angles = np.radians(boundary_deg(loss, label, towards=sides))[:, None]
    return np.cos(angles) * own + np.sin(angles) * sides
