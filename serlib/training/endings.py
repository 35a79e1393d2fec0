"""Where training ends: which of the networks that it passed through is kept."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from serlib.training.batches import TrainingBatches
from serlib.training.hardware import Hardware

AVERAGED = 2 / 3  # of the updates are over when averaging begins
SMOOTHING = 3  # epochs
CLIMBING = 0.005  # train UA per epoch, over the last fifth: more of it is unconverged
SETTLED = 5  # epochs at least that a slope is read from

State = tuple[dict, dict]


class Endings:
    """Keeps what every rule of ``serlib.training.recipe.ENDINGS`` would keep, while one training goes on.

    It draws no random number and moves no weight, so the training is the same without it.

    Args:
        network: being trained.
        loss: being trained.
        updates: of the whole training.
    """

    def __init__(self, network: nn.Module, loss: nn.Module, updates: int) -> None:
        self.pair, self.averaged = nn.ModuleList([network, loss]), None
        self.first, self.done = int(AVERAGED * updates), 0
        self.dev: list[float] = []
        self.best: dict[str, tuple[float, State]] = {}

    def _state(self, pair: nn.ModuleList) -> State:
        return tuple(copy.deepcopy(part.state_dict()) for part in pair)

    def after_step(self) -> None:
        """Take the weights into the mean, in the last third.

        torch's own ``AveragedModel`` would have a GPU wait in every step, for a number that is known here.
        """
        self.done += 1
        taken = self.done - self.first
        if taken == 1:
            self.averaged = copy.deepcopy(self.pair)
        elif taken > 1:
            with torch.no_grad():
                for mean, weights in zip(self.averaged.parameters(), self.pair.parameters(), strict=True):
                    mean.lerp_(weights, 1 / taken)

    def after_epoch(self, dev_ua: float) -> None:
        """Remember the network where it is the best on dev so far; NaN: there is no dev part."""
        self.dev.append(dev_ua)
        scores = {"best-dev": dev_ua, "smoothed-dev": float(np.mean(self.dev[-SMOOTHING:]))}
        for rule, score in scores.items():
            if score >= self.best.get(rule, (-1.0,))[0]:  # the last of equally good ones; never of NaN
                self.best[rule] = score, self._state(self.pair)

    def states(self, batches: TrainingBatches, hardware: Hardware) -> dict[str, State]:
        """Return the states of network and loss that each rule keeps."""
        for own, others in zip(self.averaged.buffers(), self.pair.buffers(), strict=True):
            own.copy_(others)  # such as centres: they are no weights
        refresh_norms(self.averaged[0], batches, hardware)
        kept = {"average": self._state(self.averaged), "last": self._state(self.pair)}
        return kept | {rule: state for rule, (_, state) in self.best.items()}


@torch.no_grad()
def refresh_norms(network: nn.Module, batches: TrainingBatches, hardware: Hardware) -> None:
    """Make batch normalisation's statistics anew from one epoch: those on hand belong to other weights.

    torch's own ``update_bn`` knows no lengths.
    """
    network.train()
    norms = {m: m.momentum for m in network.modules() if isinstance(m, _BatchNorm) and m.training}
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
    for number, (_, batch, lengths, _) in enumerate(batches, 1):
        for norm in norms:
            norm.momentum = 1 / number  # the plain mean over batches; of None, torch reads a count in every step
        with hardware.context():
            network(hardware.place(batch), lengths)
    for norm, momentum in norms.items():
        norm.momentum = momentum


def chosen_epoch(history: list[dict], ending: str) -> int | None:
    """Return the epoch that a rule on dev has chosen, the last of equally good ones; None for the other rules."""
    window = {"best-dev": 1, "smoothed-dev": SMOOTHING}.get(ending)
    if window is None:
        return None
    scores = [np.mean([row["dev_ua"] for row in history[max(0, i - window) : i]]) for i in range(1, len(history) + 1)]
    return max(range(len(scores)), key=lambda i: (scores[i], i)) + 1


def slope(history: list[dict]) -> float:
    """Return how train UA (0 to 1) changes per epoch over the last fifth of a training, at least five epochs.

    The least-squares line through them; NaN for fewer than two epochs.
    """
    last = max(SETTLED, len(history) // 5)
    values = np.array([row["train_ua"] for row in history[-last:]])
    if len(values) < 2:
        return float("nan")
    return float(np.polyfit(np.arange(len(values)), values, 1)[0])


def converged(history: list[dict]) -> bool:
    """Tell whether training had come to rest: train UA climbed by at most half a point per epoch in the last fifth.

    A training of fewer than ten epochs is never called so: its last fifth would be half of it.
    """
    return len(history) >= 2 * SETTLED and slope(history) <= CLIMBING
