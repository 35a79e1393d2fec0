"""From a fold's part, or from recordings, to what a network reads."""

from collections.abc import Sequence

import numpy as np

from serlib.corpora.corpus import Corpus
from serlib.features.store import FeatureStore
from serlib.methods.recipe import Recipe
from serlib.training import Examples


def assembled(
    recipe: Recipe, readings: Sequence[Sequence[np.ndarray]], labels: np.ndarray, names: Sequence[str], *,
    training: bool = False, device: str = "cpu",
) -> Examples:  # fmt: skip
    """Return utterances as examples, cut where the recipe says so.

    Args:
        recipe: of a profile.
        readings: features of all utterances, as they are and then at every other speed.
        labels: (utterances,) class indices.
        names: of the utterances.
        training: whether it is the training part, which is cut otherwise.
        device: where spectrograms of segments are computed.
    """
    inputs, owners, versions, valid = [], [], [], []
    for version, arrays in enumerate(readings):
        if recipe.segments is None:
            pieces, owner = arrays, np.arange(len(arrays))
        else:
            cut, owner, frames = recipe.segments.cut(arrays, training=training)
            pieces = list(recipe.segments.spectrograms(cut, device=device))
            valid.append(frames)
        inputs += pieces
        owners.append(owner)
        versions.append(np.full(len(owner), version))
    owner = np.concatenate(owners)
    several = len(readings) > 1
    return Examples(
        inputs, np.asarray(labels)[owner], [names[i] for i in owner],
        groups=owner if several or recipe.segments else None,
        versions=np.concatenate(versions) if several else None,
        valid=np.concatenate(valid) if valid else None,
    )  # fmt: skip


def read_part(
    corpus: Corpus, recipe: Recipe, rows: np.ndarray, *, training: bool = False, device: str = "cpu"
) -> tuple[Examples, np.ndarray]:
    """Read a fold's part, not yet scaled; a training part at every speed.

    Returns:
        The examples and whose voice, at which speed, each input is: (len(examples),) text.
    """
    subset = corpus.subset(rows)
    readings = [FeatureStore().get(subset, each, n_jobs=1, progress=False) for each in recipe.heard(training=training)]
    part = assembled(recipe, readings, subset.labels, list(subset.table.index), training=training, device=device)
    speakers = subset.table["speaker"].to_numpy(str)[part.utterances]
    if part.versions is None:
        return part, speakers
    return part, np.char.add(np.char.add(speakers, ", reading "), part.versions.astype(str))
