"""Attention over a set of vectors, such as the bins of a spatial pyramid."""

import torch
from torch import nn

from serlib.checks import check_choice, check_sizes
from serlib.models.pooling.masked import check_floats, widened

MODES = ("scale", "sum")
RESCALES = ("none", "count", "norm")


class AttentionPooling(nn.Module):
    """Weigh N vectors by a softmax over N (paper 002 eq. 9-11): v = sigmoid(W x + b), a = softmax(v u), y = x a.

    The equations scale the vectors and do not say that they are summed, as they are in the work that paper 002 cites
    for them. Weights are 1/N on average, so scaled vectors shrink 126 times; whether the paper undoes this is not said.

    Args:
        size: C of each vector.
        mode: ``"scale"`` keeps the N vectors (as printed), ``"sum"`` adds them up.
        rescale: ``"none"`` (as printed), ``"count"``: times N, or ``"norm"``: a LayerNorm over C.
    """

    def __init__(self, size: int, *, mode: str = "scale", rescale: str = "none") -> None:
        super().__init__()
        check_sizes(size=size)
        check_choice("mode", mode, MODES)
        check_choice("rescale", rescale, RESCALES)
        self.size, self.mode, self.rescale = size, mode, rescale
        self.hidden, self.context = nn.Linear(size, size), nn.Linear(size, 1, bias=False)
        self.norm = nn.LayerNorm(size) if rescale == "norm" else nn.Identity()

    def weights(self, x: torch.Tensor) -> torch.Tensor:
        """Return the weights (B, N), which sum to 1, of vectors (B, N, C)."""
        check_floats("vectors", x, (None, None, self.size))
        return widened(self.context(torch.sigmoid(self.hidden(x))).squeeze(-1)).softmax(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn (B, N, C) into (B, N, C), or (B, C) when summing."""
        weights = self.weights(x).unsqueeze(-1)
        scaled = x * (weights * x.shape[1] if self.rescale == "count" else weights)
        return self.norm(scaled.sum(1) if self.mode == "sum" else scaled)
