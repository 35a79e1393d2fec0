"""A corpus is a table of utterances, the classes to tell apart, and a fingerprint over both."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from numbers import Integral, Real

import numpy as np
import pandas as pd

SECONDS = ("start", "end", "duration")
COLUMNS = ("file", *SECONDS, "emotion", "raw_label", "speaker", "sex", "session", "sentence", "take", "audio_sha256")


class CorpusError(ValueError):
    """A corpus is missing, incomplete or contradicts itself; the message names the files and what is allowed."""


def check_corpus(corpus: object) -> None:
    """Refuse what is no Corpus with a ValueError."""
    if not isinstance(corpus, Corpus):
        raise ValueError(f"corpus is {corpus!r}; allowed is what load_corpus returns")


@dataclass(frozen=True, eq=False)
class Corpus:
    """Utterances with their labels and speakers.

    Attributes:
        name: the source, such as ``"emodb"``.
        table: one row per utterance, indexed by its unique name, with ``COLUMNS``: ``start``, ``end``, ``duration`` in
            seconds (``start`` and ``end`` NaN: the whole file); ``sex`` is ``"female"``, ``"male"`` or None;
            ``session``, ``sentence`` and ``take`` may be None.
        classes: emotions in the order of the class indices.
        synthetic: True when no human spoke; every table and figure then says so.
        asked: options of ``load_corpus`` that are not the usual ones, so that commands can repeat them.

    Raises:
        CorpusError: for missing columns, a doubled utterance, one without a speaker, an emotion outside ``classes``, or
            classes that are not different names.
    """

    name: str
    table: pd.DataFrame
    classes: tuple[str, ...]
    synthetic: bool = False
    asked: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.table, pd.DataFrame):
            what = f"table is a {type(self.table).__name__}"
            raise CorpusError(f"{self.name}: {what}; allowed is a pandas DataFrame with {list(COLUMNS)}")
        names = self.classes if isinstance(self.classes, Sequence) and not isinstance(self.classes, str) else ()
        if not names or len({*map(str, names)}) < len(names):
            raise CorpusError(f"{self.name}: classes are {self.classes!r}; allowed are different names, at least one")
        missing = [c for c in COLUMNS if c not in self.table]
        if missing:
            raise CorpusError(f"{self.name}: columns {missing} are missing; needed are {list(COLUMNS)}")
        # One type per column and one word for "unknown", so that equal corpora have equal tables.
        text = self.table.drop(columns=[*SECONDS]).astype(object)
        table = self.table.assign(**self.table[[*SECONDS]].astype(float), **text.where(text.notna(), None))
        object.__setattr__(self, "table", table.set_axis(table.index.astype(str).rename("utterance")))
        for name in self.table.index[self.table.index.duplicated()]:
            raise CorpusError(f"{self.name}: utterance {name!r} occurs more than once; names must be unique")
        for name, emotion, speaker in self.table[["emotion", "speaker"]].itertuples():
            if speaker is None:
                raise CorpusError(f"{self.name}: utterance {name!r} has no speaker; every utterance needs one")
            if emotion not in self.classes:
                what = f"unknown emotion {emotion!r} of utterance {name!r}"
                raise CorpusError(f"{self.name}: {what}; allowed are {', '.join(self.classes)}")

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def labels(self) -> np.ndarray:
        """Class index of every utterance: (len(self),) int64."""
        return self.table["emotion"].map({c: i for i, c in enumerate(self.classes)}).to_numpy(np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """64 hex digits over classes and every utterance's name, labels, speaker and audio content; not over paths."""
        rows = self.table[[c for c in COLUMNS if c not in ("file", "duration")]].astype(object)
        ordered = sorted(rows.where(rows.notna(), None).itertuples(), key=lambda row: row[0])
        return sha256(json.dumps([self.classes, *map(list, ordered)], default=str).encode()).hexdigest()

    def subset(self, which: Sequence | np.ndarray | pd.Series) -> "Corpus":
        """Keep the utterances chosen by a boolean mask, integer positions or names; the classes stay."""
        names, chosen = self.table.index, np.asarray(which)
        if chosen.ndim != 1:
            told = f"cannot choose by {type(which).__name__} of shape {chosen.shape}"
            raise CorpusError(f"{self.name}: {told}; allowed are {len(names)} booleans, positions, names")
        if chosen.dtype == bool and len(chosen) == len(names):
            chosen = np.flatnonzero(chosen)
        elif chosen.dtype.kind in "OUT" and set(chosen) <= set(names):
            chosen = names.get_indexer(chosen)
        elif chosen.size and chosen.dtype.kind not in "iu":
            what = f"{len(chosen)} values such as {chosen.tolist()[0]!r}"
            raise CorpusError(
                f"{self.name}: cannot choose by {what}; allowed are {len(names)} booleans, positions, names"
            )
        chosen = chosen.astype(np.int64)
        if len(outside := chosen[(chosen < -len(names)) | (chosen >= len(names))]):
            allowed = f"{-len(names)} to {len(names) - 1}"
            raise CorpusError(f"{self.name}: there is no position {outside[0]}; allowed are {allowed}")
        return replace(self, table=self.table.iloc[chosen])

    def relabel(self, mapping: Mapping[str, str]) -> "Corpus":
        """Rename or merge emotions; those that ``mapping`` leaves out are dropped. The raw label stays."""
        fits = isinstance(mapping, Mapping) and all(isinstance(new, str) and new for new in mapping.values())
        if not fits or not mapping:
            told = f"cannot relabel by {mapping!r}; allowed is a mapping of some of {', '.join(self.classes)} to names"
            raise CorpusError(f"{self.name}: {told}")
        unknown = sorted(set(mapping) - set(self.classes))
        if unknown:
            raise CorpusError(f"{self.name}: cannot relabel {unknown[0]!r}; classes are {list(self.classes)}")
        table = self.table[self.table["emotion"].isin(list(mapping))]
        kept = dict.fromkeys(mapping[c] for c in self.classes if c in mapping)
        return replace(self, table=table.assign(emotion=table["emotion"].map(dict(mapping))), classes=tuple(kept))

    def imbalanced(self, shares: Mapping[str, float], seed: int) -> "Corpus":
        """Draw the largest subset whose classes stand in the given shares, each rounded down to whole utterances.

        Every speaker keeps at least one utterance of each class that he or she had, as far as the shares leave
        enough; where they do not, speakers who have the least so far come first.

        Args:
            shares: class to share; classes left out are dropped. Only ratios matter: 1:8 is as good as 1/9:8/9.
            seed: of the draw; the same seed gives the same subset, whatever the order of rows and shares.

        Raises:
            CorpusError: for an empty class, a share that is not positive or too small for one utterance, or a seed that
                is no whole number from 0 on.
        """
        if not isinstance(shares, Mapping):
            raise CorpusError(f"{self.name}: shares are {shares!r}; allowed is a mapping of emotions to numbers")
        if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
            raise CorpusError(f"{self.name}: seed is {seed!r}; allowed are whole numbers from 0 on")
        counts = self.table["emotion"].value_counts()
        for emotion, share in shares.items():
            if emotion not in counts or not isinstance(share, Real) or not 0 < share < np.inf:
                allowed = ", ".join(c for c in self.classes if c in counts)
                raise CorpusError(
                    f"{self.name}: share of {emotion!r} is {share!r}; allowed are positive ones of {allowed}"
                )
        scale = min((counts[c] / s for c, s in shares.items()), default=0)
        sizes = {c: int(scale * shares[c] + 1e-9) for c in self.classes if c in shares}
        if not all(sizes.values()) or not sizes:
            raise CorpusError(f"{self.name}: shares {dict(shares)} give {sizes}; needed is one utterance of each class")
        return replace(self, table=self.table.iloc[self._draw(sizes, seed)], classes=tuple(sizes))

    def _draw(self, sizes: Mapping[str, int], seed: int) -> np.ndarray:
        """Return sorted positions of ``sizes[c]`` utterances of each class c: first one of each speaker, then any."""
        order = np.random.default_rng(seed).permutation(np.argsort(self.table.index.to_numpy(str)))
        speakers, emotions = self.table["speaker"].to_numpy(), self.table["emotion"].to_numpy()
        kept, drawn = Counter(), []
        for emotion, size in sizes.items():
            pool = order[emotions[order] == emotion]
            first = list({speakers[i]: i for i in pool}.values())
            first.sort(key=lambda i: kept[speakers[i]])
            drawn += [*first, *pool[~np.isin(pool, first)]][:size]
            kept = Counter(speakers[drawn])
        return np.sort(drawn)
