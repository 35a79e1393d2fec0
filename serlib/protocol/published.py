"""The papers' tables (``data/published/*.csv``), and what was measured here beside them.

Columns: paper, table, row (as printed), method (our name where the row is one of our methods), corpus, metric (``ua``,
``wa``, ``recall:anger``, ``confusion:anger>happiness``: share of anger taken for happiness, ``gain:ua``: over softmax),
value and std in percent, note. An empty value is a dash in the paper. Of the center paper there is only a summary, its
claims in words stand as table ``claims``.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from serlib.paths import published_dir
from serlib.protocol.metrics import TITLES
from serlib.protocol.scores import Scores

# How each paper scored each corpus: our name of its scheme, its utterances in words, and their number where known.
PROTOCOLS: dict[tuple[str, str], tuple[str, str, int | None]] = {
    ("angular", "iemocap"): ("session-speaker-10", "improvised turns", None),
    ("focal", "iemocap"): ("stratified-5", "improvised turns", None),
    ("multidilated", "iemocap"): ("session-speaker-10", "improvised turns", None),
    ("multidilated", "emodb"): ("leave-one-speaker-out", "all recordings", 535),
    ("center", "iemocap"): ("unknown, only a summary is at hand,", "unknown part", None),
    ("dcaen", "iemocap"): ("leave-one-session-out", "all turns, happiness with excitement", 5531),
}
# What our scheme of that name does otherwise.
DIFFERENCES = {
    "angular": "protocol: 5 folds there, one speaker of a session for dev and one for test, here both ways, 10 folds",
    "focal": "protocol: no dev part is mentioned there, here it is an eighth of the training folds",
    "dcaen": "protocol: four sessions train there and there is no dev part, here three train and the fourth is dev",
}
# What a paper does not print; the methods' modules say what was taken instead.
GUESSED = {
    "angular": "course of lambda, limit of the gradient, scaling of the input, what follows CNN-TF-GAP's mean",
    "focal": "gamma, optimiser, rate and its course, batch, epochs, when to stop, scaling of the input",
    "multidilated": "optimiser, batch, epochs, limit of the gradient, ends of the cyclical rate, norm after pooling",
    "center": "all of the network and the training but the kinds of spectrogram and the form of the loss",
    "dcaen": "gain of the waveform, tanh on the functionals' embedding, kind of attention, when to stop",
}


def published(table: str) -> pd.DataFrame:
    """Read the numbers of a paper (``"focal"``) or of one of its tables (``"focal/table-4"``); unknown: ValueError."""
    paper, _, part = table.partition("/") if isinstance(table, str) else (table, "", "")
    papers = sorted(path.stem for path in published_dir().glob("*.csv"))
    if paper not in papers:
        raise ValueError(f"unknown paper {paper!r}; there are {', '.join(papers)}")
    numbers = pd.read_csv(published_dir() / f"{paper}.csv", dtype={"note": str, "method": str})
    if part and part not in (tables := numbers["table"].unique()):
        raise ValueError(f"unknown table {table!r}; {paper} has {', '.join(tables)}")
    return numbers[numbers["table"] == part].reset_index(drop=True) if part else numbers


def _measured(scores: Scores, metric: str) -> dict[str, float]:
    """Return what ``scores`` say about a published metric, in percent; NaN where they do not know."""
    if metric in TITLES:
        row = scores.summary().loc[TITLES[metric], ["pooled", "low", "high", "seed_std"]]
        return row.rename({"pooled": "measured", "seed_std": "measured_std"}).to_dict()
    kind, _, classes = metric.partition(":")
    true, _, predicted = classes.partition(">")
    known = kind in ("recall", "confusion") and {true, predicted or true} <= set(scores.classes)
    return {"measured": scores.confusion(normalise=True).loc[true, predicted or true] if known else np.nan}


def _obstacles(scores: Scores, paper: str, corpus: str) -> list[str]:
    """Say what keeps ``scores`` from being compared with a paper's number on ``corpus``; nothing: they may be."""
    scheme, which, size = PROTOCOLS[paper, corpus]
    here, (_, *variant) = scores.predictions["utterance"].nunique(), scores.method.split("+")
    otherwise = paper == "multidilated" and None in scores.told("chosen_epoch")
    reasons = {
        "synthetic speech: never compared": scores.synthetic,
        "quick profile: shows that the path works, claims nothing": scores.profile == "quick",
        "study profile: a smaller recipe": scores.profile == "study",
        f"recipe: another than the paper's, +{'+'.join(variant)}": variant,
        "recipe: the epoch with the best dev UA is kept there, not here": otherwise,
        scores.unconverged: scores.unconverged,
        f"corpus: {corpus} ({which}) there, {scores.corpus} here": scores.corpus != corpus,
        f"protocol: {scheme} there, {scores.scheme} here": scores.scheme != scheme,
        DIFFERENCES.get(paper): paper in DIFFERENCES and scores.scheme == scheme,
        f"utterances: {size} there, {here} here": scores.corpus == corpus and size not in (None, here),
    }
    return [reason for reason, holds in reasons.items() if holds]


def table_beside(scores: Sequence[Scores], table: str) -> pd.DataFrame:
    """Put measured scores beside every number of a paper's table, such as ``"focal/table-4"``.

    Results of methods without a row there are ignored; one on a corpus of the paper stands at that corpus' rows only.

    Returns:
        A row per published number (and result, where several fit): table, row, method, corpus, metric, published,
        published_std, scores (label), measured (pooled), low, high (95 % interval), measured_std (over seeds, like the
        only ± that a paper prints), all in percent; comparable: that corpus, protocol and profile are the paper's and
        training had ended, not that all of the recipe is known; note: why not, what was guessed, what is odd there.
    """
    numbers, rows = published(table).rename(columns={"value": "published", "std": "published_std"}), []
    for number in numbers.to_dict("records"):
        paper, corpus, note = number.pop("paper"), number["corpus"], number.pop("note")
        remarks = [note] if isinstance(note, str) else []
        matching = [s for s in scores if s.method.partition("+")[0] == number["method"]]
        fitting = [s for s in matching if s.corpus == corpus or (paper, s.corpus) not in PROTOCOLS]
        for each in fitting:
            against = _obstacles(each, paper, corpus)
            guessed = [f"not printed, so guessed: {GUESSED[paper]}"] * (each.profile == "paper")
            told = {"scores": each.label, "comparable": not against, "note": "; ".join(against + guessed + remarks)}
            rows.append(number | _measured(each, number["metric"]) | told)
        if not fitting:
            rows.append(number | {"comparable": False, "note": "; ".join(["not measured", *remarks])})
    measured = ["scores", "measured", "low", "high", "measured_std", "comparable", "note"]
    return pd.DataFrame(rows, columns=[*numbers.columns.drop(["paper", "note"]), *measured])
