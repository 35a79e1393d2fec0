"""Time-frequency pictures of speech: float32 (channels, frequency, time).

The arithmetic is torchaudio's in double precision, so that what lies 80 dB below the loudest is exact too; librosa
gives the same for the same settings. With ``center`` there are 1 + samples // hop frames, the ends filled up with
zeros (librosa's default), which defines clips shorter than a window too. Without it there are
1 + (samples - window) // hop frames, and a clip shorter than a window is filled up to one.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from serlib.audio import is_number, require
from serlib.features.audio import Recipe

if TYPE_CHECKING:
    import torch

WINDOWS = ("hann", "hamming")
TINY = 1e-10  # least power that a logarithm is taken of: librosa's amin
# A band in which nothing sounds moves by 0.2 dB when a clip begins or ends abruptly, and a sounding one by 10 and more.
QUIET_DB = 3.0


@cache
def _filters(n_freqs: int, f_min: float, f_max: float, n_mels: int, rate_hz: int, norm: str | None, scale: str):
    from torchaudio.functional import melscale_fbanks

    return melscale_fbanks(n_freqs, f_min, f_max, n_mels, rate_hz, norm, scale).T.double()  # (n_mels, n_freqs)


@dataclass(frozen=True, kw_only=True)
class Spectrogram(Recipe):
    """What all spectrograms share; lengths in samples, ``window`` one of ``WINDOWS`` in its periodic form."""

    libraries: ClassVar[tuple[str, ...]] = ("torch", "torchaudio")

    n_fft: int = 2048
    window_length: int = 2048
    hop_length: int = 512
    window: str = "hann"
    center: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.window in WINDOWS, f"window is {self.window!r}; allowed are {WINDOWS}")
        for name in ("n_fft", "window_length", "hop_length"):
            value = getattr(self, name)
            require(is_number(value, 1, whole=True), f"{name} is {value!r}; allowed are 1 and more, whole numbers")
        fits = self.window_length <= self.n_fft
        require(fits, f"window_length is {self.window_length}; allowed are 1 to n_fft = {self.n_fft}")
        require(isinstance(self.center, bool), f"center is {self.center!r}; allowed are True and False")

    def _power(self, signal: np.ndarray) -> "torch.Tensor":
        """Return |STFT|^2: (n_fft // 2 + 1, frames) float64."""
        import torch
        from torchaudio.functional import spectrogram

        samples, pad = torch.from_numpy(self._cut(signal)).double(), 0
        window = getattr(torch, f"{self.window}_window")(self.window_length, dtype=torch.float64)
        if not self.center:  # windows, not whole FFT frames, stand side by side from the first sample on
            samples = torch.nn.functional.pad(samples, (0, max(0, self.window_length - len(samples))))
            pad = (self.n_fft - self.window_length) // 2
        sizes = (self.n_fft, self.hop_length, self.window_length)
        return spectrogram(samples, pad, window, *sizes, 2.0, False, center=self.center, pad_mode="constant")


@dataclass(frozen=True, kw_only=True)
class LogMel(Spectrogram):
    """Mel spectrogram in dB: (1, n_mels, time), or (3, n_mels, time) with deltas.

    The defaults are paper 001's (section 3.2): 22.05 kHz, Hann 2048, hop 512, 128 bands and "6 seconds or less", so a
    shorter clip stays short (``pad=True`` is the other reading); reference and floor are librosa's habit. Paper 002:
    16 kHz, n_fft 512, Hamming 400, hop 160, 40 bands, ``mel_scale="htk"`` (eq. 3), ``delta_width=19`` (eq. 5, N = 9).

    Attributes:
        f_min_hz: lower edge of the lowest band.
        f_max_hz: upper edge of the highest band; None: half the rate.
        mel_scale: ``"slaney"``, or ``"htk"``: 2595 log10(1 + f / 700).
        mel_norm: ``"slaney"`` (bands of equal area) or None (of equal height).
        reference: power that is 0 dB, or ``"max"``: the clip's own largest.
        floor_db: no value lies more than this below the clip's largest; None: no floor.
        delta_width: frames, an odd number, that a slope is fitted over; the second delta is the delta's delta.
    """

    sample_rate_hz: int = 22050
    crop_seconds: float | None = 6.0
    n_mels: int = 128
    f_min_hz: float = 0.0
    f_max_hz: float | None = None
    mel_scale: str = "slaney"
    mel_norm: str | None = "slaney"
    reference: float | str = "max"
    floor_db: float | None = 80.0
    delta_width: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        level, width, low_hz, floor = self.reference, self.delta_width, self.f_min_hz, self.floor_db
        require(is_number(self.n_mels, 1, whole=True), f"n_mels is {self.n_mels!r}; allowed are 1 and more, whole")
        require(self.mel_scale in ("slaney", "htk"), f"mel_scale is {self.mel_scale!r}; allowed are 'slaney', 'htk'")
        require(self.mel_norm in ("slaney", None), f"mel_norm is {self.mel_norm!r}; allowed are 'slaney' and None")
        fits = level == "max" or (is_number(level) and level > 0)
        require(fits, f"reference is {level!r}; allowed are 'max' and positive powers")
        require(floor is None or is_number(floor, 0), f"floor_db is {floor!r}; allowed are None and 0 and more")
        fits = width is None or (is_number(width, 3, whole=True) and width % 2 == 1)
        require(fits, f"delta_width is {width!r}; allowed are None, 3, 5, 7, ...")
        top_hz = self._top_hz
        fits = is_number(low_hz, 0) and is_number(top_hz) and low_hz < top_hz <= self.sample_rate_hz / 2
        require(fits, f"f_min_hz {low_hz!r}, f_max_hz {top_hz!r}; allowed is 0 <= f_min_hz < f_max_hz <= half the rate")

    @property
    def _top_hz(self) -> float:
        return self.sample_rate_hz / 2 if self.f_max_hz is None else self.f_max_hz

    @property
    def quiet(self) -> np.ndarray:
        """3 dB, a tenth of it per frame for deltas and a tenth of that for theirs: (1 or 3, 1, 1)."""
        return QUIET_DB * np.array([1.0] if self.delta_width is None else [1.0, 0.1, 0.01])[:, None, None]

    def extract(self, signal: np.ndarray) -> np.ndarray:
        """Return (1 or 3, frequency, time) float32; deltas are per frame."""
        import torch
        from torchaudio.functional import compute_deltas

        channels = [self._levels(signal)]
        if self.delta_width is not None:
            channels += [compute_deltas(channels[0], self.delta_width)]
            channels += [compute_deltas(channels[1], self.delta_width)]
        return torch.stack(channels).float().numpy()

    def _levels(self, signal: np.ndarray) -> "torch.Tensor":
        """Return the mel spectrogram in dB: (n_mels, time) float64."""
        power, rate_hz = self._power(signal), self.sample_rate_hz
        mel = _filters(len(power), self.f_min_hz, self._top_hz, self.n_mels, rate_hz, self.mel_norm, self.mel_scale)
        levels = 10 * (mel @ power).clamp(min=TINY).log10()
        levels -= levels.max() if self.reference == "max" else 10 * np.log10(self.reference)
        return levels if self.floor_db is None else levels.clamp(min=levels.max() - self.floor_db)


@dataclass(frozen=True, kw_only=True)
class MFCC(LogMel):
    """Cepstral coefficients, (1 or 3, n_mfcc, time): as in paper 001 the orthonormal DCT-II of its ``LogMel``."""

    n_mfcc: int = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        fits = is_number(self.n_mfcc, 1, whole=True) and self.n_mfcc <= self.n_mels
        require(fits, f"n_mfcc is {self.n_mfcc!r}; allowed are 1 to n_mels = {self.n_mels}")

    def _levels(self, signal: np.ndarray) -> "torch.Tensor":
        from torchaudio.functional import create_dct

        return create_dct(self.n_mfcc, self.n_mels, norm="ortho").T.double() @ super()._levels(signal)


@dataclass(frozen=True, kw_only=True)
class LinearSpectrogram(Spectrogram):
    """Spectrogram with evenly spaced frequencies: (1, n_bins, time).

    The defaults are paper 000's (section 3.2): 16 kHz, Hamming window of 40 ms, hop 10 ms, DFT 1600 (10 Hz apart), 0 to
    4 kHz: 401 bins where the paper says 400, so 4 kHz itself is left out. 2 s hold 197 windows, the paper's 200 need
    480 samples more. ``compression`` is ``"log"``: ln(power + 1e-10), or ``"mu-law"``: ln(1 + 255 p) / ln 256 of the
    power p over the clip's largest. ``n_bins`` None: all n_fft // 2 + 1.
    """

    n_fft: int = 1600
    window_length: int = 640
    hop_length: int = 160
    window: str = "hamming"
    center: bool = False
    n_bins: int | None = 400
    compression: str = "log"

    def __post_init__(self) -> None:
        super().__post_init__()
        fits = self.compression in ("log", "mu-law")
        require(fits, f"compression is {self.compression!r}; allowed are 'log' and 'mu-law'")
        most = self.n_fft // 2 + 1
        fits = self.n_bins is None or (is_number(self.n_bins, 1, whole=True) and self.n_bins <= most)
        require(fits, f"n_bins is {self.n_bins!r}; allowed are None and 1 to n_fft // 2 + 1 = {most}")

    @property
    def quiet(self) -> float:
        """3 dB in nepers of power; a hundredth of mu-law's range."""
        return QUIET_DB * np.log(10) / 10 if self.compression == "log" else 0.01

    def extract(self, signal: np.ndarray) -> np.ndarray:
        """Return (1, n_bins, time) float32: the natural logarithm of the power, or mu-law in 0..1."""
        power = self._power(signal)[: self.n_bins]
        shares = power / power.max().clamp(min=TINY)
        values = (power + TINY).log() if self.compression == "log" else (255 * shares).log1p() / np.log(256)
        return values[None].float().numpy()
