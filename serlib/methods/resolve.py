"""What of a recipe depends on the training part: margins, the course of lambda, class weights."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from serlib.losses.angular import LambdaAnnealing
from serlib.losses.checks import check_number, per_class
from serlib.losses.margins import margins_by_frequency
from serlib.methods.recipe import Recipe
from serlib.training import batch_sizes


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


def resolved(recipe: Recipe, counts: np.ndarray) -> tuple[Recipe, dict[str, Any]]:
    """Fill in what depends on the training part.

    Args:
        recipe: of a profile.
        counts: (classes,) inputs of each class in the training part: of segments, as paper 000 counts classes, where
            utterances are cut.

    Returns:
        The recipe, ready to build a loss from, and what was filled in, for the manifest.
    """
    training, options, notes = recipe.training, dict(recipe.loss_options), {}
    steps_per_epoch = len(batch_sizes(int(counts.sum()), training.batch_size))
    if recipe.margin_pair is not None:
        options["margin"] = class_margins(counts, recipe.margin_pair)
    if recipe.annealing is not None:
        steps = training.length(steps_per_epoch) * steps_per_epoch
        follows = "minimum_at" in recipe.annealing
        options["annealing"] = annealing(steps, **recipe.annealing) if follows else LambdaAnnealing(**recipe.annealing)
        notes["annealing"] = asdict(options["annealing"])
    if training.balancing == "loss":
        options["class_weight"] = tuple((counts.sum() / (len(counts) * counts)).tolist())
    if recipe.segments is not None:
        notes["segments"] = counts.astype(int).tolist()
    if "margin" in options:
        notes["margin"] = list(per_class("margin", options["margin"], len(counts), partial(check_number, low=1)))
    return replace(recipe, loss_options=options), notes
