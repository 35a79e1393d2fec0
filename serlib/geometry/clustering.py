"""How tightly the embeddings of a class lie, and how far from the others: distances, where angles.py has angles."""

import numpy as np
import pandas as pd
from sklearn.metrics import pairwise_distances, silhouette_samples


def clustering(embeddings: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None) -> pd.DataFrame:
    """Measure how embeddings (N, E) cluster by ``labels`` (N,), in each of ``groups`` (N,) by itself.

    Groups keep apart what must not be measured together, for it comes from other networks (folds) or times (epochs).

    Returns:
        A row per group and class of at least two embeddings: ``intra``, the mean distance to the class' mean;
        ``inter``, from that mean to the nearest other; their ``ratio`` and the mean ``silhouette`` (-1 to 1), neither
        of which knows a scale. What needs a second class is NaN without one.

    Raises:
        ValueError: when the shapes do not fit.
    """
    embeddings, labels = np.asarray(embeddings, float), np.asarray(labels)
    groups = np.zeros(len(embeddings), int) if groups is None else np.asarray(groups)
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1] or groups.shape != labels.shape:
        came = f"embeddings {embeddings.shape}, labels {labels.shape}, groups {groups.shape}"
        raise ValueError(f"{came}; needed are (N, E), (N,) and (N,)")
    tables = {group: _one(embeddings[groups == group], labels[groups == group]) for group in pd.unique(groups)}
    return pd.concat(tables, names=["group", "label"])


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
