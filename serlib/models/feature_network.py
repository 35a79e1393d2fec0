"""Stage 1 of paper 004: a layer of neurons on an utterance's functionals."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from serlib.models.pooling.masked import widened

ACTIVATIONS = {"none": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh}


def activation_of(name: str) -> nn.Module:
    """Return the module of an activation's name.

    Raises:
        ValueError: for another name than those of ``ACTIVATIONS``.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation is {name!r}; allowed are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()


class FeatureNetwork(nn.Module):
    """Functionals (88) -> linear (64), activation, dropout: the paper's "64 nodes fully-connected layer".

    The embedding is signed unless the activation is ``"relu"``: of two embeddings without a negative entry the cosine
    is never below 0, so one of them at least must be signed if it is to come near -1.

    Args:
        features: functionals of an utterance.
        hidden: sizes of more layers before the embedding, each with the activation; the paper is not clear about any.
        embedding_size: of the last layer.
        dropout: chance to drop an entry of the embedding in training.
        activation: a name of ``ACTIVATIONS``; the paper names none.

    Raises:
        ValueError: for sizes below 1, a dropout outside [0, 1) or an unknown activation.
    """

    def __init__(
        self, features: int = 88, *, hidden: Sequence[int] = (), embedding_size: int = 64, dropout: float = 0.5,
        activation: str = "tanh",
    ) -> None:  # fmt: skip
        super().__init__()
        sizes = (features, *hidden, embedding_size)
        if min(sizes) < 1 or not 0 <= dropout < 1:
            raise ValueError(f"layers of {sizes} and dropout {dropout}; allowed are sizes from 1, dropout in [0, 1)")
        self.features, self.embedding_size = features, embedding_size
        layers = [(nn.Linear(size, wider), activation_of(activation)) for size, wider in pairwise(sizes)]
        self.layers = nn.Sequential(*(module for pair in layers for module in pair), nn.Dropout(dropout))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Embed (B, at least ``features``) as (B, embedding_size); later columns and ``lengths`` are not looked at.

        Raises:
            ValueError: when there are fewer columns.
        """
        if x.ndim != 2 or x.shape[1] < self.features:
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
