"""What of a recipe depends on the training part: margins, the course of lambda, class weights."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from serlib.checks import check_number
from serlib.losses.angular import LambdaAnnealing, margins_by_frequency
from serlib.losses.base import per_class
from serlib.methods.recipe import Recipe
from serlib.training import batch_sizes


def class_margins(
    counts: Sequence[float], pair: tuple[float, float], *, integer: bool = True
) -> tuple[float, ...]:  # fmt: skip
    """Give small classes the first margin of a pair, large ones the second, those between the mean.

    ``integer``: multiples of the angle, of which the mean is rounded down; else radians that are added to it.

    Classes are grouped by ``margins_by_frequency`` of their sizes; IEMOCAP's 13, 12, 44 and 31 % with (6, 4) give
    (6, 6, 4, 4).
    """
    small, large = per_class("margin of a pair", pair, 2, partial(check_number, low=int(integer), integer=integer))
    margins = {1: large, 2: (small + large) // 2 if integer else (small + large) / 2, 3: small}
    return tuple(margins[group] for group in margins_by_frequency(counts, 2, 1))


def annealing(steps: int, *, minimum_at: float, base: float = 1000.0, minimum: float = 5.0) -> LambdaAnnealing:
    """Return SphereFace's course of lambda, squeezed so that its minimum comes after a share of all ``steps``.

    base / (1 + gamma it) = minimum at it = (base / minimum - 1) / gamma: SphereFace's gamma 0.12 gives iteration 1659.
    """
    return LambdaAnnealing(base=base, gamma=(base / minimum - 1) / max(1.0, minimum_at * steps), minimum=minimum)


def resolved(recipe: Recipe, counts: np.ndarray) -> tuple[Recipe, dict[str, Any]]:
    """Fill in what depends on the training part; return the recipe, and what was filled in, for the manifest.

    ``counts`` (classes,) are the inputs of each class: of segments, as paper 000 counts, where utterances are cut.
    """
    training, options, notes = recipe.training, dict(recipe.loss_options), {}
    steps_per_epoch = len(batch_sizes(int(counts.sum()), training.batch_size))
    if recipe.margin_pair is not None:
        radians = recipe.loss == "ArcFaceLoss"
        options["margin_rad" if radians else "margin"] = class_margins(counts, recipe.margin_pair, integer=not radians)
    if recipe.loss == "LogitAdjustedLoss":
        options["prior"] = tuple((counts / counts.sum()).tolist())
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
