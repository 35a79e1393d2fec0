"""Paper 000's margins, judged as two families on a network: against softmax, and against the margin that all share.

A page speaks of one contrast in several places; all take it from here, so that it has one verdict.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from serlib.protocol import Scores
from serlib.protocol.cut import cut_fitted
from serlib.report.equal import STEEPEST
from serlib.report.stored import family
from serlib.report.told import verdict
from serlib.runs.imbalance import CONDITIONS, Series

VARIANTS = {  # of ``serlib.methods.angular``, and how a page calls them: small | large
    "softmax": "softmax", **{f"m{margin}": f"m = {margin}" for margin in (3, 4, 5, 6)},
    **{f"c{small}{large}": f"{small} | {large}" for small, large in ((6, 4), (6, 3), (5, 3))},
    "wsampling": "weighted sampling", "wloss": "weighted loss",
}  # fmt: skip
NETWORKS = {"crnn": "CRNN", "tfgap": "CNN-TF-GAP"}
COMMON = {"CNN-TF-GAP": "m4"}  # the best common margin, as the paper has it; elsewhere m5
FUNCTIONALS = {  # the same losses on functionals, in the settings that notebook 07 chose
    variant: f"equal/em-speaker-{setting}"
    for variant, setting in {"softmax": "softmax-r2", "m5": "angular-m5", "c64": "class-angular-m64"}.items()
}
LEAGUE = (
    "Functionals are scaled by each speaker's own statistics, so their levels belong to another league; "
    "only differences between losses are read."
)
CLEAR = 5.0  # points of UA on the training part that are worth a warning


def margin_questions(common: str) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]]:
    """Return what is asked, words -> a variant and what it is held against: softmax, then the ``common`` margin."""
    against_softmax = {title: (v, "softmax") for v, title in VARIANTS.items() if v != "softmax"}
    built_on = {f"{title} − common": (v, common) for v, title in VARIANTS.items() if v[0] in "cw"}
    return against_softmax, built_on


def margin_families(
    own: Mapping[str, Scores], common: str, *, metric: str = "ua"
) -> tuple[pd.DataFrame, dict[str, list[Scores]]]:
    """Judge one network's variants (of ``VARIANTS``) in both families; return their rows, and the pairs by row.

    What is not there is left out.
    """
    there = [
        {words: [own[v] for v in both] for words, both in asked.items() if {*both} <= own.keys()}
        for asked in margin_questions(common)
    ]
    tables = [table for table in (family(pairs, metric=metric) for pairs in there) if len(table)]
    return pd.concat(tables) if tables else family({}), there[0] | there[1]


def margin_told(called: str, own: Mapping[str, Scores]) -> str:
    """Return what the common margin wins over softmax, and margins by class over it; nothing where neither is there.

    Said too: on how many seeds, and UA on the training part, for what was not learned says little about a loss.
    """
    common, by_class = COMMON.get(called, "m5"), VARIANTS["c64"]
    (table, _), one = margin_families(own, common), VARIANTS[common]
    asked = {
        one: (f"On {called}, {one}", "softmax"),
        f"{by_class} − common": (f"{by_class} there (small classes 6, large ones 4)", one),
    }
    rows = [words for words in asked if words in table.index]
    if not rows:
        return ""
    learned = {v: own[v].train_ua for v in ("softmax", common, "c64") if v in own}
    told = [verdict(table.loc[words], *asked[words], seeds=int(table.at[words, "seeds"])) for words in rows]
    told.append(f"Seeds: {', '.join(str(int(table.at[words, 'seeds'])) for words in rows)}.")
    told.append(f"UA on the training part: {', '.join(f'{VARIANTS[v]} {ua:.0f} %' for v, ua in learned.items())}.")
    if "softmax" in learned and learned["softmax"] - min(learned.values()) > CLEAR:
        told.append(
            "**Under the margin the network learned its training part less well**: "
            "so this says as much about how hard the loss is to train as about its features."
        )
    return " ".join(told)


def unequal_told(series: Series, trio: Sequence[str], where: str) -> str:
    """Return what margins by class win over softmax where classes are the most unequal, in the family of the series.

    ``trio``: the methods with softmax, one margin and margins by class; ``where`` names their network. Said too: what
    is left of it once each side has the cut that suits it on the other folds.
    """
    softmax, _, by_class = trio
    pairs = {(c, m): (scores, series[c, softmax]) for (c, m), scores in series.items() if m in trio[1:]}
    row = family(pairs).iloc[[*pairs].index((STEEPEST, by_class))]
    told = verdict(row, f"At 1 : 8, on {where}, {VARIANTS['c64']}", "softmax", seeds=int(row["seeds"]))
    one, other = (cut_fitted(series[STEEPEST, m], CONDITIONS[STEEPEST])[0] for m in (by_class, softmax))
    gap = one.compare(other).effect
    return f"{told} With each side's cut fitted on the other folds the difference is {gap:+.1f} points."
