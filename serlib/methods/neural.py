"""A network trained under a loss: the frame that the papers' methods fill."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from multiprocessing import parent_process
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from serlib import losses, models
from serlib.corpora.corpus import Corpus
from serlib.methods.base import Method, Outcome
from serlib.methods.model import Model, attention_of, joined
from serlib.methods.reading import assembled, corpus_scalers, read_part, scale
from serlib.methods.recipe import Recipe
from serlib.methods.resolve import resolved
from serlib.methods.scaling import Scaler
from serlib.methods.settings import UNDER, variant
from serlib.methods.variants import VARIANTS
from serlib.protocol import Fold, converged, slope
from serlib.training import Examples, Hardware, Recorder, batch_sizes, chosen_epoch, class_shares, fit, predict

Parts = dict[str, Examples | None]  # train, dev (None where there is none) and test, scaled


@dataclass
class NeuralMethod(Method):
    """A method whose recipe names a network and a loss.

    ``watched`` keeps the course of the training too (see :class:`serlib.training.Recorder`); it changes no score.
    """

    keeps: ClassVar[bool] = True
    name: str
    paper: str
    title: str
    recipes: Callable[[str], Recipe]
    watched: bool = False

    def variant(self, suffix: str) -> "NeuralMethod":
        """Return this method under another recipe of ``serlib.methods.variants``; of any other name: ValueError."""
        if suffix not in VARIANTS:
            known = ", ".join(name for name in VARIANTS if name not in UNDER or UNDER[name][0] == name)
            raise ValueError(f"unknown variant {suffix!r}; known are {known} and settings such as arcface-m0.25-s8")
        suffix = variant(*UNDER[suffix]) if suffix in UNDER else suffix  # one name for one recipe
        words, change = VARIANTS[suffix]
        recipes = partial(_changed, recipes=self.recipes, change=change)
        return replace(self, name=f"{self.name}+{suffix}", title=f"{self.title}, {words}", recipes=recipes)

    def modules(self, profile: str) -> list[str]:
        """Return the modules of the frame, features, network, loss and training."""
        recipe = self.recipe(profile)
        parts = (getattr(models, recipe.network), getattr(losses, recipe.loss))
        return [__name__, *super().modules(profile), *(part.__module__ for part in parts)]

    def reads(self, profile: str) -> list[Any]:
        """Return the features at every speed."""
        return self.recipe(profile).heard(training=True)

    def parts(self, corpus: Corpus, fold: Fold, recipe: Recipe, device: str) -> tuple[Parts, dict[str, np.ndarray]]:
        """Read and scale a fold's parts; return them and the statistics that a new recording would be scaled by."""
        read = partial(read_part, corpus, recipe, device=device)
        found = {"train": read(fold.train, training=True), "test": read(fold.test)}
        if len(fold.dev):
            found["dev"] = read(fold.dev)
        train, kept, scaler = found["train"][0], Scaler([], "none"), None
        if recipe.scaling == "train":
            kept = scaler = Scaler(train.inputs, recipe.normalise, valid=train.valid, floor=recipe.unit.quiet)
        elif recipe.scaling == "corpus":
            scaler = corpus_scalers(corpus, recipe, device)
        for part, voices in found.values():
            scale(part, recipe, voices, scaler)
        return {"dev": None} | {name: part for name, (part, _) in found.items()}, kept.state

    def hear(
        self, recipe: Recipe, signals: Sequence[np.ndarray], scaling: dict[str, np.ndarray], *, device: str = "cpu"
    ) -> Examples:
        """Turn recordings, at the features' rate, into scaled examples.

        Of a recipe that scales by speaker or corpus, all recordings are taken for one's.
        """
        features = [np.array(recipe.features.extract(signal)) for signal in signals]  # scaled in place
        names = list(map(str, range(len(features))))
        heard = assembled(recipe, [features], np.zeros(len(features), np.int64), names, device=device)
        scale(heard, recipe, np.zeros(len(heard)), Scaler.of(scaling) if recipe.scaling == "train" else None)
        return heard

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
        train, dev, training, watch = parts["train"], parts["dev"], recipe.training, None
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
        with torch.random.fork_rng(devices=[]):
            _refuse_by_name(self.build(recipe, classes)[0], parts)
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
        notes |= {
            "parameters": sum(p.numel() for part in (network, loss) for p in part.parameters()),
            "epochs": len(history), "chosen_epoch": chosen_epoch(history, recipe.training.ending),
            "train_ua": history[-1]["train_ua"], "slope": slope(history), "converged": converged(history),
        }  # fmt: skip
        return Outcome(logits, embeddings, history, arrays=arrays, notes=notes, state=model.state())


@torch.no_grad()
def _refuse_by_name(network: nn.Module, parts: Parts) -> None:
    """Have a network refuse the shortest clip of a part before anything is learned: in a batch it has no name."""
    for part in filter(None, parts.values()):
        i = int(part.lengths.argmin())
        try:
            network.eval()(torch.tensor(part.inputs[i])[None], torch.tensor([part.lengths[i]]))
        except ValueError as error:
            raise ValueError(f"{part.names[i] if part.names else i}: {error}") from None


def drawn_seed(seed: int, fold: str) -> int:
    """Return a training's own seed, alike for every method: folds that shared one would share their networks' luck."""
    return int.from_bytes(sha256(f"{seed} {fold}".encode()).digest()[:4], "big")


def _changed(profile: str, *, recipes: Callable[[str], Recipe], change: Callable[[Recipe, str], Recipe]) -> Recipe:
    return change(recipes(profile), profile)
