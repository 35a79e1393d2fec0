"""What a network learns from or is scored on: inputs of any length with their labels, held in memory once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch


@dataclass(frozen=True)
class Examples:
    """Inputs of any length with their labels; a ValueError where these do not fit each other.

    Attributes:
        inputs: arrays that share every axis but the last (time), such as (channels, frequency, time).
        labels: (len(inputs),) int64 class indices.
        names: of the clips, for messages; their positions where none are given.
        groups: (len(inputs),) int64, 0, 1, 2, ... without a gap: which utterance an input is a piece of; None: every
            input is an utterance of its own.
        versions: (len(inputs),) int64: which reading of its utterance an input belongs to, such as one at another
            speed; 0 is the utterance as it is. Of these an epoch hears one, drawn anew. None: there is one reading.
        valid: (len(inputs),) int64, how many frames of an input are not filled up; None: all.
    """

    inputs: Sequence[np.ndarray]
    labels: np.ndarray
    names: Sequence[str] | None = None
    groups: np.ndarray | None = None
    versions: np.ndarray | None = None
    valid: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not len(self.inputs):
            raise ValueError("got no inputs; need at least one")
        for name in ("labels", "names", "groups", "versions", "valid"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.inputs):
                raise ValueError(f"got {len(self.inputs)} inputs and {len(column)} {name}; need as many")
        if (lacking := np.argwhere(self.pieces == 0)).size:
            came = "utterance {} has no reading {}".format(*lacking[0])
            raise ValueError(f"{came}; every utterance needs every reading")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def as_is(self) -> np.ndarray:
        """Positions of the inputs that belong to their utterances as they are: (n,) int64."""
        return np.arange(len(self)) if self.versions is None else np.flatnonzero(self.versions == 0)

    @property
    def lengths(self) -> np.ndarray:
        """Frames or samples of every input: (len(self),) int64."""
        return np.array([x.shape[-1] for x in self.inputs], np.int64)

    @property
    def utterances(self) -> np.ndarray:
        """Which utterance every input is (a piece of): (len(self),) int64."""
        return np.arange(len(self)) if self.groups is None else self.groups

    @property
    def pieces(self) -> np.ndarray:
        """Into how many inputs every reading of every utterance is cut: (utterances, readings) int64."""
        versions = np.zeros(len(self), np.int64) if self.versions is None else self.versions
        counts = np.zeros((self.utterances.max() + 1, versions.max() + 1), np.int64)
        np.add.at(counts, (self.utterances, versions), 1)
        return counts

    @property
    def utterance_labels(self) -> np.ndarray:
        """Label of every utterance: (utterances,) int64."""
        return self.labels if self.groups is None else self.labels[np.unique(self.groups, return_index=True)[1]]

    @cached_property
    def flat(self) -> torch.Tensor:
        """The inputs as :func:`end_to_end` lays them; a list of inputs then holds views of it, so there is one copy."""
        return end_to_end(self.inputs)

    def averaged(self, values: np.ndarray) -> np.ndarray:
        """Average what was found for each input over the pieces of an utterance: (inputs, N) -> (utterances, N)."""
        if self.groups is None:
            return values
        sums = np.zeros((self.groups.max() + 1, *values.shape[1:]))
        np.add.at(sums, self.groups, values)
        return (sums / np.bincount(self.groups)[:, None]).astype(values.dtype)

    def heard(self, generator: np.random.Generator) -> np.ndarray:
        """Draw one reading of each utterance and return the positions of its inputs, ascending."""
        if self.versions is None:
            return np.arange(len(self))
        drawn = generator.integers(self.versions.max() + 1, size=self.utterances.max() + 1)
        return np.flatnonzero(self.versions == drawn[self.utterances])


def end_to_end(inputs: Sequence[np.ndarray]) -> torch.Tensor:
    """Lay inputs end to end, time first, and behind them zeros, which padding reads: (frames + 1, ...) float32.

    In a list, views of the result take the arrays' places one by one, so that these can be let go.
    """
    lengths = [x.shape[-1] for x in inputs]
    flat = torch.empty(sum(lengths) + 1, *inputs[0].shape[:-1])  # takes memory as it is filled
    flat[-1] = 0
    for row, piece in enumerate(flat[:-1].split(lengths)):
        view = piece.movedim(0, -1)
        view.copy_(torch.from_numpy(np.ascontiguousarray(inputs[row])))
        if isinstance(inputs, list):
            inputs[row] = view.numpy()
    return flat
