"""Paper 002's network: convolutions of several dilations, a spatial pyramid, attention; every step of it optional."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import nn
from torch.nn import functional as F

from serlib.checks import check_choice, check_dropout, check_flags, check_sizes
from serlib.models.pooling import AttentionPooling, SpatialPyramidPooling
from serlib.models.pooling.attention import MODES
from serlib.models.pooling.masked import check_lengths, mask_tail, valid_frames

SLOPE = 0.01  # of the leaky ReLU; not printed
DILATIONS = {"none": ((1,),), "fixed": ((2,),), "multi": ((1, 2), (2,), (3, 2))}
KERNELS = {"frequency-time": (5, 3), "time-frequency": (3, 5)}


def block_dilations(dilations: str, blocks: int) -> list[tuple[int, ...]]:
    """Return the dilations of every block's branches: ``"none"``, ``"fixed"`` (2) or ``"multi"``, which repeats."""
    cycle = DILATIONS[dilations]
    return [cycle[i % len(cycle)] for i in range(blocks)]


def same_conv(channels_in: int, channels_out: int, kernel: tuple[int, int], dilation: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size of a map, He initialised; a kernel's axis of 1 is not dilated."""
    spread = [dilation if size > 1 else 1 for size in kernel]
    padding = [d * (size // 2) for d, size in zip(spread, kernel, strict=True)]
    conv = nn.Conv2d(channels_in, channels_out, kernel, dilation=tuple(spread), padding=tuple(padding))
    nn.init.kaiming_normal_(conv.weight, a=SLOPE)
    nn.init.zeros_(conv.bias)
    return conv


class DilatedBlock(nn.Module):
    """Convolutions side by side, one branch per dilation, summed (paper 002, its "MDCB"), on padded batches.

    Summing is our reading of "merged": it keeps the number of channels, as the pooled 126 x 128 of the paper needs. A
    branch is a ``kernel`` over (frequency, time) or, ``factorised``, its two factors, along the longer axis first; each
    convolution has a leaky ReLU behind it.
    """

    def __init__(
        self, channels: int, dilations: Sequence[int], *, kernel: tuple[int, int] = (5, 3), factorised: bool = True
    ) -> None:
        super().__init__()
        parts = [(kernel[0], 1), (1, kernel[1])] if factorised else [kernel]
        if factorised and kernel[1] > kernel[0]:
            parts.reverse()
        self.branches = nn.ModuleList(
            nn.ModuleList(same_conv(channels, channels, part, dilation) for part in parts) for dilation in dilations
        )

    def forward(self, x: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
        """Map (B, C, F, T), finite, to the same shape; what stands in padded frames means nothing, before and after.

        ``keep`` is (B, 1, 1, T) of x's dtype, 1 in valid frames and 0 in padded ones; None: all are valid.
        """
        maps = []
        for branch in self.branches:
            y = x
            for conv in branch:
                if keep is not None and conv.kernel_size[1] > 1:  # only these bring padding to valid frames
                    y = y * keep  # ten times as fast as torch.where in bfloat16
                y = F.leaky_relu(conv(y), SLOPE, inplace=True)
            maps.append(y)
        return reduce(torch.add, maps)


class MultiDilatedCNN(nn.Module):
    """A convolution, 2 x 2 max pooling, dilated blocks, pyramid pooling, attention, a linear layer.

    Without arguments it is the whole model of paper 002: 8 layers, 128 filters, 126 pooled vectors, z of 32. Not
    printed, so ours: where the one pooling stands that halves 40 bands to 20 (after the first convolution, in time
    too), how branches merge (sum), the slope of the leaky ReLU (0.01), no activation on z.

    Args:
        bins: of the input, at least 2.
        width: filters of every convolution.
        blocks: after the first convolution; layers less one.
        factorised: see :class:`DilatedBlock`.
        dilations: ``"none"``, ``"fixed"`` (2 everywhere) or ``"multi"`` ({1, 2}, {2}, {3, 2}, {1, 2}, ...).
        levels: of the pyramid; (1,) is global max pooling.
        attention: ``"none"``, or a mode of :class:`AttentionPooling` with its ``rescale``.
        order: what the kernel of 5 x 3 covers: ``"frequency-time"`` as the paper's X in R(f, t, c) says, or the other.
        time_pool: frames that the max pooling takes together.
        pooled_norm: batch normalisation of the pooled vectors' channels. Not in the paper; a maximum is a positive
            number that clips share, and without it a narrow network stays at chance for many steps.
        dropout: of the pooled numbers.
    """

    def __init__(
        self, *, bins: int = 40, channels: int = 3, width: int = 128, blocks: int = 7, factorised: bool = True,
        dilations: str = "multi", levels: Sequence[int] = (1, 5, 10), attention: str = "scale", rescale: str = "none",
        order: str = "frequency-time", time_pool: int = 2, pooled_norm: bool = False, dropout: float = 0.0,
        embedding_size: int = 32,
    ) -> None:  # fmt: skip
        super().__init__()
        check_choice("dilations", dilations, DILATIONS)
        check_choice("order", order, KERNELS)
        check_choice("attention", attention, ("none", *MODES))
        check_sizes(2, bins=bins)
        check_sizes(channels=channels, width=width, blocks=blocks, time_pool=time_pool, embedding_size=embedding_size)
        check_flags(factorised=factorised, pooled_norm=pooled_norm)
        check_dropout(dropout=dropout)
        self.bins, self.channels, self.time_pool, self.embedding_size = bins, channels, time_pool, embedding_size
        kernel, rates = KERNELS[order], block_dilations(dilations, blocks)
        self.conv = same_conv(channels, width, kernel)
        self.blocks = nn.ModuleList(DilatedBlock(width, each, kernel=kernel, factorised=factorised) for each in rates)
        self.pool = SpatialPyramidPooling(levels)
        self.norm = nn.BatchNorm1d(width) if pooled_norm else None
        self.attention = None if attention == "none" else AttentionPooling(width, mode=attention, rescale=rescale)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width * (1 if attention == "sum" else self.pool.bins), embedding_size)
        self.to(memory_format=torch.channels_last)  # the same up to rounding, and a quarter to a half faster on a CPU

    def maps(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what is pooled, (B, width, bins // 2, T // time_pool), and the valid frames of it, (B,) int64."""
        check_lengths(x, lengths, shortest=self.time_pool, channels=self.channels, bins=self.bins)
        x = F.leaky_relu(self.conv(mask_tail(x, lengths)), SLOPE, inplace=True)
        x, lengths = F.max_pool2d(x, (2, self.time_pool)), lengths // self.time_pool
        keep = valid_frames(x, lengths)
        keep = None if keep is None else keep.to(x.dtype)
        for block in self.blocks:
            x = block(x, keep)
        return x, lengths

    def vectors(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return what attention weighs: (B, N, width), in the order of :class:`SpatialPyramidPooling`."""
        vectors = self.pool(*self.maps(x, lengths))
        return vectors if self.norm is None else self.norm(vectors.transpose(1, 2)).transpose(1, 2)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Embed (B, channels, bins, T), of which ``lengths`` (B,) frames are valid, as z (B, embedding_size)."""
        vectors = self.vectors(x, lengths)
        weighed = vectors if self.attention is None else self.attention(vectors)
        return self.linear(self.dropout(weighed.flatten(1)))
