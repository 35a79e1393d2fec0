"""One loop trains every network here: batches in, a settled network out."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from serlib.training.batches import TrainingBatches
from serlib.training.endings import Endings
from serlib.training.examples import Examples
from serlib.training.hardware import Hardware, exact
from serlib.training.predict import predict
from serlib.training.recipe import Training


class DivergedError(RuntimeError):
    """The loss became NaN or infinite; the message names epoch, batch and clips."""


def class_shares(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return how often each class occurs: (classes,) float64, summing to 1.

    Raises:
        ValueError: when a class never occurs: no loss can be weighted by its absence.
    """
    counts = np.bincount(labels, minlength=classes)
    if (counts == 0).any():
        raise ValueError(f"class {int(np.argmin(counts))} has no utterance in the training part; every class needs one")
    return counts / counts.sum()


def _unweighted(true: np.ndarray, guessed: np.ndarray) -> float:
    """Return UA over the classes that occur, 0 to 1."""
    return float(np.mean([(guessed[true == c] == c).mean() for c in np.unique(true)]))


def _epoch(
    network: nn.Module, loss: nn.Module, batches: TrainingBatches, optimiser: torch.optim.Optimizer, *,
    hardware: Hardware, clip_norm: float | None, after_step: Callable[[], None], epoch: int,
) -> tuple[float, float]:  # fmt: skip
    """Train one epoch; return the mean loss and the UA on what was drawn, as it was being learned.

    Nothing is read back inside a step, so a GPU never waits: losses and guesses are looked at when the epoch is over.
    """
    network.train(), loss.train()
    parameters = [*network.parameters(), *loss.parameters()]
    drawn, values, guessed = [], [], []
    for rows, batch, lengths, labels in batches:
        with hardware.context():
            embeddings = network(hardware.place(batch), lengths)
        value = loss(embeddings.float(), labels)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, clip_norm)
        optimiser.step()
        after_step()
        drawn.append(rows)
        values.append(value.detach())
        with torch.no_grad():
            guessed.append(loss.get_logits(embeddings.detach().float()).argmax(1))
    values, guessed = torch.stack(values).cpu().numpy(), torch.cat(guessed).cpu().numpy()
    examples, wrong = batches.examples, np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        rows = drawn[wrong[0]]
        names = examples.names if examples.names is not None else range(len(examples))
        clips = ", ".join(str(names[i]) for i in rows[:5]) + (" ..." if len(rows) > 5 else "")
        told = f"loss is {values[wrong[0]]} in epoch {epoch}, batch {wrong[0]} ({clips})"
        raise DivergedError(f"{told}; lower the learning rate")
    sizes, rows = [len(rows) for rows in drawn], np.concatenate(drawn)
    return float(np.average(values, weights=sizes)), _unweighted(examples.labels[rows], guessed)


def fit(
    network: nn.Module, loss: nn.Module, train: Examples, dev: Examples | None, recipe: Training, *,
    hardware: Hardware, seed: int, augment: Callable | None = None,
    on_epoch: Callable[[int, nn.Module, nn.Module], None] | None = None,
    at_end: Callable[[str, nn.Module, nn.Module], None] | None = None, progress: bool = False,
) -> list[dict]:  # fmt: skip
    """Train ``network`` and ``loss`` in place and leave them where ``recipe.ending`` says.

    The test part is not an argument, so nothing can be chosen on it.

    Args:
        network: maps (batch, lengths) to embeddings (B, E).
        loss: owns the class weights; ``loss(embeddings, labels)`` is minimised.
        train: what is learned from.
        dev: what is watched, and what an epoch is chosen on where the recipe asks for it; the logits of an utterance's
            pieces are averaged first. None: nothing is watched.
        recipe: optimiser, schedule, budget and the rest.
        hardware: device and precision; the loss always computes in float32.
        seed: of batches and dropout; on a CPU the same seed (and thread count) gives the same network.
        augment: applied to training batches alone; see :class:`serlib.training.TrainingBatches`.
        on_epoch: called with (epoch, network, loss) before training (epoch 0) and after every epoch.
        at_end: called with (rule, network, loss) for each rule of ``ENDINGS``, with the network that it would keep.
        progress: show a bar over epochs.

    Returns:
        One row per epoch: epoch, lr, train_loss, train_ua, dev_loss, dev_ua, dev_wa (NaN without a dev part).

    Raises:
        DivergedError: when the loss is no longer finite.
        ValueError: when an epoch is to be chosen on a dev part that is not there.
    """
    if dev is None and recipe.ending.endswith("dev"):
        raise ValueError(f"ending is {recipe.ending!r} and there is no dev part; allowed are 'average' and 'last'")
    torch.manual_seed(seed)
    network.to(hardware.device), loss.to(hardware.device)
    if hardware.channels_last:
        network.to(memory_format=torch.channels_last)
    batches = TrainingBatches(
        train, recipe.batch_size, seed=seed, balanced=recipe.balancing == "sampling", augment=augment,
        device=hardware.device,
    )  # fmt: skip
    optimiser = recipe.make_optimiser([*network.parameters(), *loss.parameters()])
    schedule, every_batch = recipe.make_schedule(optimiser, len(batches))
    epochs, history = recipe.length(len(batches)), []
    endings = Endings(network, loss, epochs * len(batches))

    def after_step() -> None:
        endings.after_step()
        if schedule is not None and every_batch:
            schedule.step()

    if on_epoch:
        on_epoch(0, network, loss)
    with exact():
        for epoch in tqdm(range(1, epochs + 1), desc="epochs", leave=False, disable=not progress):
            rate = optimiser.param_groups[0]["lr"]
            train_loss, train_ua = _epoch(
                network, loss, batches, optimiser, hardware=hardware, clip_norm=recipe.clip_norm,
                after_step=after_step, epoch=epoch,
            )  # fmt: skip
            if schedule is not None and not every_batch:
                schedule.step()
            scores = _dev_scores(network, loss, dev, hardware)
            endings.after_epoch(scores["dev_ua"])
            history.append({"epoch": epoch, "lr": rate, "train_loss": train_loss, "train_ua": train_ua, **scores})
            if on_epoch:
                on_epoch(epoch, network, loss)
        states = endings.states(batches, hardware)
    for rule in sorted(states, key=lambda rule: rule == recipe.ending):  # the one that stays comes last
        network.load_state_dict(states[rule][0]), loss.load_state_dict(states[rule][1])
        network.eval(), loss.eval()
        if at_end:
            at_end(rule, network, loss)
    return history


def _dev_scores(network: nn.Module, loss: nn.Module, dev: Examples | None, hardware: Hardware) -> dict[str, float]:
    """Return dev_loss (cross-entropy of the margin-free logits), dev_ua and dev_wa; UA over classes that occur."""
    if dev is None:
        return dict.fromkeys(("dev_loss", "dev_ua", "dev_wa"), float("nan"))
    logits = dev.averaged(predict(network, loss, dev.inputs, hardware=hardware, precise=False)[0])
    labels, guessed = dev.utterance_labels, logits.argmax(1)
    cross_entropy = nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()
    weighted = float(np.mean(guessed == labels))
    return {"dev_loss": cross_entropy, "dev_ua": _unweighted(labels, guessed), "dev_wa": weighted}
