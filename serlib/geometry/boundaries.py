"""Training boundaries found on the losses themselves: no formula of a margin is used, so the closed forms can be wrong.

Works for every loss of serlib that ends in cross-entropy over one logit per class.
"""

import numpy as np
import torch
from torch import nn


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
