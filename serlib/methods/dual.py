"""The frame of paper 004: a network on functionals, then one on the waveform that must differ from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

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
from serlib.models.dcaen import UnchangedFeatures
from serlib.protocol import Fold
from serlib.training import Examples, Hardware, Training, fit, predict


@dataclass(frozen=True)
class DualRecipe(Recipe):
    """A recipe of two stages: ``features`` are the functionals, ``training`` is that of stage 2.

    ``stage_1`` says how the feature network is trained; stage 2 reads ``waveform`` beside, and leaves the feature
    network as it is where that is ``frozen``. ``feature`` and ``raw`` are options of ``FeatureNetwork`` (None: stage 2
    stands beside the functionals themselves) and of ``RawWaveformNetwork``.
    """

    waveform: RawWaveform = field(default_factory=RawWaveform)
    stage_1: Training = field(default_factory=lambda: Training(epochs=20))
    feature: dict | None = field(default_factory=dict)
    raw: dict = field(default_factory=dict)
    frozen: bool = True


@dataclass
class DualMethod(NeuralMethod):
    """A method of two stages: functionals, then the waveform. An input is one row: functionals, then samples."""

    recipes: Callable[[str], DualRecipe]

    def variant(self, suffix: str) -> NeuralMethod:
        """Refuse with a ValueError: two stages have no shared recipe, and how functionals are scaled is a row."""
        raise ValueError(f"{self.name} has no variant {suffix!r}: its rows in the paper's tables say how it is trained")

    def reads(self, profile: str) -> list[Any]:
        """Return functionals and waveform."""
        return [*super().reads(profile), self.recipe(profile).waveform]

    def parts(self, corpus: Corpus, fold: Fold, recipe: DualRecipe, device: str) -> tuple[Parts, dict[str, np.ndarray]]:
        """Scale the functionals; join them with the waveforms at one gain for all, so that who is loud stays loud."""
        functionals, scaling = super().parts(corpus, fold, recipe, device)
        waves = {
            name: FeatureStore().get(corpus.subset(getattr(fold, name)), recipe.waveform, n_jobs=1, progress=False)
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
        sizes = {"feature_size": network.feature_size} | recipe.loss_options
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
            seen = (parts["train"], parts["dev"])
            known = (part and replace(part, inputs=[x[:size] for x in part.inputs]) for part in seen)
            fit(learned, head, *known, recipe.stage_1, hardware=hardware, seed=seed)
        torch.manual_seed(seed)
        network, loss = self.build(recipe, classes)
        if learned is not None:
            network.feature.load_state_dict(learned.state_dict())
        start, dev, course = _filters(network), parts["dev"], []

        def record(epoch: int, network: DCaEN, loss: DCaENLoss) -> None:
            (cross_entropy, cosine), dev_cosine = loss.drain(), float("nan")
            if dev is not None:
                embeddings = predict(network, loss, dev.inputs, hardware=hardware, precise=False)[1]
                dev_cosine = complementary_loss(*loss.halves(torch.from_numpy(embeddings))).item()
            course.append({"train_ce": cross_entropy, "train_cos": cosine, "dev_cos": dev_cosine})

        history = fit(
            network, loss, parts["train"], dev, recipe.training, hardware=hardware, seed=seed, on_epoch=record, **hooks
        )
        history = [row | more | {"dev_ce": row["dev_loss"]} for row, more in zip(history, course[1:], strict=True)]
        return network, loss, history, {"conv1_start": start, "conv1": _filters(network)}

    def extras(self, network: DCaEN, loss: DCaENLoss, parts: Parts, hardware: Hardware) -> dict[str, np.ndarray]:
        """Return what probes, learned on the training part, read from each half on the test part."""
        train, test = (predict(network, loss, parts[n].inputs, hardware=hardware)[1] for n in ("train", "test"))
        return probes(train, parts["train"].labels, test, network.feature_size)


def _filters(network: DCaEN) -> np.ndarray:
    return network.raw.conv1.weight.detach().squeeze(1).cpu().numpy().copy()


def _joined(part: Examples, waves: list[np.ndarray], gain: np.float32) -> Examples:
    for i, functionals in enumerate(part.inputs):
        waves[i] = np.concatenate([functionals, gain * waves[i]], dtype=np.float32)
    return replace(part, inputs=waves)
