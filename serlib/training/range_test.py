"""Learning-rate range test: where does a network begin to learn, and where does it stop (Smith 2017; paper 002)."""

import copy
import math
from itertools import chain, islice, repeat

import pandas as pd
import torch
from torch import nn

from serlib.training.batches import TrainingBatches
from serlib.training.examples import Examples
from serlib.training.fit import step
from serlib.training.hardware import Hardware
from serlib.training.recipe import Training

SMOOTHING = 0.9
TOO_HIGH = 4.0  # times the best loss: the test is over


def learning_rate_range_test(
    network: nn.Module, loss: nn.Module, train: Examples, *, hardware: Hardware, low: float = 1e-5, high: float = 1.0,
    steps: int = 60, batch_size: int = 32, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Raise Adam's learning rate with every batch, evenly on a logarithmic scale, and watch the loss.

    The lowest rate of a cycle is read off where the smoothed loss begins to fall, the highest where it stops falling.
    A copy is trained: ``network``, ``loss`` and torch's generator stay as they were. The rate rises from ``low`` to
    ``high`` over ``steps``, unless the loss has left for good by then; a ValueError unless 0 < low < high and there
    are at least 2 steps.

    Returns:
        A row per batch, up to one whose loss is no number: lr, loss (before the step), smooth (its exponential mean,
        unbiased).
    """
    if not 0 < low < high < math.inf or steps < 2:
        raise ValueError(f"low={low}, high={high}, steps={steps}; allowed are 0 < low < high and 2 steps or more")
    rows, mean, best = [], 0.0, math.inf
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network, loss = (copy.deepcopy(part).train() for part in (network, loss))
        hardware.move(network, loss)
        optimiser = Training(1, learning_rate=low).make_optimiser([*network.parameters(), *loss.parameters()])
        batches = TrainingBatches(train, batch_size, seed=seed, device=hardware.device)
        for number, (_, *batch) in enumerate(islice(chain.from_iterable(repeat(batches)), steps)):
            rate = optimiser.param_groups[0]["lr"] = low * (high / low) ** (number / (steps - 1))
            value = step(network, loss, optimiser, hardware, *batch)[0].item()
            if not math.isfinite(value):
                break
            mean = SMOOTHING * mean + (1 - SMOOTHING) * value
            smooth = mean / (1 - SMOOTHING ** (number + 1))
            rows.append({"lr": rate, "loss": value, "smooth": smooth})
            best = min(best, smooth)
            if smooth > TOO_HIGH * best:
                break
    return pd.DataFrame(rows, columns=["lr", "loss", "smooth"])
