"""Reading speech as one channel at one rate, and what every feature recipe shares."""

import logging
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

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
    """
    signal, file_rate_hz = decode(path, sample_rate_hz, start, end)
    tell_resampled(file_rate_hz, sample_rate_hz)
    return signal


def decode(path: str | Path, sample_rate_hz: int, start: float | None, end: float | None) -> tuple[np.ndarray, int]:
    """Do the work of ``read_audio`` and return the file's own rate too; telling of it is left to the caller."""
    require(Path(path).is_file(), f"{path}: there is no such file", AudioError)
    try:
        with soundfile.SoundFile(path) as file:
            rate_hz, frames = file.samplerate, file.frames
            start = 0.0 if start is None or np.isnan(start) else start
            end = frames / rate_hz if end is None or np.isnan(end) else end
            fits = 0 <= start <= end <= frames / rate_hz + ROUNDING_SECONDS
            allowed = f"allowed are parts of 0 to {frames / rate_hz:.3f} s"
            require(fits, f"{path}: {start:g} to {end:g} s was asked for; {allowed}", AudioError)
            file.seek(min(round(start * rate_hz), frames))
            signal = file.read(round(end * rate_hz) - file.tell(), dtype="float32", always_2d=True).mean(axis=1)
    except (OSError, TypeError, soundfile.SoundFileError) as error:  # TypeError: a file without a header
        raise AudioError(f"{path}: cannot be read as audio: {str(error).rpartition(': ')[2]}") from error
    check_signal(signal, path)
    return (signal if rate_hz == sample_rate_hz else _resample(signal, rate_hz, sample_rate_hz)), rate_hz


def check_signal(signal: np.ndarray, name: str | Path) -> None:
    """Refuse what no recipe can work on: other things than (samples,) floats, nothing at all, NaN and infinity."""
    fits = signal.ndim == 1 and signal.dtype.kind == "f"
    require(fits, f"{name}: {signal.dtype} of shape {signal.shape}; allowed are floats of shape (samples,)", AudioError)
    require(signal.size > 0, f"{name}: holds no samples", AudioError)
    require(bool(np.isfinite(signal).all()), f"{name}: holds NaN or infinite samples", AudioError)


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


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one utterance becomes one array: ``extract`` for signals at ``sample_rate_hz``.

    Of a signal the first ``crop_seconds`` are used (None: all); with ``pad`` a shorter one is filled up with zeros.
    A subclass raises ``version`` when its code comes to give other values, names the ``libraries`` whose versions may
    change them, and says whether it does better in ``"threads"`` or in ``"processes"`` (``prefer``).
    """

    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    prefer: ClassVar[str] = "threads"

    sample_rate_hz: int = 16000
    crop_seconds: float | None = None
    pad: bool = False

    def __post_init__(self) -> None:
        require(self.sample_rate_hz > 0, f"sample_rate_hz is {self.sample_rate_hz}; allowed are positive rates")
        crops = self.crop_seconds is not None
        require(not crops or self.crop_seconds > 0, f"crop_seconds is {self.crop_seconds}; allowed are None and > 0")
        require(crops or not self.pad, "pad is True and crop_seconds None; padding needs the length to fill up to")

    def to_dict(self) -> dict[str, Any]:
        """Return all that defines the array, ready for JSON: kind, version and every field."""
        return {"kind": type(self).__name__, "version": self.version, **asdict(self)}

    @property
    def quiet(self) -> float | np.ndarray:
        """Least deviation that scaling divides by, in the unit of the values; it broadcasts to (channels, 1, 1)."""
        return 0.0

    def extract(self, signal: np.ndarray) -> np.ndarray:
        """Turn (samples,) floats into float32 features.

        Raises:
            AudioError: when the signal is empty, silent, not finite or not one-dimensional.
        """
        raise NotImplementedError

    def _cut(self, signal: np.ndarray) -> np.ndarray:
        """Check, crop and fill up: (samples,) -> at most (crop_seconds * sample_rate_hz,) float32."""
        check_signal(signal, "signal")
        wanted = len(signal) if self.crop_seconds is None else round(self.crop_seconds * self.sample_rate_hz)
        cut = signal[:wanted].astype(np.float32)
        require(np.ptp(cut) >= STEP, "signal: silent, its samples differ by less than one 16-bit step", AudioError)
        return np.pad(cut, (0, wanted - len(cut))) if self.pad else cut


@dataclass(frozen=True, kw_only=True)
class RawWaveform(Recipe):
    """The samples themselves, (samples,) float32: paper 004's raw branch reads 6 s at 16 kHz."""

    crop_seconds: float | None = 6.0

    def extract(self, signal: np.ndarray) -> np.ndarray:
        """Return the first ``crop_seconds``: (samples,) float32, in the units of ``signal``."""
        return self._cut(signal)
