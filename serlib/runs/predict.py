"""Ask a trained model about recordings of one's own."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from serlib.audio import AudioError, check_sounding, decode, read_audio
from serlib.corpora.measure import header
from serlib.runs.kept import KeptModel, load_model

LONG, WINDOW, STEP = 6.0, 3.0, 1.0  # seconds: longer recordings are heard in windows, which start a step apart
PAUSE = 0.01  # of the loudest window's level (40 dB below it): a quieter window is a pause
NONE = "none of these"
AT_ONCE = 64  # files in memory, unless all must be scaled together
# Looked for in folders; the last line is what libsndfile cannot read, so that each is told.
SUFFIXES = {*map(str.lower, soundfile.available_formats()), "aif", "aifc", "oga", "opus"} - {"raw", "mat4", "mat5"}
SUFFIXES |= {"m4a", "mp4", "aac", "wma", "amr", "webm"}


@dataclass(frozen=True)
class Answers:
    """What a model says of recordings, and the confidence below which it names no emotion.

    ``table`` has a row a recording, by its name as given: ``predicted`` (an emotion or ``NONE``), ``confidence`` (the
    greatest probability), and the probability of each class. So has ``course`` for each window of recordings over 6 s,
    by file, ``start`` and ``end`` in seconds; NaN in a pause. ``refused``: why, by file, one cannot be used.
    """

    model: KeptModel
    threshold: float
    table: pd.DataFrame
    course: pd.DataFrame
    refused: dict[str, str]


def predict_files(
    model: str | Path, files: Sequence[str | Path], *, by_speaker: bool = False, threshold: float | None = None,
    device: str = "cpu",
) -> Answers:  # fmt: skip
    """Score recordings of any rate, length and channel count; one that cannot be used is named, the rest goes on.

    A recording over 6 s is heard in windows of 3 s, one each second: what it is called by is their mean, pauses apart.

    Args:
        model: as of :func:`serlib.runs.kept.load_model`.
        files: recordings, and folders to look through.
        by_speaker: the files are all one speaker's and are scaled together, by that speaker's own statistics: what a
            model needs that was trained so, and no other may have.
        threshold: least confidence to name an emotion, 0 to 1; None: the card's, or 0.
        device: where to compute.

    Raises:
        ValueError: for an unknown model, another threshold, a folder without audio, ``by_speaker`` that does not fit.
    """
    asked = load_model(model, device=device)
    least = asked.calibration["threshold"] if threshold is None else threshold
    if not 0 <= least <= 1:
        raise ValueError(f"threshold is {least}; allowed are 0 to 1")
    scaling = asked.recipe.scaling
    if by_speaker != (scaling != "train"):  # it would be scored on another ground than in training
        told = "its training part; --by-speaker is for models that scale by speaker"
        mine = f"each {scaling}'s own statistics; give one {scaling}'s recordings, and say so with --by-speaker"
        raise ValueError(f"{asked.method.name} scales by {told if by_speaker else mine}")
    names, refused, heard = list(dict.fromkeys(listed(files))), {}, []
    size = len(names) if by_speaker else AT_ONCE
    for start in range(0, len(names), size):
        parts = [(name, *part) for name in names[start : start + size] for part in _parts(name, asked, refused)]
        heard.append(_scored(asked, parts, refused))
    windows = pd.concat(heard)
    whole = windows.groupby(level="file", sort=False).mean().dropna()
    files_of, counts = windows.index.get_level_values("file"), windows.groupby(level="file").transform("size")
    course = windows[(counts > 1).to_numpy() & files_of.isin(whole.index)]
    refused = {name: refused[name] for name in names if name in refused and name not in whole.index}
    return Answers(asked, least, _named(whole, least), _named(course, least), refused)


def listed(files: Sequence[str | Path]) -> Iterator[str]:
    """Yield files as they are named, and the audio files in folders and below, sorted, hidden ones apart.

    No files, and a folder without any, are a ValueError.
    """
    for file in files:
        found, folder = [str(file)], Path(file).expanduser()
        if folder.is_dir():
            audio = (path for path in folder.rglob("*") if path.suffix[1:].lower() in SUFFIXES and path.is_file())
            found = sorted(str(p) for p in audio if not any(n.startswith(".") for n in p.relative_to(folder).parts))
        if not found:
            raise ValueError(f"{file}: a folder without audio files")
        yield from found
    if not files:
        raise ValueError("got no files; give recordings or folders")


def _parts(name: str, asked: KeptModel, refused: dict[str, str]) -> Iterator[tuple[float, float, np.ndarray | None]]:
    """Yield start, end (seconds) and samples of what is heard of a file, None in a pause; or say why it is refused."""
    rate_hz = asked.recipe.features.sample_rate_hz
    try:
        signal = read_audio(name, sample_rate_hz=rate_hz)
        header(str(Path(name).expanduser()))  # which knows of files that were cut off
        # resampled, a constant rings at its ends
        check_sounding(decode(name, None, None, None)[0], name)
        check_sounding(signal, name)
    except AudioError as error:
        refused[name] = str(error).removeprefix(f"{name}: ")
        return
    size, width = len(signal), round(WINDOW * rate_hz)
    if size <= LONG * rate_hz:
        yield 0.0, size / rate_hz, signal
        return
    starts = (*range(0, size - width, round(STEP * rate_hz)), size - width)
    found = {start: signal[start : start + width] for start in starts}
    levels = {start: np.square(window, dtype=np.float64).mean() ** 0.5 for start, window in found.items()}
    for start, window in found.items():
        sounds = levels[start] >= PAUSE * max(levels.values())
        yield round(start / rate_hz, 3), round((start + width) / rate_hz, 3), window if sounds else None


def _scored(asked: KeptModel, parts: Sequence[tuple], refused: dict[str, str]) -> pd.DataFrame:
    """Return probabilities by file, start and end, NaN of what is not heard; of what is refused, add the reason."""
    heard = {i: part[-1] for i, part in enumerate(parts) if part[-1] is not None}
    with warnings.catch_warnings(action="ignore"):  # that one of a speaker has no deviation: below it is an error
        try:
            said = asked.probabilities(list(heard.values())) if heard else []
        except ValueError:  # such as: too short; which one it is, each says alone
            for i, signal in list(heard.items()):
                try:
                    asked.probabilities([signal])
                except ValueError as error:
                    refused[parts[i][0]] = str(error).removeprefix("signal: ")
                    del heard[i]
            said = asked.probabilities(list(heard.values())) if heard else []
    if len(heard) == 1 and asked.recipe.scaling != "train" and asked.recipe.normalise == "feature":
        raise ValueError(f"{asked.method.name} needs at least 2 recordings of the speaker: one has no deviation")
    values = np.full((len(parts), len(asked.classes)), np.nan)
    values[list(heard)] = np.reshape(said, (len(heard), len(asked.classes)))
    where = pd.DataFrame([part[:-1] for part in parts], columns=["file", "start", "end"])
    return pd.DataFrame(values, pd.MultiIndex.from_frame(where), asked.classes)


def _named(chances: pd.DataFrame, least: float) -> pd.DataFrame:
    """Put before probabilities what they say."""
    sure = chances.max(axis=1)
    said = chances.columns.to_numpy()[chances.fillna(0).to_numpy().argmax(1)]
    said = np.where(sure >= least, said, np.where(sure.isna(), "", NONE))
    return pd.concat([pd.DataFrame({"predicted": said, "confidence": sure}, chances.index), chances], axis=1)
