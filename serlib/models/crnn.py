"""CRNN: three convolutions with large kernels, an LSTM over time, a linear layer.

After Satt et al. 2017 (paper 000's reference 4), whose text was not at hand: kernels, channels and LSTM size are those
of most of seven public reimplementations. Paper 000 itself prints the input (400 bins, 200 frames) only.
"""

from itertools import pairwise

import torch
from torch import nn

from serlib.checks import check_choice, check_dropout, check_flags, check_number, check_row, check_sizes
from serlib.models.pooling import check_lengths, mask_tail, masked_relu, over_time, widened

KERNELS = ((12, 16), (8, 12), (5, 7))  # frequency, time
ENDS = {"none": nn.Identity, "relu": nn.ReLU, "prelu": nn.PReLU}


class CRNN(nn.Module):
    """Convolutions 12x16, 8x12 and 5x7 ("same" padding, ReLU, max-pooling each), an LSTM, dropout, a linear layer.

    Without arguments it has full size: 66,888 parameters in the convolutions, 1,771,520 in the LSTM, 16,448 in
    the linear layer. Our guesses, where sources disagree or are silent, are arguments.

    Args:
        bins: of the input; three poolings must leave one.
        width: factor on 16, 24 and 32 channels and on the 128 units of the LSTM.
        pool: of every max-pooling, (frequency, time); 2x2 in four of seven sources, 2x1 in two.
        bidirectional: in three of five sources.
        last_states: hand on the state after the last step of each direction; False: the mean over the steps.
        activation: behind the linear layer, one of ``ENDS``; a ReLU would keep angles between embeddings under 90°.
        dropout: before the linear layer, in [0, 1).
    """

    def __init__(
        self, *, bins: int = 400, channels: int = 1, width: float = 1.0, pool: tuple[int, int] = (2, 2),
        bidirectional: bool = True, last_states: bool = True, activation: str = "none", dropout: float = 0.3,
        embedding_size: int = 64,
    ) -> None:  # fmt: skip
        super().__init__()
        check_row("pool", pool, 2)
        least, self.shortest = (size ** len(KERNELS) for size in pool)
        check_sizes(least, bins=bins)
        check_sizes(channels=channels, embedding_size=embedding_size)
        check_number("width", width, 0, open_low=True)
        check_flags(bidirectional=bidirectional, last_states=last_states)
        check_choice("activation", activation, ENDS)
        check_dropout(dropout=dropout)
        self.bins, self.channels, self.last_states, self.embedding_size = bins, channels, last_states, embedding_size
        *widths, state = (max(1, round(width * size)) for size in (16, 24, 32, 128))
        steps = zip(pairwise([channels, *widths]), KERNELS, strict=True)
        self.convs = nn.ModuleList(nn.Conv2d(i, o, kernel) for (i, o), kernel in steps)
        # "same": an even kernel takes the one more zero at the end
        self.pads = [((t - 1) // 2, t // 2, (f - 1) // 2, f // 2) for f, t in KERNELS]
        self.pool = nn.MaxPool2d(tuple(pool))
        self.recurrent = nn.LSTM(bins // least * widths[-1], state, batch_first=True, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(state * (1 + bidirectional), embedding_size)
        self.end = ENDS[activation]()
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)
        self.to(memory_format=torch.channels_last)  # the same up to rounding, and a quarter to a half faster on a CPU

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Embed (B, channels, bins, T), of which ``lengths`` (B,) frames are valid, as x (B, embedding_size)."""
        check_lengths(x, lengths, shortest=self.shortest, channels=self.channels, bins=self.bins)
        x = mask_tail(x, lengths)
        for conv, pad in zip(self.convs, self.pads, strict=True):  # a pool that is kept never mixes in padding
            lengths = lengths // self.pool.kernel_size[1]
            # ReLU behind the pool: the same values, on a quarter of the map
            x = masked_relu(self.pool(conv(nn.functional.pad(x, pad))), lengths)
        steps = widened(x.permute(0, 3, 1, 2).flatten(2))  # (B, C, F, T') -> (B, T', C * F): time is the sequence
        with torch.autocast(x.device.type, enabled=False):  # an LSTM in bfloat16 forgets
            outputs, state = over_time(self.recurrent, steps, lengths)
            if self.last_states:
                summary = state.transpose(0, 1).flatten(1)  # (B, directions * state)
            else:
                summary = outputs.sum(1) / lengths.to(outputs.device, non_blocking=True).unsqueeze(1)
            return self.end(self.linear(self.dropout(summary)))
