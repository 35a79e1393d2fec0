"""One loop trains every network here: batches in, best epoch on dev out."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from tqdm.auto import tqdm

from serlib.training.batches import Examples, TrainingBatches, scoring_batches
from serlib.training.hardware import Hardware
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


@torch.no_grad()
def predict(
    network: nn.Module, loss: nn.Module, inputs: Sequence[np.ndarray], *, hardware: Hardware, batch_size: int = 32,
    exact: bool = True,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Score every input in evaluation mode.

    Args:
        network: maps (batch, lengths) to embeddings.
        loss: its ``get_logits`` maps embeddings to logits without margin.
        inputs: arrays with time last.
        hardware: where to compute.
        batch_size: clips at once; the scores do not depend on it.
        exact: compute in float32, so that a score does not depend on its companions; False follows ``hardware``.

    Returns:
        Logits (len(inputs), classes) and embeddings (len(inputs), E), float32.
    """
    network.eval(), loss.eval()
    rows, logits, embeddings = [], [], []
    for chosen, batch, lengths in scoring_batches(inputs, batch_size):
        with torch.autocast(hardware.device.split(":")[0], enabled=False) if exact else hardware.context():
            embedded = network(hardware.place(batch), lengths).float()
        rows.append(chosen)
        embeddings.append(embedded.cpu())
        logits.append(loss.get_logits(embedded).float().cpu())
    order = np.argsort(np.concatenate(rows))
    return torch.cat(logits).numpy()[order], torch.cat(embeddings).numpy()[order]


def _epoch(
    network: nn.Module, loss: nn.Module, batches: TrainingBatches, optimiser: torch.optim.Optimizer, *,
    hardware: Hardware, clip_norm: float | None, after_step: Callable[[], None], epoch: int,
) -> tuple[float, float]:  # fmt: skip
    """Train one epoch; return the mean loss and the UA on what was drawn, as it was being learned."""
    network.train(), loss.train()
    parameters = [*network.parameters(), *loss.parameters()]
    total, true, guessed = 0.0, [], []
    for number, (rows, batch, lengths, labels) in enumerate(batches):
        labels = labels.to(hardware.device)
        with hardware.context():
            embeddings = network(hardware.place(batch), lengths)
        value = loss(embeddings.float(), labels)
        if not torch.isfinite(value):
            names = batches.examples.names or range(len(batches.examples))
            clips = ", ".join(str(names[i]) for i in rows[:5]) + (" ..." if len(rows) > 5 else "")
            raise DivergedError(
                f"loss is {value.item()} in epoch {epoch}, batch {number} ({clips}); lower the learning rate"
            )
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, clip_norm)
        optimiser.step()
        after_step()
        total += value.item() * len(rows)
        with torch.no_grad():
            guessed.append(loss.get_logits(embeddings.detach().float()).argmax(1).cpu())
        true.append(labels.cpu())
    true, guessed = torch.cat(true), torch.cat(guessed)
    return total / len(true), balanced_accuracy_score(true, guessed)


def fit(
    network: nn.Module,
    loss: nn.Module,
    train: Examples,
    dev: Examples,
    recipe: Training,
    *,
    hardware: Hardware,
    seed: int,
    augment: Callable | None = None,
    on_epoch: Callable[[int, nn.Module, nn.Module], None] | None = None,
    progress: bool = False,
) -> list[dict]:
    """Train ``network`` and ``loss`` in place and leave them at the epoch with the best dev UA (the last such).

    The test part is not an argument, so nothing can be chosen on it.

    Args:
        network: maps (batch, lengths) to embeddings (B, E).
        loss: owns the class weights; ``loss(embeddings, labels)`` is minimised.
        train: what is learned from.
        dev: what the epoch is chosen on; the logits of an utterance's pieces are averaged first.
        recipe: optimiser, schedule, epochs and the rest.
        hardware: device and precision; the loss always computes in float32.
        seed: of batches and dropout; on a CPU the same seed (and thread count) gives the same network.
        augment: applied to training clips alone.
        on_epoch: called with (epoch, network, loss) before training (epoch 0) and after every epoch.
        progress: show a bar over epochs.

    Returns:
        One row per epoch: epoch, lr, train_loss, train_ua, dev_loss, dev_ua, dev_wa.

    Raises:
        DivergedError: when the loss is no longer finite.
    """
    torch.manual_seed(seed)
    network.to(hardware.device), loss.to(hardware.device)
    if hardware.channels_last:
        network.to(memory_format=torch.channels_last)
    weights = 1.0 / np.bincount(train.labels)[train.labels] if recipe.balancing == "sampling" else None
    batches = TrainingBatches(train, recipe.batch_size, seed=seed, weights=weights, augment=augment)
    optimiser = recipe.make_optimiser([*network.parameters(), *loss.parameters()])
    schedule, every_batch = recipe.make_schedule(optimiser, len(batches))
    step = schedule.step if schedule is not None else lambda: None
    history, best, kept, since = [], -1.0, None, 0
    if on_epoch:
        on_epoch(0, network, loss)
    for epoch in tqdm(range(1, recipe.epochs + 1), desc="epochs", leave=False, disable=not progress):
        rate = optimiser.param_groups[0]["lr"]
        train_loss, train_ua = _epoch(
            network, loss, batches, optimiser, hardware=hardware, clip_norm=recipe.clip_norm,
            after_step=step if every_batch else lambda: None, epoch=epoch,
        )  # fmt: skip
        if not every_batch:
            step()
        logits, _ = predict(network, loss, dev.inputs, hardware=hardware, exact=False)
        scores = _dev_scores(dev.averaged(logits), dev.utterance_labels)
        history.append({"epoch": epoch, "lr": rate, "train_loss": train_loss, "train_ua": train_ua, **scores})
        if on_epoch:
            on_epoch(epoch, network, loss)
        since = 0 if scores["dev_ua"] > best else since + 1
        if scores["dev_ua"] >= best:
            best, kept = scores["dev_ua"], copy.deepcopy((network.state_dict(), loss.state_dict()))
        if recipe.patience is not None and since >= recipe.patience:
            break
    network.load_state_dict(kept[0]), loss.load_state_dict(kept[1])
    return history


def _dev_scores(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return dev_loss (cross-entropy of the margin-free logits), dev_ua and dev_wa; UA over classes that occur."""
    guessed = logits.argmax(1)
    recalls = [(guessed[labels == c] == c).mean() for c in np.unique(labels)]
    cross_entropy = nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()
    return {"dev_loss": cross_entropy, "dev_ua": float(np.mean(recalls)), "dev_wa": float((guessed == labels).mean())}


def chosen_epoch(history: list[dict]) -> int:
    """Return the epoch that :func:`fit` left the network at: the last with the best dev UA."""
    best = max(row["dev_ua"] for row in history)
    return max(row["epoch"] for row in history if row["dev_ua"] == best)
