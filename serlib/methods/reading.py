"""From a fold's part, or from recordings, to what a network reads."""

from collections.abc import Mapping, Sequence

import numpy as np

from serlib.corpora.corpus import Corpus, CorpusError
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

    Return it and whose voice, at which speed, each input is, or where recipes scale by corpus, of which corpus:
    (len(part),) text.
    """
    subset = corpus.subset(rows)
    readings = [FeatureStore().get(subset, each, n_jobs=1, progress=False) for each in recipe.heard(training=training)]
    part = assembled(recipe, readings, subset.labels, list(subset.table.index), training=training, device=device)
    if recipe.scaling == "corpus":
        return part, sources(subset)[part.utterances]
    speakers = subset.table["speaker"].to_numpy(str)[part.utterances]
    if part.versions is not None:
        speakers = np.char.add(np.char.add(speakers, ", reading "), part.versions.astype(str))
    return part, speakers


def sources(corpus: Corpus) -> np.ndarray:
    """Return the corpus that each utterance of a joined one comes from: (len(corpus),) text; CorpusError of another."""
    if "corpus" not in corpus.table:
        raise CorpusError(f"{corpus.name}: a corpus by itself; allowed is what serlib.corpora.join returns")
    return corpus.table["corpus"].to_numpy(str)


def corpus_scalers(corpus: Corpus, recipe: Recipe, device: str = "cpu") -> dict[str, Scaler]:
    """Return a scaler for each corpus of a joined one, by all its utterances as they are, in whatever part they stand.

    A test part may be one voice alone: its own statistics would be the speaker's.
    """
    whole, names = read_part(corpus, recipe, np.arange(len(corpus)), device=device)
    found = {}
    for name in np.unique(names):
        mine = np.flatnonzero(names == name)
        valid = None if whole.valid is None else whole.valid[mine]
        inputs = [whole.inputs[i] for i in mine]
        found[str(name)] = Scaler(inputs, recipe.normalise, valid=valid, floor=recipe.unit.quiet)
    return found


def scale(part: Examples, recipe: Recipe, voices: np.ndarray, scaler: Scaler | Mapping[str, Scaler] | None) -> None:
    """Scale inputs in place, so that there is one copy: by a scaler, by that of each corpus, or by own statistics.

    ``voices`` are as of :func:`read_part`; without a scaler each is scaled by its own statistics.
    """
    if scaler is None:
        options = {"valid": part.valid, "floor": recipe.unit.quiet, "in_place": True}
        scaled_by(voices, part.inputs, recipe.normalise, **options)
        return
    for x, voice in zip(part.inputs, voices, strict=True):
        (scaler if isinstance(scaler, Scaler) else scaler[voice])(x, out=x)
