"""The frame of paper 000: utterances cut into segments, margins and lambda that follow the training part's size."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from serlib.corpora.corpus import Corpus
from serlib.features.segments import SegmentSpectrogram
from serlib.losses.angular import LambdaAnnealing
from serlib.losses.checks import check_number, per_class
from serlib.losses.margins import margins_by_frequency
from serlib.methods.base import Outcome
from serlib.methods.neural import NeuralMethod, Recipe
from serlib.protocol import Fold
from serlib.training import Examples, Hardware, class_shares


@dataclass(frozen=True)
class SegmentedRecipe(Recipe):
    """A recipe whose network reads segments.

    Attributes:
        segments: how utterances are cut and seen.
        margin_pair: (margin of small classes, margin of large ones); None: ``loss_options`` say the margin.
        annealing: of an angular loss: fields of ``LambdaAnnealing``, or ``{"minimum_at": share of the training}``.
    """

    segments: SegmentSpectrogram = field(default_factory=SegmentSpectrogram)
    margin_pair: tuple[int, int] | None = None
    annealing: dict[str, float] | None = None

    def to_dict(self) -> dict:
        """Return the recipe for hashing and for the manifest."""
        return {**super().to_dict(), "segments": self.segments.to_dict()}


def class_margins(counts: Sequence[float], pair: tuple[int, int]) -> tuple[int, ...]:
    """Give small classes the first margin of a pair, large ones the second, those between the mean, rounded down.

    Classes are grouped by ``margins_by_frequency``; IEMOCAP's 13, 12, 44 and 31 % with (6, 4) give (6, 6, 4, 4).

    Args:
        counts: size of each class in the training part.
        pair: margin of small classes, margin of large ones.
    """
    small, large = per_class("margin of a pair", pair, 2, partial(check_number, low=1, integer=True))
    groups = margins_by_frequency(counts, 2, 1)  # 1: large, 2: between, 3: small
    return tuple({1: large, 2: (small + large) // 2, 3: small}[group] for group in groups)


def annealing(steps: int, *, minimum_at: float, base: float = 1000.0, minimum: float = 5.0) -> LambdaAnnealing:
    """Return SphereFace's course of lambda, squeezed so that its minimum comes after a share of all ``steps``.

    base / (1 + gamma it) = minimum at it = (base / minimum - 1) / gamma: SphereFace's gamma 0.12 gives iteration 1659.
    """
    return LambdaAnnealing(base=base, gamma=(base / minimum - 1) / max(1.0, minimum_at * steps), minimum=minimum)


class SegmentedMethod(NeuralMethod):
    """A method that averages the logits of an utterance's segments."""

    def modules(self, profile: str) -> list[str]:
        """Return this frame's module too."""
        return [__name__, *super().modules(profile)]

    def examples(
        self, recipe: SegmentedRecipe, inputs: list[np.ndarray], labels: np.ndarray, names: list[str], *,
        hardware: Hardware, training: bool,
    ) -> Examples:  # fmt: skip
        """Cut waveforms into segments; return their spectrograms, grouped by utterance."""
        segments, groups = recipe.segments.cut(inputs, training=training)
        pictures = recipe.segments.spectrograms(segments, device=hardware.device)
        return Examples(list(pictures), labels[groups], [names[i] for i in groups], groups)

    def run(self, corpus: Corpus, fold: Fold, *, profile: str, seed: int, hardware: Hardware) -> Outcome:
        """Train with what the fold's training part makes of margins, lambda and class weights; see ``resolved``."""
        recipe, labels = self.recipe(profile), corpus.labels[fold.train]
        class_shares(labels, len(corpus.classes))
        samples = np.round(corpus.table["duration"].to_numpy()[fold.train] * recipe.segments.sample_rate_hz)
        counts = np.bincount(labels, recipe.segments.count(samples, training=True), len(corpus.classes))
        found, notes = resolved(recipe, counts)
        fitted = replace(self, recipes=lambda _: found)
        outcome = NeuralMethod.run(fitted, corpus, fold, profile=profile, seed=seed, hardware=hardware)
        return replace(outcome, notes=outcome.notes | notes)


def resolved(recipe: SegmentedRecipe, counts: np.ndarray) -> tuple[SegmentedRecipe, dict[str, Any]]:
    """Fill in what depends on the training part: margins, lambda's course, class weights.

    Args:
        recipe: of a profile.
        counts: (classes,) segments of each class in the training part, as the paper counts classes.

    Returns:
        The recipe, ready for ``NeuralMethod``, and what was filled in, for the manifest.
    """
    training, options = recipe.training, dict(recipe.loss_options)
    if recipe.margin_pair is not None:
        options["margin"] = class_margins(counts, recipe.margin_pair)
    if recipe.annealing is not None:
        steps = training.epochs * -(-int(counts.sum()) // training.batch_size)
        follows = "minimum_at" in recipe.annealing
        options["annealing"] = annealing(steps, **recipe.annealing) if follows else LambdaAnnealing(**recipe.annealing)
    if training.balancing == "loss":
        options["class_weight"] = tuple(counts.sum() / (len(counts) * counts))
        training = replace(training, balancing="none")
    notes = {"segments": counts.astype(int).tolist()}
    if "margin" in options:
        notes["margin"] = list(per_class("margin", options["margin"], len(counts), partial(check_number, low=1)))
        notes["annealing"] = asdict(options["annealing"])
    return replace(recipe, loss_options=options, training=training), notes
