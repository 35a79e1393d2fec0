"""A recurrent layer over clips of different length, each ending where it ends."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def over_time(recurrent: nn.RNNBase, steps: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a GRU or LSTM over padded steps.

    torch would sort the clips itself (``enforce_sorted=False``), and have a GPU wait for the order twice.

    Args:
        recurrent: batch first.
        steps: (B, T, F).
        lengths: valid steps, (B,) int64.

    Returns:
        Outputs (B, T', directions * state), zero behind a clip's end, and the last states (layers * directions, B,
        state): forwards after the last valid step, backwards after the first.
    """
    lengths, order = torch.sort(lengths.cpu(), descending=True)
    order, back = (each.to(steps.device, non_blocking=True) for each in (order, order.argsort()))
    packed = pack_padded_sequence(steps.index_select(0, order), lengths, batch_first=True)
    outputs, state = recurrent(packed)
    state = state[0] if isinstance(state, tuple) else state
    padded, _ = pad_packed_sequence(outputs, batch_first=True)
    return padded.index_select(0, back), state.index_select(1, back)
