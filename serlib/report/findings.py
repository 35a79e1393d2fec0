"""What the study has learned: sentences that are computed from committed runs, each with an interval and a notebook."""

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from serlib import paths
from serlib.methods import equal
from serlib.plots.equal import forest
from serlib.plots.scores import intervals
from serlib.plots.style import apply_style
from serlib.protocol import Scores, compare
from serlib.report import equal as terms
from serlib.report.stored import alike, at_rest, ending_ua, family
from serlib.report.told import interval_of, surely
from serlib.runs.imbalance import CONDITIONS, stored_series
from serlib.runs.results import stored_scores

OTHERS = ("ravdess",)  # corpora on which the losses are asked again
GAIN = 3.0  # points: about what papers 000 to 003 report for their losses
GROUND = "em-speaker"  # of ``serlib.methods.equal``: the one on which settings were chosen
PRINTED = ("angular/crnn-softmax", "angular/tfgap-softmax", "focal/mel-softmax", "center/mel-softmax",
           "multidilated/ff-spp", "dcaen/ftr-eg")  # fmt: skip
LEVELS = {  # beside each other in a picture; °: scaled by each speaker's own statistics, the test speaker's too
    "baselines/compare-svm": "SVC, ComParE", "baselines/compare-svm-speakernorm": "SVC, ComParE °",
    "angular/crnn-softmax": "CRNN", "center/mel-softmax": "CNN-BiRNN", "angular/tfgap-softmax": "CNN-TF-GAP",
    "focal/mel-softmax": "ResNet-18", "focal/mel-softmax+strong": "ResNet-18, strong",
    "multidilated/ff-spp": "multi-dilated CNN", "dcaen/ftr-em": "one layer, emobase °",
}  # fmt: skip
HALF = 5.3  # inches: two pictures in a row of the index


@dataclass(frozen=True)
class Finding:
    """A sentence in Markdown and the notebook (file name) that shows where it comes from."""

    sentence: str
    notebook: str


def findings(corpus: str = "emodb") -> list[Finding]:
    """Return up to five: what committed runs of the study profile say of a corpus; nothing without runs."""
    made = (_losses, _unequal, _papers, _deep, _luck, _regularised, _own_statistics, _endings)  # most wanted first
    return [found for make in made if (found := make(corpus)) is not None][:5]


def committed(corpus: str, method: str, profile: str = "study") -> Scores | None:
    """Return a method's committed scores on the ground of all findings, seeds that are not whole left out unsaid."""
    return _read(paths.results_dir(), corpus, method, profile)


@cache
def _read(results: Path, corpus: str, method: str, profile: str) -> Scores | None:
    """Read a pack once for all findings and pictures of a process; ``results`` tells one folder from another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stored_scores(corpus, method, profile=profile, scheme="leave-one-speaker-out")


def pictures(corpus: str = "emodb") -> dict[str, Figure]:
    """Return two pictures by what they show: the losses' differences to softmax, networks beside SVCs; if stored."""
    apply_style()
    drawn, found = {}, losses(corpus)
    if found is not None:
        table, scores = found
        each = {terms.WORDS[loss]: s.spread_over_seeds() for (_, loss), s in scores.items()}
        apart = pd.DataFrame(each).T - each["softmax"]
        title, panel = f"{corpus}: losses against softmax", f"one network on functionals, {apart.shape[1]} seeds"
        figure = forest({panel: table}, {panel: apart.loc[table.index]}, title=title, width=HALF)
        drawn["Difference to softmax in points of UA, 95 % intervals over speakers; dots are single seeds."] = figure
    there = {name: scores for name in LEVELS if (scores := committed(corpus, name)) is not None}
    if len(there) > 1:
        names = [LEVELS[name] for name in there]
        figure = intervals([*there.values()], names=names, width=HALF)
        drawn["UA of networks under softmax beside support vector machines (SVC), 95 % intervals. °: scaled by each "
              "speaker's own statistics, the test speaker's too."] = figure  # fmt: skip
    return drawn


def _pair(corpus: str, *methods: str, profile: str = "study") -> list[Scores]:
    """Return two methods' scores on the seeds that both have; empty where there are none."""
    both = [committed(corpus, method, profile) for method in methods]
    return [] if None in both else alike(both)


def losses(corpus: str) -> tuple[pd.DataFrame, terms.Results] | None:
    """Return every loss against softmax on equal terms: rows of ``compare_family`` by its words, and all scores.

    None below three losses, softmax among them, that share two seeds.
    """
    there = {(GROUND, loss): committed(corpus, equal.name(GROUND, loss)) for loss in equal.LOSSES}
    found = terms.on_shared_seeds({key: scores for key, scores in there.items() if scores is not None})
    if len(found) < 3 or len(found[GROUND, "softmax"].spread_over_seeds()) < 2:
        return None
    table = terms.families(found).loc[GROUND].xs("softmax", level="against")
    return table.rename(index=terms.WORDS), found


def _losses(corpus: str) -> Finding | None:
    if (found := losses(corpus)) is None:
        return None
    table, seeds = found[0], len(found[1][GROUND, "softmax"].spread_over_seeds())
    sure = {word: [f"{name} ({row.effect:+.1f})" for name, row in table[table["verdict"] == word].iterrows()]
            for word in ("better", "worse")}  # fmt: skip
    told = f"Of {len(table)} losses on equal terms (one network on functionals, {seeds} seeds), "
    told += f"**surely better than softmax: {', '.join(sure['better']) or 'none'}**"
    told += f"; surely worse: {', '.join(sure['worse'])}" if sure["worse"] else ""
    first, best = table["effect"].idxmax(), table.loc[table["effect"].idxmax()]
    told += f". The largest advantage is that of {first}: {best['effect']:+.1f} points of UA, 95 % interval "
    told += f"{best['low']:+.1f} to {best['high']:+.1f}; a gain of {GAIN:g} points, as the papers report, is excluded "
    told += f"for {(table['high'] < GAIN).sum()} of them."
    for other in OTHERS:
        if other != corpus and (there := losses(other)) is not None:
            rows, softmax = there[0], there[1][GROUND, "softmax"]
            sure = rows[rows["verdict"].isin(["better", "worse"])]
            listed = ", ".join(f"{name} {row.effect:+.1f}" for name, row in sure.iterrows())
            told += f" On {other} ({softmax.predictions['speaker'].nunique()} speakers, "
            told += f"{len(softmax.spread_over_seeds())} seeds) {len(sure)} of {len(rows)} are told from softmax"
            told += f"{': ' * bool(listed)}{listed}, and the gain is excluded for {(rows['high'] < GAIN).sum()}."
    return Finding(told, "07_losses_on_equal_terms.ipynb")


def _unequal(corpus: str) -> Finding | None:
    methods, steepest = terms.UNEQUAL, terms.STEEPEST
    series = stored_series(corpus, profile="study", methods=[*methods.values()], conditions=[steepest])
    if series is None:
        return None
    softmax, shares = series[steepest, methods["softmax"]], CONDITIONS[steepest]
    draws, told = softmax.predictions["seed"].nunique(), []
    few = np.mean([m["fold"]["train"] for m in softmax.manifests]) * min(shares.values()) / sum(shares.values())
    judged = terms.families(terms.unequal(series, steepest)).xs("softmax", level="against").rename(index=terms.WORDS)
    for table in (judged.loc[terms.TRAINED], judged.loc[terms.MOVED]):
        sure = table[table["verdict"].isin(["better", "worse"])].sort_values("effect", ascending=False)
        rows = [f"{loss} {row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f})" for loss, row in sure[:3].iterrows()]
        told.append((f"**{len(sure)} of {len(table)}**", f" (first: {', '.join(rows)})" * bool(rows)))
    (trained, first), (moved, then) = told
    return Finding(
        f"Where two of four classes are eight times rarer in training ({few:.0f} utterances; {draws} draws), {trained} "
        f"losses are told from softmax in UA{first}; once each has a cut of its own, fitted after training, "
        f"{moved}{then}.",
        "07_losses_on_equal_terms.ipynb",
    )


def _papers(corpus: str) -> Finding | None:
    pairs, climbing = at_rest(_ideas(corpus, "study"))
    if len(pairs) < 2:
        return None
    told = f"On the papers' own networks as printed, judged together, {_judged(family(pairs))}."
    told += f" Not compared, for a training had not come to rest: {', '.join(climbing)}." * bool(climbing)
    if full := at_rest(_ideas(corpus, "paper"))[0]:
        told += f" At the papers' own sizes {_judged(family(full), '')}."
    return Finding(told, "07_losses_on_equal_terms.ipynb")


def _ideas(corpus: str, profile: str) -> dict[str, list[Scores]]:
    return {idea: pair for idea, names in terms.PAPERS.items() if (pair := _pair(corpus, *names, profile=profile))}


def _judged(table: pd.DataFrame, what: str = " ideas are told from the same network without, in points of UA") -> str:
    """Return how many rows of ``family`` are told from zero, these with numbers, and the largest of the others."""
    table = table.sort_values("effect", ascending=False)
    sure = table["verdict"].isin(["better", "worse"])
    rows = [
        f"{idea} {row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f}; {row.seeds} seed{'s' * (row.seeds > 1)})"
        for idea, row in table.iterrows()
    ]
    told = [", ".join(row for row, known in zip(rows, sure, strict=True) if known)]
    others = "the largest" + " of the others" * bool(sure.any())
    told += [f"{others} is {rows[int(np.argmin(sure))]}"] * (not sure.all())
    return f"**{sure.sum()} of {len(table)}**{what}: {'; '.join(filter(None, told))}"


def _deep(corpus: str) -> Finding | None:
    there = {words: pair for words, names in terms.DEEP.items() if (pair := _pair(corpus, *names))}
    pairs, climbing = at_rest(there)
    if len(pairs) < 2:
        return None
    table, told = family(pairs), "On ResNet-18 under one regularised recipe, each loss in a setting of its own, "
    told += f"{_judged(table, ' losses are told from softmax, in points of UA')}."
    told += f" Not compared, for a training had not come to rest: {', '.join(climbing)}." * bool(climbing)
    told += f" A gain of {GAIN:g} points is excluded for {(table['high'] < GAIN).sum()} of them."
    costs = {}
    for words, (own, _) in terms.DEEP.items():
        if own != terms.TAKEN_OVER[words] and (both := _pair(corpus, own, terms.TAKEN_OVER[words])):
            each = [scores.spread_over_seeds() for scores in both]
            costs[words] = each[0].mean() - each[1].mean(), len(each[0])
    if costs:
        worst = max(costs, key=costs.get)
        (cost, seeds), told = costs[worst], f"{told} The setting that won on functionals costs up to "
        told += f"**{cost:.1f} points** there ({worst}; {seeds} seed{'s' * (seeds > 1)})."
    return Finding(told, "07_losses_on_equal_terms.ipynb")


def _endings(corpus: str) -> Finding | None:
    costs = {}
    for method in PRINTED:
        scores = committed(corpus, method)
        said = {} if scores is None else {rule: ending_ua(scores, f"logits_{rule}") for rule in ("average", "best_dev")}
        if said and np.isfinite(list(said.values())).all():
            costs[method] = said["average"] - said["best_dev"]
    if len(costs) < 2:
        return None
    costs = sorted(costs.values())
    told = "To score averaged weights, not the epoch that does best on one held-out voice (the papers' rule), changes "
    told += f"UA by **{np.mean(costs):+.1f} points on average** over {len(costs)} networks ({costs[0]:+.1f} to "
    return Finding(f"{told}{costs[-1]:+.1f}).", "00_corpora_and_protocol.ipynb")


def _luck(corpus: str) -> Finding | None:
    spreads = {}
    for method in PRINTED:
        scores = committed(corpus, method)
        if scores is not None and len(each := scores.spread_over_seeds()) > 2:
            spreads[method] = each.max() - each.min()
    if len(spreads) < 2:
        return None
    widest = max(spreads, key=spreads.get)
    told = f"Nothing but another seed moves UA by up to {spreads[widest]:.1f} points (`{widest}`; "
    told += f"{min(spreads.values()):.1f} at least) between trainings of one recipe: **a difference of two single "
    return Finding(f"{told}trainings says little**.", "00_corpora_and_protocol.ipynb")


def _regularised(corpus: str) -> Finding | None:
    both = _pair(corpus, "focal/mel-softmax+strong", "focal/mel-softmax")
    if not both:
        return None
    found = compare(*both)
    told = f"Speeds, masks, colours and dropout change ResNet-18 by **{interval_of(found)}**{surely(found)}."
    return Finding(told, "03_focal_resnet.ipynb")


def _own_statistics(corpus: str) -> Finding | None:
    both = _pair(corpus, "focal/mel-softmax+strong+speaker", "focal/mel-softmax+strong")
    both = both or _pair(corpus, "baselines/compare-svm-speakernorm", "baselines/compare-svm")
    if not both:
        return None
    found = compare(*both)
    told = f"Each speaker's own statistics, the test speaker's too, are worth **{interval_of(found)}**{surely(found)} "
    return Finding(f"{told}(`{both[0].method}` against `{both[1].method}`).", "00_corpora_and_protocol.ipynb")
