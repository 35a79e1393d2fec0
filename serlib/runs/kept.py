"""Models that can be asked: those that come with the project, those of ``serlib train``, and runs with weights."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load
from scipy.special import softmax

from serlib import methods, paths
from serlib.methods.model import Model
from serlib.methods.neural import NeuralMethod
from serlib.methods.recipe import Recipe
from serlib.runs.run import sha256, widened
from serlib.training import Hardware

WEIGHTS, CARD = "model.safetensors", "card.json"


def shelves() -> list[Path]:
    """Return where the project's own models lie: in a clone, and where an installed package has put them."""
    return [paths.PROJECT / "data" / "models", Path(sys.prefix) / "share" / "serlib" / "models"]


def describe_models() -> list[str]:
    """Return a line for each of the project's own models; where there is none, one that says where to get them."""
    found = {path.parent.name: path for shelf in reversed(shelves()) for path in sorted(shelf.glob(f"*/{CARD}"))}
    cards = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in found.items()}
    told = [f"{name}: {described(card)}; in {found[name].parent}" for name, card in cards.items()]
    missing = f"no models in {' or '.join(map(str, shelves()))}: they lie in data/models of the project's repository"
    return told or [missing]


def described(facts: dict[str, Any]) -> str:
    """Return in one line what a card, or a run's manifest, says of a model."""
    corpus, scores, calibration = facts["corpus"], facts.get("scores"), facts.get("calibration")
    source = corpus["name"] + " (synthetic)" * corpus["synthetic"]
    line = f"{facts['method']}, {len(corpus['classes'])} emotions of {source}"
    if not scores:
        return f"{line}; no cross-validated scores, probabilities are not calibrated"
    level = f"{calibration['threshold']:g}"
    sure = "; of confidence {} and more {percent_right} % right".format(level, **calibration["above"][level])
    return f"{line}; UA {{}} ({{}} – {{}}) % by {scores['scheme']}{sure}".format(*scores["UA"])


@dataclass
class KeptModel:
    """A model as it was trained; ``facts`` are its card or its run's manifest, ``state`` its tensors by name."""

    facts: dict[str, Any]
    method: NeuralMethod
    recipe: Recipe
    model: Model
    state: dict[str, np.ndarray]
    hardware: Hardware

    @property
    def classes(self) -> list[str]:
        """Emotions in the order of the class indices."""
        return self.facts["corpus"]["classes"]

    @property
    def calibration(self) -> dict[str, Any]:
        """``temperature`` of the logits, ``threshold`` below which no emotion is named: 1 and 0 if nobody measured."""
        return self.facts.get("calibration") or {"temperature": 1.0, "threshold": 0.0}

    def probabilities(self, signals: Sequence[np.ndarray]) -> np.ndarray:
        """Return probabilities (len(signals), classes) of signals at the features' rate, calibrated where measured.

        Of a recipe that scales by speaker, all are taken for one speaker's. One that recipe or network refuses is a
        ValueError.
        """
        heard = self.method.hear(self.recipe, signals, scaling=self.state, device=self.hardware.device)
        return softmax(self.model.score(heard, self.hardware)[0] / self.calibration["temperature"], axis=1)


def load_model(name: str | Path, *, device: str = "cpu") -> KeptModel:
    """Load a model by its folder, the name of one that comes with the project, or a run's folder or its name.

    A ValueError tells that there is none, that it is damaged, or that its recipe is not today's.
    """
    places = [Path(name).expanduser(), *(shelf / name for shelf in shelves()), paths.runs_dir() / name]
    folder = next((place for place in places if (place / WEIGHTS).is_file()), None)
    if folder is None:
        told = f"{Path(name).name} holds no {WEIGHTS}; make the run with --keep-weights, or take one of these"
        raise ValueError("; ".join([told, *describe_models()]))
    file = folder / CARD if (folder / CARD).is_file() else folder / "manifest.json"
    facts = json.loads(file.read_text(encoding="utf-8"))
    method, classes = methods.get(facts["method"]), len(facts["corpus"]["classes"])
    recipe = method.recipe(facts["profile"])
    if json.loads(json.dumps(recipe.to_dict())) != facts["recipe"]:
        raise ValueError(f"{folder.name} was made by another recipe of {method.name} than today's; train it again")
    content, hardware = (folder / WEIGHTS).read_bytes(), Hardware.choose(device, "float32")
    try:
        state = widened(load(content))
    except SafetensorError as error:
        raise ValueError(f"{folder.name}/{WEIGHTS} is damaged ({error}); make it again") from error
    if facts.get("files", {}).get(WEIGHTS, sha256(content)) != sha256(content):
        raise ValueError(f"{folder.name}/{WEIGHTS} is damaged: its sum is not that of {file.name}; make it again")
    return KeptModel(facts, method, recipe, rebuilt(method, recipe, classes, state, hardware), state, hardware)


def rebuilt(
    method: NeuralMethod, recipe: Recipe, classes: int, state: dict[str, np.ndarray], hardware: Hardware
) -> Model:
    """Return networks and losses with the tensors of ``Model.state``, on a device."""
    model = Model([method.build(recipe, classes) for _ in range(recipe.networks)], {})
    model.load(state)
    for pair in model.members:
        hardware.move(*pair)
    return model
