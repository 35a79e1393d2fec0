"""How a score changes with a size that doubles, and what the line would give further on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from serlib.checks import check_number
from serlib.protocol.intervals import draw_units, t_interval, weighted_score
from serlib.protocol.paired import paired_counts
from serlib.protocol.scores import Scores


def doubling(results: Mapping[int, Scores], to: int, *, metric: str = "ua", seed: int = 0) -> pd.DataFrame:
    """Fit a line to scores over the logarithm of a size, by least squares, and follow it to the size ``to``.

    All sizes are scored on the same utterances, folds and seeds, else a ValueError, as with fewer than two sizes. The
    units (``Scores.units``) are drawn alike at every size, so that a voice that is hard at all of them widens the
    interval of the slope no further. That the score follows a line is assumed: an interval further on is no promise.

    Returns:
        Rows ``"per doubling"`` and ``f"at {to}"``; columns ``value``, ``low`` and ``high`` of the 95 % interval, in
        points (one unit: no interval, NaN).
    """
    if len(results) < 2:
        raise ValueError(f"a line needs two sizes, there {'is' if len(results) == 1 else 'are'} {[*results]}")
    for size in (*results, to):
        check_number("size", size, 1)
    first, *others = results.values()
    pairs = [paired_counts(first, other, None)[2] for other in others]
    counts = [pairs[0][0], *(other for _, other in pairs)]
    drawn, away = draw_units(len(counts[0]), seed=seed), np.log2([*results, to])
    scores = 100 * np.array([weighted_score(each, drawn, metric) for each in counts])  # (sizes, 1 + draws)
    away -= away[:-1].mean()
    slope = away[:-1] @ scores / (away[:-1] ** 2).sum()
    rows = {"per doubling": slope, f"at {to}": scores.mean(axis=0) + away[-1] * slope}
    found = [[float(each[0]), *t_interval(each, len(counts[0]))[:2]] for each in rows.values()]
    return pd.DataFrame(found, pd.Index(rows), ["value", "low", "high"])
