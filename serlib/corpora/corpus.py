"""A corpus is a table of utterances, the classes to tell apart, and a fingerprint over both."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

COLUMNS = (
    "file", "start", "end", "duration", "emotion", "raw_label", "speaker", "sex", "session", "sentence", "take", "audio_sha256",
)  # fmt: skip
IDENTITY = ("emotion", "raw_label", "speaker", "sex", "session", "sentence", "take", "start", "end", "audio_sha256")


class CorpusError(ValueError):
    """A corpus is missing, incomplete or contradicts itself; the message names the files and what is allowed."""


@dataclass(frozen=True)
class Corpus:
    """Utterances with their labels and speakers.

    Attributes:
        name: the source, such as ``"emodb"``.
        table: one row per utterance, indexed by a unique utterance name, with the columns ``COLUMNS``:
            ``start``, ``end`` and ``duration`` in seconds (``start`` and ``end`` NaN: the whole file);
            ``sex`` is ``"female"``, ``"male"`` or None; ``session``, ``sentence`` and ``take`` may be None.
        classes: emotions in the order of the class indices.
        synthetic: True when no human spoke; every table and figure then says so.
    """

    name: str
    table: pd.DataFrame
    classes: tuple[str, ...]
    synthetic: bool = False

    def __post_init__(self) -> None:
        missing = [c for c in COLUMNS if c not in self.table.columns]
        if missing:
            raise CorpusError(f"{self.name}: columns {missing} are missing; needed are {list(COLUMNS)}")
        doubled = self.table.index[self.table.index.duplicated()]
        if len(doubled):
            raise CorpusError(f"{self.name}: utterance {doubled[0]!r} occurs more than once; names must be unique")
        unknown = sorted(set(self.table["emotion"]) - set(self.classes))
        if unknown:
            raise CorpusError(f"{self.name}: unknown emotion {unknown[0]!r}; allowed are {list(self.classes)}")

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def labels(self) -> np.ndarray:
        """Class index of every utterance: (len(self),) int64."""
        return self.table["emotion"].map({c: i for i, c in enumerate(self.classes)}).to_numpy(np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """64 hex digits over classes and every utterance's labels, speaker and audio content; paths do not enter."""
        digest = hashlib.sha256("\0".join(self.classes).encode())
        rows = self.table.loc[:, list(IDENTITY)].astype(object).where(self.table.loc[:, list(IDENTITY)].notna(), None)
        for name, *values in sorted(rows.itertuples(), key=lambda row: row[0]):
            digest.update("\0".join([str(name), *map(str, values)]).encode() + b"\n")
        return digest.hexdigest()

    def subset(self, which: np.ndarray | pd.Series | list) -> "Corpus":
        """Keep the utterances chosen by a boolean mask, integer positions or utterance names."""
        chosen = np.asarray(which)
        by_name = chosen.dtype.kind in "OUT"
        table = self.table.loc[list(chosen)] if by_name else self.table.iloc[np.flatnonzero(chosen) if chosen.dtype == bool else chosen]
        return replace(self, table=table)

    def relabel(self, mapping: Mapping[str, str]) -> "Corpus":
        """Rename or merge emotions; those that ``mapping`` leaves out are dropped. The raw label stays."""
        unknown = sorted(set(mapping) - set(self.classes))
        if unknown:
            raise CorpusError(f"{self.name}: cannot relabel {unknown[0]!r}; classes are {list(self.classes)}")
        table = self.table[self.table["emotion"].isin(list(mapping))].copy()
        table["emotion"] = table["emotion"].map(dict(mapping))
        kept = dict.fromkeys(mapping[c] for c in self.classes if c in mapping)
        return replace(self, table=table, classes=tuple(kept))

    def imbalanced(self, shares: Mapping[str, float], seed: int) -> "Corpus":
        """Draw the largest subset whose classes stand in the given shares.

        Every speaker keeps at least one utterance of each class that he or she had, where the shares allow it, so
        that speaker-independent folds stay possible.

        Args:
            shares: class to share; classes left out are dropped. Only ratios matter, so 1:8 is as good as 1/9:8/9.
            seed: of the draw; the same seed gives the same subset.

        Raises:
            CorpusError: for an unknown class or a share that is not positive.
        """
        wrong = [c for c, s in shares.items() if c not in self.classes or not s > 0]
        if wrong:
            raise CorpusError(
                f"{self.name}: share of {wrong[0]!r} is {shares[wrong[0]]}; allowed are positive shares of {list(self.classes)}"
            )
        counts = self.table["emotion"].value_counts()
        scale = min(counts.get(c, 0) / s for c, s in shares.items())
        generator = np.random.default_rng(seed)
        kept = [self._draw(c, int(np.floor(scale * s + 1e-9)), generator) for c, s in shares.items()]
        positions = np.sort(np.concatenate(kept))
        return replace(self, table=self.table.iloc[positions], classes=tuple(c for c in self.classes if c in shares))

    def _draw(self, emotion: str, size: int, generator: np.random.Generator) -> np.ndarray:
        """Return positions of ``size`` utterances of one emotion: first one of each speaker, then at random."""
        positions = generator.permutation(np.flatnonzero(self.table["emotion"].to_numpy() == emotion))
        speakers = self.table["speaker"].to_numpy()[positions]
        _, first = np.unique(speakers, return_index=True)
        order = np.r_[generator.permutation(first), np.setdiff1d(np.arange(len(positions)), first)]
        return positions[order[:size]]
