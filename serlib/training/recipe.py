"""How a network is trained, as plain numbers that a manifest can hold."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch.optim import lr_scheduler

OPTIMISERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "exponential", "steps", "cosine", "one-cycle", "cyclic")
BALANCING = ("none", "loss", "sampling")


@dataclass(frozen=True)
class Training:
    """A training recipe.

    Attributes:
        epochs: passes over the training part, at most.
        batch_size: clips per step.
        optimiser: one of ``OPTIMISERS``; ``momentum`` and ``nesterov`` concern ``"sgd"`` alone.
        learning_rate: at the start (of ``"one-cycle"`` and ``"cyclic"``: the highest).
        schedule: one of ``SCHEDULES``; ``schedule_options`` go to torch's scheduler of that name.
        clip_norm: the gradient's greatest norm; None leaves it alone.
        patience: epochs without a better dev UA before training stops; None never stops early.
        balancing: against unequal classes: ``"none"``, ``"loss"`` (inverse-frequency class weights, mean 1 over
            utterances) or ``"sampling"`` (draw each class equally often).

    Raises:
        ValueError: for a name or number that is not allowed.
    """

    epochs: int
    batch_size: int = 32
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9
    nesterov: bool = False
    schedule: str = "constant"
    schedule_options: dict = field(default_factory=dict)
    clip_norm: float | None = None
    patience: int | None = None
    balancing: str = "none"

    def __post_init__(self) -> None:
        for name, allowed in (("optimiser", OPTIMISERS), ("schedule", SCHEDULES), ("balancing", BALANCING)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; allowed are {', '.join(allowed)}")
        if self.epochs < 1 or self.batch_size < 1 or not self.learning_rate > 0:
            raise ValueError(
                f"epochs={self.epochs}, batch_size={self.batch_size}, learning_rate={self.learning_rate}: "
                "all must be positive"
            )

    def make_optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """Return torch's optimiser; weight decay is L2 for adam and sgd, decoupled for adamw."""
        shared = {"lr": self.learning_rate, "weight_decay": self.weight_decay}
        if self.optimiser == "sgd":
            return torch.optim.SGD(parameters, momentum=self.momentum, nesterov=self.nesterov, **shared)
        return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.optimiser](parameters, **shared)

    def make_schedule(
        self, optimiser: torch.optim.Optimizer, steps_per_epoch: int
    ) -> tuple[lr_scheduler.LRScheduler | None, bool]:
        """Return torch's scheduler and whether it steps after every batch (else after every epoch)."""
        options = dict(self.schedule_options)
        if self.schedule == "exponential":
            return lr_scheduler.ExponentialLR(optimiser, **options), False
        if self.schedule == "steps":
            return lr_scheduler.MultiStepLR(optimiser, **options), False
        if self.schedule == "cosine":
            return lr_scheduler.CosineAnnealingLR(optimiser, T_max=self.epochs, **options), False
        if self.schedule == "one-cycle":
            total = self.epochs * steps_per_epoch
            return lr_scheduler.OneCycleLR(optimiser, self.learning_rate, total_steps=total, **options), True
        if self.schedule == "cyclic":
            options = {"base_lr": self.learning_rate / 10, "cycle_momentum": False, **options}
            options.setdefault("step_size_up", steps_per_epoch)
            return lr_scheduler.CyclicLR(optimiser, max_lr=self.learning_rate, **options), True
        return None, False
