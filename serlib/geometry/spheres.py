"""Who owns the sphere: the share of all directions that is predicted as each class.

Prediction takes the class whose weight is nearest in angle, so class i owns the directions with (w_i - w_j).x > 0.
Only the span of these differences matters, at most C - 1 dimensions of however many there are: the shares of four
emotions are areas on an ordinary sphere, exactly, also when the embedding has 64 dimensions.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import SphericalVoronoi

from serlib.geometry.domains import simplex


class Shares(NamedTuple):
    """Share of the sphere per class (C,), which sums to 1, and its standard error (C,), 0 where the share is exact."""

    share: np.ndarray
    standard_error: np.ndarray


def reduce_weight(weight: np.ndarray) -> np.ndarray:
    """Return unit vectors (C, d), d <= C - 1, that own the same shares as the directions of ``weight`` (C, E).

    Fewer than 2 classes, a weight that is zero or not finite, or two that point the same way, are a ValueError.
    """
    weight = np.asarray(weight, float)
    if weight.ndim != 2 or len(weight) < 2:
        raise ValueError(f"weight has shape {weight.shape}; allowed is (C, E) with at least 2 classes")
    norms = np.linalg.norm(weight, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or (norms == 0).any():
        raise ValueError("a class weight is zero or not finite; every class needs a direction")
    unit = weight / norms
    cosine = unit @ unit.T - 2 * np.eye(len(unit))
    if cosine.max() > 1 - 1e-9:
        first, second = np.unravel_index(cosine.argmax(), cosine.shape)
        raise ValueError(f"the weights of classes {first} and {second} point the same way; their shares are undefined")
    _, scale, axes = np.linalg.svd(unit - unit.mean(0), full_matrices=False)
    points = unit @ axes[scale > 1e-6 * scale[0]].T  # what is left out adds the same to every logit
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def on_sphere(weight: np.ndarray, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return four class weights (4, 3) and embeddings (N, 3) in the span of the weights' differences.

    Exact: logits (weights times embeddings; ``weight`` is (4, E), ``embeddings`` (N, E)) keep their differences. The
    span is turned, and mirrored where need be, so that the weights stand as near as they can to ``simplex(4)``. Other
    than four classes, or an embedding below 3-D, is a ValueError.
    """
    weight = np.asarray(weight, float)
    if weight.shape[0] != 4 or weight.shape[1:] < (3,):
        raise ValueError(f"weight has shape {weight.shape}; allowed is (4, E) with E of at least 3")
    centred = weight - weight.mean(0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:3].T
    axes = axes @ orthogonal_procrustes(centred @ axes, simplex(4))[0]
    return centred @ axes, np.asarray(embeddings, float) @ axes


def sphere_shares(weight: np.ndarray, *, samples: int = 200_000, seed: int = 0) -> Shares:
    """Return the share of the sphere that each class weight of (C, E) owns; their norms do not count.

    Exact where at most 3 dimensions are left (up to 4 classes, or an embedding in 2-D or 3-D); else Monte Carlo over
    ``samples`` directions drawn with ``seed``.
    """
    points = reduce_weight(weight)
    if points.shape[1] > 3:
        return monte_carlo_shares(points, samples=samples, seed=seed)
    if points.shape[1] == 3:
        share = SphericalVoronoi(points).calculate_areas() / (4 * np.pi)
    elif points.shape[1] == 2:  # half of the arc to either neighbour
        angle = np.arctan2(points[:, 1], points[:, 0])
        order = np.argsort(angle)
        gap = np.diff(angle[order], append=angle[order[0]] + 2 * np.pi)
        share = ((gap + np.roll(gap, 1)) / (4 * np.pi))[np.argsort(order)]
    else:
        share = np.full(2, 0.5)
    return Shares(share, np.zeros(len(share)))


def monte_carlo_shares(weight: np.ndarray, *, samples: int = 200_000, seed: int = 0) -> Shares:
    """Return the same shares estimated from random directions, with binomial standard errors, in any dimension."""
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    directions = np.random.default_rng(seed).standard_normal((samples, unit.shape[1]))
    share = np.bincount((directions @ unit.T).argmax(1), minlength=len(unit)) / samples
    return Shares(share, np.sqrt(share * (1 - share) / samples))
