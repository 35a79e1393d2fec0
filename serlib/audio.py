"""Reading speech, and which recordings are refused: one set of rules for corpora and features."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from math import inf
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

STEP = 1 / 32768  # of 16-bit audio; a signal that moves less than this is silent
ROUNDING_SECONDS = 0.01  # tables round: an end this little past the end of the file is forgiven


class AudioError(ValueError):
    """A recording cannot be used; the message names the file, where there is one, and the reason."""


def require(condition: bool, message: str, error: type[ValueError] = ValueError) -> None:
    """Raise ``error`` with ``message``, which says what came and what is allowed, unless ``condition`` holds."""
    if not condition:
        raise error(message)


def is_number(value: Any, low: float = -inf, *, whole: bool = False) -> bool:
    """Tell whether a value is a finite number, or a whole one, of at least ``low``; a bool is none."""
    return isinstance(value, Integral if whole else Real) and not isinstance(value, bool) and low <= value < inf


def read_audio(
    path: str | Path, *, sample_rate_hz: int = 16000, start: float | None = None, end: float | None = None
) -> np.ndarray:
    """Read a recording, or a part of it, as one channel: the mean of all.

    Args:
        path: any file that libsndfile reads (WAV, FLAC, OGG, MP3, ...).
        sample_rate_hz: wanted rate; audio of another rate is resampled, which is logged once for each pair of rates.
        start: first second; None or NaN: the beginning.
        end: last second; None or NaN: the end of the file.

    Returns:
        (samples,) float32, within -1..1 for integer files.

    Raises:
        AudioError: when the file is missing, empty or no audio, holds NaN or infinity, or has no such part.
        ValueError: for a rate that is no whole number from 1 on, a start or an end that is no number.
    """
    fits = is_number(sample_rate_hz, 1, whole=True)
    require(fits, f"sample_rate_hz is {sample_rate_hz!r}; allowed are whole numbers from 1 on")
    for name, value in (("start", start), ("end", end)):
        fits = value is None or (isinstance(value, Real) and not isinstance(value, bool))
        require(fits, f"{name} is {value!r}; allowed are seconds, NaN and None")
    signal, file_rate_hz = decode(path, sample_rate_hz, start, end)
    tell_resampled(file_rate_hz, sample_rate_hz)
    return signal


def decode(
    path: str | Path, sample_rate_hz: int | None, start: float | None, end: float | None
) -> tuple[np.ndarray, int]:
    """Read as ``read_audio`` does, None at the file's own rate; return that rate too, which the caller tells of."""
    with opened(path) as file:
        rate_hz, frames = file.samplerate, file.frames
        start = 0.0 if start is None or np.isnan(start) else start
        end = frames / rate_hz if end is None or np.isnan(end) else end
        fits = 0 <= start <= end <= frames / rate_hz + ROUNDING_SECONDS
        allowed = f"allowed are parts of 0 to {frames / rate_hz:.3f} s"
        require(fits, f"{path}: {start:g} to {end:g} s was asked for; {allowed}", AudioError)
        first = min(round(start * rate_hz), frames)
        # Some encodings, such as GSM 6.10, can only be read from the first sample on.
        file.seek(first) if file.seekable() else file.read(first)
        signal = file.read(round(end * rate_hz) - first, dtype="float32", always_2d=True).mean(axis=1)
    check_signal(signal, path)
    wanted_hz = sample_rate_hz or rate_hz
    return (signal if rate_hz == wanted_hz else _resample(signal, rate_hz, wanted_hz)), rate_hz


@contextmanager
def opened(path: str | Path) -> Iterator[soundfile.SoundFile]:
    """Open a recording; what libsndfile or the system has against it, then or later, becomes an AudioError."""
    try:
        require(os.path.isfile(os.path.expanduser(path)), f"{path}: there is no such file", AudioError)
        with soundfile.SoundFile(os.path.expanduser(path)) as file:
            yield file
    except (OSError, TypeError, UnicodeEncodeError, soundfile.SoundFileError) as error:
        # TypeError: a file without a header. UnicodeEncodeError: a name that is not UTF-8.
        why = getattr(error, "strerror", None) or str(error).rpartition(": ")[2]
        raise AudioError(f"{path}: cannot be read as audio: {why}") from error


def check_signal(signal: np.ndarray, name: str | Path) -> None:
    """Refuse what no recipe can work on: other things than (samples,) floats, nothing at all, NaN and infinity."""
    came = f"{name}: {type(signal).__name__}; allowed is a numpy array of floats of shape (samples,)"
    require(isinstance(signal, np.ndarray), came, AudioError)
    fits = signal.ndim == 1 and signal.dtype.kind == "f"
    require(fits, f"{name}: {signal.dtype} of shape {signal.shape}; allowed are floats of shape (samples,)", AudioError)
    require(signal.size > 0, f"{name}: holds no samples", AudioError)
    require(bool(np.isfinite(signal).all()), f"{name}: holds NaN or infinite samples", AudioError)


def check_sounding(signal: np.ndarray, name: str | Path, where: str = "") -> None:
    """Refuse a signal that nothing is heard in; ``where`` says which part it is, such as ``" in its first 6 s"``."""
    told = f"{name}: silent{where}, its samples differ by less than one 16-bit step"
    require(signal.size > 0 and np.ptp(signal) >= STEP, told, AudioError)


def _resample(signal: np.ndarray, rate_hz: int, wanted_hz: int) -> np.ndarray:
    try:
        from soxr import resample
    except ImportError:
        import torch
        from torchaudio import functional

        return functional.resample(torch.from_numpy(signal), rate_hz, wanted_hz).numpy()
    return resample(signal, rate_hz, wanted_hz)


@cache  # so that it is said once
def tell_resampled(rate_hz: int, wanted_hz: int) -> None:
    """Log that audio is resampled, once for each pair of rates."""
    if rate_hz != wanted_hz:
        logging.getLogger(__name__).warning("audio is resampled from %d Hz to %d Hz", rate_hz, wanted_hz)
