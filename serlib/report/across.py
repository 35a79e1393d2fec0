"""Across corpora, collected and judged: by tested corpus, where a network learned, what scaled it, and its loss."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from serlib.corpora import Corpus
from serlib.protocol import Scores
from serlib.protocol.calibration import believed, calibration, calibration_error
from serlib.report import stored
from serlib.report.equal import WORDS
from serlib.runs.across import CONDITIONS, FOUR, OTHERS, Series, method, tested_on

SURE = 0.9  # confidence from which an answer counts as sure
Key = tuple[str, str, str]  # condition, scaling, loss
SCALINGS = {  # words; ground and variant of equal terms; those of the quick profile
    "speaker": ("each speaker's own statistics", ("em-speaker", ""), ("eg", "+speaker")),
    "corpus": ("each corpus' own statistics", ("em", "+corpus"), ("eg", "+corpus")),
    "train": ("the training part's statistics", ("em", ""), ("eg", "")),
}
SCALED = {
    "speaker − training part": ("speaker", "train"),
    "corpus − training part": ("corpus", "train"),
    "speaker − corpus": ("speaker", "corpus"),
}


def asked(profile: str) -> dict[tuple[str, str], str]:
    """Return the methods that the notebook asks for by scaling and loss; few losses on eGeMAPS in the quick profile."""
    quick = profile == "quick"
    places = {scaling: where[quick] for scaling, (_, *where) in SCALINGS.items()}
    losses = [
        (s, loss) for s in (("speaker",) if quick else ("speaker", "train")) for loss in OTHERS[: 2 if quick else 4]
    ]
    return {(s, loss): method(loss, *places[s]) for s, loss in [*((s, "softmax") for s in SCALINGS), *losses]}


def by_target(series: Series, methods: Mapping[tuple[str, str], str]) -> dict[str, dict[Key, Scores]]:
    """Return a series by tested corpus, then condition, scaling and loss."""
    names = {name: key for key, name in methods.items()}
    found = {(condition, *names[name]): scores for (condition, name), scores in series.items() if name in names}
    targets = {fold.partition("/")[0] for scores in found.values() for fold in scores.predictions["fold"]}
    return {target: {key: tested_on(s, target) for key, s in found.items()} for target in sorted(targets)}


def fits(series: Series, corpus: Corpus) -> bool:
    """Tell whether all of a series was tested on just the utterances of a corpus that have one of its emotions."""
    emotions = next((set(scores.classes) for scores in series.values()), set())
    rows = corpus.table.index[corpus.table["emotion"].isin(emotions)]
    wanted, own = {f"{corpus.name}/{row}" for row in rows}, f"{corpus.name}/"
    tested = (set(scores.predictions["utterance"]) for scores in series.values())
    return all({name for name in names if name.startswith(own)} == wanted for names in tested)


def family(results: Mapping[Key, Scores], pairs: Mapping[str, tuple[Key, Key]]) -> pd.DataFrame:
    """Judge those of the contrasts that are there as one family; without any an empty table."""
    there = {name: [results[key] for key in pair] for name, pair in pairs.items() if {*pair} <= results.keys()}
    return stored.family(there)


def elsewhere(results: Mapping[Key, Scores], scaling: str = "speaker") -> pd.DataFrame:
    """Judge what it does to learn elsewhere, and from both, against learning within; softmax."""
    home = ("within", scaling, "softmax")
    return family(results, {f"{where} − within": ((where, scaling, "softmax"), home) for where in CONDITIONS[1:]})


def scaled(results: Mapping[Key, Scores]) -> pd.DataFrame:
    """Judge what statistics do, within and across as one family; softmax."""
    return family(results, {
        f"{where}: {name}": ((where, a, "softmax"), (where, b, "softmax"))
        for where in ("across", "within") for name, (a, b) in SCALED.items()
    })  # fmt: skip


def travelling(results: Mapping[Key, Scores], scaling: str = "speaker", condition: str = "across") -> pd.DataFrame:
    """Judge the losses against softmax under one condition."""
    return family(results, {
        WORDS[loss]: ((condition, scaling, loss), (condition, scaling, "softmax")) for loss in OTHERS
    })  # fmt: skip


def comparable(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a family that may be compared: where every training had come to rest."""
    return judged[~judged["verdict"].astype(str).str.startswith("not compared")]


def counted(judged: pd.DataFrame, what: str) -> str:
    """Return in sentences which rows of a family, called ``what``, are told from zero, and which are not compared."""
    rows = comparable(judged)
    sure = ", ".join(f"{name} {effect:+.1f}" for name, effect in stored.apart(rows)["effect"].items())
    told = [f"Of {len(rows)} {what}: **{sure or 'none'}**."] * bool(len(rows))
    left = ", ".join(judged.index.difference(rows.index, sort=False))
    return " ".join(told + [f"**Not compared**, for a training had not come to rest: {left}."] * bool(left))


def levels(results: Mapping[Key, Scores], loss: str = "softmax") -> pd.DataFrame:
    """Return pooled UA with its 95 % interval, in percent, by scaling (in words) and condition."""
    rows = {(SCALINGS[s][0], where): scores.summary().loc["UA"] for s in SCALINGS for where in CONDITIONS
            if (scores := results.get((where, s, loss))) is not None}  # fmt: skip
    return pd.DataFrame(rows).T[["pooled", "low", "high"]].rename_axis(["scaled by", "learned"])


def surety(scores: Scores, temperature: float = 1.0) -> dict[str, float]:
    """Return how sure answers are, in percent, and their negative log-likelihood in nats; ECE is a mean over seeds.

    The logits are divided by ``temperature``. NaN: no answer was over 90 % sure, or none was wrong.
    """
    table = believed(scores, temperature)
    right, sure = table["right"], table["confidence"] > SURE
    errors = [calibration_error(t["confidence"], t["right"]) for _, t in table.groupby(scores.predictions["seed"])]
    return {
        "right": 100 * right.mean(), "confidence": 100 * table["confidence"].mean(), "ECE": 100 * np.mean(errors),
        "NLL (nats)": table["nll"].mean(), "sure": 100 * sure.mean(), "wrong if sure": 100 * (~right[sure]).mean(),
        "sure if wrong": 100 * sure[~right].mean(),
    }  # fmt: skip


def believable(results: Mapping[Key, Scores]) -> str | None:
    """Return what scales the networks whose sureness is shown, what a stranger would get first; None: not measured."""
    order = (s for s in ("train", "speaker") if {("across", s, "softmax"), ("within", s, "softmax")} <= results.keys())
    return next(order, None)


def home_temperature(targets: Mapping[str, Mapping[Key, Scores]], target: str, scaling: str) -> float | None:
    """Return the temperature of networks at home in the other corpora, geometric mean; None where none is known."""
    there = [found.get(("within", scaling, "softmax")) for name, found in targets.items() if name != target]
    fitted = [calibration(scores)["temperature"] for scores in there if scores is not None]
    return float(np.exp(np.log(fitted).mean())) if fitted else None


def sentences(
    name: str, targets: Mapping[str, Mapping[Key, Scores]], fours: Mapping[str, Mapping[Key, Scores]] | None = None
) -> list[str]:  # fmt: skip
    """Return what came out on corpora joined under that name, in Markdown: up to five points, or one of no results.

    What it costs to learn elsewhere, what other statistics and more recordings change, which loss travels, how sure the
    wrong answers are, and, of the same corpora cut to ``FOUR`` emotions, the first again.
    """
    found = [_cost(name, targets), _mended(targets), _losses(targets), _sure(targets)]
    found.append(
        _cost(f"With {len(FOUR)} emotions alone ({', '.join(FOUR)}; chance {100 / len(FOUR):.0f} %)", fours or {})
    )
    return list(filter(None, found)) or [f"Nothing is stored of {name}: the cells below say which command trains it."]


def _cost(name: str, targets: Mapping[str, Mapping[Key, Scores]]) -> str:
    told = []
    for target, results in targets.items():
        judged = elsewhere(results)
        if "across − within" in judged.index:
            ua = levels(results).loc[SCALINGS["speaker"][0], "pooled"]
            cost = _points(judged.loc["across − within"])
            told.append(f"on {target} **{ua['across']:.1f} %** instead of {ua['within']:.1f}, {cost}")
    return f"{name}: UA of a network that learned from the other corpus: {'; '.join(told)}." if told else ""


def _mended(targets: Mapping[str, Mapping[Key, Scores]]) -> str:
    told, added = [], []
    for target, results in targets.items():
        judged, both = scaled(results), elsewhere(results)
        parts = [f"{what} {_points(judged.loc[row])}" for what, row in (
            ("each speaker's own", "across: speaker − training part"),
            ("each corpus' own", "across: corpus − training part")) if row in judged.index]  # fmt: skip
        told += [f"on {target} {', '.join(parts)}"] if parts else []
        if "both − within" in both.index:
            added.append(f"on {target} {_points(both.loc['both − within'])}")
    first = f"With other statistics than the training part's, across, in points of UA: {'; '.join(told)}."
    second = f"With the other corpus added to the own one, against the own one alone: {'; '.join(added)}."
    return " ".join([first] * bool(told) + [second] * bool(added))


def _losses(targets: Mapping[str, Mapping[Key, Scores]]) -> str:
    told = []
    for target, judged in ((target, travelling(results)) for target, results in targets.items()):
        rows = comparable(judged)
        if len(rows):
            sure = [f"{loss} {_points(row)}" for loss, row in stored.apart(rows).iterrows()]
            widest = rows["effect"].abs().idxmax()
            rest = f"**none**; the largest difference is that of {widest}, {_points(rows.loc[widest])}"
            rest, many = f"**{', '.join(sure)}**" if sure else rest, f"{len(rows)} loss{'es' * (len(rows) > 1)}"
            told.append(f"on {target}, of {many} told from softmax: {rest}")
        if left := judged.index.difference(rows.index, sort=False).tolist():
            told.append(f"on {target} {_points(judged.loc[left[0]])}: {', '.join(left)}")
    return f"Which loss travels, with each speaker's own statistics: {'; '.join(told)}." if told else ""


def _sure(targets: Mapping[str, Mapping[Key, Scores]]) -> str:
    told = []
    for target, results in targets.items():
        scaling = believable(results)
        if scaling is not None:
            both = (results[where, scaling, "softmax"] for where in ("across", "within"))
            away, home = (surety(scores)["wrong if sure"] for scores in both)
            shares = [f"{share:.0f} %" if share == share else "none so sure" for share in (away, home)]
            told.append(f"on {target} **{shares[0]}** ({shares[1]} within; scaled by {SCALINGS[scaling][0]})")
    return f"Wrong, of the answers that were over 90 % sure, across: {'; '.join(told)}." if told else ""


def _points(row: pd.Series) -> str:
    word = row["verdict"].partition(":")[0]
    if word == "not compared":
        return "not compared (unconverged)"
    return f"{row['effect']:+.1f} ({row['low']:+.1f} to {row['high']:+.1f}, {word})"
