"""UA, WA and macro-F1 as fractions of 1.

The words are often mixed up: **UA** (UAR, balanced accuracy) is the mean of the per-class recalls, **WA** is plain
accuracy. UA and macro-F1 average over the classes that occur in the truth, so pool predictions before scoring: in
EMO-DB speaker 08 shows no disgust, and a mean of per-speaker UAs would be a mean of different measures.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix

TITLES = {"ua": "UA", "wa": "WA", "macro_f1": "macro-F1"}


def confusion(true: ArrayLike, predicted: ArrayLike, classes: Sequence | None = None) -> np.ndarray:
    """Count labels, true in rows and predicted in columns: (C, C) int64; ``classes`` None: all that occur, sorted."""
    return confusion_matrix(true, predicted, labels=classes)


@np.errstate(invalid="ignore")
def _mean_over_occurring(counts: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Mean of hits / (utterances + ``beside``) over the classes that have utterances; recall for 0, F1 in halves."""
    occurring = counts.sum(axis=-1)
    values = np.diagonal(counts, axis1=-2, axis2=-1) / (occurring + beside)
    return np.nanmean(np.where(occurring > 0, values, np.nan), axis=-1)


# Each takes confusion counts (..., C, C) and returns (...): the form that a bootstrap needs.
METRICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ua": lambda counts: _mean_over_occurring(counts, np.zeros(1)),
    "wa": lambda counts: np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1)),
    "macro_f1": lambda counts: 2 * _mean_over_occurring(counts, counts.sum(axis=-2)),
}


def scored(counts: np.ndarray, metric: str) -> np.ndarray:
    """Score confusion counts (..., C, C), none of them empty: (...), 0 to 1; an unknown metric is a ValueError."""
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; allowed are {', '.join(METRICS)}")
    return METRICS[metric](counts)


def unweighted_accuracy(true: ArrayLike, predicted: ArrayLike) -> float:
    """Return UA = UAR, the mean recall over the classes that occur in ``true``: 0 to 1. Both arguments: (n,)."""
    return float(METRICS["ua"](confusion(true, predicted)))


def weighted_accuracy(true: ArrayLike, predicted: ArrayLike) -> float:
    """Return WA, the share of right predictions: 0 to 1. Both arguments: (n,)."""
    return float(METRICS["wa"](confusion(true, predicted)))


def macro_f1(true: ArrayLike, predicted: ArrayLike) -> float:
    """Return the mean F1 over the classes that occur in ``true``: 0 to 1. Both arguments: (n,)."""
    return float(METRICS["macro_f1"](confusion(true, predicted)))
