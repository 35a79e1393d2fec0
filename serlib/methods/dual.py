"""The frame of paper 004: a network on functionals, then one on the waveform that must differ from it."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing import parent_process

import numpy as np
import torch
from torch import nn

from serlib.corpora.corpus import Corpus
from serlib.features import Functionals, RawWaveform
from serlib.features.store import FeatureStore
from serlib.losses import DCaENLoss, SoftmaxLoss, complementary_loss
from serlib.methods.base import Method, Outcome, check_profile
from serlib.methods.baselines import by_speaker
from serlib.methods.stages import first_stage
from serlib.models import DCaEN, RawWaveformNetwork
from serlib.models.feature_network import UnchangedFeatures
from serlib.protocol import Fold
from serlib.training import Examples, Hardware, Training, chosen_epoch, class_shares, fit, predict


@dataclass(frozen=True)
class DualRecipe:
    """Everything that can change a result, as plain values.

    Attributes:
        functionals: what stage 1 reads.
        stage_1: how it is trained.
        waveform: what stage 2 reads beside; None: there is no stage 2.
        training: how stage 2 is trained.
        scaling: of the functionals, by the mean and deviation of each ``"speaker"`` (transductive: it looks at all of
            a test speaker's utterances, though not at their labels), or of the ``"train"`` part.
        feature: options of ``FeatureNetwork``; None: stage 2 stands beside the functionals themselves.
        raw: options of ``RawWaveformNetwork``.
        loss: options of ``DCaENLoss``.
        frozen: whether stage 2 leaves the feature network as it is.
    """

    functionals: Functionals
    stage_1: Training
    waveform: RawWaveform | None = None
    training: Training | None = None
    scaling: str = "speaker"
    feature: dict | None = field(default_factory=dict)
    raw: dict = field(default_factory=dict)
    loss: dict = field(default_factory=dict)
    frozen: bool = True

    @property
    def features(self) -> Functionals | RawWaveform:
        """What the method mainly reads."""
        return self.waveform or self.functionals

    def to_dict(self) -> dict:
        """Return the recipe for hashing and for the manifest."""
        parts = {name: getattr(self, name) for name in ("functionals", "waveform")}
        trainings = {name: getattr(self, name) for name in ("stage_1", "training")}
        return {
            **vars(self), **{n: p.to_dict() if p else None for n, p in parts.items()},
            **{n: asdict(t) if t else None for n, t in trainings.items()},
        }  # fmt: skip


def scaled_functionals(corpus: Corpus, recipe: DualRecipe, train: np.ndarray) -> np.ndarray:
    """Read the functionals of a whole corpus and scale them; a column without deviation becomes 0.

    Returns:
        (utterances, F) float32. A speaker with one utterance has no deviation: all 0, which is told by a warning.

    Raises:
        ValueError: when a functional is NaN or infinite, naming it.
    """
    values = np.stack(FeatureStore().get(corpus, recipe.functionals, n_jobs=1, progress=False)).astype(np.float64)
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        (row, column), name = wrong[0], recipe.functionals.names
        told = f"{name[column]} of {corpus.table.index[row]} is {values[row, column]}; allowed are finite functionals"
        raise ValueError(f"{told} ({len(np.unique(wrong[:, 0]))} utterances have others)")
    if recipe.scaling == "train":
        deviation = values[train].std(0)
        return ((values - values[train].mean(0)) / np.where(deviation > 1e-12, deviation, np.inf)).astype(np.float32)
    speakers = corpus.table["speaker"]
    counts = speakers.value_counts()
    if (counts == 1).any():
        alone = ", ".join(map(str, counts.index[counts == 1]))
        warnings.warn(f"one utterance has no deviation: all functionals of speaker {alone} become 0", stacklevel=2)
    return by_speaker(values, speakers.to_numpy()).astype(np.float32)


class Course:
    """Records cross-entropy and cosine apart when called by ``fit(on_epoch=...)``; it changes nothing."""

    def __init__(self, dev: Examples, hardware: Hardware) -> None:
        self.dev, self.hardware, self.rows = dev, hardware, []

    def __call__(self, epoch: int, network: DCaEN, loss: DCaENLoss) -> None:
        """Record one epoch; what is seen before the first is nothing."""
        cross_entropy, cosine = loss.drain()
        if epoch:
            embeddings = predict(network, loss, self.dev.inputs, hardware=self.hardware, exact=False)[1]
            dev = complementary_loss(*loss.halves(torch.from_numpy(embeddings))).item()
            self.rows.append({"train_ce": cross_entropy, "train_cos": cosine, "dev_cos": dev})


def probes(train: np.ndarray, labels: np.ndarray, test: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Ask logistic regressions (C = 1, on scaled embeddings) what each half knows that the other does not.

    Args:
        train: (N, E) embeddings [e_feat | e_raw] of the training part.
        labels: (N,) of these.
        test: (M, E) of the test part.
        size: of e_feat.

    Returns:
        (M,) class indices, of classifiers of e_feat (``feat``), e_raw (``raw``), e_feat and the norm of e_raw
        (``norm``), both (``both``); and of the first reading -e_raw (``negated``) and e_raw (``straight``).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    def columns(embeddings: np.ndarray) -> np.ndarray:
        return np.column_stack([embeddings, np.linalg.norm(embeddings[:, size:], axis=1)])

    scaler = StandardScaler().fit(columns(train))
    known, asked = (scaler.transform(columns(embeddings)) for embeddings in (train, test))
    every = np.arange(known.shape[1])
    read = {"feat": every[:size], "raw": every[size:-1], "norm": np.r_[every[:size], every[-1]], "both": every[:-1]}
    models = {n: LogisticRegression(max_iter=1000).fit(known[:, chosen], labels) for n, chosen in read.items()}
    found = {f"probe_{name}": model.predict(asked[:, read[name]]) for name, model in models.items()}
    for name, sign in (("probe_negated", -1), ("probe_straight", 1)):
        if size == len(read["raw"]):
            found[name] = models["feat"].predict(sign * asked[:, read["raw"]])
    return found


@dataclass
class DualMethod(Method):
    """A method of two stages: functionals, then the waveform.

    Attributes:
        recipes: maps a profile to its recipe.
    """

    name: str
    paper: str
    title: str
    recipes: Callable[[str], DualRecipe]

    def recipe(self, profile: str) -> DualRecipe:
        """Return the recipe of ``"quick"``, ``"study"`` or ``"paper"``."""
        check_profile(profile)
        return self.recipes(profile)

    def modules(self, profile: str) -> list[str]:
        """Return this file and those of the features; what this file imports is followed."""
        return [__name__, Functionals.__module__, RawWaveform.__module__]

    def prepare(self, corpus: Corpus, *, profile: str, n_jobs: int = -1, progress: bool = True) -> None:
        """Extract functionals and waveforms of the whole corpus, so that runs only read them."""
        recipe = self.recipe(profile)
        for features in filter(None, (recipe.functionals, recipe.waveform)):
            FeatureStore().get(corpus, features, n_jobs=n_jobs, progress=progress)

    def run(self, corpus: Corpus, fold: Fold, *, profile: str, seed: int, hardware: Hardware) -> Outcome:
        """Train both stages on ``fold.train``, choose each one's epoch on ``fold.dev``, score ``fold.test`` once."""
        recipe = self.recipe(profile)
        class_shares(corpus.labels[fold.train], len(corpus.classes))
        if not len(fold.dev):
            raise ValueError(f"fold {fold.name!r} has no dev part to choose the epoch on; more speakers are needed")
        functionals = scaled_functionals(corpus, recipe, fold.train)
        feature, classifier, history = UnchangedFeatures(functionals.shape[1]), None, []
        if recipe.feature is not None:
            feature, classifier, history = first_stage(
                corpus, fold, functionals, recipe.feature, recipe.stage_1, seed=seed, hardware=hardware
            )
        if recipe.waveform is not None:
            return self._second_stage(corpus, fold, recipe, functionals, feature, seed=seed, hardware=hardware)
        logits, embeddings = predict(feature, classifier, list(functionals[fold.test]), hardware=hardware)
        return self._outcome(logits, embeddings, history, feature, classifier)

    def _second_stage(
        self, corpus: Corpus, fold: Fold, recipe: DualRecipe, functionals: np.ndarray, feature: nn.Module, *,
        seed: int, hardware: Hardware,
    ) -> Outcome:  # fmt: skip
        waveforms = FeatureStore().get(corpus, recipe.waveform, n_jobs=1, progress=False)
        # one gain for all, from the training part: how loud an utterance is beside others stays heard
        gain = 1 / np.sqrt(np.mean(np.concatenate([waveforms[i] for i in fold.train]) ** 2))
        rows = [np.concatenate([f, gain * w], dtype=np.float32) for f, w in zip(functionals, waveforms, strict=True)]
        names = list(corpus.table.index)
        train, dev, test = (
            Examples([rows[i] for i in part], corpus.labels[part], [names[i] for i in part])
            for part in (fold.train, fold.dev, fold.test)
        )
        torch.manual_seed(seed)  # stage 1, which was read or made, has left the generator anywhere
        network = DCaEN(feature, RawWaveformNetwork(**recipe.raw), frozen=recipe.frozen)
        sizes = {"feature_size": network.feature_size, **recipe.loss}
        loss, course = DCaENLoss(len(corpus.classes), network.embedding_size, **sizes), Course(dev, hardware)
        start = network.raw.conv1.weight.detach().squeeze(1).numpy().copy()
        history = fit(
            network, loss, train, dev, recipe.training, hardware=hardware, seed=seed, on_epoch=course,
            progress=parent_process() is None,
        )  # fmt: skip
        history = [{**row, **more, "dev_ce": row["dev_loss"]} for row, more in zip(history, course.rows, strict=True)]
        logits, embeddings = predict(network, loss, test.inputs, hardware=hardware)
        outcome = self._outcome(logits, embeddings, history, network, loss)
        outcome.arrays |= {"conv1_start": start, "conv1": network.raw.conv1.weight.detach().squeeze(1).cpu().numpy()}
        learned = predict(network, loss, train.inputs, hardware=hardware)[1]
        outcome.arrays |= probes(learned, train.labels, embeddings, network.feature_size)
        return outcome

    @staticmethod
    def _outcome(
        logits: np.ndarray, embeddings: np.ndarray, history: Sequence[dict], network: nn.Module, loss: SoftmaxLoss
    ) -> Outcome:
        parameters = sum(p.numel() for part in (network, loss) for p in part.parameters())
        notes = {"chosen_epoch": chosen_epoch(list(history)), "parameters": parameters}
        return Outcome(logits, embeddings, list(history), {"weight": loss.weight.detach().cpu().numpy()}, notes)
