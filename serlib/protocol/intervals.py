"""How sure a score is, with speakers as the unit: utterances of one speaker are not independent of each other."""

import numpy as np

from serlib.protocol.metrics import METRICS


def draw_speakers(speakers: int, draws: int, seed: int) -> np.ndarray:
    """Return how often each speaker comes up in each draw with replacement: (1 + draws, speakers); first, all once."""
    drawn = np.random.default_rng(seed).multinomial(speakers, np.full(speakers, 1 / speakers), size=draws)
    return np.vstack([np.ones(speakers, dtype=np.int64), drawn])


def weighted_score(counts: np.ndarray, weights: np.ndarray, metric: str) -> np.ndarray:
    """Score pooled predictions in which speaker p counts ``weights[:, p]`` times, averaged over seeds: (D,), 0 to 1.

    Args:
        counts: confusion counts per seed and speaker, (S, P, C, C).
        weights: (D, P).
        metric: ``ua``, ``wa`` or ``macro_f1``; any other is a ValueError.
    """
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; allowed are {', '.join(METRICS)}")
    return METRICS[metric](np.tensordot(weights, counts, axes=(1, 1))).mean(axis=1)


def percentiles(draws: np.ndarray, speakers: int) -> tuple[float, float]:
    """Return the 95 % percentile interval of draws; NaN, NaN for one speaker, who shows no spread between speakers."""
    return tuple(np.percentile(draws, [2.5, 97.5]).tolist()) if speakers > 1 else (np.nan, np.nan)


def speaker_interval(
    counts: np.ndarray, metric: str = "ua", *, seed: int = 0, draws: int = 2000
) -> tuple[float, float]:
    """Return low and high end (0 to 1) of the percentile bootstrap that resamples speakers with all their utterances.

    Within a draw all seeds are scored on the same speakers and averaged: the interval speaks of new speakers, not of
    new training seeds. It is biased: a resample has (P - 1)/P of the variance and normal quantiles stand for t's, so
    that with ten speakers a nominal 95 % covers about 90 % (P(|t_9| < 1.96 sqrt(0.9)) = 0.904). A draw in which a class
    does not occur averages over the others. One speaker: NaN, NaN. ``counts``, ``metric`` as in ``weighted_score``.
    """
    speakers = counts.shape[1]
    return percentiles(weighted_score(counts, draw_speakers(speakers, draws, seed), metric)[1:], speakers)
