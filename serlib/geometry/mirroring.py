"""Is one embedding the mirror image of another? Numbers for what paper 004 shows by eye in its Fig. 2."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import pdist
from sklearn.manifold import TSNE


def _pair(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float64, or refuse what are not two embeddings of the same size of the same utterances."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.ndim != 2 or first.shape != second.shape or len(first) < 2:
        raise ValueError(f"embeddings {first.shape} and {second.shape}; needed are two of (N, E), N of at least 2")
    return first, second


def halves(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut (N, 2 E) embeddings [e_feat | e_raw] in two of (N, E); an odd number of columns is a ValueError."""
    if embeddings.ndim != 2 or embeddings.shape[1] % 2:
        raise ValueError(f"embeddings {embeddings.shape}; needed are (N, 2 E)")
    return tuple(np.split(embeddings, 2, axis=1))


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine between both embeddings (N, E) of every utterance: (N,), NaN where one of them is 0."""
    first, second = _pair(first, second)
    with np.errstate(invalid="ignore"):
        return (first * second).sum(1) / (np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1))


def distance_agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Return Pearson's correlation between the distances of all pairs of utterances in one embedding and the other.

    A mirror, a rotation and a scale leave it at 1; unrelated embeddings give about 0.
    """
    first, second = (pdist(embeddings) for embeddings in _pair(first, second))
    with np.errstate(invalid="ignore"):
        return float(np.corrcoef(first, second)[0, 1])


def _standard(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre both and scale them to a Frobenius norm of 1, as ``scipy.spatial.procrustes`` does; NaN without shape."""
    centred = (embeddings - embeddings.mean(0) for embeddings in _pair(first, second))
    return tuple(np.divide(e, np.linalg.norm(e), out=np.full_like(e, np.nan), where=e.any()) for e in centred)


def rotation_residual(first: np.ndarray, second: np.ndarray) -> float:
    """Return what is left of ``second`` after the best orthogonal map and scale of ``first``: 0 (nothing) to 1.

    Both (N, E) are centred and scaled to norm 1 first; it is the disparity of ``scipy.spatial.procrustes``. Any
    orthogonal map is allowed, so with N near E unrelated embeddings fit too: see the chance value of ``mirroring``.
    """
    pair = _standard(first, second)
    return np.nan if np.isnan(pair).any() else float(1 - orthogonal_procrustes(*pair)[1] ** 2)


def reflection_residual(first: np.ndarray, second: np.ndarray) -> float:
    """Return what is left of ``second`` after x -> -x and the best scale of at least 0: 0 (mirrored) to 1 (in no way).

    Both (N, E) are centred first, and nothing is fitted but the scale. In an even number of dimensions x -> -x is a
    rotation, in the plane the one by 180 degrees; so it is never below ``rotation_residual``.
    """
    first, second = _standard(first, second)
    return float(1 - np.clip(-(first * second).sum(), 0, 1) ** 2)


def _shapes(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    measures = {"distances": distance_agreement, "rotation": rotation_residual, "reflection": reflection_residual}
    return {name: measure(first, second) for name, measure in measures.items()}


def mirroring(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None, *, shuffles: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Measure two embeddings (N, E) of the same utterances in each of ``groups`` (N,), such as folds, by itself.

    A row per group: ``utterances``, mean ``cosine``, the three measures above as ``distances``, ``rotation`` and
    ``reflection``, and the mean of the last two over ``shuffles`` pairings of utterances by chance, ``rotation_chance``
    and ``reflection_chance``.
    """
    first, second = _pair(first, second)
    groups = np.zeros(len(first), int) if groups is None else np.asarray(groups)
    generator, rows = np.random.default_rng(seed), {}
    for group in pd.unique(groups):
        one, other = first[groups == group], second[groups == group]
        mixed = [other[generator.permutation(len(other))] for _ in range(shuffles)]
        rows[group] = {"utterances": len(one), "cosine": np.nanmean(cosines(one, other)), **_shapes(one, other)}
        for name, measure in (("rotation", rotation_residual), ("reflection", reflection_residual)):
            rows[group][f"{name}_chance"] = np.mean([measure(one, each) for each in mixed])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")


def in_plane(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay both embeddings (N, E) into one plane: the two main directions of the first, through the origin: (N, 2) each.

    The second is scaled to the length of the first, over all utterances. In an exact mirror each pair sums to 0.
    """
    first, second = _pair(first, second)
    axes = np.linalg.svd(first, full_matrices=False)[2][:2].T
    return first @ axes, np.linalg.norm(first) / max(np.linalg.norm(second), 1e-12) * second @ axes


def correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of every coordinate of the first (rows) with every one of the second: (E, E).

    NaN where a coordinate does not vary.
    """
    first, second = (e - e.mean(0) for e in _pair(first, second))
    with np.errstate(invalid="ignore"):
        return first.T @ second / np.outer(np.linalg.norm(first, axis=0), np.linalg.norm(second, axis=0))


def main_axis(points: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Return how many numbers (N, E) points hold, their variance's share on the first axis, and where they lie on it.

    How many is the participation ratio (sum v)^2 / sum v^2 over the variances v of the principal axes: E where all
    directions vary alike, 1 on a string. The last is (N,), of length 1 and of either sign.
    """
    u, s, _ = np.linalg.svd(points - points.mean(0), full_matrices=False)
    return (s**2).sum() ** 2 / (s**4).sum(), s[0] ** 2 / (s**2).sum(), u[:, 0]


def tsne_halves(
    first: np.ndarray, second: np.ndarray, *, perplexity: float = 15, seed: int = 0, init: str = "pca"
) -> tuple[np.ndarray, np.ndarray]:
    """Draw two embeddings (N, E) on one map by t-SNE, as the paper does, and return both halves: (N, 2) each.

    From ``init`` ``"pca"`` the map starts as a mirror where the embeddings are one, and hardly depends on the seed;
    ``"random"`` knows nothing of it.
    """
    points = np.concatenate(_pair(first, second))
    return tuple(np.split(TSNE(perplexity=perplexity, random_state=seed, init=init).fit_transform(points), 2))


def tsne_mirroring(
    first: np.ndarray, second: np.ndarray, *, perplexities: Sequence[float] = (5, 15, 30),
    seeds: Sequence[int] = (0, 1, 2), init: str = "pca",
) -> pd.DataFrame:  # fmt: skip
    """Measure on t-SNE's maps what ``mirroring`` measures on the embeddings (N, E): what differs is t-SNE's own doing.

    A row per map: perplexity, seed, and distances, rotation and reflection of its two halves.
    """
    rows = [{"perplexity": perplexity, "seed": seed} for perplexity in perplexities for seed in seeds]
    return pd.DataFrame([row | _shapes(*tsne_halves(first, second, **row, init=init)) for row in rows])
