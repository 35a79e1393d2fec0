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
    """Return how often each class occurs: (classes,) float64, summing to 1; a class that never does: ValueError."""
    counts = np.bincount(labels, minlength=classes)
    if (counts == 0).any():
        raise ValueError(f"class {int(np.argmin(counts))} has no utterance in the training part; every class needs one")
    return counts / counts.sum()


def _unweighted(true: np.ndarray, guessed: np.ndarray) -> float:
    """Return UA over the classes that occur, 0 to 1."""
    return float(np.mean([(guessed[true == c] == c).mean() for c in np.unique(true)]))


def step(
    network: nn.Module, loss: nn.Module, optimiser: torch.optim.Optimizer, hardware: Hardware,
    batch: torch.Tensor, lengths: torch.Tensor, labels: torch.Tensor, clip_norm: float | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Learn from one batch; return the loss, as it was before, and the embeddings (B, E) float32."""
    with hardware.context():
        embeddings = network(hardware.place(batch), lengths)
    value = loss(embeddings.float(), labels)
    optimiser.zero_grad(set_to_none=True)
    value.backward()
    if clip_norm is not None:
        nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], clip_norm)
    optimiser.step()
    return value.detach(), embeddings.detach().float()


def _epoch(
    network: nn.Module, loss: nn.Module, batches: TrainingBatches, *, epoch: int, after_step: Callable[[], None],
    optimiser: torch.optim.Optimizer, hardware: Hardware, clip_norm: float | None,
) -> tuple[float, float]:  # fmt: skip
    """Train one epoch; return the mean loss and the UA on what was drawn, as it was being learned.

    Nothing is read back inside a step, so a GPU never waits: losses and guesses are looked at when the epoch is over.
    """
    network.train(), loss.train()
    drawn, values, guessed = [], [], []
    for rows, *batch in batches:
        value, embeddings = step(network, loss, optimiser, hardware, *batch, clip_norm)
        after_step()
        drawn.append(rows)
        values.append(value)
        with torch.no_grad():
            guessed.append(loss.get_logits(embeddings).argmax(1))
    values, guessed = torch.stack(values).cpu().numpy(), torch.cat(guessed).cpu().numpy()
    examples = batches.examples
    if not np.isfinite(values).all():
        wrong = np.argmin(np.isfinite(values))
        rows, names = drawn[wrong], range(len(examples)) if examples.names is None else examples.names
        clips = ", ".join(str(names[i]) for i in rows[:5]) + " ..." * (len(rows) > 5)
        told = f"loss is {values[wrong]} in epoch {epoch}, batch {wrong} ({clips})"
        raise DivergedError(f"{told}; lower the learning rate")
    rows, sizes = np.concatenate(drawn), list(map(len, drawn))
    return float(np.average(values, weights=sizes)), _unweighted(examples.labels[rows], guessed)


def fit(
    network: nn.Module, loss: nn.Module, train: Examples, dev: Examples | None, recipe: Training, *,
    hardware: Hardware, seed: int, augment: Callable | None = None,
    on_epoch: Callable[[int, nn.Module, nn.Module], None] | None = None,
    at_end: Callable[[str, nn.Module, nn.Module], None] | None = None, progress: bool = False,
) -> list[dict]:  # fmt: skip
    """Train ``network`` and ``loss`` in place and leave them where ``recipe.ending`` says.

    ``network`` maps (batch, lengths) to embeddings (B, E), ``loss(embeddings, labels)``, always in float32, is
    minimised. ``dev`` is watched, and an epoch is chosen on it where the recipe asks for that (an utterance's logits
    are averaged over its pieces first). The test part is no argument, so nothing can be chosen on it. On a CPU the same
    ``seed`` and thread count give the same network. ``augment`` is as of :class:`serlib.training.TrainingBatches`.
    ``on_epoch`` is called with (epoch, network, loss) before training (epoch 0) and after every epoch, ``at_end`` with
    (rule, network, loss) for each rule of ``ENDINGS``, with the network that it would keep.

    Returns:
        One row per epoch: epoch, lr, train_loss, train_ua, dev_loss, dev_ua, dev_wa (NaN without a dev part).

    Raises:
        DivergedError: when the loss is no longer finite.
        ValueError: when an epoch is to be chosen on a dev part that is not there.
    """
    if dev is None and recipe.ending.endswith("dev"):
        raise ValueError(f"ending is {recipe.ending!r} and there is no dev part; allowed are 'average' and 'last'")
    torch.manual_seed(seed)
    hardware.move(network, loss)
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
                network, loss, batches, epoch=epoch, after_step=after_step, optimiser=optimiser, hardware=hardware,
                clip_norm=recipe.clip_norm,
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
        endings.pair.load_state_dict(states[rule])
        endings.pair.eval()
        if at_end:
            at_end(rule, network, loss)
    return history


def _dev_scores(network: nn.Module, loss: nn.Module, dev: Examples | None, hardware: Hardware) -> dict[str, float]:
    """Return dev_loss (cross-entropy of the margin-free logits), dev_ua and dev_wa; UA over classes that occur."""
    if dev is None:
        return dict.fromkeys(("dev_loss", "dev_ua", "dev_wa"), float("nan"))
    logits = dev.averaged(predict(network, loss, dev.inputs, hardware=hardware, precise=False)[0])
    labels, guessed = dev.utterance_labels, logits.argmax(1)
    cross_entropy = nn.functional.cross_entropy(*map(torch.from_numpy, (logits, labels))).item()
    right = float(np.mean(guessed == labels))
    return {"dev_loss": cross_entropy, "dev_ua": _unweighted(labels, guessed), "dev_wa": right}
