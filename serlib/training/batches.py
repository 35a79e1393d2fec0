"""Length-bucketed padded batches: clips of similar length travel together, so little is padded and less is computed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

MULTIPLE = 8  # the time axis of a batch is a multiple of it
WINDOW = 16  # batches


@dataclass(frozen=True)
class Examples:
    """Inputs of any length with their labels, held in memory.

    Attributes:
        inputs: arrays that share every axis but the last (time), such as (channels, frequency, time).
        labels: (len(inputs),) int64 class indices.
        names: of the clips, for messages; their positions where none are given.
        groups: (len(inputs),) int64, 0, 1, 2, ... without a gap: which utterance an input is a piece of; None: every
            input is an utterance of its own.
    """

    inputs: Sequence[np.ndarray]
    labels: np.ndarray
    names: Sequence[str] | None = None
    groups: np.ndarray | None = None

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.labels) or not len(self.inputs):
            raise ValueError(f"got {len(self.inputs)} inputs and {len(self.labels)} labels; need as many, at least one")
        if self.groups is not None and len(self.groups) != len(self.labels):
            raise ValueError(f"got {len(self.inputs)} inputs and {len(self.groups)} groups; need as many")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> np.ndarray:
        """Valid frames or samples of every input: (len(self),) int64."""
        return np.array([x.shape[-1] for x in self.inputs], np.int64)

    def averaged(self, values: np.ndarray) -> np.ndarray:
        """Average what was found for each input over the pieces of an utterance: (inputs, N) -> (utterances, N)."""
        if self.groups is None:
            return values
        sums = np.zeros((self.groups.max() + 1, *values.shape[1:]))
        np.add.at(sums, self.groups, values)
        return (sums / np.bincount(self.groups)[:, None]).astype(values.dtype)

    @property
    def utterance_labels(self) -> np.ndarray:
        """Label of every utterance: (utterances,) int64."""
        return self.labels if self.groups is None else self.labels[np.unique(self.groups, return_index=True)[1]]


def collate(inputs: Sequence[np.ndarray], *, multiple: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad with zeros at the end of the time axis and stack.

    Args:
        inputs: arrays that share every axis but the last.
        multiple: the batch's time axis is a multiple of it. Few distinct widths let the convolution library reuse
            what it prepared for a shape.

    Returns:
        The batch (B, ..., longest) float32 and the valid lengths (B,) int64.
    """
    lengths = torch.tensor([x.shape[-1] for x in inputs])
    width = -(-int(lengths.max()) // multiple) * multiple
    batch = torch.zeros((len(inputs), *inputs[0].shape[:-1], width))
    for row, x in zip(batch, inputs, strict=True):
        row[..., : x.shape[-1]] = torch.from_numpy(np.ascontiguousarray(x))
    return batch, lengths


def bucketed(
    lengths: np.ndarray, batch_size: int, generator: np.random.Generator, order: np.ndarray
) -> list[np.ndarray]:
    """Cut ``order`` into batches of similar length.

    The order is shuffled first; only within windows of about ``WINDOW`` batches are clips sorted by their padded
    length, so that batches stay random while padding stays small. A last batch of one joins its neighbour: batch
    normalisation needs two.
    """
    order = generator.permutation(order)
    padded = -(-lengths // MULTIPLE)  # clips of the same padded length stay shuffled
    windows = max(1, round(len(order) / (WINDOW * batch_size)))  # all alike: a small rest would be padded most
    pieces = [part[np.argsort(padded[part], kind="stable")] for part in np.array_split(order, windows)]
    batches = [part[start : start + batch_size] for part in pieces for start in range(0, len(part), batch_size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return [batches[i] for i in generator.permutation(len(batches))]


class TrainingBatches:
    """Random batches, new in every epoch; weighted sampling draws with replacement by ``weights``.

    Iterating yields (rows, batch, lengths, labels): positions in ``examples``, then as :func:`collate` shapes them.

    Args:
        examples: what to draw from.
        batch_size: clips in a batch, at least 1.
        seed: of shuffling, sampling and augmentation.
        weights: (len(examples),) relative chances for weighted sampling; None: every clip once per epoch.
        augment: ``augment(input, generator) -> input``, applied to each drawn clip.
    """

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        *,
        seed: int,
        weights: np.ndarray | None = None,
        augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; at least 1 is needed")
        self.examples, self.batch_size, self.weights, self.augment = examples, batch_size, weights, augment
        self.generator = np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-len(self.examples) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor, torch.Tensor]]:
        size = len(self.examples)
        order = np.arange(size)
        if self.weights is not None:
            order = self.generator.choice(size, size, p=self.weights / self.weights.sum())
        lengths, inputs = self.examples.lengths, self.examples.inputs
        for rows in bucketed(lengths, self.batch_size, self.generator, order):
            chosen = [inputs[i] for i in rows]
            if self.augment is not None:
                chosen = [self.augment(x, self.generator) for x in chosen]
            yield rows, *collate(chosen, multiple=MULTIPLE), torch.from_numpy(self.examples.labels[rows])


def scoring_batches(
    inputs: Sequence[np.ndarray], batch_size: int
) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor]]:
    """Yield (rows, batch, lengths), shortest clips first: every clip once, padding smallest."""
    order = np.argsort([x.shape[-1] for x in inputs], kind="stable")
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        yield rows, *collate([inputs[i] for i in rows], multiple=MULTIPLE)
