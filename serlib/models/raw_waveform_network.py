"""The raw branch of paper 004, after Tzirakis et al. 2017: from samples to one vector, nothing in between given."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from serlib.checks import check_choice, check_dropout, check_flags, check_row, check_sizes
from serlib.models.pooling import check_lengths, mask_tail, widened

ATTENTION = ("each", "last", "concat")
ACTIVATIONS = {"none": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh}


def activation_of(name: str) -> nn.Module:
    """Return the module of an activation's name; another than those of ``ACTIVATIONS`` is a ValueError."""
    check_choice("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]()


class RawWaveformNetwork(nn.Module):
    """Frames of samples -> two convolutions -> maximum over groups of channels -> two LSTM with attention -> linear.

    Without arguments it has the paper's sizes. Step by step for 6 s at 16 kHz: (B, 96000) -> 150 frames of 640 ->
    conv (40, 640) -> max-pool (40, 320) -> conv (40, 320) -> maximum over ten channels (4, 320) -> (B, 150, 1280) ->
    LSTM (B, 150, 256) twice -> attention (B, 256) -> (B, 64). An LSTM that runs forwards cannot see the padding behind
    a clip, and the attention does not look there: no packing, one dense pass of each LSTM over the batch.

    Args:
        frame: samples of a frame; frames do not overlap. A clip's last one is filled up with zeros.
        channels, kernels, strides: of the convolutions, which keep the length but for the stride.
        group: so many neighbouring channels become one, their maximum.
        cells: of each LSTM.
        attention: the paper has it "in each LSTM layer". ``"each"``: the first layer's outputs are weighed (mean 1),
            the second's are summed; ``"last"``: only the second; ``"concat"``: both are summed and concatenated.
        conv_activation: after each convolution; the paper names none.
        activation: of z; the paper names none, and ``"relu"`` keeps the cosine from getting below 0.
        framewise: convolve each frame by itself, else the whole waveform (the paper can be read in both ways).
        input_dropout: of samples; 0.5 in the code of Tzirakis et al., not in the paper.
        dropout: of what the attention has summed; not in the paper.
    """

    def __init__(
        self, *, frame: int = 640, channels: int = 40, kernels: Sequence[int] = (20, 40),
        strides: Sequence[int] = (1, 1), group: int = 10, cells: int = 256, embedding_size: int = 64,
        attention: str = "each", conv_activation: str = "relu", activation: str = "none", framewise: bool = True,
        input_dropout: float = 0.0, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        check_sizes(frame=frame, channels=channels, group=group, cells=cells, embedding_size=embedding_size)
        check_row("kernels", kernels, 2)
        check_row("strides", strides, 2)
        check_choice("attention", attention, ATTENTION)
        check_flags(framewise=framewise)
        check_dropout(input_dropout=input_dropout, dropout=dropout)
        shrink = 2 * strides[0] * strides[1]
        if channels % group:
            raise ValueError(f"channels={channels}, group={group}; allowed are channels in whole groups")
        if frame % shrink:
            allowed = f"multiples of {shrink}, by which the convolutions shrink it"
            raise ValueError(f"frame is {frame}; allowed are {allowed}")
        self.frame, self.group, self.attention, self.framewise = frame, group, attention, framewise
        self.embedding_size = embedding_size
        self.conv1 = nn.Conv1d(1, channels, kernels[0], stride=strides[0])
        self.conv2 = nn.Conv1d(channels, channels, kernels[1], stride=strides[1])
        self.conv_activation = activation_of(conv_activation)
        self.input_dropout, self.dropout = nn.Dropout(input_dropout), nn.Dropout(dropout)
        size = channels // group * frame // shrink
        self.lstms = nn.ModuleList(nn.LSTM(i, cells, batch_first=True) for i in (size, cells))
        self.scores = nn.ModuleList(nn.Linear(cells, 1) for _ in range(1 if attention == "last" else 2))
        self.linear = nn.Linear(cells * (2 if attention == "concat" else 1), embedding_size)
        self.activation = activation_of(activation)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Embed (B, samples), of which ``lengths`` (B,) are valid, as z (B, embedding_size)."""
        units = widened(self.frames(x, lengths))
        with torch.autocast(x.device.type, enabled=False):  # an LSTM in bfloat16 forgets over long clips
            sums = [(weights.unsqueeze(1) @ heard).squeeze(1) for heard, weights in self._attended(units, lengths)]
            z = torch.cat(sums if self.attention == "concat" else sums[-1:], 1)
            return self.activation(self.linear(self.dropout(z)))

    def frames(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return what the convolutions make of every frame: (B, T, channels / group * samples left), 0 past the end."""
        check_lengths(x, lengths, axes=2)
        count = -(-lengths // self.frame)
        steps, frame = int(count.max()), self.frame
        x = self.input_dropout(F.pad(mask_tail(x, lengths), (0, steps * frame - x.shape[1])))
        if not self.framewise:
            maps = self._convolved(x.unsqueeze(1), count * frame).unflatten(2, (steps, -1))
            return mask_tail(maps.permute(0, 1, 3, 2), count).permute(0, 3, 1, 2).flatten(2)
        # only frames of a clip are convolved; which, is found on the CPU, where nothing waits for the answer
        own = torch.nonzero((torch.arange(steps) < count.unsqueeze(1)).flatten()).squeeze(1)
        own = own.to(x.device, non_blocking=True)
        maps = self._convolved(x.reshape(-1, frame).index_select(0, own).unsqueeze(1)).flatten(1)
        return maps.new_zeros(len(x) * steps, maps.shape[1]).index_copy(0, own, maps).view(len(x), steps, -1)

    def weights(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return how much of each frame the last attention takes: (B, T), summing to 1, 0 past a clip's end."""
        return self._attended(widened(self.frames(x, lengths)), lengths)[-1][1]

    def _convolved(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Turn (N, 1, samples) into (N, channels / group, samples / shrink); ``lengths`` where clips end inside."""
        # each maximum is taken before the activation, which never falls: the same values for a fraction of the time
        x = self._same(self.conv1, x).unflatten(2, (-1, 2))
        x = self.conv_activation(torch.maximum(x[..., 0], x[..., 1]))  # the paper's pooling from 16 to 8 kHz
        if lengths is not None:
            x = mask_tail(x, lengths // (2 * self.conv1.stride[0]))
        x = self._same(self.conv2, x)
        return self.conv_activation(x.unflatten(1, (-1, self.group)).amax(2))  # over channels, never over time

    @staticmethod
    def _same(conv: nn.Conv1d, x: torch.Tensor) -> torch.Tensor:
        """Convolve with zeros on both sides, so that only the stride shortens."""
        (kernel,) = conv.kernel_size
        return conv(F.pad(x, ((kernel - 1) // 2, kernel // 2)))

    def _attended(self, units: torch.Tensor, lengths: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return the outputs (B, T, cells) of each LSTM that has attention, and its weights (B, T)."""
        count = -(-lengths // self.frame)
        past = (torch.arange(units.shape[1]) >= count.unsqueeze(1)).to(units.device, non_blocking=True)
        scores, pairs = [None, *self.scores][-2:], []
        for lstm, score in zip(self.lstms, scores, strict=True):
            units, _ = lstm(units)
            if score is None:
                continue
            weights = score(units).squeeze(2).masked_fill(past, -torch.inf).softmax(1)
            pairs.append((units, weights))
            if self.attention == "each":
                units = units * (weights * count.to(weights, non_blocking=True).unsqueeze(1)).unsqueeze(2)
        return pairs
