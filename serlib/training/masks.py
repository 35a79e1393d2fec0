"""Masks over spectrograms: the training part only, new ones for each clip in every epoch."""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class SpectrogramMasks:
    """Blank random bands and random stretches of time (SpecAugment, Park et al. 2019, without its warp).

    What is blanked becomes 0: the mean of the training part, once an input is scaled. Widths are drawn evenly from 0 up
    to a share of the axis, so that one recipe serves any number of bins and any length of clip.

    Attributes:
        bands: masks over frequency, each below ``band_share`` of the bins.
        stretches: masks over time, each below ``stretch_share`` of the clip's own frames.

    Raises:
        ValueError: for a number below 0 or a share above 1.
    """

    bands: int = 1
    band_share: float = 0.15
    stretches: int = 1
    stretch_share: float = 0.2

    def __post_init__(self) -> None:
        shares = (self.band_share, self.stretch_share)
        if min(self.bands, self.stretches, *shares) < 0 or max(shares) > 1:
            raise ValueError(f"{self}: allowed are numbers of at least 0 and shares up to 1")

    def __call__(self, batch: torch.Tensor, lengths: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
        """Return a masked copy of (B, channels, frequency, time), of which ``lengths`` (B,) frames are valid."""
        bins = np.full(len(batch), batch.shape[2])
        heard = _kept(bins, batch.shape[2], self.bands, self.band_share, generator)[:, None, :, None]
        times = _kept(lengths.numpy(), batch.shape[3], self.stretches, self.stretch_share, generator)
        heard = heard & times[:, None, None, :]
        return torch.where(heard.to(batch.device, non_blocking=True), batch, 0)


def _kept(sizes: np.ndarray, size: int, times: int, share: float, generator: np.random.Generator) -> torch.Tensor:
    """Return what ``times`` masks below a ``share`` of each of ``sizes`` leave of an axis: (B, size) bool."""
    kept, places = np.ones((len(sizes), size), bool), np.arange(size)
    for _ in range(times):
        widths = np.floor(generator.random(len(sizes)) * share * sizes)
        starts = np.floor(generator.random(len(sizes)) * (sizes - widths + 1))[:, None]
        kept &= (places < starts) | (places >= starts + widths[:, None])
    return torch.from_numpy(kept)
