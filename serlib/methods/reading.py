"""From a fold's part, or from recordings, to what a network reads."""

from collections.abc import Sequence

import numpy as np

from serlib.corpora.corpus import Corpus
from serlib.features.store import FeatureStore
from serlib.methods.recipe import Recipe
from serlib.methods.scaling import Scaler, scaled_by
from serlib.training import Examples


def assembled(
    recipe: Recipe, readings: Sequence[Sequence[np.ndarray]], labels: np.ndarray, names: Sequence[str], *,
    training: bool = False, device: str = "cpu",
) -> Examples:  # fmt: skip
    """Return utterances as examples, cut where the recipe says so, the training part otherwise than the others.

    ``readings`` are the features of all utterances as they are, and then at every other speed. Spectrograms of segments
    are computed on ``device``.
    """
    inputs, owners, valid = [], [], []
    for arrays in readings:
        pieces, owner = arrays, np.arange(len(arrays))
        if recipe.segments is not None:
            cut, owner, frames = recipe.segments.cut(arrays, training=training)
            pieces = recipe.segments.spectrograms(cut, device=device)
            valid.append(frames)
        inputs += list(pieces)
        owners.append(owner)
    owner, several = np.concatenate(owners), len(readings) > 1
    return Examples(
        inputs, np.asarray(labels)[owner], [names[i] for i in owner],
        groups=owner if several or recipe.segments else None, valid=np.concatenate(valid) if valid else None,
        versions=np.repeat(np.arange(len(owners)), list(map(len, owners))) if several else None,
    )  # fmt: skip


def read_part(
    corpus: Corpus, recipe: Recipe, rows: np.ndarray, *, training: bool = False, device: str = "cpu"
) -> tuple[Examples, np.ndarray]:
    """Read a fold's part, not yet scaled, a training part at every speed.

    Return it and whose voice, at which speed, each input is: (len(examples),) text.
    """
    subset = corpus.subset(rows)
    readings = [FeatureStore().get(subset, each, n_jobs=1, progress=False) for each in recipe.heard(training=training)]
    part = assembled(recipe, readings, subset.labels, list(subset.table.index), training=training, device=device)
    speakers = subset.table["speaker"].to_numpy(str)[part.utterances]
    if part.versions is not None:
        speakers = np.char.add(np.char.add(speakers, ", reading "), part.versions.astype(str))
    return part, speakers


def scale(part: Examples, recipe: Recipe, scaler: Scaler | np.ndarray) -> None:
    """Scale inputs in place, so that there is one copy: by a scaler, or by each voice's own statistics."""
    if not isinstance(scaler, Scaler):
        options = {"valid": part.valid, "floor": recipe.unit.quiet, "in_place": True}
        scaled_by(scaler, part.inputs, recipe.normalise, **options)
        return
    for x in part.inputs:
        scaler(x, out=x)
