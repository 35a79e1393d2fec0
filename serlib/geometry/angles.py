"""Measured on a trained method: angles of its embeddings to the class weights (degrees), and how tightly they lie."""

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import pairwise_distances, silhouette_samples


def angles_deg(embeddings: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the angle (N, C) between every embedding (N, E) and every class weight (C, E); 90 for a zero embedding."""
    embeddings, weight = np.asarray(embeddings, float), np.asarray(weight, float)
    if embeddings.ndim != 2 or weight.ndim != 2 or embeddings.shape[1] != weight.shape[1]:
        raise ValueError(f"embeddings {embeddings.shape} and weight {weight.shape} must be (N, E) and (C, E)")
    unit = [v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (embeddings, weight)]
    return np.degrees(np.arccos(np.clip(unit[0] @ unit[1].T, -1, 1)))


def own_and_nearest(embeddings: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> pd.DataFrame:
    """Return columns ``label``, ``own_deg``, ``nearest_other_deg`` and ``nearest_other`` (class index) per embedding.

    Shapes as of ``angles_deg``; those that do not fit, and a label that is no class index, are a ValueError.
    """
    angles, labels, rows = angles_deg(embeddings, weight), np.asarray(labels), np.arange(len(embeddings))
    if labels.shape != rows.shape or labels.dtype.kind not in "iu" or not np.isin(labels, np.arange(len(weight))).all():
        needed = f"{len(rows)} integers from 0 to {len(weight) - 1}"
        raise ValueError(f"labels {labels.shape} {labels.dtype} must be {needed}")
    columns = {"label": labels, "own_deg": angles[rows, labels]}
    angles[rows, labels] = np.inf
    return pd.DataFrame(columns | {"nearest_other_deg": angles.min(1), "nearest_other": angles.argmin(1)})


def margin_violations(
    measured: pd.DataFrame, *, margin: float | np.ndarray = 1.0, margin_rad: float | np.ndarray = 0.0
) -> pd.Series:
    """Return, per class that occurs, the share of embeddings outside the cone that training asks for.

    Outside means margin * own + margin_rad > nearest other; without a margin that is a wrong prediction. ``margin``
    (angular) and ``margin_rad`` (ArcFace) are one number or one per class; ``measured`` is from ``own_and_nearest``.
    """
    labels = measured["label"].to_numpy()
    margins = (np.asarray(margin, float), np.degrees(margin_rad))
    factor, offset = (m[labels] if np.ndim(m) else m for m in margins)
    outside = factor * measured["own_deg"] + offset > measured["nearest_other_deg"]
    return outside.groupby(measured["label"]).mean().rename("violations")


def clustering(embeddings: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None) -> pd.DataFrame:
    """Measure how embeddings (N, E) cluster by ``labels`` (N,), in each of ``groups`` (N,) by itself.

    Groups keep apart what must not be measured together, for it comes from other networks (folds) or times (epochs).
    A row per group and class of at least two embeddings: ``intra``, the mean distance to the class' mean; ``inter``,
    from that mean to the nearest other; their ``ratio`` and the mean ``silhouette`` (-1 to 1), neither of which knows a
    scale. What needs a second class is NaN without one. Shapes that do not fit are a ValueError.
    """
    embeddings, labels = np.asarray(embeddings, float), np.asarray(labels)
    groups = np.zeros(len(embeddings), int) if groups is None else np.asarray(groups)
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1] or groups.shape != labels.shape:
        came = f"embeddings {embeddings.shape}, labels {labels.shape}, groups {groups.shape}"
        raise ValueError(f"{came}; needed are (N, E), (N,) and (N,)")
    tables = {group: _one(embeddings[groups == group], labels[groups == group]) for group in pd.unique(groups)}
    return pd.concat(tables, names=["group", "label"])


def tightness(embeddings: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None) -> pd.DataFrame:
    """Return the measures of ``clustering`` by group, means over its classes.

    ``ratio`` is mean ``intra`` over mean ``inter``: a mean of the classes' own ratios hangs on single rare classes.
    """
    means = clustering(embeddings, labels, groups).groupby("group", sort=False).mean()
    return means.assign(ratio=means["intra"] / means["inter"])


def percent_change(new: pd.Series, old: pd.Series) -> tuple[float, float, float]:
    """Return by how many percent ratios change, pair by pair of one index, and the ends of the 95 % t-interval.

    The mean is geometric, so that a halving and a doubling cancel.
    """
    shift = np.log(new / old)
    return tuple(100 * np.expm1([shift.mean(), *stats.ttest_1samp(shift, 0).confidence_interval()]))


def _one(embeddings: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    present, own, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.stack([embeddings[own == c].mean(0) for c in range(len(present))])
    intra = np.bincount(own, np.linalg.norm(embeddings - means[own], axis=1)) / counts
    table = pd.DataFrame({"intra": intra, "inter": np.nan, "ratio": np.nan, "silhouette": np.nan}, present)
    if len(present) > 1:
        table["inter"] = (pairwise_distances(means) + np.diag(np.full(len(present), np.inf))).min(1)
        table["ratio"] = table["intra"] / table["inter"].replace(0, np.nan)
    if 1 < len(present) < len(labels):
        table["silhouette"] = np.bincount(own, silhouette_samples(embeddings, own)) / counts
    return table[counts > 1]
