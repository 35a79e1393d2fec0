"""Pooling and recurrence that look at valid frames only, and the mask that keeps padding out of everything else."""

import torch
from torch import nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8)


def valid_frames(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor | None:
    """Return which frames of (B, ..., T) lie within each clip's own length: (B, 1, ..., T) bool; None: all of them."""
    if int(lengths.min()) >= x.shape[-1]:  # lengths are best on the CPU, where asking costs nothing
        return None
    keep = torch.arange(x.shape[-1], device=x.device) < lengths.to(x.device, non_blocking=True).unsqueeze(1)
    return keep.view(len(x), *[1] * (x.ndim - 2), -1)


def mask_tail(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Zero what lies past each clip's length on the last axis of (B, ..., T), whatever stands there (NaN included)."""
    keep = valid_frames(x, lengths)
    # torch.where keeps the channels_last layout in both directions; masked_fill loses it and halves the speed.
    return x if keep is None else torch.where(keep, x, 0)


class _MaskedReLU(torch.autograd.Function):
    """A zeroed tail needs no way back of its own: ReLU's lets nothing through a zero."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: torch.Tensor, keep: torch.Tensor, first: int) -> torch.Tensor:
        y = torch.relu(x)
        y[..., first:].masked_fill_(~keep[..., first:], 0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return torch.ops.aten.threshold_backward(gradient, *ctx.saved_tensors, 0), None, None


def masked_relu(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return ``mask_tail(torch.relu(x), lengths)``, to the bit and with its gradient, at a fraction of the time.

    Only the frames that some clip lacks are touched, and on the way back none.
    """
    keep = valid_frames(x, lengths)
    if keep is None or not (torch.is_grad_enabled() and x.requires_grad):
        return mask_tail(torch.relu(x), lengths)
    return _MaskedReLU.apply(x, keep, int(lengths.min()))


def widened(x: torch.Tensor) -> torch.Tensor:
    """Return float32 of anything narrower; float64 stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def halved(lengths: torch.Tensor) -> torch.Tensor:
    """Return the frames left after a stride of 2 with "same" padding: ceil(length / 2), (B,) int64."""
    return (lengths + 1) // 2


def check_floats(name: str, x: torch.Tensor, shape: tuple[int | None, ...]) -> None:
    """Refuse all but a floating point tensor of that shape, at least one along each axis that may have any (None)."""
    fits = isinstance(x, torch.Tensor) and x.is_floating_point() and x.ndim == len(shape)
    if not fits or any(n == 0 or want not in (None, n) for n, want in zip(x.shape, shape, strict=True)):
        came = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, torch.Tensor) else type(x).__name__
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name}: {came}; needed is a floating point tensor of shape ({wanted})")


def check_lengths(
    x: torch.Tensor, lengths: torch.Tensor, *, shortest: int = 1, channels: int | None = None, bins: int | None = None,
    axes: int = 4,
) -> None:  # fmt: skip
    """Refuse a batch that is not (B, channels, bins, T), or whose ``lengths`` are not (B,) integers in shortest..T.

    ``axes`` is 2 for samples (B, T); ``channels`` or ``bins`` may be any where they are None.
    """
    check_floats("batch", x, (None, channels, None, None)[-axes:])
    if not isinstance(lengths, torch.Tensor) or lengths.shape != (len(x),) or lengths.dtype not in INTEGERS:
        came = f"{lengths.dtype} {tuple(lengths.shape)}" if hasattr(lengths, "dtype") else type(lengths).__name__
        raise ValueError(f"lengths is {came}; needed is int64 ({len(x)},), one a clip")
    low, high = int(lengths.min()), int(lengths.max())
    if low < shortest or high > x.shape[-1]:
        raise ValueError(f"lengths lie in {low}..{high}; allowed are {shortest}..{x.shape[-1]} frames for this batch")
    if bins is not None and x.shape[2] != bins:
        raise ValueError(f"the batch has {x.shape[2]} frequency bins; this network was made for {bins}")


class MaskedMeanPooling(nn.Module):
    """Mean over frequency and over each clip's own frames (global average pooling that padding cannot move)."""

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Pool (B, C, F, T) with ``lengths`` (B,) to (B, C)."""
        check_lengths(x, lengths)
        total = widened(mask_tail(x, lengths)).sum((2, 3))
        return total / (lengths.to(x.device, non_blocking=True).unsqueeze(1) * x.shape[2])


def over_time(recurrent: nn.RNNBase, steps: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a GRU or LSTM (batch first) over padded steps (B, T, F), of which ``lengths`` (B,) int64 are valid.

    Outputs are (B, T', directions * state), zero behind a clip's end, the last states (layers * directions, B, state):
    forwards after the last valid step, backwards after the first.
    """
    # torch would sort the clips itself (enforce_sorted=False), and have a GPU wait for the order twice
    lengths, order = torch.sort(lengths.cpu(), descending=True)
    order, back = (each.to(steps.device, non_blocking=True) for each in (order, order.argsort()))
    outputs, state = recurrent(pack_padded_sequence(steps.index_select(0, order), lengths, batch_first=True))
    state = state[0] if isinstance(state, tuple) else state
    padded, _ = pad_packed_sequence(outputs, batch_first=True)
    return padded.index_select(0, back), state.index_select(1, back)
