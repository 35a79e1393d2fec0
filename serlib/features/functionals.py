"""Statistics over a whole utterance by openSMILE: one row of named numbers."""

import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np

from serlib.audio import STEP, AudioError, require
from serlib.features.audio import Recipe

# name here -> in openSMILE, whose IS10 is its packaged IS10_paraling_compat.conf
FEATURE_SETS = {"eGeMAPSv02": "eGeMAPSv02", "ComParE_2016": "ComParE_2016", "emobase2010": "IS10"}


@cache  # one openSMILE object for each process
def _smile(feature_set: str, sample_rate_hz: int):
    import opensmile

    chosen = opensmile.FeatureSet[FEATURE_SETS[feature_set]]
    return opensmile.Smile(chosen, opensmile.FeatureLevel.Functionals, sampling_rate=sample_rate_hz)


@dataclass(frozen=True, kw_only=True)
class Functionals(Recipe):
    """openSMILE functionals, (n_features,) float32: 88 of eGeMAPSv02, 6373 of ComParE_2016, 1582 of emobase2010.

    openSMILE takes 16-bit samples, where 1.0 wraps round to -1.0: a signal that reaches 1.0 is scaled down to fit. It
    has no row for clips below one frame of 60 ms (emobase2010: 70 ms); such a clip is refused.
    """

    libraries: ClassVar[tuple[str, ...]] = ("opensmile",)
    prefer: ClassVar[str] = "processes"

    feature_set: str = field(default="eGeMAPSv02", kw_only=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        known = [*FEATURE_SETS]
        require(self.feature_set in known, f"feature_set is {self.feature_set!r}; allowed are {known}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in the order of ``extract``."""
        return tuple(_smile(self.feature_set, self.sample_rate_hz).feature_names)

    def extract(self, signal: np.ndarray) -> np.ndarray:
        """Return (n_features,) float32.

        Raises:
            AudioError: when the signal is too short, empty, silent, not finite or not one-dimensional.
        """
        cut = self._cut(signal)
        cut = cut * np.float32(min(1, (1 - STEP) / np.abs(cut).max())) if np.abs(cut).max() >= 1 else cut
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that it is too short is said below, as an error
            row = _smile(self.feature_set, self.sample_rate_hz)(cut, self.sample_rate_hz).ravel()
        told = f"{len(cut) / self.sample_rate_hz:g} s are too short for {self.feature_set}; allowed are 0.07 s and more"
        require(bool(np.isfinite(row).all()), f"signal: {told}", AudioError)
        return row
