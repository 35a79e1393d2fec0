"""ResNet-18 for spectrograms of any length (paper 001, section 3.1; He et al. 2015 for what the paper leaves out)."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from serlib.checks import check_dropout, check_flags, check_sizes
from serlib.models.pooling import MaskedMeanPooling, check_lengths, halved, mask_tail, masked_relu


class Projection(nn.Conv2d):
    """The shortcut's 1x1 convolution without bias: of every ``stride``-th frame and band, (B, inputs, F, T).

    Of fewer than 16 channels the frames are picked first, the same sum in the same order: oneDNN 3.10 (in torch 2.11)
    writes past its workspace in the weights' gradient of such a strided convolution in channels_last and, with two
    threads or more, ends the process (uxlfoundation/oneDNN issue 6035).
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, inputs, F, T) to (B, outputs, ceil(F / stride), ceil(T / stride))."""
        if self.in_channels >= 16:
            return super().forward(x)
        along, across = self.stride
        return functional.conv2d(x[:, :, ::along, ::across], self.weight)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (paper 001 eq. 1), normalised before each ReLU.

    ``preactivation`` puts normalisation and ReLU before each convolution instead (He et al. 2016): the paper's
    "BN before computing the ReLU" fits both; the ordinary order is the default.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, *, preactivation: bool = False) -> None:
        super().__init__()
        self.stride, self.preactivation = stride, preactivation
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(inputs if preactivation else outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            layers = [Projection(inputs, outputs, stride)]
            self.shortcut = nn.Sequential(*layers, *([] if preactivation else [nn.BatchNorm2d(outputs)]))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map (B, inputs, F, T), tail zeroed, to (B, outputs, F/stride, T/stride), tail zeroed, and its lengths."""
        after = halved(lengths) if self.stride == 2 else lengths
        if self.preactivation:
            y = masked_relu(self.norm1(x), lengths)
            shortcut = self.shortcut(x)
            y = masked_relu(self.norm2(self.conv1(y)), after)
            return mask_tail(self.conv2(y) + shortcut, after), after
        y = masked_relu(self.norm1(self.conv1(x)), after)
        y = self.norm2(self.conv2(y)) + self.shortcut(x)
        return masked_relu(y, after), after


class ResNet18(nn.Module):
    """Stem, four stages of two basic blocks, masked global average pooling.

    Without arguments it has the sizes of He et al.: 11,170,240 parameters, 11,172,292 with the four-class output layer
    that the loss owns. Fig. 2 is not in the paper's text, so stem and widths are those of He et al. [guess].

    ``width`` is the number of channels in the first stage; the later ones have 2, 4 and 8 times as many. ``dropout`` of
    the embedding, in [0, 1), is not in the paper.
    """

    def __init__(
        self, *, width: int = 64, channels: int = 1, preactivation: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        check_sizes(width=width, channels=channels)
        check_flags(preactivation=preactivation)
        check_dropout(dropout=dropout)
        self.channels, self.embedding_size = channels, 8 * width
        self.conv = nn.Conv2d(channels, width, 7, 2, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        widths = pairwise(width * factor for factor in (1, 1, 1, 2, 2, 4, 4, 8, 8))  # twice as wide, half as long
        self.blocks = nn.ModuleList(BasicBlock(i, o, o // i, preactivation=preactivation) for i, o in widths)
        self.last = nn.BatchNorm2d(8 * width) if preactivation else None
        self.mean, self.dropout = MaskedMeanPooling(), nn.Dropout(dropout)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.to(memory_format=torch.channels_last)  # the same up to rounding, and a quarter to a half faster on a CPU

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Embed (B, channels, F, T), of which ``lengths`` (B,) frames are valid, as (B, 8 * width)."""
        check_lengths(x, lengths, channels=self.channels)
        x, lengths = self.conv(mask_tail(x, lengths)), halved(lengths)
        x, lengths = self.pool(masked_relu(self.norm(x), lengths)), halved(lengths)
        x = masked_relu(x, lengths)  # nothing is below 0; a zeroed tail has won no maximum
        for block in self.blocks:
            x, lengths = block(x, lengths)
        if self.last is not None:
            x = torch.relu(self.last(x))
        return self.dropout(self.mean(x, lengths))
