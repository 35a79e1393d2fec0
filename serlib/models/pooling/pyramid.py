"""Spatial pyramid pooling of maps of any length: the bins of a clip follow its own length, whatever it is padded to."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from serlib.models.pooling.masked import check_lengths


def bin_edges(size: int | torch.Tensor, bins: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where the bins of one axis start and stop: floor(i size / bins), ceil((i + 1) size / bins).

    Bins overlap when ``bins`` does not divide the size, and repeat when they are more than it.

    Args:
        size: of the axis; a number, or one for each clip, (B,) int64.
        bins: n, at least 1.

    Returns:
        Two int64 tensors, (n,) for a number and (B, n) for clips.
    """
    size = torch.as_tensor(size).unsqueeze(-1)
    steps = torch.arange(bins, device=size.device)
    return steps * size // bins, -((steps + 1) * -size // bins)


def check_levels(levels: Sequence[int]) -> tuple[int, ...]:
    """Return levels as a tuple; a ValueError unless they are different whole numbers from 1 on, at least one."""
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in levels)
    if not len(levels) or not whole or len(set(levels)) < len(levels):
        raise ValueError(f"levels is {levels!r}; allowed are different whole numbers of at least 1, such as (1, 5, 10)")
    return tuple(levels)


def grid(levels: Sequence[int], bins: int, frames: int) -> torch.Tensor:
    """Return the bins of a map in the order in which they are pooled.

    Returns:
        (N, 5) int64: level, first and last + 1 frequency bin, first and last + 1 frame.
    """
    rows = []
    for level in check_levels(levels):
        low, high = (edge.repeat_interleave(level) for edge in bin_edges(bins, level))
        start, stop = (edge.repeat(level) for edge in bin_edges(frames, level))
        rows.append(torch.stack([torch.full_like(low, level), low, high, start, stop], 1))
    return torch.cat(rows)


class SpatialPyramidPooling(nn.Module):
    """Greatest value of each channel in n x n bins, for every level n (paper 002; He et al. 2014).

    For each clip of a padded batch it equals ``adaptive_max_pool2d`` on the clip alone, exactly.

    Args:
        levels: n of each level; (1,) is global max pooling.

    Attributes:
        bins: N, the sum of n^2: 126 for (1, 5, 10).
    """

    def __init__(self, levels: Sequence[int] = (1, 5, 10)) -> None:
        super().__init__()
        self.levels = check_levels(levels)
        self.bins = sum(n * n for n in self.levels)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Pool (B, C, F, T) with ``lengths`` (B,) to (B, N, C): level by level, by frequency, then by time.

        Raises:
            ValueError: when ``lengths`` does not fit the batch.
        """
        check_lengths(x, lengths)
        flat = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, F * T, C); a view of a batch in channels_last
        with torch.no_grad():  # only what won takes part in the gradient
            found: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
            places = []
            for level in self.levels:
                # Bins of a level are unions of those of a level that it divides: these need to be laid out only once.
                base = max(n for n in self.levels if n % level == 0)
                if base not in found:
                    found[base] = _laid_out(flat, x.shape, lengths, base)
                places.append(_winners(*found[base], level, x.shape[-1]))
        return flat.gather(1, torch.cat(places, 1))


def _laid_out(
    flat: torch.Tensor, shape: torch.Size, lengths: torch.Tensor, level: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Copy each clip's frames bin by bin, every bin W wide, the last frame of a narrower one repeated.

    Returns:
        (B, C, F, level * W), in which the bins of all clips stand at the same places, and (B, level * W): whose frames.
    """
    batch, channels, bins, width = shape
    start, stop = (edge.view(batch, level, 1) for edge in bin_edges(lengths, level))
    # from lengths on the CPU: to ask a GPU how wide the widest bin is, every step would wait for it
    offsets = torch.arange(int((stop - start).max()))
    frames = torch.minimum(start + offsets, stop - 1).flatten(1).to(flat.device, non_blocking=True)
    rows = torch.arange(batch * bins, device=flat.device).view(batch, bins, 1) * width + frames.unsqueeze(1)
    copied = flat.reshape(-1, channels).index_select(0, rows.flatten())
    return copied.view(batch, bins, -1, channels).permute(0, 3, 1, 2), frames


def _winners(laid_out: torch.Tensor, frames: torch.Tensor, level: int, width: int) -> torch.Tensor:
    """Return where in F * T the greatest value of every bin stands: (B, level^2, C) int64."""
    _, found = F.adaptive_max_pool2d(laid_out, level, return_indices=True)
    bins, columns = found.flatten(2) // laid_out.shape[-1], found.flatten(2) % laid_out.shape[-1]
    columns = frames.gather(1, columns.flatten(1)).view_as(columns)
    return (bins * width + columns).transpose(1, 2)
