"""Segments of equal length, cut from utterances, and their spectrograms, many at once on the device that trains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serlib.audio import is_number, require
from serlib.features.spectrograms import TINY, LinearSpectrogram


@dataclass(frozen=True, kw_only=True)
class SegmentSpectrogram(LinearSpectrogram):
    """Spectrograms (1, n_bins, frames) of segments; the defaults are paper 000's (section 3.2).

    Segments of 2 s start every second in training and every 0.4 s in evaluation: an utterance of 4.5 s gives 3 and 7.
    What is left behind the last whole segment is not heard; an utterance shorter than a segment is filled up with
    zeros. 2 s hold 197 windows, the paper has 200: ``pad_samples`` zeros stand behind each segment (our guess).

    Attributes:
        segment_seconds: length of a segment.
        train_shift_seconds: from one segment's start to the next one's; ``eval_shift_seconds`` outside training.
        pad_samples: zeros behind a segment; ``window_length - hop_length`` gives segment / hop frames.
    """

    center: bool = False
    segment_seconds: float = 2.0
    train_shift_seconds: float = 1.0
    eval_shift_seconds: float = 0.4
    pad_samples: int = 480

    def __post_init__(self) -> None:
        super().__post_init__()
        require(not self.center and self.crop_seconds is None, "segments need center=False and crop_seconds=None")
        for name in ("segment_seconds", "train_shift_seconds", "eval_shift_seconds"):
            wanted = f"allowed is at least one sample, {1 / self.sample_rate_hz:g} s"
            fits = is_number(getattr(self, name)) and self._samples(name) >= 1
            require(fits, f"{name} is {getattr(self, name)!r}; {wanted}")
        fits = is_number(self.pad_samples, 0, whole=True)
        require(fits, f"pad_samples is {self.pad_samples!r}; allowed are 0 and more, whole numbers")
        fits = self.segment_samples + self.pad_samples >= self.window_length
        require(fits, f"a segment of {self.segment_seconds} s is shorter than a window of {self.window_length} samples")

    def _samples(self, name: str) -> int:
        return round(getattr(self, name) * self.sample_rate_hz)

    @property
    def segment_samples(self) -> int:
        """Samples of a segment: 32,000."""
        return self._samples("segment_seconds")

    @property
    def frames(self) -> int:
        """Frames of a segment's spectrogram: 200."""
        return 1 + (self.segment_samples + self.pad_samples - self.window_length) // self.hop_length

    def count(self, samples: np.ndarray, *, training: bool) -> np.ndarray:
        """Return how many segments utterances of so many samples give: int64, at least 1 each."""
        shift = self._samples("train_shift_seconds" if training else "eval_shift_seconds")
        return np.maximum(np.asarray(samples, np.int64) - self.segment_samples, 0) // shift + 1

    def cut(self, signals: Sequence[np.ndarray], *, training: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cut utterances, (samples,) float32 each.

        Returns:
            Segments (N, segment_samples) float32; for each, which utterance it is from, (N,) int64, ascending; and how
            many of its frames hold nothing that was filled up, (N,) int64, at least 1.

        Raises:
            ValueError: in training, when no utterance is as long as a segment.
        """
        size, longest = self.segment_samples, max(map(len, signals))
        came = f"segments of {self.segment_seconds:g} s are longer than every utterance of the training part"
        fits = not training or longest >= size
        require(fits, f"{came}, the longest of which has {longest / self.sample_rate_hz:.2f} s; choose shorter ones")
        counts = self.count(np.array([len(signal) for signal in signals]), training=training)
        groups = np.repeat(np.arange(len(signals)), counts)
        shift = self._samples("train_shift_seconds" if training else "eval_shift_seconds")
        starts = shift * np.concatenate([np.arange(count) for count in counts])
        segments, filled = np.zeros((len(groups), size), np.float32), np.zeros(len(groups), np.int64)
        for k, (group, start) in enumerate(zip(groups, starts, strict=True)):
            piece = signals[group][start : start + size]
            segments[k, : len(piece)], filled[k] = piece, len(piece)
        return segments, groups, np.maximum(1, 1 + (filled - self.window_length) // self.hop_length)

    def spectrograms(self, segments: np.ndarray, *, device: str = "cpu", batch_size: int = 256) -> np.ndarray:
        """Return the spectrograms (N, 1, n_bins, frames) float32 of (N, segment_samples), computed on ``device``.

        The arithmetic is in single precision; on one segment it agrees with ``extract`` to about 1e-3.
        """
        import torch
        from torchaudio.functional import spectrogram

        window = getattr(torch, f"{self.window}_window")(self.window_length, device=device)
        aside = (self.n_fft - self.window_length) // 2  # the first window starts at the first sample
        made = []
        for start in range(0, len(segments), batch_size):
            batch = torch.from_numpy(segments[start : start + batch_size]).to(device)
            batch = torch.nn.functional.pad(batch, (0, self.pad_samples))
            sizes = (self.n_fft, self.hop_length, self.window_length)
            power = spectrogram(batch, aside, window, *sizes, 2.0, False, center=False)[:, : self.n_bins]
            if self.compression == "log":
                values = (power + TINY).log()
            else:
                values = (255 * power / power.amax((1, 2), keepdim=True).clamp(min=TINY)).log1p() / np.log(256)
            made.append(values.cpu().numpy())
        return np.concatenate(made)[:, None]
