"""A network and clips that are small enough to reason about, for tests of training."""

import numpy as np
from torch import Tensor, nn

from serlib.models.pooling import mask_tail
from serlib.training import Examples, Hardware

CPU = Hardware("cpu", "float32")
CLASSES = 3


class Mean(nn.Module):
    """Averages the valid frames of (B, features, T) and maps them linearly to (B, 4)."""

    embedding_size = 4

    def __init__(self, features: int = 3, *, dropout: float = 0.0, norm: bool = False) -> None:
        super().__init__()
        self.linear, self.dropout = nn.Linear(features, self.embedding_size), nn.Dropout(dropout)
        self.norm = nn.BatchNorm1d(self.embedding_size) if norm else nn.Identity()

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        mean = mask_tail(x, lengths).sum(-1) / lengths.to(x.device, non_blocking=True).unsqueeze(1)
        return self.dropout(self.norm(self.linear(mean)))


def clips(seed: int, size: int = 60, *, noise: float = 1.0) -> Examples:
    """Return clips of 4 to 29 frames of 3 values, of which the one that is their class' is larger by 2."""
    generator = np.random.default_rng(seed)
    labels = np.arange(size) % CLASSES
    inputs = [
        (2 * np.eye(3)[y][:, None] + noise * generator.standard_normal((3, generator.integers(4, 30)))).astype("f4")
        for y in labels
    ]
    return Examples(inputs, labels, names=[f"clip{i}" for i in range(size)])


def pieces(counts: np.ndarray, *, longest: int = 40, seed: int = 0) -> Examples:
    """Return utterances in several readings, cut into ``counts`` (utterances, readings) pieces, each full of its row.

    All lengths are drawn; the label of utterance u is u modulo 3.
    """
    counts = np.asarray(counts)
    utterances, readings = np.indices(counts.shape)
    groups, versions = (np.repeat(each.T.ravel(), counts.T.ravel()) for each in (utterances, readings))
    lengths = np.random.default_rng(seed).integers(1, longest + 1, len(groups))
    inputs = [np.full((2, length), row, np.float32) for row, length in enumerate(lengths)]
    return Examples(inputs, groups % CLASSES, groups=groups, versions=versions if counts.shape[1] > 1 else None)
