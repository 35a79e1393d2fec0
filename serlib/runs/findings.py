"""What the study has learned: sentences that are computed from committed runs, each with an interval and a notebook."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from serlib.methods import equal
from serlib.protocol import Comparison, Scores, compare, compare_family
from serlib.runs.results import stored_scores

GAIN = 3.0  # points: about what papers 000 to 003 report for their losses
PRINTED = ("angular/crnn-softmax", "angular/tfgap-softmax", "focal/mel-softmax", "center/mel-softmax",
           "multidilated/ff-spp", "dcaen/ftr-eg")  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A sentence in Markdown and the notebook (file name) that shows where it comes from."""

    sentence: str
    notebook: str


def findings(corpus: str = "emodb") -> list[Finding]:
    """Return what committed runs of the study profile, leave-one-speaker-out, say of a corpus; nothing without runs."""
    made = (_losses, _endings, _luck, _regularised, _own_statistics)
    return [found for make in made if (found := make(corpus)) is not None]


def committed(corpus: str, method: str) -> Scores | None:
    """Return a method's committed scores on the ground of all findings, seeds that are not whole left out unsaid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stored_scores(corpus, method, profile="study", scheme="leave-one-speaker-out")


def _pair(corpus: str, *methods: str) -> list[Scores] | None:
    """Return two methods' scores on the seeds that both have."""
    both = [committed(corpus, method) for method in methods]
    if None in both:
        return None
    shared = set.intersection(*(set(s.predictions["seed"]) for s in both))
    return [s.on_seeds(shared) for s in both] if shared else None


def _interval(found: Comparison) -> str:
    return f"{found.effect:+.1f} points of UA, 95 % interval {found.low:+.1f} to {found.high:+.1f}"


def _surely(found: Comparison) -> str:
    return "" if found.verdict in ("better", "worse") else ", not sure: " + found.verdict


def _losses(corpus: str) -> Finding | None:
    found = {loss: committed(corpus, equal.name("em-speaker", loss)) for loss in equal.LOSSES}
    found = {loss: scores for loss, scores in found.items() if scores is not None}
    seeds = sorted(set.intersection(*(set(s.predictions["seed"]) for s in found.values()))) if found else []
    if "softmax" not in found or len(found) < 3 or len(seeds) < 2:
        return None
    softmax = found.pop("softmax").on_seeds(seeds)
    pairs = {equal.LOSSES[loss][1]: (scores.on_seeds(seeds), softmax) for loss, scores in found.items()}
    table = compare_family(pairs)
    sure = {word: [f"{name} ({row.effect:+.1f})" for name, row in table[table["verdict"] == word].iterrows()]
            for word in ("better", "worse")}  # fmt: skip
    told = f"Of {len(table)} losses on equal terms (one network on functionals, {len(seeds)} seeds), "
    told += f"**surely better than softmax: {', '.join(sure['better']) or 'none'}**"
    told += f"; surely worse: {', '.join(sure['worse'])}" if sure["worse"] else ""
    first, best = table["effect"].idxmax(), table.loc[table["effect"].idxmax()]
    told += f". The largest advantage is that of {first}: {best['effect']:+.1f} points of UA, 95 % interval "
    told += f"{best['low']:+.1f} to {best['high']:+.1f}; a gain of {GAIN:g} points, as the papers report, is excluded "
    return Finding(f"{told}for {(table['high'] < GAIN).sum()} of them.", "07_losses_on_equal_terms.ipynb")


def _endings(corpus: str) -> Finding | None:
    costs = {}
    for method in PRINTED:
        scores = committed(corpus, method)
        said = {} if scores is None else {rule: _ua(scores, f"logits_{rule}") for rule in ("average", "best_dev")}
        if said and np.isfinite(list(said.values())).all():
            costs[method] = said["average"] - said["best_dev"]
    if len(costs) < 2:
        return None
    costs = sorted(costs.values())
    told = "To score averaged weights, not the epoch that does best on one held-out voice (the papers' rule), changes "
    told += f"UA by **{np.mean(costs):+.1f} points on average** over {len(costs)} networks ({costs[0]:+.1f} to "
    return Finding(f"{told}{costs[-1]:+.1f}).", "00_corpora_and_protocol.ipynb")


def _ua(scores: Scores, name: str) -> float:
    """Return UA in percent of what an ending would have said, over the runs that keep it (those of the first seed)."""
    table, classes = scores.predictions, np.asarray(scores.classes)
    parts = []
    for manifest, arrays in zip(scores.manifests, scores.arrays, strict=True):
        if name in arrays:
            own = (table["fold"] == manifest["fold"]["name"]) & (table["seed"] == manifest["seed"])
            parts.append(table[own].assign(right=classes[arrays[name].argmax(1)] == table[own]["emotion"]))
    if not parts:
        return float("nan")
    return 100 * float(pd.concat(parts).groupby("emotion")["right"].mean().mean())


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
    if both is None:
        return None
    found = compare(*both)
    told = f"Speeds, masks, colours and dropout change ResNet-18 by **{_interval(found)}**{_surely(found)}."
    return Finding(told, "03_focal_resnet.ipynb")


def _own_statistics(corpus: str) -> Finding | None:
    both = _pair(corpus, "focal/mel-softmax+strong+speaker", "focal/mel-softmax+strong")
    both = both or _pair(corpus, "baselines/compare-svm-speakernorm", "baselines/compare-svm")
    if both is None:
        return None
    found = compare(*both)
    told = f"Each speaker's own statistics, the test speaker's too, are worth **{_interval(found)}**{_surely(found)} "
    return Finding(f"{told}(`{both[0].method}` against `{both[1].method}`).", "00_corpora_and_protocol.ipynb")
