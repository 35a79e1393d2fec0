"""Scaling inputs by a mean and a deviation, of the training part or of each speaker."""

import warnings
from collections.abc import Sequence
from typing import Self

import numpy as np

from serlib.checks import check_choice

AXES = {"bin": (-1,), "channel": (-2, -1), "feature": ()}
NORMALISATIONS = (*AXES, "none")


class Scaler:
    """Mean and deviation of what it is made from, added up input by input: a large corpus is never copied.

    ``inputs`` share every axis but the last; of each, ``valid`` frames are not filled up (None: all). ``normalise``
    says which values share statistics; a name that is not of ``NORMALISATIONS`` is a ValueError. ``floor`` is the least
    deviation, in the unit of the values (broadcast to the statistics): a frequency band without any sound but for a
    click is not blown up until the click fills the input. 0: what never moves becomes 0.
    """

    def __init__(
        self, inputs: Sequence[np.ndarray], normalise: str, *, valid: Sequence[int] | None = None,
        floor: float | np.ndarray = 0.0,
    ) -> None:  # fmt: skip
        check_choice("normalise", normalise, NORMALISATIONS)
        self.mean, self.deviation = np.float32(0), np.float32(1)
        if normalise == "none":
            return
        axes = AXES[normalise]
        ends = [None] * len(inputs) if valid is None else valid
        heard = [x[..., :end] for x, end in zip(inputs, ends, strict=True)]
        count = sum(int(np.prod([x.shape[axis] for axis in axes])) for x in heard)
        mean = sum(x.sum(axes, keepdims=True, dtype=np.float64) for x in heard) / count
        square = sum(np.square(x - mean).sum(axes, keepdims=True) for x in heard) / count
        deviation = np.maximum(np.sqrt(square), floor)
        self.mean = mean.astype(np.float32)
        self.deviation = np.where(deviation > 1e-12, deviation, np.inf).astype(np.float32)

    def __call__(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Scale one input of the same channels and bins, into ``out`` where it is given, which may be the input."""
        return np.divide(np.subtract(x, self.mean, out=out), self.deviation, out=out)

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Mean and deviation by name, to be kept with a model."""
        return {"scaler.mean": np.asarray(self.mean), "scaler.deviation": np.asarray(self.deviation)}

    @classmethod
    def of(cls, state: dict[str, np.ndarray]) -> Self:
        """Return the scaler that ``state`` was taken from."""
        scaler = cls([], "none")
        scaler.mean, scaler.deviation = (np.asarray(state[f"scaler.{name}"]) for name in ("mean", "deviation"))
        return scaler


def scaled_by(
    voices: np.ndarray, inputs: Sequence[np.ndarray], normalise: str, *, valid: np.ndarray | None = None,
    floor: float | np.ndarray = 0.0, in_place: bool = False,
) -> list[np.ndarray]:  # fmt: skip
    """Scale the inputs of each voice, of which ``voices`` (len(inputs),) tells, by that voice's own statistics.

    Under ``"feature"`` the only utterance of a speaker becomes 0, with a warning. ``in_place`` writes over the inputs;
    the rest is as of :class:`Scaler`.
    """
    scaled = list(inputs) if in_place else [np.array(x) for x in inputs]
    for voice in np.unique(voices):
        mine = np.flatnonzero(voices == voice)
        if normalise == "feature" and len(mine) == 1:
            warnings.warn(f"one utterance has no deviation: all features of {voice} become 0", stacklevel=2)
        scale = Scaler([scaled[i] for i in mine], normalise, valid=None if valid is None else valid[mine], floor=floor)
        for i in mine:
            scale(scaled[i], out=scaled[i])
    return scaled
