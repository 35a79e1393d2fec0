"""Masks and colours over spectrograms: the training part only, new ones for each clip in every epoch."""

from dataclasses import dataclass
from math import inf

import numpy as np
import torch

from serlib.checks import check_number

KNOTS = 6  # of a colour's curve over frequency


@dataclass(frozen=True)
class SpectrogramMasks:
    """Blank random bands and random stretches of time (SpecAugment, Park et al. 2019, without its warp), and colour.

    What is blanked becomes 0: the mean of the training part, once an input is scaled. Widths are drawn evenly from 0 up
    to a share of the axis, so that one recipe serves any number of bins and any length of clip.

    A colour is what a voice, a room or a microphone adds to every frame of a clip alike: a curve over frequency, drawn
    at ``KNOTS`` bins and straight between them (after FilterAugment, arXiv 2110.03282). Of several channels the first
    alone has it, as the others are its deltas; the contrast, a factor, all of them.

    Attributes:
        bands: masks over frequency, each below ``band_share`` of the bins.
        stretches: masks over time, each below ``stretch_share`` of the clip's own frames.
        colour: standard deviation of the curve at a knot, in the input's own unit (deviations, once it is scaled).
        contrast: standard deviation of the logarithm of the factor.

    Raises:
        ValueError: for a number below 0 or a share above 1.
    """

    bands: int = 1
    band_share: float = 0.15
    stretches: int = 1
    stretch_share: float = 0.2
    colour: float = 0.0
    contrast: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            check_number(name, value, 0, 1 if name.endswith("share") else inf, integer=name in ("bands", "stretches"))

    def __call__(self, batch: torch.Tensor, lengths: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
        """Return a changed copy of (B, channels, frequency, time), of which ``lengths`` (B,) frames are valid."""
        if self.colour or self.contrast:
            batch = self._coloured(batch, lengths, generator)
        bins = np.full(len(batch), batch.shape[2])
        heard = _kept(bins, batch.shape[2], self.bands, self.band_share, generator)[:, None, :, None]
        times = _kept(lengths.numpy(), batch.shape[3], self.stretches, self.stretch_share, generator)
        heard = heard & times[:, None, None, :]
        return torch.where(heard.to(batch.device, non_blocking=True), batch, 0)

    def _coloured(self, batch: torch.Tensor, lengths: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
        """Return a coloured copy; padding keeps what it holds."""
        count, channels, bins, frames = batch.shape
        places = np.linspace(0, KNOTS - 1, bins)[:, None]
        hats = np.maximum(0, 1 - abs(places - np.arange(KNOTS)))  # (bins, KNOTS): straight lines between knots
        curves = np.zeros((count, channels, bins))
        curves[:, 0] = generator.normal(0, self.colour, (count, KNOTS)) @ hats.T
        factors = np.exp(generator.normal(0, self.contrast, count))
        valid = torch.arange(frames) < lengths[:, None]
        added, scaled, valid = (
            each.to(batch.device, non_blocking=True)
            for each in (
                torch.from_numpy(curves).to(batch.dtype)[..., None],
                torch.from_numpy(factors).to(batch.dtype)[:, None, None, None], valid[:, None, None],
            )
        )  # fmt: skip
        return torch.where(valid, batch * scaled + added, batch)


def _kept(sizes: np.ndarray, size: int, times: int, share: float, generator: np.random.Generator) -> torch.Tensor:
    """Return what ``times`` masks below a ``share`` of each of ``sizes`` leave of an axis: (B, size) bool."""
    kept, places = np.ones((len(sizes), size), bool), np.arange(size)
    for _ in range(times):
        widths = np.floor(generator.random(len(sizes)) * share * sizes)
        starts = np.floor(generator.random(len(sizes)) * (sizes - widths + 1))[:, None]
        kept &= (places < starts) | (places >= starts + widths[:, None])
    return torch.from_numpy(kept)
