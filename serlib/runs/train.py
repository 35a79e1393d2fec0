"""One model of all that a corpus has: to be asked, not to be scored."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as save_tensors
from scipy.special import softmax

from serlib import methods
from serlib.corpora.corpus import Corpus
from serlib.files import write_whole
from serlib.protocol import Fold
from serlib.runs.card import CORPORA, LIMITS, USE, cross_validated, evidence
from serlib.runs.commands import command_of
from serlib.runs.engine import Task, manifest
from serlib.runs.kept import CARD, WEIGHTS, rebuilt
from serlib.runs.run import halved, sha256, widened
from serlib.training import Hardware

HALF = 1e-3  # the most that half precision may move a probability


class Everything(Fold):
    """All of a corpus, trained on and asked again: what no fold of a cross-validation may be."""

    def __init__(self, corpus: Corpus) -> None:
        everyone = np.arange(len(corpus))
        vars(self).update(name="all", train=everyone, dev=everyone[:0], test=everyone)


def train_model(
    corpus: Corpus, method: str, out: str | Path, *, profile: str = "study", seed: int = 0,
    scheme: str = "leave-one-speaker-out", device: str = "auto",
) -> dict[str, Any]:  # fmt: skip
    """Train on a whole corpus, without dev; write the model and its card into a folder, and return the card.

    Scores and temperature are those of the cross-validation by ``scheme``; where it is neither committed nor in the run
    store they are None, and ``to_fill`` tells the command. Matrices are in half precision where that moves
    no probability of the corpus by more than ``HALF``.

    Raises:
        ValueError: for an unknown method, profile or scheme, a method that keeps no model or chooses an epoch on dev.
    """
    chosen, hardware, everything = methods.get(method), Hardware.choose(device), Everything(corpus)
    if not chosen.keeps:
        raise ValueError(f"{chosen.name} leaves no model behind: weights are kept of networks alone")
    scores = cross_validated(corpus, chosen, profile=profile, scheme=scheme)
    chosen.prepare(corpus, profile=profile)
    recipe, start = chosen.recipe(profile), time.perf_counter()
    outcome = chosen.run(corpus, everything, profile=profile, seed=seed, hardware=hardware)
    task = Task(corpus, chosen, profile, "all", everything, seed)
    card = manifest(task, hardware, time.perf_counter() - start, outcome.notes)
    test = chosen.parts(corpus, everything, recipe, hardware.device)[0]["test"]
    matrices = {n: a for n, a in outcome.state.items() if a.ndim > 1 and not n.startswith("scaler.")}
    half = outcome.state | halved(matrices)  # a deviation of batch normalisation weighs more than one weight of many
    again = rebuilt(chosen, recipe, len(corpus.classes), widened(half), hardware).score(test, hardware)[0]
    moved = float(np.abs(softmax(again, 1) - softmax(outcome.logits, 1)).max())
    card |= {
        "weights": {"stored": "float16" if moved <= HALF else "float32", "float16_moves_probabilities_by": moved},
        "features": recipe.features.to_dict(), "intended_use": USE,
        "limits": CORPORA.get(corpus.name, []) + LIMITS, **evidence(scores),
    }  # fmt: skip
    if scores is None:
        card["to_fill"] = f"{command_of(corpus, profile, scheme, [0], [chosen.name])}, then serlib train again"
    state = half if moved <= HALF else outcome.state
    content = save_tensors({name: np.ascontiguousarray(a) for name, a in state.items()})
    write_whole(Path(out) / WEIGHTS, content)
    card["files"] = {WEIGHTS: sha256(content)}
    text = json.dumps(card, indent=1, ensure_ascii=False)
    write_whole(Path(out) / CARD, f"{text}\n".encode())
    return json.loads(text)
