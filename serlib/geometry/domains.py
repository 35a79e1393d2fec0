"""Closed forms of decision domains between two classes (paper 000, eq. 4-9).

Everything lies in the plane of two class weights w1 and w2 that stand A = ``angle_deg`` apart. u1 is the direction
where a feature of class 1, margin included, ties with class 2; u2 the same for class 2. Angles are in degrees.
"""

import math
from dataclasses import dataclass

import numpy as np

_CONES = {  # the tie f(x) = cos(A - x), solved for x
    "angular": lambda margin, angle: angle / (margin + 1),
    "arcface": lambda margin, angle: (angle - math.degrees(margin)) / 2,
    "cosface": lambda margin, angle: (
        angle / 2 - np.degrees(np.arcsin(min(1, margin / 2 / np.sin(np.radians(angle / 2)))))
    ),
}


@dataclass(frozen=True)
class Domains:
    """The angles of the paper's Figure 2.

    Attributes:
        x_deg, y_deg: from w1 to u1, from w2 to u2: half the width of the cone that training leaves to features.
        angle_deg: from w1 to w2.
    """

    x_deg: float
    y_deg: float
    angle_deg: float

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

    Raises:
        ValueError: for another kind, a smaller margin, or A outside (0, 180].
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
