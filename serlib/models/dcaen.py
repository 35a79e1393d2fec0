"""Paper 004's two branches side by side: what functionals say, frozen, and what the waveform adds."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import torch
from torch import nn

from serlib.checks import check_dropout, check_flags, check_row, check_sizes
from serlib.models.pooling.masked import check_floats, widened
from serlib.models.raw_waveform_network import RawWaveformNetwork, activation_of


class FeatureNetwork(nn.Module):
    """Stage 1: functionals (88) -> linear (64), activation, dropout: the paper's "64 nodes fully-connected layer".

    ``hidden`` are sizes of more layers before the embedding, each with the ``activation`` (of ``ACTIVATIONS``); the
    paper is not clear about either. Under ``"relu"`` the embedding is not signed: see ``complementary_loss``.
    """

    def __init__(
        self, features: int = 88, *, hidden: Sequence[int] = (), embedding_size: int = 64, dropout: float = 0.5,
        activation: str = "tanh",
    ) -> None:  # fmt: skip
        super().__init__()
        check_sizes(features=features, embedding_size=embedding_size)
        check_row("hidden", hidden)
        check_dropout(dropout=dropout)
        sizes = (features, *hidden, embedding_size)
        self.features, self.embedding_size = features, embedding_size
        layers = [(nn.Linear(size, wider), activation_of(activation)) for size, wider in pairwise(sizes)]
        self.layers = nn.Sequential(*(module for pair in layers for module in pair), nn.Dropout(dropout))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Embed (B, at least ``features``) as (B, embedding_size); later columns and ``lengths`` are not looked at."""
        check_floats("functionals", x, (None, None))
        if x.shape[1] < self.features:
            raise ValueError(f"the batch has shape {tuple(x.shape)}; needed are (B, {self.features}) functionals")
        with torch.autocast(x.device.type, enabled=False):  # a matrix so small gains nothing from bfloat16
            return self.layers(widened(x[:, : self.features]))


class UnchangedFeatures(nn.Module):
    """The functionals themselves in a feature network's place: what E_Ceg compares the waveform's embedding with."""

    def __init__(self, features: int = 88) -> None:
        super().__init__()
        self.features = self.embedding_size = features

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the first ``features`` columns of (B, at least ``features``)."""
        return widened(x[:, : self.features])


class DCaEN(nn.Module):
    """The embedding of the functionals and that of the waveform, concatenated: (B, 64 + 64).

    An utterance comes as one row: its functionals, then its samples. ``feature`` is as stage 1 trained it; None is an
    untrained network of the paper's size, and so for ``raw``. ``frozen``: the weights of ``feature`` do not move, and
    its dropout is off in training too.
    """

    def __init__(
        self, feature: FeatureNetwork | None = None, raw: RawWaveformNetwork | None = None, *, frozen: bool = True
    ) -> None:
        super().__init__()
        if not isinstance(feature, FeatureNetwork | UnchangedFeatures | None):
            raise ValueError(f"feature is {feature!r}; allowed are a FeatureNetwork, UnchangedFeatures and None")
        if not isinstance(raw, RawWaveformNetwork | None):
            raise ValueError(f"raw is {raw!r}; allowed are a RawWaveformNetwork and None")
        check_flags(frozen=frozen)
        self.feature = FeatureNetwork() if feature is None else feature
        self.raw = RawWaveformNetwork() if raw is None else raw
        self.feature_size, self.frozen = self.feature.embedding_size, frozen
        self.embedding_size = self.feature_size + self.raw.embedding_size
        self.feature.requires_grad_(not frozen)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """As of every module; a frozen feature network stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.feature.eval()
        return self

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Embed (B, features + samples), of which ``lengths`` (B,) columns are valid, as [e_feat | e_raw]."""
        features = self.feature.features
        return torch.cat([self.feature(x[:, :features]), self.raw(x[:, features:], lengths - features)], 1)
