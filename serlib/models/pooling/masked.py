"""Pooling that looks at valid frames only, and the mask that keeps padding out of everything else."""

import torch
from torch import nn


def mask_tail(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Zero what lies past each clip's own length on the last axis, whatever stands there (NaN included).

    Args:
        x: (B, ..., T).
        lengths: (B,) int64, valid frames of each clip; best on the CPU, where asking costs nothing.

    Returns:
        (B, ..., T), ``x`` itself when nothing is padded.
    """
    if int(lengths.min()) >= x.shape[-1]:
        return x
    keep = torch.arange(x.shape[-1], device=x.device) < lengths.to(x.device, non_blocking=True).unsqueeze(1)
    # torch.where keeps the channels_last layout in both directions; masked_fill loses it and halves the speed.
    return torch.where(keep.view(len(x), *[1] * (x.ndim - 2), -1), x, 0)


def widened(x: torch.Tensor) -> torch.Tensor:
    """Return float32 of anything narrower; float64 stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def halved(lengths: torch.Tensor) -> torch.Tensor:
    """Return the frames left after a stride of 2 with "same" padding: ceil(length / 2), (B,) int64."""
    return (lengths + 1) // 2


def check_lengths(x: torch.Tensor, lengths: torch.Tensor, *, shortest: int = 1) -> None:
    """Refuse lengths that do not fit the batch.

    Raises:
        ValueError: when ``lengths`` is not (B,) integers between ``shortest`` and the batch's time axis.
    """
    if lengths.shape != (len(x),) or lengths.is_floating_point():
        raise ValueError(f"lengths is {lengths.dtype} {tuple(lengths.shape)}; needed is int64 ({len(x)},), one a clip")
    low, high = int(lengths.min()), int(lengths.max())
    if low < shortest or high > x.shape[-1]:
        raise ValueError(f"lengths lie in {low}..{high}; allowed are {shortest}..{x.shape[-1]} frames for this batch")


class MaskedMeanPooling(nn.Module):
    """Mean over frequency and over each clip's own frames (global average pooling that padding cannot move)."""

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Pool (B, C, F, T) with ``lengths`` (B,) to (B, C)."""
        total = widened(mask_tail(x, lengths)).sum((2, 3))
        return total / (lengths.to(x.device, non_blocking=True).unsqueeze(1) * x.shape[2])
