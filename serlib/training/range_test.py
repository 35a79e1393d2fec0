"""Learning-rate range test: where does a network begin to learn, and where does it stop (Smith 2017; paper 002)."""

import copy
import math

import pandas as pd
import torch
from torch import nn

from serlib.training.batches import TrainingBatches
from serlib.training.examples import Examples
from serlib.training.hardware import Hardware
from serlib.training.recipe import Training

SMOOTHING = 0.9
TOO_HIGH = 4.0  # times the best loss: the test is over


def learning_rate_range_test(
    network: nn.Module,
    loss: nn.Module,
    train: Examples,
    *,
    hardware: Hardware,
    low: float = 1e-5,
    high: float = 1.0,
    steps: int = 60,
    batch_size: int = 32,
    optimiser: str = "adam",
    seed: int = 0,
) -> pd.DataFrame:
    """Raise the learning rate with every batch, evenly on a logarithmic scale, and watch the loss.

    The lowest rate of a cycle is read off where the smoothed loss begins to fall, the highest where it stops falling.
    A copy is trained: ``network``, ``loss`` and torch's generator stay as they were.

    Args:
        network: maps (batch, lengths) to embeddings.
        loss: of embeddings and labels.
        train: a training part, scaled.
        hardware: where to compute.
        low: learning rate of the first batch.
        high: of the last, unless the loss has left for good by then.
        steps: batches, at least 2.
        batch_size: clips in each.
        optimiser: one of those of :class:`serlib.training.Training`.
        seed: of the batches.

    Returns:
        A row per batch, up to one whose loss is no number: lr, loss (before the step), smooth (its exponential mean,
        unbiased).

    Raises:
        ValueError: unless 0 < low < high and there are at least 2 steps.
    """
    if not 0 < low < high < math.inf or steps < 2:
        raise ValueError(f"low={low}, high={high}, steps={steps}; allowed are 0 < low < high and 2 steps or more")
    rows, mean, best = [], 0.0, math.inf
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network, loss = (copy.deepcopy(part).to(hardware.device).train() for part in (network, loss))
        if hardware.channels_last:
            network.to(memory_format=torch.channels_last)
        recipe = Training(epochs=1, batch_size=batch_size, learning_rate=low, optimiser=optimiser)
        stepper = recipe.make_optimiser([*network.parameters(), *loss.parameters()])
        batches = TrainingBatches(train, batch_size, seed=seed, device=hardware.device)
        endless = (batch for _ in iter(int, 1) for batch in batches)
        for step, (_, batch, lengths, labels) in zip(range(steps), endless, strict=False):
            rate = stepper.param_groups[0]["lr"] = low * (high / low) ** (step / (steps - 1))
            with hardware.context():
                embeddings = network(hardware.place(batch), lengths)
            value = loss(embeddings.float(), labels)
            if not torch.isfinite(value):
                break
            stepper.zero_grad(set_to_none=True)
            value.backward()
            stepper.step()
            mean = SMOOTHING * mean + (1 - SMOOTHING) * value.item()
            smooth = mean / (1 - SMOOTHING ** (step + 1))
            rows.append({"lr": rate, "loss": value.item(), "smooth": smooth})
            best = min(best, smooth)
            if smooth > TOO_HIGH * best:
                break
    return pd.DataFrame(rows, columns=["lr", "loss", "smooth"])
