"""Paper 002's network: convolutions of several dilations, a spatial pyramid, attention; every step of it optional."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from serlib.models.dilated_block import SLOPE, DilatedBlock, same_conv
from serlib.models.pooling.attention import AttentionPooling
from serlib.models.pooling.masked import check_lengths, mask_tail
from serlib.models.pooling.pyramid import SpatialPyramidPooling

DILATIONS = {"none": ((1,),), "fixed": ((2,),), "multi": ((1, 2), (2,), (3, 2))}
KERNELS = {"frequency-time": (5, 3), "time-frequency": (3, 5)}


def block_dilations(dilations: str, blocks: int) -> list[tuple[int, ...]]:
    """Return the dilations of every block's branches: ``"none"``, ``"fixed"`` (2) or ``"multi"``, which repeats."""
    cycle = DILATIONS[dilations]
    return [cycle[i % len(cycle)] for i in range(blocks)]


class MultiDilatedCNN(nn.Module):
    """A convolution, 2 x 2 max pooling, dilated blocks, pyramid pooling, attention, a linear layer.

    Without arguments it is the whole model of paper 002: 8 layers, 128 filters, 126 pooled vectors, z of 32. Not
    printed, so ours: where the one pooling stands that halves 40 bands to 20 (after the first convolution, in time
    too), how branches merge (sum), the slope of the leaky ReLU (0.01), no activation on z.

    Args:
        bins: frequency bins of the input, at least 2.
        channels: of the input.
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
        dropout: share of the pooled numbers that training leaves out.
        embedding_size: of z.

    Raises:
        ValueError: for a name or number that is not allowed.
    """

    def __init__(
        self,
        *,
        bins: int = 40,
        channels: int = 3,
        width: int = 128,
        blocks: int = 7,
        factorised: bool = True,
        dilations: str = "multi",
        levels: Sequence[int] = (1, 5, 10),
        attention: str = "scale",
        rescale: str = "none",
        order: str = "frequency-time",
        time_pool: int = 2,
        pooled_norm: bool = False,
        dropout: float = 0.0,
        embedding_size: int = 32,
    ) -> None:
        super().__init__()
        if dilations not in DILATIONS or order not in KERNELS:
            came = f"dilations={dilations!r}, order={order!r}"
            raise ValueError(f"{came}; allowed are dilations {tuple(DILATIONS)} and orders {tuple(KERNELS)}")
        if bins < 2 or min(channels, width, blocks, time_pool, embedding_size) < 1:
            came = f"bins={bins}, channels={channels}, width={width}, blocks={blocks}, time_pool={time_pool}"
            raise ValueError(f"{came}, embedding_size={embedding_size}; allowed are bins from 2, otherwise at least 1")
        self.bins, self.time_pool, self.embedding_size = bins, time_pool, embedding_size
        kernel = KERNELS[order]
        self.conv = same_conv(channels, width, kernel)
        self.blocks = nn.ModuleList(
            DilatedBlock(width, rates, kernel=kernel, factorised=factorised)
            for rates in block_dilations(dilations, blocks)
        )
        self.pool = SpatialPyramidPooling(levels)
        self.norm = nn.BatchNorm1d(width) if pooled_norm else None
        self.attention = None if attention == "none" else AttentionPooling(width, mode=attention, rescale=rescale)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width * (1 if attention == "sum" else self.pool.bins), embedding_size)

    def maps(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what is pooled, (B, width, bins // 2, T // time_pool), and the valid frames of it, (B,) int64.

        Raises:
            ValueError: when ``lengths`` or the bins do not fit, or a clip is shorter than ``time_pool`` frames.
        """
        check_lengths(x, lengths, shortest=self.time_pool)
        if x.shape[2] != self.bins:
            raise ValueError(f"the batch has {x.shape[2]} frequency bins; this network was made for {self.bins}")
        x = F.leaky_relu(self.conv(mask_tail(x, lengths)), SLOPE, inplace=True)
        x, lengths = F.max_pool2d(x, (2, self.time_pool)), lengths // self.time_pool
        padded = int(lengths.min()) < x.shape[-1]
        frames = torch.arange(x.shape[-1], device=x.device)
        inside = frames < lengths.to(x.device, non_blocking=True).unsqueeze(1)
        keep = inside.to(x.dtype).view(len(x), 1, 1, -1) if padded else None
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
