"""How a network is trained, as plain numbers that a manifest can hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from numbers import Integral, Real

import torch
from torch.optim import lr_scheduler

from serlib.checks import check_choice

OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
SCHEDULES = {  # options of which exactly one is needed, and those that may be given
    "constant": ((), ()),
    "exponential": (("gamma", "end"), ()),
    "steps": (("milestones", "shares"), ("gamma",)),
    "cosine": ((), ("eta_min",)),
    "one-cycle": ((), ("pct_start", "anneal_strategy", "div_factor", "final_div_factor", "three_phase")),
    "cyclic": ((), ("base_lr", "mode", "gamma")),
}
BALANCING = ("none", "loss", "sampling")
ENDINGS = ("average", "last", "best-dev", "smoothed-dev")


@dataclass(frozen=True)
class Training:
    """A training recipe; a name, number or option that is not allowed is a ValueError.

    Attributes:
        epochs: passes over the training part; None: as many as make ``updates``.
        updates: steps of the optimiser, to whole epochs (``"cyclic"``: whole cycles); exactly one of the two is given.
        batch_size: clips per step.
        optimiser: one of ``OPTIMISERS``; ``momentum`` and ``nesterov`` concern ``"sgd"`` alone.
        learning_rate: at the start (of ``"one-cycle"`` and ``"cyclic"``: the highest).
        schedule: one of ``SCHEDULES``, with torch's options. ``"exponential"`` takes ``gamma`` (per epoch) or ``end``
            (the factor at the end), ``"steps"`` takes ``milestones`` (epochs) or ``shares`` (of the whole training).
        clip_norm: the gradient's greatest norm; None leaves it alone.
        balancing: against unequal classes: ``"none"``, ``"loss"`` (inverse-frequency class weights, mean 1 over
            utterances) or ``"sampling"`` (draw each class equally often).
        ending: which network is kept. ``"average"``: the mean of the weights over the last third of the updates, with
            batch normalisation's statistics made anew; ``"last"``; ``"best-dev"``: the last epoch with the best dev UA
            (paper 002's rule); ``"smoothed-dev"``: the same of the mean over three epochs.
    """

    epochs: int | None = None
    updates: int | None = None
    batch_size: int = 32
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9
    nesterov: bool = False
    schedule: str = "constant"
    schedule_options: dict = field(default_factory=dict)
    clip_norm: float | None = None
    balancing: str = "none"
    ending: str = "average"

    def __post_init__(self) -> None:
        allowed = {"optimiser": OPTIMISERS, "schedule": SCHEDULES, "balancing": BALANCING, "ending": ENDINGS}
        for name, names in allowed.items():
            check_choice(name, getattr(self, name), names)
        if (self.epochs is None) == (self.updates is None):
            raise ValueError(f"epochs={self.epochs} and updates={self.updates}; exactly one must be given")
        for name in ("epochs", "updates", "batch_size"):
            value = getattr(self, name)
            if not (value is None and name != "batch_size") and (not _number(value, Integral) or value < 1):
                raise ValueError(f"{name} is {value!r}; allowed are whole numbers from 1 on")
        for name in ("learning_rate", "clip_norm", "weight_decay", "momentum"):
            value, positive = getattr(self, name), name in ("learning_rate", "clip_norm")
            wrong = not _number(value, Real) or not 0 <= value < inf or (positive and value == 0)
            if wrong and not (value is None and name == "clip_norm"):
                raise ValueError(
                    f"{name} is {value!r}; allowed are finite numbers {'above 0' if positive else 'from 0 on'}"
                )
        one_of, others = SCHEDULES[self.schedule]
        given = set(self.schedule_options)
        if not given <= {*one_of, *others} or len(given & {*one_of}) != bool(one_of):
            needed = [f"one of {', '.join(one_of)}"] * bool(one_of) + [f"any of {', '.join(others)}"] * bool(others)
            came = f"schedule_options of {self.schedule!r} are {self.schedule_options}"
            raise ValueError(f"{came}; allowed are {' and '.join(needed) or 'none'}")

    def length(self, steps_per_epoch: int) -> int:
        """Return the epochs of a training part of so many steps; a cycle of two epochs is not broken off."""
        if self.epochs is not None:
            return self.epochs
        cycle = 2 if self.schedule == "cyclic" else 1
        return cycle * max(1, round(self.updates / (steps_per_epoch * cycle)))

    def make_optimiser(self, parameters: Sequence[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """Return torch's optimiser; weight decay is L2 for adam and sgd, decoupled for adamw."""
        own = {"momentum": self.momentum, "nesterov": self.nesterov} if self.optimiser == "sgd" else {}
        shared = {"lr": self.learning_rate, "weight_decay": self.weight_decay, "fused": parameters[0].is_cuda}
        return OPTIMISERS[self.optimiser](parameters, **shared, **own)

    def make_schedule(
        self, optimiser: torch.optim.Optimizer, steps_per_epoch: int
    ) -> tuple[lr_scheduler.LRScheduler | None, bool]:
        """Return torch's scheduler and whether it steps after every batch (else after every epoch)."""
        options, total = dict(self.schedule_options), self.length(steps_per_epoch) * steps_per_epoch
        if self.schedule == "exponential":
            gamma = options["gamma"] if "gamma" in options else options["end"] ** (1 / total)
            return lr_scheduler.ExponentialLR(optimiser, gamma), "end" in options
        if self.schedule == "steps":
            stops = [round(share * total) for share in options.pop("shares", ())]
            return lr_scheduler.MultiStepLR(optimiser, options.pop("milestones", stops), **options), bool(stops)
        if self.schedule == "cosine":
            return lr_scheduler.CosineAnnealingLR(optimiser, T_max=total, **options), True
        if self.schedule == "one-cycle":
            return lr_scheduler.OneCycleLR(optimiser, self.learning_rate, total_steps=total, **options), True
        if self.schedule == "cyclic":
            ends = {"base_lr": self.learning_rate / 10, "max_lr": self.learning_rate, "step_size_up": steps_per_epoch}
            return lr_scheduler.CyclicLR(optimiser, **ends | options, cycle_momentum=False), True
        return None, False


def _number(value: object, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
