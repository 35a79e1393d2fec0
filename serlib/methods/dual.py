"""The frame of paper 004: a network on functionals, then one on the waveform that must differ from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn

from serlib.corpora.corpus import Corpus
from serlib.features import RawWaveform
from serlib.features.store import FeatureStore
from serlib.losses import DCaENLoss, SoftmaxLoss, complementary_loss
from serlib.methods.neural import NeuralMethod, Parts
from serlib.methods.probes import probes
from serlib.methods.recipe import Recipe
from serlib.models import DCaEN, FeatureNetwork, RawWaveformNetwork
from serlib.models.feature_network import UnchangedFeatures
from serlib.protocol import Fold
from serlib.training import Examples, Hardware, Training, fit, predict


@dataclass(frozen=True)
class DualRecipe(Recipe):
    """A recipe of two stages: ``features`` are the functionals, ``training`` is that of stage 2.

    Attributes:
        waveform: what stage 2 reads beside.
        stage_1: how the feature network is trained.
        feature: options of ``FeatureNetwork``; None: stage 2 stands beside the functionals themselves.
        raw: options of ``RawWaveformNetwork``.
        frozen: whether stage 2 leaves the feature network as it is.
    """

    waveform: RawWaveform = field(default_factory=RawWaveform)
    stage_1: Training = field(default_factory=lambda: Training(epochs=20))
    feature: dict | None = field(default_factory=dict)
    raw: dict = field(default_factory=dict)
    frozen: bool = True


class Course:
    """Records cross-entropy and cosine apart when called by ``fit(on_epoch=...)``; it changes nothing."""

    def __init__(self, dev: Examples | None, hardware: Hardware) -> None:
        self.dev, self.hardware, self.rows = dev, hardware, []

    def __call__(self, epoch: int, network: DCaEN, loss: DCaENLoss) -> None:
        """Record one epoch; what is seen before the first is nothing."""
        cross_entropy, cosine = loss.drain()
        if epoch:
            self.rows.append({"train_ce": cross_entropy, "train_cos": cosine, "dev_cos": self._cosine(network, loss)})

    def _cosine(self, network: DCaEN, loss: DCaENLoss) -> float:
        if self.dev is None:
            return float("nan")
        embeddings = predict(network, loss, self.dev.inputs, hardware=self.hardware, precise=False)[1]
        return complementary_loss(*loss.halves(torch.from_numpy(embeddings))).item()


@dataclass
class DualMethod(NeuralMethod):
    """A method of two stages: functionals, then the waveform. An input is one row: functionals, then samples."""

    recipes: Callable[[str], DualRecipe]

    def variant(self, suffix: str) -> NeuralMethod:
        """Refuse with a ValueError: two stages have no shared recipe, and how functionals are scaled is a row."""
        raise ValueError(f"{self.name} has no variant {suffix!r}: its rows in the paper's tables say how it is trained")

    def prepare(self, corpus: Corpus, *, profile: str, n_jobs: int = -1, progress: bool = True) -> None:
        """Extract functionals and waveforms of the whole corpus, so that runs only read them."""
        recipe = self.recipe(profile)
        for features in (recipe.features, recipe.waveform):
            FeatureStore().get(corpus, features, n_jobs=n_jobs, progress=progress)

    def modules(self, profile: str) -> list[str]:
        """Return those of the frame, and of the waveform."""
        return [*super().modules(profile), type(self.recipe(profile).waveform).__module__]

    def parts(self, corpus: Corpus, fold: Fold, recipe: DualRecipe, device: str) -> tuple[Parts, dict[str, np.ndarray]]:
        """Scale the functionals; join them with the waveforms at one gain for all, from the training part.

        How loud an utterance is beside others stays heard.
        """
        functionals, scaling = super().parts(corpus, fold, recipe, device)
        rows = {"train": fold.train, "dev": fold.dev, "test": fold.test}
        waves = {
            name: FeatureStore().get(corpus.subset(rows[name]), recipe.waveform, n_jobs=1, progress=False)
            for name, part in functionals.items() if part is not None
        }  # fmt: skip
        power = sum(float(np.square(w, dtype=np.float64).sum()) for w in waves["train"])
        gain = np.float32(np.sqrt(sum(map(len, waves["train"])) / power))
        parts = {name: part and _joined(part, waves[name], gain) for name, part in functionals.items()}
        return parts, scaling | {"scaler.gain": np.asarray(gain)}

    def hear(
        self, recipe: DualRecipe, signals: Sequence[np.ndarray], scaling: dict[str, np.ndarray], *, device: str = "cpu"
    ) -> Examples:
        """As of every neural method; the functionals are scaled, the waveforms get the training part's gain."""
        heard = super().hear(recipe, signals, scaling, device=device)
        waves = [recipe.waveform.extract(signal) for signal in signals]
        return _joined(heard, waves, np.float32(scaling["scaler.gain"]))

    def build(self, recipe: DualRecipe, classes: int) -> tuple[DCaEN, DCaENLoss]:
        """Return network and loss with a new feature network, and the loss' halves as the network gives them."""
        size = len(recipe.features.names)
        feature = UnchangedFeatures(size) if recipe.feature is None else FeatureNetwork(size, **recipe.feature)
        network = DCaEN(feature, RawWaveformNetwork(**recipe.raw), frozen=recipe.frozen)
        sizes = {"feature_size": network.feature_size, **recipe.loss_options}
        return network, DCaENLoss(classes, network.embedding_size, **sizes)

    def trained(
        self, recipe: DualRecipe, classes: int, parts: Parts, *, seed: int, hardware: Hardware, **hooks: Callable
    ) -> tuple[nn.Module, nn.Module, list[dict], dict[str, np.ndarray]]:
        """Train the feature network on the functionals, then both; keep first filters and what probes read."""
        learned = None
        if recipe.feature is not None:
            torch.manual_seed(seed)
            learned = FeatureNetwork(len(recipe.features.names), **recipe.feature)
            head, size = SoftmaxLoss(classes, learned.embedding_size), learned.features
            train, dev = (part and _functionals(part, size) for part in (parts["train"], parts["dev"]))
            fit(learned, head, train, dev, recipe.stage_1, hardware=hardware, seed=seed)
        torch.manual_seed(seed)
        network, loss = self.build(recipe, classes)
        if learned is not None:
            network.feature.load_state_dict(learned.state_dict())
        start, course = _filters(network), Course(parts["dev"], hardware)
        history = fit(
            network, loss, parts["train"], parts["dev"], recipe.training, hardware=hardware, seed=seed,
            on_epoch=course, **hooks,
        )  # fmt: skip
        history = [{**row, **more, "dev_ce": row["dev_loss"]} for row, more in zip(history, course.rows, strict=True)]
        return network, loss, history, {"conv1_start": start, "conv1": _filters(network)}

    def extras(self, network: DCaEN, loss: DCaENLoss, parts: Parts, hardware: Hardware) -> dict[str, np.ndarray]:
        """Return what probes, learned on the training part, read from each half on the test part."""
        train, test = (predict(network, loss, parts[n].inputs, hardware=hardware)[1] for n in ("train", "test"))
        return probes(train, parts["train"].labels, test, network.feature_size)


def _filters(network: DCaEN) -> np.ndarray:
    return network.raw.conv1.weight.detach().squeeze(1).cpu().numpy().copy()


def _joined(part: Examples, waves: Sequence[np.ndarray], gain: np.float32) -> Examples:
    rows = [np.concatenate([f, gain * w], dtype=np.float32) for f, w in zip(part.inputs, waves, strict=True)]
    return replace(part, inputs=rows)


def _functionals(part: Examples, size: int) -> Examples:
    return replace(part, inputs=[x[:size] for x in part.inputs])
