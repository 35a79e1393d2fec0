"""A network trained under a loss: the frame that the papers' methods fill."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from multiprocessing import parent_process
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from serlib import losses, models
from serlib.corpora.corpus import Corpus
from serlib.features.store import FeatureStore
from serlib.methods.base import Method, Outcome, check_profile
from serlib.methods.model import Model, attention_of, joined
from serlib.methods.reading import assembled, read_part
from serlib.methods.recipe import Recipe
from serlib.methods.resolve import resolved
from serlib.methods.scaling import Scaler, scaled_by
from serlib.methods.variants import varied
from serlib.protocol import Fold
from serlib.training import (
    Examples,
    Hardware,
    Recorder,
    batch_sizes,
    chosen_epoch,
    class_shares,
    converged,
    fit,
    predict,
    slope,
)

Parts = dict[str, Examples | None]  # train, dev (None where there is none) and test, scaled


@dataclass
class NeuralMethod(Method):
    """A method whose recipe names a network and a loss.

    Attributes:
        recipes: maps a profile to its recipe.
        watched: keep the course of the training too (see :class:`serlib.training.Recorder`); it changes no score.
    """

    keeps: ClassVar[bool] = True
    name: str
    paper: str
    title: str
    recipes: Callable[[str], Recipe]
    watched: bool = False

    def recipe(self, profile: str) -> Recipe:
        """Return the recipe of ``"quick"``, ``"study"`` or ``"paper"``."""
        check_profile(profile)
        return self.recipes(profile)

    def variant(self, suffix: str) -> "NeuralMethod":
        """Return this method under another recipe: ``"strong"`` or ``"speaker"``; see ``serlib.methods.variants``."""
        words, change = varied(suffix)
        title, recipes = f"{self.title}, {words}", self.recipes
        return replace(
            self, name=f"{self.name}+{suffix}", title=title, recipes=partial(_changed, recipes=recipes, change=change)
        )

    def modules(self, profile: str) -> list[str]:
        """Return the modules of the frame, network, loss, features and training."""
        recipe = self.recipe(profile)
        parts = (type(self), getattr(models, recipe.network), getattr(losses, recipe.loss), type(recipe.features))
        return [__name__, *(part.__module__ for part in parts)]

    def prepare(self, corpus: Corpus, *, profile: str, n_jobs: int = -1, progress: bool = True) -> None:
        """Extract the features of the whole corpus at every speed, so that runs only read them."""
        for features in self.recipe(profile).heard(training=True):
            FeatureStore().get(corpus, features, n_jobs=n_jobs, progress=progress)

    def parts(self, corpus: Corpus, fold: Fold, recipe: Recipe, device: str) -> tuple[Parts, dict[str, np.ndarray]]:
        """Read and scale a fold's parts; return them and the statistics that a new recording would be scaled by."""
        read = partial(read_part, corpus, recipe, device=device)
        found = {"train": read(fold.train, training=True), "test": read(fold.test)}
        found["dev"] = read(fold.dev) if len(fold.dev) else (None, None)
        floor, train = recipe.unit.quiet, found["train"][0]
        if recipe.scaling == "speaker":
            scaled = {
                name: part and replace(part, inputs=scaled_by(
                    voices, part.inputs, recipe.normalise, valid=part.valid, floor=floor))
                for name, (part, voices) in found.items()
            }  # fmt: skip
            return scaled, Scaler([], "none").state
        scale = Scaler(train.inputs, recipe.normalise, valid=train.valid, floor=floor)
        scaled = {
            name: part and replace(part, inputs=[scale(x) for x in part.inputs]) for name, (part, _) in found.items()
        }
        return scaled, scale.state

    def hear(
        self, recipe: Recipe, signals: Sequence[np.ndarray], scaling: dict[str, np.ndarray], *, device: str = "cpu"
    ) -> Examples:
        """Turn recordings, at the features' rate, into scaled examples.

        Of a recipe that scales by speaker, all recordings are taken for one speaker's.
        """
        features = [recipe.features.extract(signal) for signal in signals]
        names = [str(i) for i in range(len(features))]
        heard = assembled(recipe, [features], np.zeros(len(features), np.int64), names, device=device)
        if recipe.scaling == "speaker":
            floor, one = recipe.unit.quiet, np.zeros(len(heard))
            return replace(heard, inputs=scaled_by(one, heard.inputs, recipe.normalise, valid=heard.valid, floor=floor))
        scale = Scaler.of(scaling)
        return replace(heard, inputs=[scale(x) for x in heard.inputs])

    def build(self, recipe: Recipe, classes: int) -> tuple[nn.Module, nn.Module]:
        """Return a new network and loss, drawn from torch's generator."""
        network = getattr(models, recipe.network)(**recipe.network_options)
        return network, getattr(losses, recipe.loss)(classes, network.embedding_size, **recipe.loss_options)

    def trained(
        self, recipe: Recipe, classes: int, parts: Parts, *, seed: int, hardware: Hardware, **hooks: Callable
    ) -> tuple[nn.Module, nn.Module, list[dict], dict[str, np.ndarray]]:
        """Train one network; return it, its loss, the history, and arrays worth keeping."""
        torch.manual_seed(seed)
        network, loss = self.build(recipe, classes)
        train, dev, training = parts["train"], parts["dev"], recipe.training
        watch = None
        if self.watched and dev is not None:
            epochs = training.length(len(batch_sizes(len(train.as_is), training.batch_size)))
            watch = Recorder(dev, epochs, hardware)
        history = fit(
            network, loss, train, dev, training, hardware=hardware, seed=seed, augment=recipe.masks, on_epoch=watch,
            progress=parent_process() is None, **hooks,
        )  # fmt: skip
        return network, loss, history, watch.arrays() if watch else {}

    def extras(self, network: nn.Module, loss: nn.Module, parts: Parts, hardware: Hardware) -> dict[str, np.ndarray]:
        """Return what else is worth keeping of a trained network, by name."""
        return attention_of(network, parts["test"], hardware)

    def run(self, corpus: Corpus, fold: Fold, *, profile: str, seed: int, hardware: Hardware) -> Outcome:
        """Train on ``fold.train`` and score ``fold.test`` once; what other endings would have said is kept beside."""
        recipe, classes = self.recipe(profile), len(corpus.classes)
        class_shares(corpus.labels[fold.train], classes)
        parts, scaling = self.parts(corpus, fold, recipe, hardware.device)
        train, test = parts["train"], parts["test"]
        recipe, notes = resolved(recipe, np.bincount(train.labels[train.as_is], minlength=classes))
        said: dict[str, list[np.ndarray]] = {}

        def at_end(rule: str, network: nn.Module, loss: nn.Module) -> None:
            logits = test.averaged(predict(network, loss, test.inputs, hardware=hardware)[0])
            said.setdefault(f"logits_{rule.replace('-', '_')}", []).append(logits)

        numbers = range(seed * recipe.networks, (seed + 1) * recipe.networks)
        seeds = [drawn_seed(number, fold.name) for number in numbers]
        made = [self.trained(recipe, classes, parts, seed=s, hardware=hardware, at_end=at_end) for s in seeds]
        model, (network, loss, history, arrays) = Model([each[:2] for each in made], scaling), made[0]
        logits, embeddings = model.score(test, hardware)
        arrays |= {name: joined(each) for name, each in said.items()}
        arrays |= {"weight": loss.weight.detach().cpu().numpy()} | self.extras(network, loss, parts, hardware)
        parameters = sum(p.numel() for part in (network, loss) for p in part.parameters())
        notes |= {"parameters": parameters} | _course(history, recipe.training.ending)
        return Outcome(logits, embeddings, history, arrays=arrays, notes=notes, state=model.state())


def drawn_seed(seed: int, fold: str) -> int:
    """Return a training's own seed, alike for every method: folds that shared one would share their networks' luck."""
    return int.from_bytes(sha256(f"{seed} {fold}".encode()).digest()[:4], "big")


def _changed(profile: str, *, recipes: Callable[[str], Recipe], change: Callable[[Recipe, str], Recipe]) -> Recipe:
    return change(recipes(profile), profile)


def _course(history: list[dict], ending: str) -> dict:
    """Return what a manifest says of a training: how long it was and whether it had come to rest."""
    climb = 100 * slope(history)
    return {
        "epochs": len(history), "chosen_epoch": chosen_epoch(history, ending), "train_ua": history[-1]["train_ua"],
        "slope": None if np.isnan(climb) else climb, "converged": converged(history),
    }  # fmt: skip
