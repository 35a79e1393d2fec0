"""Is one method better than another on the same folds and seeds, by how much, and could it be chance?

What may be exchanged is a network with all that it tests (see ``Scores.units``). Where each speaker is tested by
networks of his or her own, the unit is the *speaker*: all seeds are swapped and drawn together, and the answer is for
new speakers and new networks alike (the networks' luck is part of the spread between speakers, so drawing seeds inside
them would count it twice). Where speakers share a network, the unit is *fold x seed*: the answer is for new networks on
these folds. That some voices suit one method may then pass for a difference; only leave-one-speaker-out rules it out.
Networks of one seed in several folds are taken for independent, for they learn from different data.

Units are pooled before they are scored, so that a class that one fold lacks is no trouble. Since every seed tests the
same utterances, this is the mean over seeds of UA (and of WA) pooled over folds; macro-F1 is that of all predictions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from serlib.checks import check_number
from serlib.protocol.intervals import LEVEL, draw_units, growth_in_family, t_interval, weighted_score
from serlib.protocol.metrics import TITLES
from serlib.protocol.scores import KEY, UNITS, Scores

_TIE = 1e-9  # points: sums in another order differ by less


@dataclass(frozen=True)
class Comparison:
    """What ``compare(a, b)`` found; ``a`` and ``b`` are labels.

    Attributes:
        effect: a - b in percentage points, with its 95 % interval ``low`` to ``high`` (one unit: NaN).
        p: two-sided, over rearrangements (``exact``: all) that swap whole units.
        p_family: the same, corrected for the family that the comparison was made in; ``p`` where it was made alone.
        least_p: the smallest ``p_family`` that any rearrangement could have had; never under 2 / 2^units.
        smallest_seen: the effect in points that would be found by ``p_family`` at 5 % in 70 to 80 % of repetitions.
        units: how many were swapped and drawn, and ``unit`` which.
        note: which of the two was not trained to the end, or empty.
    """

    a: str
    b: str
    metric: str
    effect: float
    low: float
    high: float
    p: float
    p_family: float
    least_p: float
    smallest_seen: float
    exact: bool
    units: int
    unit: str
    note: str = ""

    @property
    def direction(self) -> str:
        """``"better"``, ``"worse"`` or ``"equal"``: how a stands to b, sure or not."""
        return "equal" if abs(self.effect) < _TIE else "better" if self.effect > 0 else "worse"

    @property
    def can_decide(self) -> bool:
        """Whether any rearrangement of the units could reach the 5 % level."""
        return self.least_p <= LEVEL

    @property
    def verdict(self) -> str:
        """The one decision rule in words: ``p_family`` at 5 %, where it can be reached and training had ended."""
        if self.note or not self.can_decide:
            return "not compared: unconverged" if self.note else "undecidable: no rearrangement could reach 5 %"
        return self.direction if self.p_family <= LEVEL else f"open: {self.smallest_seen:.1f} points would be seen"

    def __str__(self) -> str:
        size = "" if self.direction == "equal" else f" by {abs(self.effect):.1f} points"
        family = f", {self.p_family:.3g} in its family" if self.p_family != self.p else ""
        interval = f"95 % interval {self.low:+.1f} to {self.high:+.1f}" if self.units > 1 else "no interval"
        exact, note = "exact " * self.exact, f" ({self.note})" * bool(self.note)
        return (
            f"{self.direction}{size} {TITLES[self.metric]}: {self.a} against {self.b}; {interval}; p = {self.p:.3g}"
            f"{family} ({exact}permutation of {self.units} {self.unit}); {self.verdict}{note}"
        )


def paired_counts(
    a: Scores, b: Scores, by: tuple[str, ...] | None
) -> tuple[pd.Index, str, tuple[np.ndarray, np.ndarray]]:
    """Return the units, what they are called, and both confusion counts (U, C, C); refuse other ground."""
    refusal = f"cannot pair {a.label} with {b.label}"
    for name in KEY:
        if odd := set(a.predictions[name]) ^ set(b.predictions[name]):
            example = min(map(str, odd))
            raise ValueError(f"{refusal}: {len(odd)} {name}s such as {example!r} are in one only; run both on the same")
    tables = [s.predictions.sort_values(KEY, ignore_index=True) for s in (a, b)]
    first, second = (t[[*KEY, "speaker", "emotion"]].astype(str) for t in tables)
    if a.classes != b.classes or not first.equals(second):
        raise ValueError(f"{refusal}: utterances stand in other folds, or classes, labels or speakers differ")
    by = by or max(a.units, b.units, key=len)  # one of them may not depend on the seed
    (index, counts), (_, others) = a.counted(*by), b.counted(*by)
    return index, UNITS[by], (counts, others)


def rearrangements(units: int, permutations: int, seed: int) -> np.ndarray:
    """Return which units are swapped, (K, units) of 0 and 1, none in the first row, so that p is never 0.

    All that differ in more than the sign, where ``permutations`` are enough; else so many drawn ones.
    """
    if 2 ** (units - 1) <= permutations:
        return np.arange(2 ** (units - 1))[:, None] >> np.arange(units) & 1
    swaps = np.random.default_rng(seed).integers(0, 2, (permutations, units))
    swaps[0] = 0
    return swaps


def judge(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], metric: str, *, permutations: int = 20000, seed: int = 0
) -> pd.DataFrame:
    """Judge contrasts, each two methods' confusion counts (U, C, C), by the same rearrangements and draws of the units.

    Returns a row per contrast with the numbers of a ``Comparison``; the rest is as of ``compare``.
    """
    units = len(pairs[0][0])
    swaps, drawn, rows = rearrangements(units, permutations, seed), draw_units(units, seed=seed), []
    effects = np.empty((len(swaps), len(pairs)))
    for k, (a, b) in enumerate(pairs):
        both = np.concatenate([a, b])
        one, other = (weighted_score(both, np.hstack(w), metric) for w in ([1 - swaps, swaps], [swaps, 1 - swaps]))
        effects[:, k] = 100 * (one - other)
        draws = 100 * (weighted_score(a, drawn, metric) - weighted_score(b, drawn, metric))
        rows.append([float(draws[0]), *t_interval(draws, units)])
    sizes = np.abs(effects)
    p = (sizes >= sizes[0] - _TIE).mean(axis=0)
    # Each contrast by its own spread over the rearrangements; the largest of a rearrangement stands for the family.
    sizes /= np.sqrt((sizes**2).mean(axis=0)).clip(min=_TIE)
    top = sizes.max(axis=1)
    family, least = ([float((top >= size - _TIE).mean()) for size in each] for each in (sizes[0], sizes.max(axis=0)))
    table = pd.DataFrame(rows, columns=["effect", "low", "high", "smallest_seen"])
    if len(pairs) > 1:
        table["smallest_seen"] *= growth_in_family(top, units)
    return table.assign(p=p, p_family=family, least_p=least)


def _compared(
    pairs: Sequence[tuple[Scores, Scores]], metric: str, permutations: int, seed: int, by: tuple[str, ...] | None = None
) -> list[Comparison]:
    """Compare pairs as one family."""
    if by is not None and by not in UNITS:
        raise ValueError(f"units are {by!r}; allowed are {', '.join(map(str, UNITS))}")
    check_number("permutations", permutations, 1, integer=True)
    check_number("seed", seed, 0, integer=True)
    if strange := [each for pair in pairs for each in pair if not isinstance(each, Scores)]:
        raise ValueError(f"cannot compare {strange[0]!r}; allowed is what cross_validate returns")
    indices, (unit, *_), counts = zip(*(paired_counts(a, b, by) for a, b in pairs), strict=True)
    index = indices[0]
    for (a, _), other in zip(pairs, indices, strict=True):
        if not index.equals(other):
            what = f"{pairs[0][0].label} has {len(index)} {unit}, {a.label} others"
            raise ValueError(f"cannot swap the same units in all contrasts: {what}; make two families")
    table = judge(counts, metric, permutations=permutations, seed=seed)
    exact, found = 2 ** (len(index) - 1) <= permutations, []
    for (a, b), row in zip(pairs, table.to_dict("records"), strict=True):
        note = "; ".join(f"{s.method} is {s.unconverged}" for s in (a, b) if s.unconverged)
        found.append(Comparison(a.label, b.label, metric, **row, exact=exact, units=len(index), unit=unit, note=note))
    return found


def compare(a: Scores, b: Scores, *, metric: str = "ua", permutations: int = 20000, seed: int = 0) -> Comparison:
    """Compare two methods that were scored on the same utterances, folds and seeds; other ground is a ValueError.

    Where ``permutations`` are enough, all of the units are made (up to 15 units), else so many are drawn, by ``seed``,
    like the bootstrap (2000 draws of units, the same for both). ``metric`` is of ``METRICS``, or a ValueError.
    """
    return _compared([(a, b)], metric, permutations, seed)[0]


def compare_family(
    pairs: Mapping[str, tuple[Scores, Scores]], *, metric: str = "ua", permutations: int = 20000, seed: int = 0,
    units: tuple[str, ...] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Compare a few pairs that were named beforehand, corrected for their number.

    All contrasts are rearranged alike, and each is held against the largest standardised effect of every rearrangement
    (max-T). So contrasts that share a method, or are much alike, cost little. The rest is as of ``compare``; no pair,
    or pairs that differ in their units, are a ValueError too.

    ``units``: None swaps what shares no network with the rest (``Scores.units``); ``("speaker",)`` asks for new voices
    where several share networks, and takes for independent what they have in common through these.

    Returns:
        A row per contrast, in points: effect, low, high, p, p_family, smallest_seen, verdict (see ``Comparison``).
        ``.attrs``: ``unit``, what was swapped and drawn; ``note``: what was not trained to the end, or empty.
    """
    if not pairs:
        raise ValueError("no pairs to compare")
    found = _compared(list(pairs.values()), metric, permutations, seed, units)
    columns = ["effect", "low", "high", "p", "p_family", "smallest_seen", "verdict"]
    rows = [[getattr(each, column) for column in columns] for each in found]
    table = pd.DataFrame(rows, pd.Index(pairs, name="contrast"), columns)
    notes = dict.fromkeys(each.note for each in found if each.note)
    table.attrs = {"unit": f"{found[0].units} {found[0].unit}", "note": "; ".join(notes)}
    return table
