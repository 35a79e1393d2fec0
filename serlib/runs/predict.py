"""Ask a trained model about recordings of one's own."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file
from scipy.special import softmax

from serlib import methods
from serlib.features.audio import AudioError, read_audio
from serlib.methods.model import Model
from serlib.methods.recipe import Recipe
from serlib.training import Hardware


def predict_files(
    run: str | Path, files: Sequence[str | Path], *, by_speaker: bool = False, device: str = "cpu"
) -> pd.DataFrame:
    """Score audio files with the model that a run kept (``keep_weights=True``).

    Args:
        run: folder of the run.
        files: audio of any rate and channel count; mixed to mono and resampled.
        by_speaker: the files are all one speaker's and are scaled by that speaker's own statistics: what a model needs
            that was trained so, and no other may have.
        device: where to compute.

    Returns:
        One row a file, named as it was given: the predicted emotion and, per class, its probability.

    Raises:
        ValueError: when the run kept no weights, its recipe is not today's, or ``by_speaker`` does not fit the model.
        AudioError: naming a file that cannot be used, and why.
    """
    folder = Path(run)
    if not (folder / "model.safetensors").is_file():
        raise ValueError(f"{folder.name} holds no model.safetensors; make the run with --keep-weights")
    manifest = json.loads((folder / "manifest.json").read_text())
    method, classes = methods.get(manifest["method"]), manifest["corpus"]["classes"]
    recipe = method.recipe(manifest["profile"])
    if json.loads(json.dumps(recipe.to_dict())) != manifest["recipe"]:
        raise ValueError(f"{folder.name} was made by another recipe of {method.name} than today's; train it again")
    _check_speaker(method.name, recipe, files, by_speaker=by_speaker)
    state, hardware = load_file(folder / "model.safetensors"), Hardware.choose(device, "float32")
    model = Model([method.build(recipe, len(classes)) for _ in range(recipe.networks)], {})
    model.load(state)
    for part in (part for pair in model.members for part in pair):
        part.to(device)

    def scored(signals: Sequence[np.ndarray]) -> np.ndarray:
        return model.score(method.hear(recipe, signals, scaling=state, device=device), hardware)[0]

    signals = [read_audio(file, sample_rate_hz=recipe.features.sample_rate_hz) for file in files]
    try:
        logits = scored(signals)
    except ValueError:  # such as: too short; said of that file alone
        for file, signal in zip(files, signals, strict=True):
            try:
                scored([signal])
            except ValueError as error:
                raise AudioError(f"{file}: {error}") from error
        raise
    table = pd.DataFrame(softmax(logits, axis=1), columns=classes, index=pd.Index(map(str, files), name="file"))
    return table.assign(predicted=np.asarray(classes)[logits.argmax(1)])[["predicted", *classes]]


def _check_speaker(name: str, recipe: Recipe, files: Sequence, *, by_speaker: bool) -> None:
    """Refuse what would be scored on another ground than in training."""
    wanted = recipe.scaling == "speaker"
    if wanted and not by_speaker:
        told = f"{name} scales by each speaker's own statistics"
        raise ValueError(f"{told}: give recordings of one speaker alone, and say so with --by-speaker")
    if by_speaker and not wanted:
        raise ValueError(f"{name} scales by its training part; --by-speaker is for models that scale by speaker")
    if wanted and recipe.normalise == "feature" and len(files) < 2:
        raise ValueError(f"{name} needs at least 2 recordings of the speaker: one has no deviation")
