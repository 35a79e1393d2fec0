"""Paper 004's two branches side by side: what functionals say, frozen, and what the waveform adds."""

from typing import Self

import torch
from torch import nn

from serlib.models.feature_network import FeatureNetwork
from serlib.models.raw_waveform_network import RawWaveformNetwork


class DCaEN(nn.Module):
    """The embedding of the functionals and that of the waveform, concatenated: (B, 64 + 64).

    An utterance comes as one row: its functionals, then its samples.

    Args:
        feature: as stage 1 trained it; None: an untrained one of the paper's size.
        raw: None: one of the paper's size.
        frozen: whether ``feature`` stays as it is: its weights do not move, and its dropout is off in training too.
    """

    def __init__(
        self, feature: FeatureNetwork | None = None, raw: RawWaveformNetwork | None = None, *, frozen: bool = True
    ) -> None:
        super().__init__()
        self.feature = FeatureNetwork() if feature is None else feature
        self.raw = RawWaveformNetwork() if raw is None else raw
        self.feature_size = self.feature.embedding_size
        self.embedding_size = self.feature_size + self.raw.embedding_size
        self.frozen = frozen
        self.feature.requires_grad_(not frozen)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """As of every module; a frozen feature network stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.feature.eval()
        return self

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Embed (B, features + samples), of which ``lengths`` (B,) columns are valid, as [e_feat | e_raw].

        Raises:
            ValueError: when a clip has no sample behind its functionals, or ``lengths`` does not fit otherwise.
        """
        features = self.feature.features
        return torch.cat([self.feature(x[:, :features]), self.raw(x[:, features:], lengths - features)], 1)
