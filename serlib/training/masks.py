"""Masks over spectrograms: the training part only, new ones in every epoch."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SpectrogramMasks:
    """Blank random bands and random stretches of time (SpecAugment, Park et al. 2019, without its warp).

    What is blanked becomes 0: the mean of the training part, once an input is scaled. torch's own generator draws, so
    ``torch.manual_seed`` repeats it.

    Attributes:
        bands: masks over frequency.
        bins: a band covers fewer than ``bins`` frequency bins, never more than a third of them.
        stretches: masks over time.
        frames: a stretch covers fewer than ``frames`` frames, never more than a fifth of a clip.

    Raises:
        ValueError: for a number below 0.
    """

    bands: int = 1
    bins: int = 8
    stretches: int = 1
    frames: int = 25

    def __post_init__(self) -> None:
        if min(self.bands, self.bins, self.stretches, self.frames) < 0:
            raise ValueError(f"{self}: allowed are numbers of at least 0")

    def __call__(self, x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return a masked copy of (channels, frequency, time); ``generator`` is not needed."""
        import torch
        from torchaudio.functional import mask_along_axis

        masked = torch.from_numpy(x)
        for axis, times, widest, share in ((1, self.bands, self.bins, 1 / 3), (2, self.stretches, self.frames, 1 / 5)):
            for _ in range(times if widest else 0):
                masked = mask_along_axis(masked, widest, 0.0, axis, p=share)
        return masked.numpy()
