"""CNN-TF-GAP: one branch reads along time, one along frequency; four convolutions; global average pooling.

After Li et al. 2018 (paper 000's reference 6) with their attention replaced by the mean, as paper 000 says. Their text
was not at hand: channels are those on which reading notes and three reimplementations agree, kernels those of two.
"""

from itertools import pairwise

import torch
from torch import nn

from serlib.checks import check_choice, check_dropout, check_number, check_sizes
from serlib.models.pooling import MaskedMeanPooling, check_lengths, mask_tail

SHORTEST = 5  # frames or bins, of which one is left: (5 - 1) // 2 // 2
PADDINGS = {"meet": ((4, 0), (0, 3)), "same": ("same", "same")}


class Step(nn.Module):
    """Convolution, batch normalisation, ReLU and, where asked, max-pooling 2x2."""

    def __init__(self, inside: int, outside: int, *, pool: bool = False, **kernel: object) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, **kernel)
        self.norm = nn.BatchNorm2d(outside)
        self.pool = nn.MaxPool2d(2) if pool else None
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Map (B, C, F, T), of which ``lengths`` frames are valid; what comes out is not masked."""
        x = self.norm(self.conv(mask_tail(x, lengths)))
        return torch.relu(x if self.pool is None else self.pool(x))  # behind the pool: the same values, on less


class CNNTFGAP(nn.Module):
    """Conv 10x2 and 2x8 side by side, 3x3 four times (pooled behind the first two), mean over time and frequency.

    Without arguments it has full size: 92,688 parameters in the convolutions and x in R^80, not negative. Clips
    have at least 5 bins and 5 frames.

    Args:
        width: factor on the channels: 8 + 8, 32, 48, 64, 80.
        padding: ``"meet"``: 4 bins and 3 frames at either end, so that both branches come out one bin and one frame
            smaller; ``"same"``: as large as the input. Both are guesses.
        embedding_size: None: x is the mean; a number: a linear layer behind it, so that x may point anywhere (a head
            that compares angles has more room then: among vectors without negative entries they are at most 90°).
        dropout: of the mean, in [0, 1); not in the paper.
    """

    def __init__(
        self, *, channels: int = 1, width: float = 1.0, padding: str = "meet", embedding_size: int | None = None,
        dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        check_sizes(channels=channels, **({} if embedding_size is None else {"embedding_size": embedding_size}))
        check_number("width", width, 0, open_low=True)
        check_choice("padding", padding, PADDINGS)
        check_dropout(dropout=dropout)
        self.channels = channels
        branch, *widths = (max(1, round(width * size)) for size in (8, 32, 48, 64, 80))
        first, second = PADDINGS[padding]
        self.lost = 1 if padding == "meet" else 0
        self.frequency = Step(channels, branch, kernel_size=(10, 2), padding=first)
        self.time = Step(channels, branch, kernel_size=(2, 8), padding=second)
        sizes = enumerate(pairwise([2 * branch, *widths]))
        self.blocks = nn.ModuleList(Step(i, o, kernel_size=3, padding=1, pool=k < 2) for k, (i, o) in sizes)
        self.mean, self.dropout = MaskedMeanPooling(), nn.Dropout(dropout)
        self.linear = nn.Identity() if embedding_size is None else nn.Linear(widths[-1], embedding_size)
        self.embedding_size = embedding_size or widths[-1]

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Embed (B, channels, bins, T), of which ``lengths`` (B,) frames are valid, as x (B, embedding_size)."""
        check_lengths(x, lengths, shortest=SHORTEST, channels=self.channels)
        if x.shape[2] < SHORTEST:
            raise ValueError(f"the batch has {x.shape[2]} frequency bins; at least {SHORTEST} are needed")
        x = torch.cat([self.frequency(x, lengths), self.time(x, lengths)], 1)
        lengths = lengths - self.lost
        for block in self.blocks:
            x, lengths = block(x, lengths), lengths // (1 if block.pool is None else 2)
        with torch.autocast(x.device.type, enabled=False):
            return self.linear(self.dropout(self.mean(x, lengths)))
