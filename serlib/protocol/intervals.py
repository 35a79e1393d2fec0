"""How sure a score is: whole units are drawn anew, for what shares a voice or a network is not independent.

A percentile interval would be too narrow: a resample of U units has (U - 1) / U of the variance, and normal quantiles
stand for those of t. With ten units a nominal 95 % covers about 90 %, with five 85 %. So the bootstrap gives only the
standard error here, and Student's t the width.
"""

import numpy as np
from scipy.special import stdtrit

from serlib.protocol.metrics import scored

LEVEL, POWER, DRAWS = 0.05, 0.8, 2000


def draw_units(units: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Return how often each unit comes up in each draw with replacement: (1 + draws, units); first, all once."""
    drawn = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=draws)
    return np.vstack([np.ones(units, dtype=np.int64), drawn])


def weighted_score(counts: np.ndarray, weights: np.ndarray, metric: str) -> np.ndarray:
    """Score pooled predictions, (D,) from 0 to 1, in which unit u counts ``weights[:, u]`` times, (D, U).

    ``counts`` are confusion counts per unit, (U, C, C); a class that a draw leaves out is not averaged over. An unknown
    metric is a ValueError.
    """
    return scored(np.tensordot(weights, counts, axes=1), metric)


def t_interval(draws: np.ndarray, units: int) -> tuple[float, float, float]:
    """Return the 95 % interval, and the smallest effect that would be seen; three times NaN for one unit.

    The interval is the estimate -+ t(.975) times its standard error, which is the deviation of the draws times
    sqrt(U / (U - 1)); t has U - 1 degrees of freedom. An effect of t(.975) + t(.80) standard errors would be told from
    0 at the 5 % level in 80 % of repetitions. ``draws`` (1 + D,), the estimate first, are those of ``draw_units``.
    """
    if units < 2:
        return np.nan, np.nan, np.nan
    error = np.nanstd(draws[1:], ddof=1) * np.sqrt(units / (units - 1))
    half, more = error * stdtrit(units - 1, [1 - LEVEL / 2, POWER])
    return float(draws[0] - half), float(draws[0] + half), float(half + more)


def growth_in_family(top: np.ndarray, units: int) -> float:
    """Return by what factor the smallest effect seen grows in a family: 1 or more, NaN where nothing could be seen.

    ``top``: of each rearrangement the largest effect of the family, each effect by its root mean square over them. What
    exceeds all but 5 % of these is told from zero. Of effects z so standardised sum(d) / sqrt(sum(d^2)), over U units
    with differences d, Student's t is z sqrt((U - 1) / (U - z^2)): it stands where t(.975) does for one effect alone.
    """
    if not (count := int(LEVEL * len(top))) or units < 2:
        return np.nan
    limit = min(np.sort(top)[-count], np.sqrt(units) * (1 - 1e-9))
    alone, more = stdtrit(units - 1, [1 - LEVEL / 2, POWER])
    needed = limit * np.sqrt((units - 1) / (units - limit**2))
    return float(max(1.0, (needed + more) / (alone + more)))


def score_interval(counts: np.ndarray, metric: str = "ua", *, seed: int = 0, draws: int = DRAWS) -> tuple[float, float]:
    """Return the low and the high end (0 to 1) of a score's 95 % interval; NaN, NaN for one unit.

    ``counts`` are as of ``weighted_score``, summed over seeds: the luck of networks that differ from unit to unit is in
    the spread between units, so drawing seeds too would count it twice.
    """
    values = weighted_score(counts, draw_units(len(counts), draws, seed), metric)
    return tuple(np.clip(t_interval(values, len(counts))[:2], 0, 1).tolist())
