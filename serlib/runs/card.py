"""What a model's card says beside the facts of its training: how good its like was, and what it is not for."""

from itertools import count
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from serlib.corpora.corpus import Corpus
from serlib.methods import Method
from serlib.protocol import Scores
from serlib.runs.engine import assemble, plan
from serlib.runs.results import stored_scores
from serlib.runs.store import RunStore

THRESHOLD = 0.5  # an emotion is named when it is likelier than all others together
ABOVE = (0.0, THRESHOLD, 0.7, 0.9)
USE = "To learn and to compare: it says which of its emotions a recording resembles most, as its corpus names them."
LIMITS = [
    "Not for decisions about people: how a voice sounds does not tell what somebody feels.",
    "Measured on single utterances. Other languages, rooms, microphones, unacted speech, and the mean over the windows "
    "of a long recording, were not: there it may be far worse.",
    "'None of these' means a confidence below the threshold. It is no detector: what is no emotion of the list, or no "
    "speech at all, can come out with high confidence.",
]
CORPORA = {
    "emodb": ["EMO-DB (CC0-1.0): ten German actors, ten sentences, one studio, recordings that listeners agreed on."],
    "synthetic": ["No human spoke: what it says is about made signals."],
}


def cross_validated(corpus: Corpus, method: Method, *, profile: str, scheme: str) -> Scores | None:
    """Return a recipe's cross-validation, the committed one, else the run store's (seeds from 0 on), else None."""
    runs, store = [], RunStore(shelves=[])
    committed = stored_scores(corpus, method.name, profile=profile, scheme=scheme)
    for seed in count() if committed is None else ():
        tasks = plan(corpus, method, profile=profile, folds=scheme, seeds=[seed])
        found = [store.find(task.key, task.code) for task in tasks]
        if None in found:
            break
        runs += map(store.load, found)
    return assemble(runs) if runs else committed


def evidence(scores: Scores | None) -> dict[str, Any]:
    """Return ``scores`` (percent: pooled, and its 95 % interval for new speakers) and ``calibration``, or both None.

    The temperature is that of all test logits. Accuracies above a confidence, and the second log loss, are those at the
    temperature of the other speakers (folds, where these test several): none takes part in what it is judged by.
    """
    if scores is None:
        return {"scores": None, "calibration": None}
    summary, table, logits = scores.summary(), scores.predictions, scores.logits.astype(np.float64)
    labels, units = pd.Categorical(table["emotion"], scores.classes).codes, table[scores.units[0]].to_numpy(str)
    rows, chances = np.arange(len(labels)), softmax(logits, axis=1)
    losses = [-np.log(chances[rows, labels]).mean()]
    for unit in np.unique(units):
        own = units == unit
        chances[own] = softmax(logits[own] / temperature(logits[~own], labels[~own]), axis=1)
    losses.append(-np.log(chances[rows, labels]).mean())
    right, sure, above = 100.0 * (chances.argmax(1) == labels), chances.max(1), {}
    for level in ABOVE:
        kept, hits = 100 * np.mean(sure >= level), right[sure >= level]
        share = round(float(hits.mean()), 1) if len(hits) else None
        above[f"{level:g}"] = {"percent_kept": round(float(kept), 1), "percent_right": share}
    said = {name: summary.loc[name, ["pooled", "low", "high"]].round(1).tolist() for name in summary.index}
    said |= {"scheme": scores.scheme, "seeds": sorted(set(table["seed"].tolist())), "drawn": summary.attrs["unit"]}
    calibration = {
        "temperature": round(temperature(logits, labels), 4), "fitted_on": f"test logits of {scores.scheme}",
        "log_loss": [round(float(loss), 3) for loss in losses], "threshold": THRESHOLD, "above": above,
    }  # fmt: skip
    return {"scores": said | {"converged": scores.converged}, "calibration": calibration}


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the T, 0.01 to 100, of softmax(logits / T) with the least log loss (Guo et al. 2017).

    ``logits`` are (N, classes), ``labels`` (N,) class indices.
    """

    def loss(power: float) -> float:
        return -log_softmax(logits / 10**power, axis=1)[np.arange(len(labels)), labels].mean()

    return float(10 ** minimize_scalar(loss, bounds=(-2, 2), method="bounded").x)
