"""Can probabilities be believed? Calibration error, log-likelihood and temperature (Guo et al., ICML 2017)."""

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from serlib.protocol.scores import Scores

BINS, DRAWS = 15, 20
TEMPERATURES = np.geomspace(1 / 32, 32, 201)  # 3.5 % from one to the next


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Return by bin of equal width: mean ``confidence``, share ``right`` (both 0 to 1), ``predictions``.

    ``confidence`` (N,) is the probability of the class that was predicted, ``right`` (N,) whether it was true. Bins
    without a prediction are left out. Shapes that differ, or a confidence outside 0 to 1, are a ValueError.
    """
    confidence, right, places = _placed(confidence, right, bins)
    table = pd.DataFrame({"confidence": confidence, "right": right}).groupby(places)
    return table.mean().assign(predictions=table.size())


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Return the expected calibration error (0 to 1): mean gap between confidence and share right, over predictions."""
    confidence, right, places = _placed(confidence, right, bins)  # sums, not means: predictions are a bin's weight
    return float(np.abs(np.bincount(places, confidence - right)).sum() / len(places))


def _placed(confidence: np.ndarray, right: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both as numbers, and the bin of each prediction (N,)."""
    confidence, right = np.asarray(confidence, float), np.asarray(right, float)
    if confidence.ndim != 1 or confidence.shape != right.shape or not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError(f"confidence {confidence.shape}, right {right.shape}; needed are (N,), confidence from 0 to 1")
    return confidence, right, np.minimum((bins * confidence).astype(int), bins - 1)


def temperatures(logits: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return each row's temperature (N,), of ``TEMPERATURES``, the best by likelihood on all *other* groups.

    ``logits`` are (N, C), ``labels`` class indices (N,), ``groups`` such as speakers (N,); a single group: ValueError.
    """
    group, names = pd.factorize(np.asarray(groups))
    if len(names) < 2:
        raise ValueError(f"{len(names)} group; needed are two: a temperature is fitted on the others")
    charges = np.stack([np.bincount(group, _surprise(logits / t, labels)) for t in TEMPERATURES])
    return TEMPERATURES[(charges.sum(axis=1, keepdims=True) - charges).argmin(axis=0)][group]


def _surprise(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return -ln p of each row's true class, in nats."""
    return -log_softmax(np.asarray(logits, float), axis=1)[np.arange(len(labels)), labels]


def believed(scores: Scores, temperature: float | np.ndarray = 1.0) -> pd.DataFrame:
    """Return per prediction ``confidence``, ``right`` and ``nll`` (nats); ``temperature`` divides, one or (N,)."""
    labels = pd.Categorical(scores.predictions["emotion"], scores.classes).codes
    logits = scores.logits / np.reshape(temperature, (-1, 1))
    columns = {"confidence": np.exp(log_softmax(logits, axis=1).max(1)), "right": logits.argmax(1) == labels}
    return pd.DataFrame(columns | {"nll": _surprise(logits, labels)}, scores.predictions.index)


def calibration(scores: Scores) -> dict[str, float]:
    """Measure calibration before and after a temperature that was fitted on the other speakers' predictions.

    Returns ``ece`` and ``ece_after`` in percent, means over seeds, for few predictions make it larger; ``floor``, the
    ``ece_after`` of predictions drawn by these very confidences, which is therefore not 0; ``nll`` and ``nll_after``
    in nats; ``temperature``, its geometric mean over speakers.
    """
    seeds, speakers, true = (scores.predictions[column] for column in ("seed", "speaker", "emotion"))
    fitted = temperatures(scores.logits, pd.Categorical(true, scores.classes).codes, speakers)
    before, after = believed(scores), believed(scores, fitted)
    draws = max(1, DRAWS // seeds.nunique()), len(after)
    drawn = np.random.default_rng(0).random(draws) < after["confidence"].to_numpy()
    ece, mended, *floor = (
        100 * np.mean([calibration_error(part["confidence"], part["right"]) for _, part in table.groupby(seeds)])
        for table in (before, after, *(after.assign(right=each) for each in drawn))
    )
    return {
        "ece": ece, "ece_after": mended, "floor": np.mean(floor), "nll": before["nll"].mean(),
        "nll_after": after["nll"].mean(), "temperature": np.exp(np.log(fitted).mean()),
    }  # fmt: skip
