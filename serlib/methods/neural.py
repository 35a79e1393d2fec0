"""A network trained under a loss: the frame that the papers' methods fill."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import parent_process
from typing import Any

import numpy as np
import torch

from serlib import losses, models
from serlib.corpora.corpus import Corpus
from serlib.features import SpeedChanged
from serlib.features.store import FeatureStore
from serlib.methods.base import Method, Outcome, check_profile
from serlib.protocol import Fold
from serlib.training import (
    Examples,
    Hardware,
    Recorder,
    SpectrogramMasks,
    Training,
    chosen_epoch,
    class_shares,
    fit,
    predict,
)

NORMALISATIONS = {"bin": (-1,), "channel": (-2, -1), "none": None}


@dataclass(frozen=True)
class Recipe:
    """Everything that can change a result, as plain values.

    Attributes:
        features: a feature recipe of ``serlib.features``.
        network: class name in ``serlib.models``, with ``network_options``.
        loss: class name in ``serlib.losses``, with ``loss_options``.
        training: see :class:`serlib.training.Training`.
        normalise: statistics of the training part, per frequency ``"bin"``, per ``"channel"``, or ``"none"``.
        masks: over the training part's spectrograms, or None.
        speeds: factors at which the training part is heard besides 1; each adds a copy of every training utterance.
    """

    features: Any
    network: str
    loss: str
    training: Training
    network_options: dict = field(default_factory=dict)
    loss_options: dict = field(default_factory=dict)
    normalise: str = "bin"
    masks: SpectrogramMasks | None = None
    speeds: tuple[float, ...] = ()

    def to_dict(self) -> dict:
        """Return the recipe for hashing and for the manifest; what it leaves out is not used."""
        plain = {k: v for k, v in vars(self).items() if k not in {"features", "training", "masks", "speeds"}}
        more = {"masks": asdict(self.masks)} if self.masks else {}
        more |= {"speeds": list(self.speeds)} if self.speeds else {}
        return {**plain, **more, "features": self.features.to_dict(), "training": asdict(self.training)}

    def heard(self, *, training: bool) -> list[Any]:
        """Return the feature recipes that utterances are read with, one for each speed in training."""
        speeds = self.speeds if training else ()
        return [self.features, *(SpeedChanged(base=self.features, factor=speed) for speed in speeds)]


class Scaler:
    """Mean and deviation of the training part, so that nothing of dev or test leaks into the input."""

    def __init__(self, inputs: Sequence[np.ndarray], normalise: str) -> None:
        axes = NORMALISATIONS[normalise]
        frames = np.concatenate(inputs, axis=-1, dtype=np.float64) if axes else np.zeros((1, 1))
        self.mean = frames.mean(axes, keepdims=True).astype(np.float32) if axes else np.float32(0)
        deviation = frames.std(axes, keepdims=True) if axes else np.ones((1, 1))
        # A band without any sound (above the recording's own bandwidth) is constant: it stays zero, not 0/0.
        self.deviation = np.where(deviation > 1e-5, deviation, 1.0).astype(np.float32)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Scale one input of the same channels and bins."""
        return (x - self.mean) / self.deviation


@dataclass
class NeuralMethod(Method):
    """A method whose recipe names a network and a loss.

    Attributes:
        recipes: maps a profile to its recipe.
        watched: keep the course of the training too (see :class:`serlib.training.Recorder`); it changes no score.
    """

    name: str
    paper: str
    title: str
    recipes: Callable[[str], Recipe]
    watched: bool = False

    def recipe(self, profile: str) -> Recipe:
        """Return the recipe of ``"quick"``, ``"study"`` or ``"paper"``."""
        check_profile(profile)
        return self.recipes(profile)

    def modules(self, profile: str) -> list[str]:
        """Return the modules of the method's own file's frame, network, loss, features and training."""
        recipe = self.recipe(profile)
        parts = (getattr(models, recipe.network), getattr(losses, recipe.loss), type(recipe.features))
        return [__name__, *(part.__module__ for part in parts)]

    def prepare(self, corpus: Corpus, *, profile: str, n_jobs: int = -1, progress: bool = True) -> None:
        """Extract the features of the whole corpus at every speed, so that runs only read them."""
        for features in self.recipe(profile).heard(training=True):
            FeatureStore().get(corpus, features, n_jobs=n_jobs, progress=progress)

    def build(
        self, recipe: Recipe, labels: np.ndarray, classes: int, seed: int
    ) -> tuple[torch.nn.Module, torch.nn.Module]:
        """Return network and loss, initialised by ``seed``; class weights follow the training part's ``labels``."""
        torch.manual_seed(seed)
        network = getattr(models, recipe.network)(**recipe.network_options)
        options = dict(recipe.loss_options)
        if recipe.training.balancing == "loss":
            options["class_weight"] = tuple(1 / (classes * class_shares(labels, classes)))
        return network, getattr(losses, recipe.loss)(classes, network.embedding_size, **options)

    def examples(
        self, recipe: Recipe, inputs: list[np.ndarray], labels: np.ndarray, names: list[str], *, hardware: Hardware,
        training: bool,
    ) -> Examples:  # fmt: skip
        """Return what the network reads: whole utterances. A method that cuts them up says so here, with groups.

        Args:
            recipe: that of the profile.
            inputs: features of utterances.
            labels: (len(inputs),) class indices.
            names: of the utterances.
            hardware: where more may be computed.
            training: whether it is the training part, which may be cut otherwise.
        """
        return Examples(inputs, labels, names)

    def part(
        self, corpus: Corpus, recipe: Recipe, rows: np.ndarray, *, hardware: Hardware, training: bool = False
    ) -> Examples:
        """Read a fold's part, not yet scaled; a training part at every speed."""
        labels, names, subset = corpus.labels[rows], list(corpus.table.index[rows]), corpus.subset(rows)
        heard = recipe.heard(training=training)
        inputs = [x for each in heard for x in FeatureStore().get(subset, each, n_jobs=1, progress=False)]
        times = len(heard)
        return self.examples(
            recipe, inputs, np.tile(labels, times), names * times, hardware=hardware, training=training
        )

    def run(self, corpus: Corpus, fold: Fold, *, profile: str, seed: int, hardware: Hardware) -> Outcome:
        """Train on ``fold.train``, choose the epoch on ``fold.dev``, score ``fold.test`` once."""
        recipe, classes = self.recipe(profile), len(corpus.classes)
        class_shares(corpus.labels[fold.train], classes)
        if not len(fold.dev):
            raise ValueError(f"fold {fold.name!r} has no dev part to choose the epoch on; more speakers are needed")
        train = self.part(corpus, recipe, fold.train, hardware=hardware, training=True)
        scale = Scaler(train.inputs, recipe.normalise)
        train, dev, test = (
            replace(part, inputs=[scale(x) for x in part.inputs])
            for part in (train, *(self.part(corpus, recipe, rows, hardware=hardware) for rows in (fold.dev, fold.test)))
        )
        network, loss = self.build(recipe, corpus.labels[fold.train], classes, seed)
        watch = Recorder(dev, recipe.training.epochs, hardware) if self.watched else None
        history = fit(
            network, loss, train, dev, recipe.training, hardware=hardware, seed=seed, augment=recipe.masks,
            on_epoch=watch, progress=parent_process() is None,
        )  # fmt: skip
        logits, embeddings = (test.averaged(v) for v in predict(network, loss, test.inputs, hardware=hardware))
        parameters = sum(p.numel() for part in (network, loss) for p in part.parameters())
        state = {**network.state_dict(prefix="network."), **loss.state_dict(prefix="loss.")}
        scaler = {"scaler.mean": scale.mean, "scaler.deviation": scale.deviation}
        return Outcome(
            logits, embeddings, history,
            arrays={"weight": loss.weight.detach().cpu().numpy()} | (watch.arrays() if watch else {}),
            notes={"chosen_epoch": chosen_epoch(history), "parameters": parameters},
            state={**scaler, **{k: v.cpu().numpy() for k, v in state.items()}},
        )  # fmt: skip
