"""What the study has learned: sentences that are computed from committed runs, each with an interval and a notebook."""

import numpy as np
import pandas as pd
from scipy.stats import chi2

from serlib.methods import equal
from serlib.protocol import compare
from serlib.report import equal as terms
from serlib.report.asked import GROUND, both_of, committed, losses
from serlib.report.finding import GAIN, Finding, beat, excluded, sides, undecided
from serlib.report.on_networks import OTHERS, PAGE, deep, papers
from serlib.report.stored import apart, of_one_network
from serlib.report.told import interval_of, surely
from serlib.runs.imbalance import CONDITIONS, stored_series
from serlib.runs.oracle import promise, stored_watched

CALLED = {"em-speaker": "emobase2010 by speaker", "em": "emobase2010", "eg": "eGeMAPS"}  # grounds
PRINTED = ("angular/crnn-softmax", "angular/tfgap-softmax", "focal/mel-softmax", "center/mel-softmax",
           "multidilated/ff-spp", "dcaen/ftr-eg")  # fmt: skip


def findings(corpus: str = "emodb") -> list[Finding]:
    """Return up to five: what committed runs of the study profile say of a corpus; nothing without runs."""
    made = (_losses, _unequal, papers, deep, _luck, _regularised, _own_statistics)  # most wanted first
    return [found for make in made if (found := make(corpus)) is not None][:5]


def _losses(corpus: str) -> Finding | None:
    if (found := losses(corpus)) is None:
        return None
    table, seeds = found[0], len(found[1][GROUND, "softmax"].spread_over_seeds())
    sure = {word: [f"{name} ({row.effect:+.1f})" for name, row in table[table["verdict"] == word].iterrows()]
            for word in ("better", "worse")}  # fmt: skip
    told = f"Of {len(table)} losses on equal terms (one network on emobase2010's functionals, scaled by each "
    told += f"speaker's own statistics; {seeds} seeds), "
    told += f"**surely better than softmax: {', '.join(sure['better']) or 'none'}**"
    told += f"; surely worse: {', '.join(sure['worse'])}" if sure["worse"] else ""
    first, best = table["effect"].idxmax(), table.loc[table["effect"].idxmax()]
    told += f". The largest advantage is that of {first}: {best['effect']:+.1f} points of UA, 95 % interval "
    printed = [terms.printed_gain(*claim[4:]) for claim in terms.CLAIMS]
    told += f"{best['low']:+.1f} to {best['high']:+.1f}; {excluded(table)} (the papers print "
    told += f"{min(printed):.1f} to {max(printed):.1f})."
    headline, blind = f"On equal terms {beat(len(sure['better']))} softmax.", undecided(table)
    return Finding(headline, told, PAGE, f"{blind[:1].upper()}{blind[1:]}. " * bool(blind) + _elsewhere(corpus))


def _elsewhere(corpus: str) -> str:
    """Return what the other grounds say, on which no network knows the test speaker, and the other corpora."""
    asked = [(name, ground) for name in dict.fromkeys((corpus, *OTHERS)) for ground in equal.CHOSEN]
    found = {key: losses(*key) for key in asked if key != (corpus, GROUND)}
    found = {key: there for key, there in found.items() if there is not None}
    if not found:
        return ""
    where = {name: [ground for there, ground in found if there == name] for name, _ in found}
    told = [f"without these statistics ({', '.join(CALLED[g] for g in where.pop(corpus))})"] if corpus in where else []
    for name, grounds in where.items():
        voices = found[name, grounds[0]][1][grounds[0], "softmax"].predictions["speaker"].nunique()
        told.append(f"on {name} ({voices} speakers; {', '.join(CALLED[g] for g in grounds)})")
    rows = pd.concat({key: table for key, (table, _) in found.items()})
    each = [f"{loss} on {CALLED[ground]}{f' of {name}' * (name != corpus)}" for name, ground, loss in rows.index]
    rows = rows.set_axis(each).sort_values("high", ascending=False)
    sure, wide = apart(rows), rows[rows["high"] >= GAIN]
    listed = "".join(f", {words} {row.effect:+.1f}" for words, row in sure.iterrows()).replace(",", ":", 1)
    not_for = [f"{words} ({row.low:+.1f} to {row.high:+.1f})" for words, row in wide.iterrows()]
    not_for = not_for[:3] + [f"{len(wide) - 3} more"] * (len(wide) > 3)
    ruled = f"for {len(rows) - len(wide)}, not for {', '.join(not_for)}" if not_for else "for all"
    told = " and ".join(told)
    told = f"{told[0].upper()}{told[1:]} **{len(sure)} of {len(rows)}** are told from softmax{listed}; "
    blind = undecided(rows)
    return f"{told}the gain is excluded {ruled}" + f"; {blind}" * bool(blind) + "."


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
    trained, moved = (_told_by_side(judged.loc[way]) for way in (terms.TRAINED, terms.MOVED))
    better = [sides(judged.loc[way])[0] for way in (terms.TRAINED, terms.MOVED)]
    return Finding(
        f"Where classes are rare, {beat(better[0])} softmax on these voices; with a cut fitted "
        f"after training, {better[1] or 'none'}.",
        f"Where two of four classes are eight times rarer in training (about {few:.0f} utterances of each; {draws} "
        f"draws; five groups of speakers), of {len(judged.loc[terms.TRAINED])} losses {trained} than softmax in UA.",
        PAGE,
        f"Once each has a cut of its own, fitted after training, {moved}. That holds for new trainings on these "
        f"voices; with the {softmax.predictions['speaker'].nunique()} voices as units **{known[terms.TRAINED]}** and "
        f"**{known[terms.MOVED]}** are told from softmax (voices that share a network are taken for independent).",
    )


def _told_by_side(table: pd.DataFrame) -> str:
    """Return how many rows are better, how many worse, and the first three of each with their intervals."""
    told = []
    for word in ("better", "worse"):
        rows = table[table["verdict"] == word].sort_values("effect", key=abs, ascending=False)
        each = [f"{loss} {row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f})" for loss, row in rows.iterrows()]
        listed = f" ({'first: ' * (len(each) > 3)}{', '.join(each[:3])})" * bool(each)
        told.append(f"**{len(rows)}** {'are ' * (word == 'better')}{word}{listed}")
    return " and ".join(told)


def _luck(corpus: str) -> Finding | None:
    """Pool the variance between seeds over recipes; its interval is that of a variance with so many degrees."""
    each, several, asked = {}, {}, [terms.PAPERS, *terms.DEEP.values()]
    for method in dict.fromkeys([*PRINTED, *(name for pairs in asked for pair in pairs.values() for name in pair)]):
        scores = committed(corpus, method)
        if scores is not None and len(ua := scores.spread_over_seeds()) > 1:
            each[method], several[method] = ua, scores
    free = sum(len(ua) - 1 for ua in each.values())
    if len(each) < 2:
        return None
    squares = sum(((ua - ua.mean()) ** 2).sum() for ua in each.values())
    low, high = np.sqrt(squares / chi2.ppf([0.975, 0.025], free))
    spread, widest = np.sqrt(squares / free), max(each, key=lambda method: np.ptp(each[method]))
    best, promised = _promised(corpus)
    headline = f"Another seed alone moves UA by {spread:.1f} points{best}."
    told = f"Nothing but another seed moves UA by a standard deviation of **{spread:.1f} points** ({low:.1f} to "
    told += f"{high:.1f}; {len(each)} recipes, {sum(map(len, each.values()))} cross-validations; `{widest}`: "
    told += f"{np.ptp(each[widest]):.1f} points apart): two cross-validations of one recipe differ by more than "
    told += f"{np.sqrt(2) * spread:.1f} points in one case of three. A single network, on its own test "
    told += f"fold, moves by {of_one_network(several.values()):.1f}."
    return Finding(headline, told, "00_corpora_and_protocol.ipynb", promised)


def _promised(corpus: str) -> tuple[str, str]:
    """Return what the best epoch on test promises beyond what is scored, for the headline and as a sentence."""
    watched = stored_watched(corpus, profile="study")
    gains = {m: promise(s) for m, s in watched.items() if not s.unconverged}
    if not gains:
        return "", ""
    rows = [f"`{m}` {mean:+.1f} ({low:+.1f} to {high:+.1f})" for m, (mean, low, high) in gains.items()]
    order = np.argsort([-mean for mean, _, _ in gains.values()])
    told = f"The best epoch on *test*, each fold's own, promises more than what was fixed beforehand: {rows[order[0]]}"
    told += f" at the most, {rows[order[-1]]} at the least of {len(rows)} networks" * (len(rows) > 1) + "."
    mean, low, _ = list(gains.values())[order[0]]
    return f"; its best epoch on test would promise up to {mean:.1f} more" * (low > 0), told


def _regularised(corpus: str) -> Finding | None:
    both = both_of(corpus, "focal/mel-softmax+strong", "focal/mel-softmax")
    if not both:
        return None
    found = compare(*both)
    told = f"Speeds, masks, colours and dropout change ResNet-18 by **{interval_of(found)}**{surely(found)}."
    headline = f"Regularisation is {'not ' * bool(surely(found))}surely worth {found.effect:+.1f} points."
    return Finding(headline, told, "03_focal_resnet.ipynb")


def _own_statistics(corpus: str) -> Finding | None:
    both = both_of(corpus, "focal/mel-softmax+strong+speaker", "focal/mel-softmax+strong")
    both = both or both_of(corpus, "baselines/compare-svm-speakernorm", "baselines/compare-svm")
    if not both:
        return None
    found = compare(*both)
    told = f"Each speaker's own statistics, the test speaker's too, are worth **{interval_of(found)}**{surely(found)} "
    headline = (
        f"The speaker's own statistics are {'not ' * bool(surely(found))}surely worth {found.effect:+.1f} points."
    )
    told += f"(`{both[0].method}` against `{both[1].method}`)."
    return Finding(headline, told, "00_corpora_and_protocol.ipynb")
