"""Training made small enough to watch: free embeddings, or a two-layer network on toy inputs, under any loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

MakeLoss = Callable[[int, int], nn.Module]


@dataclass(frozen=True)
class Course:
    """What a training went through, epoch by epoch; entry 0 is the start.

    Attributes:
        labels: (N,) class indices.
        embeddings, weights, losses: (epochs + 1, N, E), (epochs + 1, C, E) and (epochs + 1,).
        loss: the trained loss module, in eval mode.
        network: from inputs to embeddings; None when the embeddings were free.
    """

    labels: np.ndarray
    embeddings: np.ndarray
    weights: np.ndarray
    losses: np.ndarray
    loss: nn.Module
    network: nn.Module | None


def blobs(counts: Sequence[int], *, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return toy inputs (N, 2) and labels (N,): clouds ``spread`` wide, evenly spaced on the unit circle."""
    labels = np.repeat(np.arange(len(counts)), counts)
    turn = 2 * np.pi * labels / len(counts)
    noise = np.random.default_rng(seed).normal(0, spread, (len(labels), 2))
    return (np.stack([np.cos(turn), np.sin(turn)], 1) + noise).astype(np.float32), labels


def train(
    make_loss: MakeLoss,
    labels: np.ndarray,
    *,
    inputs: np.ndarray | None = None,
    embedding_size: int = 2,
    epochs: int = 40,
    steps_per_epoch: int = 10,
    learning_rate: float = 0.02,
    seed: int = 0,
) -> Course:
    """Train with full batches and Adam; the same seed gives the same weights, starting embeddings and course.

    ``make_loss`` is called with (num_classes, embedding_size), such as ``partial(AngularSoftmaxLoss, margin=4)``;
    ``labels`` (N,) are class indices from 0. With ``inputs`` (N, D) float32 a two-layer network is trained, without
    them the embeddings themselves. The course has ``epochs`` points after its start, ``steps_per_epoch`` apart.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        loss = make_loss(int(labels.max()) + 1, embedding_size)
        network = None if inputs is None else _network(inputs.shape[1], embedding_size)
        free = nn.Parameter(torch.randn(len(labels), embedding_size)) if inputs is None else torch.from_numpy(inputs)
    parameters = [*loss.parameters(), *(network.parameters() if network else [free])]
    optimiser, target, course = torch.optim.Adam(parameters, learning_rate), torch.from_numpy(labels), []
    for step in range(epochs * steps_per_epoch + 1):
        embeddings = network(free) if network else free
        value = loss(embeddings, target)
        if step % steps_per_epoch == 0:
            course.append([t.detach().clone().numpy() for t in (embeddings, loss.weight, value)])
        if step < epochs * steps_per_epoch:
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
    return Course(labels, *(np.stack(column) for column in zip(*course, strict=True)), loss.eval(), network)


def _network(inputs: int, embedding_size: int) -> nn.Module:
    # linear at the end: a ReLU there would keep all embeddings in one quadrant
    return nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, embedding_size))
