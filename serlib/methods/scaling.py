"""Scaling inputs by a mean and a deviation, of the training part or of each speaker."""

import warnings
from collections.abc import Sequence
from typing import Self

import numpy as np

AXES = {"bin": (-1,), "channel": (-2, -1), "feature": ()}
NORMALISATIONS = (*AXES, "none")


class Scaler:
    """Mean and deviation of what it is made from, added up input by input: a large corpus is never copied.

    Args:
        inputs: arrays that share every axis but the last.
        normalise: of ``NORMALISATIONS``: which values share a mean and a deviation.
        valid: frames of each input that are not filled up; None: all.
        floor: least deviation, in the unit of the values (broadcast to the statistics): a frequency band without any
            sound but for a click is not blown up until the click fills the input. 0: what never moves becomes 0.

    Raises:
        ValueError: for an unknown normalisation.
    """

    def __init__(
        self, inputs: Sequence[np.ndarray], normalise: str, *, valid: Sequence[int] | None = None,
        floor: float | np.ndarray = 0.0,
    ) -> None:  # fmt: skip
        if normalise not in NORMALISATIONS:
            raise ValueError(f"normalise is {normalise!r}; allowed are {', '.join(NORMALISATIONS)}")
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

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Scale one input of the same channels and bins."""
        return (x - self.mean) / self.deviation

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
    floor: float | np.ndarray = 0.0,
) -> list[np.ndarray]:  # fmt: skip
    """Scale the inputs of each voice by that voice's own statistics; see :class:`Scaler`.

    Args:
        voices: (len(inputs),) who speaks.
        inputs: as of :class:`Scaler`, like the rest.
        normalise: which values share statistics.
        valid: frames that are not filled up.
        floor: least deviation.

    Returns:
        The inputs in their order; all 0 for the only utterance of a speaker under ``"feature"``.
    """
    scaled = list(inputs)
    for voice in np.unique(voices):
        mine = np.flatnonzero(voices == voice)
        if normalise == "feature" and len(mine) == 1:
            warnings.warn(f"one utterance has no deviation: all features of {voice} become 0", stacklevel=2)
        scale = Scaler([inputs[i] for i in mine], normalise, valid=None if valid is None else valid[mine], floor=floor)
        for i in mine:
            scaled[i] = scale(inputs[i])
    return scaled
