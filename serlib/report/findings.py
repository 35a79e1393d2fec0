"""What the study has learned: sentences that are computed from committed runs, each with an interval and a notebook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from serlib.methods import equal
from serlib.protocol import Scores, compare
from serlib.report import equal as terms
from serlib.report.asked import GROUND, both_of, committed, losses, stored_pairs
from serlib.report.stored import apart, at_rest, by_seed, family
from serlib.report.told import interval_of, surely
from serlib.runs.imbalance import CONDITIONS, stored_series

OTHERS = ("ravdess",)  # corpora on which the losses are asked again
GAIN = 3.0  # points: about what papers 000 to 003 report for their losses
PRINTED = ("angular/crnn-softmax", "angular/tfgap-softmax", "focal/mel-softmax", "center/mel-softmax",
           "multidilated/ff-spp", "dcaen/ftr-eg")  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A sentence in Markdown and the notebook (file name) that shows where it comes from."""

    sentence: str
    notebook: str


def findings(corpus: str = "emodb") -> list[Finding]:
    """Return up to five: what committed runs of the study profile say of a corpus; nothing without runs."""
    made = (_losses, _unequal, _papers, _deep, _luck, _regularised, _own_statistics)  # most wanted first
    return [found for make in made if (found := make(corpus)) is not None][:5]


def _losses(corpus: str) -> Finding | None:
    if (found := losses(corpus)) is None:
        return None
    table, seeds = found[0], len(found[1][GROUND, "softmax"].spread_over_seeds())
    sure = {word: [f"{name} ({row.effect:+.1f})" for name, row in table[table["verdict"] == word].iterrows()]
            for word in ("better", "worse")}  # fmt: skip
    told = f"Of {len(table)} losses on equal terms (one network on functionals, scaled by each speaker's own "
    told += f"statistics; {seeds} seeds), "
    told += f"**surely better than softmax: {', '.join(sure['better']) or 'none'}**"
    told += f"; surely worse: {', '.join(sure['worse'])}" if sure["worse"] else ""
    first, best = table["effect"].idxmax(), table.loc[table["effect"].idxmax()]
    told += f". The largest advantage is that of {first}: {best['effect']:+.1f} points of UA, 95 % interval "
    told += f"{best['low']:+.1f} to {best['high']:+.1f}; a gain of {GAIN:g} points, as the papers report, is excluded "
    told += f"for {(table['high'] < GAIN).sum()} of them."
    return Finding(told + _elsewhere(corpus), "07_losses_on_equal_terms.ipynb")


def _elsewhere(corpus: str) -> str:
    """Return what the other grounds say, on which no network knows the test speaker, and the other corpora."""
    asked = [(name, ground) for name in dict.fromkeys((corpus, *OTHERS)) for ground in equal.CHOSEN]
    found = {key: losses(*key) for key in asked if key != (corpus, GROUND)}
    found = {key: there for key, there in found.items() if there is not None}
    if not found:
        return ""
    where = {name: [ground for there, ground in found if there == name] for name, _ in found}
    told = [f"without these statistics ({', '.join(where.pop(corpus))})"] if corpus in where else []
    for name, grounds in where.items():
        voices = found[name, grounds[0]][1][grounds[0], "softmax"].predictions["speaker"].nunique()
        told.append(f"on {name} ({voices} speakers; {', '.join(grounds)})")
    rows = pd.concat({key: table for key, (table, _) in found.items()})
    each = [f"{loss} on {ground}{f' of {name}' * (name != corpus)}" for name, ground, loss in rows.index]
    rows = rows.set_axis(each).sort_values("high", ascending=False)
    sure, wide = apart(rows), rows[rows["high"] >= GAIN]
    listed = "".join(f", {words} {row.effect:+.1f}" for words, row in sure.iterrows()).replace(",", ":", 1)
    not_for = [f"{words} ({row.low:+.1f} to {row.high:+.1f})" for words, row in wide.iterrows()]
    not_for = not_for[:3] + [f"{len(wide) - 3} more"] * (len(wide) > 3)
    ruled = f"for {len(rows) - len(wide)}, not for {', '.join(not_for)}" if not_for else "for all"
    told = " and ".join(told)
    told = f" {told[0].upper()}{told[1:]} **{len(sure)} of {len(rows)}** are told from softmax{listed}; "
    return f"{told}the gain is excluded {ruled}."


def _unequal(corpus: str) -> Finding | None:
    methods, steepest = terms.UNEQUAL, terms.STEEPEST
    series = stored_series(corpus, profile="study", methods=[*methods.values()], conditions=[steepest])
    if series is None:
        return None
    softmax, shares = series[steepest, methods["softmax"]], CONDITIONS[steepest]
    draws = softmax.predictions["seed"].nunique()
    few = np.mean([m["fold"]["train"] for m in softmax.manifests]) * min(shares.values()) / sum(shares.values())
    asked = terms.unequal(series, steepest)
    judged, voices = (
        terms.families(asked, units).xs("softmax", level="against").rename(index=terms.WORDS)
        for units in (None, ("speaker",))
    )
    known = voices["verdict"].isin(["better", "worse"]).groupby(level=0).sum()
    trained, moved = (_sides(judged.loc[way]) for way in (terms.TRAINED, terms.MOVED))
    return Finding(
        f"Where two of four classes are eight times rarer in training (about {few:.0f} utterances of each; {draws} "
        f"draws; five groups of speakers), of {len(judged.loc[terms.TRAINED])} losses {trained} than softmax in UA; "
        f"once each has a cut of its own, fitted after training, {moved}. That holds for new trainings on these "
        f"voices; with the {softmax.predictions['speaker'].nunique()} voices as units **{known[terms.TRAINED]}** and "
        f"**{known[terms.MOVED]}** are told from softmax.",
        "07_losses_on_equal_terms.ipynb",
    )


def _sides(table: pd.DataFrame) -> str:
    """Return how many rows are better, how many worse, and the first three of each with their intervals."""
    told = []
    for word in ("better", "worse"):
        rows = table[table["verdict"] == word].sort_values("effect", key=abs, ascending=False)
        each = [f"{loss} {row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f})" for loss, row in rows.iterrows()]
        listed = f" ({'first: ' * (len(each) > 3)}{', '.join(each[:3])})" * bool(each)
        told.append(f"**{len(rows)}** {'are ' * (word == 'better')}{word}{listed}")
    return " and ".join(told)


def _papers(corpus: str) -> Finding | None:
    pairs, climbing = at_rest(stored_pairs(corpus, terms.papers("study")))
    if len(pairs) < 2:
        return None
    told = "On the papers' networks under the printed recipes, sized for two CPU cores and judged together, "
    told += f"{_judged(pairs, family(pairs))}."
    told += f" Not compared, for a training had not come to rest: {', '.join(climbing)}." * bool(climbing)
    if full := at_rest(stored_pairs(corpus, terms.papers("paper"), "paper"))[0]:
        told += f" At the papers' own sizes {_judged(full, family(full), '')}."
    return Finding(told, "07_losses_on_equal_terms.ipynb")


def _judged(
    pairs: Mapping[str, Sequence[Scores]], judged: pd.DataFrame,
    what: str = " ideas are told from the same network without, in points of UA"
) -> str:  # fmt: skip
    """Return how many pairs are told from zero, as their family says, these with numbers, and the largest other one."""
    table = judged.sort_values("effect", ascending=False)
    sure, rows = table["verdict"].isin(["better", "worse"]), []
    for idea, row in table.iterrows():
        learned = [each.train_ua for each in pairs[idea]]
        facts = f"{row.low:+.1f} to {row.high:+.1f}; {row.seeds} seed{'s' * (row.seeds > 1)}"
        if sure[idea] and np.isfinite(learned).all():
            facts += "; UA in training {:.0f} against {:.0f}".format(*learned)
        rows.append(f"{idea} {row.effect:+.1f} ({facts})")
    told = [", ".join(row for row, known in zip(rows, sure, strict=True) if known)]
    others = "the largest" + " of the others" * bool(sure.any())
    told += [f"{others} is {rows[int(np.argmin(sure))]}"] * (not sure.all())
    return f"**{sure.sum()} of {len(table)}**{what}: {'; '.join(filter(None, told))}"


def _deep(corpus: str) -> Finding | None:
    told = []
    for network, asked in terms.DEEP.items():
        pairs, climbing = at_rest(stored_pairs(corpus, asked))
        if len(pairs) < 2:
            continue
        table = family(pairs)
        says = _judged(pairs, table, " losses are told from softmax, in points of UA")
        says = f"On *{network}*, each loss in a setting of its own, {says}."
        says += f" Not compared, for a training had not come to rest: {', '.join(climbing)}." * bool(climbing)
        told.append(f"{says} A gain of {GAIN:g} points is excluded for {(table['high'] < GAIN).sum()} of them.")
        told += filter(None, [_as_it_is(other, terms.ELSEWHERE[network]) for other in OTHERS if other != corpus])
        if terms.TWICE[1] in {name for pair in asked.values() for name in pair}:
            again = family(at_rest(stored_pairs(corpus, {"again": terms.TWICE}))[0])
            told += [f"There softmax trained again lies {r.effect:+.1f} from itself." for r in again.itertuples()]
    if told and (found := price(corpus)):
        worst, cost, seeds = found
        told.append(f"The setting that won on functionals costs up to **{cost:.1f} points** on ResNet-18 ({worst}; ")
        told[-1] += f"{seeds} seed{'s' * (seeds > 1)})."
    return Finding(" ".join(told), "07_losses_on_equal_terms.ipynb") if told else None


def _as_it_is(corpus: str, asked: Mapping[str, tuple[str, str]]) -> str:
    """Return what losses say where nothing was tuned, in groups of speakers; nothing below two losses."""
    pairs, _ = at_rest(stored_pairs(corpus, asked, scheme=terms.GROUPS))
    if len(pairs) < 2:
        return ""
    table = family(pairs)
    says = f"On {corpus}, in the same settings (`{terms.GROUPS}`), {_judged(pairs, table, '')}"
    return f"{says}; the gain is excluded for {(table['high'] < GAIN).sum()}."


def price(corpus: str) -> tuple[str, float, int] | None:
    """Return which loss loses most on ResNet-18 by the setting that won on functionals, those points, and the seeds.

    Trainings that had not come to rest are left out; None where no loss loses, or none is stored in both settings.
    """
    gaps = by_seed(at_rest(stored_pairs(corpus, terms.TAKEN_OVER))[0])
    if gaps.empty or (costs := gaps.mean(axis=1)).max() <= 0:
        return None
    return costs.idxmax(), float(costs.max()), int(gaps.loc[costs.idxmax()].notna().sum())


def _luck(corpus: str) -> Finding | None:
    """Pool the variance between seeds over recipes; its interval is that of a variance with so many degrees."""
    each, asked = {}, [terms.PAPERS, *terms.DEEP.values()]
    for method in dict.fromkeys([*PRINTED, *(name for pairs in asked for pair in pairs.values() for name in pair)]):
        scores = committed(corpus, method)
        if scores is not None and len(ua := scores.spread_over_seeds()) > 1:
            each[method] = ua
    free = sum(len(ua) - 1 for ua in each.values())
    if len(each) < 2:
        return None
    squares = sum(((ua - ua.mean()) ** 2).sum() for ua in each.values())
    low, high = np.sqrt(squares / chi2.ppf([0.975, 0.025], free))
    spread, widest = np.sqrt(squares / free), max(each, key=lambda method: np.ptp(each[method]))
    told = f"Nothing but another seed moves UA by a standard deviation of **{spread:.1f} points** ({low:.1f} to "
    told += f"{high:.1f}; {len(each)} recipes, {sum(map(len, each.values()))} trainings; `{widest}`: "
    told += f"{np.ptp(each[widest]):.1f} points apart): two single trainings of one recipe differ by more than "
    return Finding(f"{told}{np.sqrt(2) * spread:.1f} points in one case of three.", "00_corpora_and_protocol.ipynb")


def _regularised(corpus: str) -> Finding | None:
    both = both_of(corpus, "focal/mel-softmax+strong", "focal/mel-softmax")
    if not both:
        return None
    found = compare(*both)
    told = f"Speeds, masks, colours and dropout change ResNet-18 by **{interval_of(found)}**{surely(found)}."
    return Finding(told, "03_focal_resnet.ipynb")


def _own_statistics(corpus: str) -> Finding | None:
    both = both_of(corpus, "focal/mel-softmax+strong+speaker", "focal/mel-softmax+strong")
    both = both or both_of(corpus, "baselines/compare-svm-speakernorm", "baselines/compare-svm")
    if not both:
        return None
    found = compare(*both)
    told = f"Each speaker's own statistics, the test speaker's too, are worth **{interval_of(found)}**{surely(found)} "
    return Finding(f"{told}(`{both[0].method}` against `{both[1].method}`).", "00_corpora_and_protocol.ipynb")
