"""Convolutions with several dilations side by side, on padded batches (paper 002, its "MDCB")."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import nn
from torch.nn import functional as F

SLOPE = 0.01  # of the leaky ReLU; not printed


def same_conv(channels_in: int, channels_out: int, kernel: tuple[int, int], dilation: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size of a map, He initialised; a kernel's axis of 1 is not dilated."""
    spread = [dilation if size > 1 else 1 for size in kernel]
    padding = [d * (size // 2) for d, size in zip(spread, kernel, strict=True)]
    conv = nn.Conv2d(channels_in, channels_out, kernel, dilation=tuple(spread), padding=tuple(padding))
    nn.init.kaiming_normal_(conv.weight, a=SLOPE)
    nn.init.zeros_(conv.bias)
    return conv


class DilatedBlock(nn.Module):
    """One branch per dilation, each a kernel or its two factors with a leaky ReLU after each; branches are summed.

    Summing is our reading of "merged": it keeps the number of channels, as the pooled 126 x 128 of the paper needs.

    Args:
        channels: of the map, in and out.
        dilations: of the branches, such as (1, 2).
        kernel: over (frequency, time).
        factorised: two convolutions, along the longer axis of the kernel first, instead of one.
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
        """Map (B, C, F, T) to the same shape.

        Args:
            x: finite; what stands in padded frames means nothing, before and after.
            keep: (B, 1, 1, T), 1 in valid frames and 0 in padded ones, of x's dtype; None: all are valid.
        """
        return reduce(torch.add, (self._branch(branch, x, keep) for branch in self.branches))

    @staticmethod
    def _branch(convs: nn.ModuleList, x: torch.Tensor, keep: torch.Tensor | None) -> torch.Tensor:
        for conv in convs:
            if keep is not None and conv.kernel_size[1] > 1:  # only a kernel over time brings padding to valid frames
                x = x * keep  # ten times as fast as torch.where in bfloat16
            x = F.leaky_relu(conv(x), SLOPE, inplace=True)
        return x
