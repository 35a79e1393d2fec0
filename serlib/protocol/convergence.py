"""When a training had come to rest: the one rule, of a single run and of all runs of a cross-validation."""

from collections.abc import Sequence

import numpy as np

CLIMBING = 0.5  # points of train UA per epoch, over the last fifth: more of it is unconverged
SETTLED = 5  # epochs at least that a slope is read from


def slope(history: Sequence[dict]) -> float | None:
    """Return how train UA changes, in points per epoch, over the last fifth of a training, at least five epochs.

    The least-squares line through them; None for a single epoch.
    """
    values = [row["train_ua"] for row in history[-max(SETTLED, len(history) // 5) :]]
    return 100 * float(np.polyfit(range(len(values)), values, 1)[0]) if len(values) > 1 else None


def converged(history: Sequence[dict]) -> bool:
    """Tell whether train UA climbed by at most half a point per epoch in the last fifth.

    A training of fewer than ten epochs is never called so: its last fifth would be half of it.
    """
    return len(history) >= 2 * SETTLED and slope(history) <= CLIMBING


def all_converged(flags: Sequence[bool | None], slopes: Sequence[float | None]) -> bool | None:
    """Judge runs together, by what their manifests say (None: nothing): their mean slope is at most half a point.

    A slope is read from few epochs, and of many runs at rest one or two seem to climb. A run that was too short to tell
    is not at rest. Without slopes, whether all runs say so; None where some do not tell and none says no.
    """
    if not flags or None in flags or None in slopes:
        return False if False in flags else (bool(flags) and None not in flags) or None
    short = any(not flag and each <= CLIMBING for flag, each in zip(flags, slopes, strict=True))
    return not short and float(np.mean(slopes)) <= CLIMBING
