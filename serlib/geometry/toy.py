"""Training made small enough to watch: free embeddings, or a two-layer network on toy inputs, under any loss.

And the experiment behind class-specific margins: do they compress large classes and expand small ones, and where? Four
toy classes, two large and two small as in paper 000, alternate on a circle; a small network maps them to embeddings.
Measured are the sphere (what paper 000 argues about) and the input space (what decides a score).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import nn

from serlib.geometry.angles import own_and_nearest
from serlib.geometry.spheres import sphere_shares

LARGE, SPREAD = np.array([True, False, True, False]), 0.55
MakeLoss = Callable[[int, int], nn.Module]


@dataclass(frozen=True)
class Course:
    """What a training went through, epoch by epoch; entry 0 is the start."""

    labels: np.ndarray  # (N,) class indices
    embeddings: np.ndarray  # (epochs + 1, N, E)
    weights: np.ndarray  # (epochs + 1, C, E)
    losses: np.ndarray  # (epochs + 1,)
    loss: nn.Module  # trained, in eval mode
    network: nn.Module | None  # from inputs to embeddings; None when the embeddings were free


def blobs(counts: Sequence[int], *, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return toy inputs (N, 2) and labels (N,): clouds ``spread`` wide, evenly spaced on the unit circle."""
    labels = np.repeat(np.arange(len(counts)), counts)
    turn = 2 * np.pi * labels / len(counts)
    noise = np.random.default_rng(seed).normal(0, spread, (len(labels), 2))
    return (np.stack([np.cos(turn), np.sin(turn)], 1) + noise).astype(np.float32), labels


def train(
    make_loss: MakeLoss, labels: np.ndarray, *, inputs: np.ndarray | None = None, embedding_size: int = 2,
    epochs: int = 40, steps_per_epoch: int = 10, learning_rate: float = 0.02, seed: int = 0,
) -> Course:  # fmt: skip
    """Train with full batches and Adam; the same seed gives the same weights, starting embeddings and course.

    ``make_loss`` is called with (num_classes, embedding_size), such as ``partial(AngularSoftmaxLoss, margin=4)``;
    ``labels`` (N,) are class indices from 0. With ``inputs`` (N, D) float32 a two-layer network is trained, without
    them the embeddings themselves. The course has ``epochs`` points after its start, ``steps_per_epoch`` apart.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        loss = make_loss(int(labels.max()) + 1, embedding_size)
        if inputs is None:
            network, x = None, nn.Parameter(torch.randn(len(labels), embedding_size))
        else:  # linear at the end: a ReLU there would keep all embeddings in one quadrant
            network = nn.Sequential(nn.Linear(inputs.shape[1], 32), nn.ReLU(), nn.Linear(32, embedding_size))
            x = torch.from_numpy(inputs)
    parameters = [*loss.parameters(), *(network.parameters() if network else [x])]
    optimiser, target, course = torch.optim.Adam(parameters, learning_rate), torch.from_numpy(labels), []
    for step in range(epochs * steps_per_epoch + 1):
        embeddings = network(x) if network else x
        value = loss(embeddings, target)
        if step % steps_per_epoch == 0:
            course.append([t.detach().clone().numpy() for t in (embeddings, loss.weight, value)])
        if step < epochs * steps_per_epoch:
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
    return Course(labels, *(np.stack(column) for column in zip(*course, strict=True)), loss.eval(), network)


def imbalance_experiment(
    losses: Mapping[str, MakeLoss], *, ratios: Sequence[int], seeds: Sequence[int], embedding_size: int = 3
) -> pd.DataFrame:
    """Train every loss (for 4 classes, 0 and 2 large) at every ratio of large to small (30 inputs) and every seed.

    With the same seed all losses get the same data and start. Columns are ``loss``, ``ratio``, ``seed`` and, after
    training: ``sphere_share`` and ``input_share``, the large classes' joint part of the weights' sphere and of
    balanced, unseen inputs; ``recall_large``, ``recall_small`` and ``ua`` on these inputs; ``cone_large_deg`` and
    ``cone_small_deg``, the median angle of training embeddings to their own weight.
    """
    rows = []
    for ratio, seed, (name, make_loss) in product(ratios, seeds, losses.items()):
        inputs, labels = blobs(np.where(LARGE, 30 * ratio, 30), spread=SPREAD, seed=seed)
        course = train(make_loss, labels, inputs=inputs, embedding_size=embedding_size, epochs=30, seed=seed)
        weight, (unseen, true) = course.weights[-1], blobs([300] * 4, spread=SPREAD, seed=10_000 + seed)
        with torch.no_grad():
            predicted = course.loss.get_logits(course.network(torch.from_numpy(unseen))).argmax(1).numpy()
        recall = np.array([(predicted[true == c] == c).mean() for c in range(4)])
        measured = own_and_nearest(course.embeddings[-1], labels, weight)
        cone = measured.groupby("label")["own_deg"].median().to_numpy()
        rows.append({
            "loss": name, "ratio": ratio, "seed": seed,
            "sphere_share": sphere_shares(weight).share[LARGE].sum(), "input_share": LARGE[predicted].mean(),
            "recall_large": recall[LARGE].mean(), "recall_small": recall[~LARGE].mean(), "ua": recall.mean(),
            "cone_large_deg": cone[LARGE].mean(), "cone_small_deg": cone[~LARGE].mean(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def intervals(table: pd.DataFrame, *, relative_to: str | None = None) -> pd.DataFrame:
    """Return mean and 95 % t-interval over seeds per loss, ratio and quantity (columns ``mean``, ``low``, ``high``).

    With ``relative_to``, a loss: of the paired differences to that loss at the same ratio and seed.
    """
    values = table.set_index(["loss", "ratio", "seed"])
    if relative_to is not None:
        values = values - values.loc[relative_to].loc[values.index.droplevel("loss")].to_numpy()
        values = values[values.index.get_level_values("loss") != relative_to]
    grouped = values.rename_axis(columns="quantity").stack().groupby(["loss", "ratio", "quantity"], sort=False)
    mean, half = grouped.mean(), grouped.sem() * stats.t.ppf(0.975, grouped.size() - 1)
    return pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half}).reset_index()
