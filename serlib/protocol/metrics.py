"""UA, WA and macro-F1 as fractions of 1.

The words are often mixed up: **UA** (UAR, balanced accuracy) is the mean of the per-class recalls, **WA** is plain
accuracy. UA and macro-F1 average over the classes that occur in the truth, so pool predictions before scoring: in
EMO-DB speaker 08 shows no disgust, and a mean of per-speaker UAs would be a mean of different measures.
"""

from collections.abc import Callable

import numpy as np

TITLES = {"ua": "UA", "wa": "WA", "macro_f1": "macro-F1"}


@np.errstate(invalid="ignore")
def _mean_over_occurring(counts: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Mean of hits / (utterances + ``beside``) over the classes that have utterances; recall for 0, F1 in halves."""
    occurring = counts.sum(axis=-1)
    values = np.diagonal(counts, axis1=-2, axis2=-1) / (occurring + beside)
    return np.nanmean(np.where(occurring > 0, values, np.nan), axis=-1)


# Each takes confusion counts (..., C, C), true classes in rows, and returns (...): the form that a bootstrap needs.
METRICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ua": lambda counts: _mean_over_occurring(counts, np.zeros(1)),
    "wa": lambda counts: np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1)),
    "macro_f1": lambda counts: 2 * _mean_over_occurring(counts, counts.sum(axis=-2)),
}


def scored(counts: np.ndarray, metric: str) -> np.ndarray:
    """Score confusion counts (..., C, C), none of them empty: (...), 0 to 1; an unknown metric is a ValueError."""
    if metric not in [*METRICS]:  # a list is compared where a key would be hashed
        raise ValueError(f"unknown metric {metric!r}; allowed are {', '.join(METRICS)}")
    return METRICS[metric](counts)
