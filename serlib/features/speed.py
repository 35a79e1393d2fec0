"""The same utterance, spoken faster or slower: for the training part only."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from serlib.audio import check_signal, is_number, require
from serlib.features.audio import Recipe


@dataclass(frozen=True, kw_only=True)
class SpeedChanged(Recipe):
    """Features of a recording that is played ``factor`` times as fast; its pitch moves along, as on a tape.

    Attributes:
        base: the recipe that is applied to the changed signal.
        factor: above 1 faster, below slower; in [0.5, 2], to two decimals.
    """

    base: Recipe
    factor: float

    def __post_init__(self) -> None:
        require(isinstance(self.base, Recipe), f"base is {self.base!r}; allowed is a feature recipe")
        fits = is_number(self.factor, 0.5) and self.factor <= 2 and round(self.factor, 2) == self.factor
        object.__setattr__(self, "sample_rate_hz", self.base.sample_rate_hz)
        require(fits, f"factor is {self.factor!r}; allowed are 0.50 to 2.00, to two decimals")

    @property
    def libraries(self) -> tuple[str, ...]:
        """Libraries of the base, and the resampler."""
        return tuple(dict.fromkeys((*self.base.libraries, "torch", "torchaudio")))

    @property
    def prefer(self) -> str:
        """What the base does better in."""
        return self.base.prefer

    @property
    def quiet(self) -> float | np.ndarray:
        """As of the base."""
        return self.base.quiet

    def to_dict(self) -> dict[str, Any]:
        """Return factor and base, ready for JSON."""
        return {"kind": "SpeedChanged", "version": self.version, "factor": self.factor, "base": self.base.to_dict()}

    def extract(self, signal: np.ndarray) -> np.ndarray:
        """Return the base's features of the changed signal, about 1 / factor times as long."""
        import torch
        from torchaudio.functional import resample

        check_signal(signal, "signal")
        changed = resample(torch.from_numpy(signal.astype(np.float32)), round(100 * self.factor), 100)
        return self.base.extract(changed.numpy())
