"""Convolutions over time and frequency, then a bidirectional GRU: an utterance of any length becomes one vector.

Paper 003 is at hand as a summary only; the layer sizes are those of a reimplementation. Ours are "same" padding, which
lets clips of 15 frames in, and the GRU, where the reimplementation has a plain recurrent layer.
"""

from itertools import pairwise

import torch
from torch import nn

from serlib.checks import check_dropout, check_number, check_sizes
from serlib.models.pooling import check_lengths, halved, mask_tail, masked_relu, over_time, widened

SHORTEST = 15  # frames or bins, of which one is left


def frames_out(frames: int | torch.Tensor) -> int | torch.Tensor:
    """Return what four halvings leave of frames (or bins): floor(floor(floor(ceil(T / 2) / 2) / 2) / 2)."""
    return halved(frames) // 8


class CNNBiRNN(nn.Module):
    """Conv 7x7 with stride 2, three times conv 3x3 and max-pooling 2x2, a bidirectional GRU, a linear layer.

    Without arguments it has full size: 145,488 parameters in the convolutions and 689,664 in the GRU. Clips
    have at least 15 bins and 15 frames.

    ``width`` is a factor on the channels of the convolutions and on the size of the GRU. ``dropout``, in [0, 1), acts
    before the linear layer; the summary says of none.
    """

    def __init__(
        self, *, bins: int = 128, channels: int = 1, width: float = 1.0, embedding_size: int = 64, dropout: float = 0.0
    ) -> None:
        super().__init__()
        check_sizes(SHORTEST, bins=bins)
        check_sizes(channels=channels, embedding_size=embedding_size)
        check_number("width", width, 0, open_low=True)
        check_dropout(dropout=dropout)
        self.bins, self.channels, self.embedding_size = bins, channels, embedding_size
        *widths, state = (max(1, round(width * size)) for size in (48, 64, 80, 96, 128))
        self.stem = nn.Conv2d(channels, widths[0], 7, stride=2, padding=3)
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in pairwise(widths))
        self.pool = nn.MaxPool2d(2)
        self.recurrent = nn.GRU(frames_out(bins) * widths[-1], state, batch_first=True, bidirectional=True)
        self.dropout, self.linear = nn.Dropout(dropout), nn.Linear(2 * state, embedding_size)
        for conv in (self.stem, *self.convs):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)
        self.to(memory_format=torch.channels_last)  # the same up to rounding, and a quarter to a half faster on a CPU

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Embed (B, channels, bins, T), of which ``lengths`` (B,) frames are valid, as z (B, embedding_size)."""
        check_lengths(x, lengths, channels=self.channels, bins=self.bins)
        if (least := int(lengths.min())) < SHORTEST:
            came = f"clip {int(lengths.argmin())} of the batch has {least} frames"
            raise ValueError(f"{came}; this network halves time four times and needs at least {SHORTEST}")
        x, lengths = masked_relu(self.stem(mask_tail(x, lengths)), halved(lengths)), halved(lengths)
        for conv in self.convs:  # a pool of two frames never mixes a valid one that is kept with padding
            # ReLU behind the pool: the same values, on a quarter of the map
            x, lengths = masked_relu(self.pool(conv(x)), lengths // 2), lengths // 2
        steps = widened(x.permute(0, 3, 1, 2).flatten(2))  # (B, C, F, T') -> (B, T', C * F)
        with torch.autocast(x.device.type, enabled=False):  # a GRU in bfloat16 forgets over long clips
            _, state = over_time(self.recurrent, steps, lengths)  # (2, B, state)
            return self.linear(self.dropout(torch.relu(state.transpose(0, 1).flatten(1))))
