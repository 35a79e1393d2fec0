"""Spatial pyramid pooling of maps of any length: the bins of a clip follow its own length, whatever it is padded to."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serlib.models.pooling.masked import check_lengths


def bin_edges(size: int | Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """Return where the n ``bins`` of one axis start and stop: floor(i size / n), ceil((i + 1) size / n).

    Two int64 tensors: (n,) for a ``size``, (B, n) for that of each clip, (B,) int64. Bins overlap when n does not
    divide the size, and repeat when n is greater.
    """
    size = torch.as_tensor(size).unsqueeze(-1)
    steps = torch.arange(bins, device=size.device)
    return steps * size // bins, -((steps + 1) * -size // bins)


def check_levels(levels: Sequence[int]) -> tuple[int, ...]:
    """Return levels as a tuple; a ValueError unless they are different whole numbers from 1 on, at least one."""
    row = levels if isinstance(levels, list | tuple) else ()
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in row)
    if not row or not whole or len(set(row)) < len(row):
        raise ValueError(f"levels is {levels!r}; allowed are different whole numbers of at least 1, such as (1, 5, 10)")
    return tuple(levels)


def grid(levels: Sequence[int], bins: int, frames: int) -> Tensor:
    """Return the bins as pooled, (N, 5) int64: level, first and last + 1 frequency bin, first and last + 1 frame."""
    rows = []
    for level in check_levels(levels):
        low, high = (edge.repeat_interleave(level) for edge in bin_edges(bins, level))
        start, stop = (edge.repeat(level) for edge in bin_edges(frames, level))
        rows.append(torch.stack([torch.full_like(low, level), low, high, start, stop], 1))
    return torch.cat(rows)


class SpatialPyramidPooling(nn.Module):
    """Greatest value of each channel in n x n bins, for every level n (paper 002; He et al. 2014).

    For each clip of a padded batch it equals ``adaptive_max_pool2d`` on the clip alone, exactly. Of ``levels`` (1,) is
    global max pooling; ``bins`` is N, the sum of n^2: 126 for (1, 5, 10).
    """

    def __init__(self, levels: Sequence[int] = (1, 5, 10)) -> None:
        super().__init__()
        self.levels = check_levels(levels)
        self.bins = sum(n * n for n in self.levels)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Pool (B, C, F, T) with ``lengths`` (B,) to (B, N, C): level by level, by frequency, then by time."""
        check_lengths(x, lengths)
        flat = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, F * T, C); a view of a batch in channels_last
        with torch.no_grad():  # only what won takes part in the gradient
            # bins of a level are unions of those of a level that it divides: these need to be laid out only once
            bases = {level: max(n for n in self.levels if n % level == 0) for level in self.levels}
            found = {base: _laid_out(flat, x.shape, lengths, base) for base in set(bases.values())}
            places = [_winners(*found[base], level, x.shape[-1]) for level, base in bases.items()]
        return flat.gather(1, torch.cat(places, 1))


def _laid_out(flat: Tensor, shape: torch.Size, lengths: Tensor, level: int) -> tuple[Tensor, Tensor]:
    """Lay bins out W wide, a narrower one's last frame repeated: (B, C, F, level * W), and whose frames they are."""
    batch, channels, bins, width = shape
    start, stop = (edge.view(batch, level, 1) for edge in bin_edges(lengths, level))
    # from lengths on the CPU: to ask a GPU how wide the widest bin is, every step would wait for it
    offsets = torch.arange(int((stop - start).max()))
    frames = torch.minimum(start + offsets, stop - 1).flatten(1).to(flat.device, non_blocking=True)
    rows = torch.arange(batch * bins, device=flat.device).view(batch, bins, 1) * width + frames.unsqueeze(1)
    copied = flat.reshape(-1, channels).index_select(0, rows.flatten())
    return copied.view(batch, bins, -1, channels).permute(0, 3, 1, 2), frames


def _winners(laid_out: Tensor, frames: Tensor, level: int, width: int) -> Tensor:
    """Return where in F * T the greatest value of every bin stands: (B, level^2, C) int64."""
    _, found = F.adaptive_max_pool2d(laid_out, level, return_indices=True)
    bins, columns = found.flatten(2) // laid_out.shape[-1], found.flatten(2) % laid_out.shape[-1]
    columns = frames.gather(1, columns.flatten(1)).view_as(columns)
    return (bins * width + columns).transpose(1, 2)
