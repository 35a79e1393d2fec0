"""What every feature recipe shares; reading itself is ``serlib.audio``'s."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from serlib.audio import AudioError, check_signal, check_sounding, is_number, read_audio, require

__all__ = ["AudioError", "RawWaveform", "Recipe", "read_audio"]


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
        rate, crops = self.sample_rate_hz, self.crop_seconds is not None
        fits = is_number(rate, 1, whole=True)
        require(fits, f"sample_rate_hz is {rate!r}; allowed are positive rates, whole numbers")
        fits = not crops or (is_number(self.crop_seconds) and round(self.crop_seconds * rate) >= 1)
        require(fits, f"crop_seconds is {self.crop_seconds!r}; allowed are None and > 0, at least one sample")
        require(isinstance(self.pad, bool), f"pad is {self.pad!r}; allowed are True and False")
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
        with np.errstate(over="ignore"):  # what becomes infinite in single precision is refused
            cut = signal[:wanted].astype(np.float32)
        check_signal(cut, "signal")
        check_sounding(cut, "signal", f" in its first {self.crop_seconds:g} s" if len(cut) < len(signal) else "")
        return np.pad(cut, (0, wanted - len(cut))) if self.pad else cut


@dataclass(frozen=True, kw_only=True)
class RawWaveform(Recipe):
    """The samples themselves, (samples,) float32: paper 004's raw branch reads 6 s at 16 kHz."""

    crop_seconds: float | None = 6.0

    def extract(self, signal: np.ndarray) -> np.ndarray:
        """Return the first ``crop_seconds``: (samples,) float32, in the units of ``signal``."""
        return self._cut(signal)
