"""Where training ends: which of the networks that it passed through is kept."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from serlib.training.batches import TrainingBatches
from serlib.training.hardware import Hardware

AVERAGED = 2 / 3  # of the updates are over when averaging begins
WINDOWS = {"best-dev": 1, "smoothed-dev": 3}  # epochs whose dev UA is averaged before the best is chosen


class Endings:
    """Keeps what every rule of ``serlib.training.recipe.ENDINGS`` would keep of a training of so many updates.

    It draws no random number and moves no weight, so the training is the same without it.
    """

    def __init__(self, network: nn.Module, loss: nn.Module, updates: int) -> None:
        self.pair, self.averaged = nn.ModuleList([network, loss]), None
        self.first, self.done = int(AVERAGED * updates), 0
        self.dev: list[float] = []
        self.best: dict[str, tuple[float, dict]] = {}

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
        for rule, window in WINDOWS.items():
            score = np.mean(self.dev[-window:])
            if score >= self.best.get(rule, (-1.0,))[0]:  # the last of equally good ones; never of NaN
                self.best[rule] = score, copy.deepcopy(self.pair.state_dict())

    def states(self, batches: TrainingBatches, hardware: Hardware) -> dict[str, dict]:
        """Return the state of ``pair`` that each rule keeps."""
        for own, others in zip(self.averaged.buffers(), self.pair.buffers(), strict=True):
            own.copy_(others)  # such as centres: they are no weights
        refresh_norms(self.averaged[0], batches, hardware)
        kept = {"average": self.averaged.state_dict(), "last": copy.deepcopy(self.pair.state_dict())}
        return kept | {rule: state for rule, (_, state) in self.best.items()}


@torch.no_grad()
def refresh_norms(network: nn.Module, batches: TrainingBatches, hardware: Hardware) -> None:
    """Make batch normalisation's statistics anew from one epoch, as torch's ``update_bn``, which knows no lengths.

    Frames that fill clips up to the longest of their batch count here, as they do in training.
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
    if ending not in WINDOWS:
        return None
    dev, window = [row["dev_ua"] for row in history], WINDOWS[ending]
    return max(range(1, len(dev) + 1), key=lambda i: (np.mean(dev[max(0, i - window) : i]), i))
