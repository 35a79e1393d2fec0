"""Is one method better than another on the same folds and seeds, by how much, and could it be chance?"""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from serlib.protocol.intervals import draw_speakers, percentiles, weighted_score
from serlib.protocol.metrics import TITLES

if TYPE_CHECKING:
    from serlib.protocol.scores import Scores

_KEY = ["seed", "fold", "utterance"]


@dataclass(frozen=True)
class Comparison:
    """What ``compare(a, b)`` found; ``a`` and ``b`` are labels.

    Attributes:
        effect: a - b in percentage points, with a 95 % interval ``low`` to ``high`` over speakers (one speaker: NaN).
        p_permutation: two-sided, swapping whole speakers: the one to read. It cannot fall under 2 / 2^speakers.
        exact: True when all swaps were enumerated.
        only_a: utterances that a alone gets right in more than half of the seeds; ``only_b``: b alone.
        p_mcnemar: exact McNemar on these two; it takes utterances for independent, so it is too sure.
    """

    a: str
    b: str
    metric: str
    effect: float
    low: float
    high: float
    p_permutation: float
    exact: bool
    speakers: int
    only_a: int
    only_b: int
    p_mcnemar: float

    @property
    def direction(self) -> str:
        """``"better"``, ``"worse"`` or ``"equal"``: how a stands to b, sure or not."""
        return "equal" if abs(self.effect) < 1e-9 else "better" if self.effect > 0 else "worse"

    def __str__(self) -> str:
        size = "" if self.direction == "equal" else f" by {abs(self.effect):.1f} points"
        zero = " (includes 0)" if self.low <= 0 <= self.high else ""
        return (
            f"{self.direction}{size} {TITLES[self.metric]}: {self.a} against {self.b}; "
            f"95 % interval over speakers {self.low:+.1f} to {self.high:+.1f}{zero}; "
            f"p = {self.p_permutation:.3g} ({'exact ' * self.exact}permutation of {self.speakers} speakers); "
            f"right alone {self.only_a} against {self.only_b}, McNemar p = {self.p_mcnemar:.3g}"
        )


def _aligned(a: "Scores", b: "Scores") -> list[pd.DataFrame]:
    """Return both tables of predictions in one order; refuse what was not scored on the same ground."""
    refusal = f"cannot pair {a.label} with {b.label}"
    for name in _KEY:
        if odd := set(a.predictions[name]) ^ set(b.predictions[name]):
            example = min(map(str, odd))
            raise ValueError(f"{refusal}: {len(odd)} {name}s such as {example!r} are in one only; run both on the same")
    tables = [s.predictions.sort_values(_KEY, ignore_index=True) for s in (a, b)]
    first, second = (t[[*_KEY, "speaker", "emotion"]].astype(str) for t in tables)
    if a.classes != b.classes or not first.equals(second):
        raise ValueError(f"{refusal}: utterances stand in other folds, or classes, labels or speakers differ")
    return tables


def _permutation_p(a: np.ndarray, b: np.ndarray, metric: str, permutations: int, seed: int) -> tuple[float, bool]:
    """Return p of |a - b| under swaps of whole speakers, and whether all of them were enumerated."""
    speakers = a.shape[1]
    if exact := 2**speakers <= permutations:
        swaps = np.array(list(product((0, 1), repeat=speakers)))
    else:
        swaps = np.random.default_rng(seed).integers(0, 2, (permutations, speakers))
        swaps[0] = 0  # what was seen counts among the arrangements, so p is never 0
    both = np.concatenate([a, b], axis=1)
    first, second = (weighted_score(both, np.hstack(w), metric) for w in ([1 - swaps, swaps], [swaps, 1 - swaps]))
    effects = np.abs(first - second)
    return float(np.mean(effects >= effects[0] - 1e-12)), exact


def compare(a: "Scores", b: "Scores", *, metric: str = "ua", permutations: int = 10000, seed: int = 0) -> Comparison:
    """Compare two methods that were scored on the same utterances, folds and seeds.

    Args:
        a: scores of the first method.
        b: scores of the second; anything that was not scored on the same ground is a ValueError.
        metric: ``ua``, ``wa`` or ``macro_f1``; pooled over folds, averaged over seeds.
        permutations: number of random swaps; when 2^speakers is not larger, all swaps are enumerated instead.
        seed: of the swaps and of the bootstrap (2000 draws of speakers, the same for both methods).
    """
    from scipy.stats import binomtest

    tables, speakers = _aligned(a, b), a.counts.shape[1]
    weights = draw_speakers(speakers, 2000, seed)
    effects = 100 * (weighted_score(a.counts, weights, metric) - weighted_score(b.counts, weights, metric))
    span = float(effects[0]), *percentiles(effects[1:], speakers)
    p, exact = _permutation_p(a.counts, b.counts, metric, permutations, seed)
    hits = [(t["emotion"] == t["predicted"]).groupby([t["fold"], t["utterance"]]).mean() > 0.5 for t in tables]
    only_a, only_b = int((hits[0] & ~hits[1]).sum()), int((hits[1] & ~hits[0]).sum())
    mcnemar = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return Comparison(a.label, b.label, metric, *span, p, exact, speakers, only_a, only_b, mcnemar)
