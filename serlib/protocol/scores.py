"""The result of a cross-validation: every prediction, and the numbers one reads off them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from serlib.protocol.folds import SPEAKER_DEPENDENT
from serlib.protocol.intervals import speaker_interval
from serlib.protocol.metrics import METRICS, TITLES
from serlib.protocol.paired import Comparison, compare
from serlib.protocol.published import table_beside

COLUMNS = ("fold", "seed", "utterance", "speaker", "emotion", "predicted")


@dataclass(frozen=True, eq=False)
class Scores:
    """Predictions of one method on one corpus. Tables show percent (0 to 100).

    Attributes:
        method: its name, like ``corpus``, ``profile`` and ``scheme``.
        classes: emotions in the order of the class indices.
        predictions: a row per scored utterance and seed: fold, seed, utterance, speaker, emotion (true), predicted.
        logits: (rows, classes), aligned with ``predictions``; so is ``embeddings``, (rows, E) or None.
        history: a row per fold, seed and epoch, or None.
        manifests: one per run, like ``arrays`` (what a run learned, such as ``weight``, its class weight vectors).
        synthetic: True when no human spoke.
    """

    method: str
    corpus: str
    profile: str
    scheme: str
    classes: tuple[str, ...]
    predictions: pd.DataFrame
    logits: np.ndarray
    embeddings: np.ndarray | None = None
    history: pd.DataFrame | None = None
    manifests: Sequence[dict] = ()
    arrays: Sequence[dict[str, np.ndarray]] = ()
    synthetic: bool = False

    def __post_init__(self) -> None:
        rows, missing = len(self.predictions), set(COLUMNS) - set(self.predictions.columns)
        if not rows or missing:
            raise ValueError(f"predictions: {rows} rows, without {sorted(missing)}; needed are rows with {COLUMNS}")
        needed, embedded = (rows, len(self.classes)), rows if self.embeddings is None else len(self.embeddings)
        if np.shape(self.logits) != needed or embedded != rows:
            raise ValueError(f"logits {np.shape(self.logits)}, {embedded} embeddings; needed are {needed} and {rows}")
        if unknown := {*self.predictions["emotion"], *self.predictions["predicted"]} - {*self.classes}:
            raise ValueError(f"predictions: unknown emotion {min(unknown)!r}; allowed are {list(self.classes)}")

    @property
    def label(self) -> str:
        """Method, corpus, profile and scheme in one line; speaker-dependent and synthetic scores say so."""
        dependent = " (speaker-dependent)" if self.scheme in SPEAKER_DEPENDENT else ""
        synthetic = " · synthetic" if self.synthetic else ""
        return f"{self.method} · {self.corpus} · {self.profile} · {self.scheme}{dependent}{synthetic}"

    def _counted(self, *by: str) -> tuple[pd.MultiIndex, np.ndarray]:
        """Return the values of ``by`` that occur together, and a confusion matrix for each: (n, C, C) int64."""
        table, size = self.predictions, len(self.classes)
        groups = table.groupby(list(by), sort="fold" not in by)
        true, predicted = (pd.Categorical(table[c], self.classes).codes for c in ("emotion", "predicted"))
        flat = (groups.ngroup().to_numpy() * size + true) * size + predicted
        return groups.size().index, np.bincount(flat, minlength=groups.ngroups * size**2).reshape(-1, size, size)

    def _by(self, *by: str) -> pd.DataFrame:
        """Score each group alone, in percent, beside its utterances and the classes that occur in it."""
        index, counts = self._counted(*by)
        table = pd.DataFrame({"utterances": counts.sum((1, 2)), "classes": (counts.sum(2) > 0).sum(1)}, index=index)
        return table.assign(**{title: 100 * METRICS[metric](counts) for metric, title in TITLES.items()})

    @cached_property
    def counts(self) -> np.ndarray:
        """Confusion counts per seed and speaker, both sorted: (S, P, C, C) int64."""
        index, counts = self._counted("seed", "speaker")
        seeds, speakers = (index.get_level_values(k).factorize(sort=True)[0] for k in (0, 1))
        full = np.zeros((seeds.max() + 1, speakers.max() + 1, *counts.shape[1:]), dtype=np.int64)
        full[seeds, speakers] = counts
        return full

    def summary(self) -> pd.DataFrame:
        """Return UA, WA and macro-F1 in percent, one row each.

        ``pooled``: over all folds, averaged over seeds, with its 95 % interval over speakers, ``low`` to ``high``.
        ``mean`` and ``std`` (n - 1): over folds x seeds, each scored on the classes that occur in it.
        ``.attrs``: ``label``, and ``note`` (why there is no interval, or empty).
        """
        runs, rows = self.per_fold(), {}
        for metric, title in TITLES.items():
            low, high = speaker_interval(self.counts, metric)
            pooled = METRICS[metric](self.counts.sum(axis=1)).mean()
            rows[title] = [100 * pooled, runs[title].mean(), runs[title].std(), 100 * low, 100 * high]
        table = pd.DataFrame(rows, index=["pooled", "mean", "std", "low", "high"]).T.rename_axis("metric")
        note = "no interval: one speaker shows no spread" if self.counts.shape[1] < 2 else ""
        table.attrs = {"label": self.label, "note": note}
        return table

    def confusion(self, normalise: bool = False) -> pd.DataFrame:
        """Return the confusion matrix, true emotions in rows: counts summed over seeds, or rows in percent."""
        names = {"index": pd.Index(self.classes, name="emotion"), "columns": pd.Index(self.classes, name="predicted")}
        table = pd.DataFrame(self.counts.sum(axis=(0, 1)), **names)
        return 100 * table.div(table.sum(axis=1).replace(0, np.nan), axis=0) if normalise else table

    def per_class(self) -> pd.DataFrame:
        """Return utterances per seed, and recall, precision and F1 in percent over all seeds' predictions, by class."""
        table = self.confusion()
        hits, true, said = pd.Series(np.diag(table), table.index), table.sum(axis=1), table.sum()
        rates = {"recall": 100 * hits / true, "precision": 100 * hits / said, "F1": 200 * hits / (true + said)}
        return pd.DataFrame({"utterances": true / len(self.counts), **rates}).rename_axis("emotion")

    def per_speaker(self) -> pd.DataFrame:
        """Return scores in percent by speaker, averaged over seeds; UA over the classes that the speaker shows."""
        return self._by("speaker", "seed").groupby(level="speaker").mean()

    def per_fold(self) -> pd.DataFrame:
        """Return scores in percent by fold and seed; UA over the classes that occur in the fold."""
        return self._by("fold", "seed")

    def beside_published(self, table: str) -> pd.DataFrame:
        """Put what was measured beside this method's numbers in a paper's table; see ``table_beside``."""
        beside = table_beside([self], table)
        if (own := beside[beside["scores"].notna()]).empty:
            known = ", ".join(sorted(set(beside["method"].dropna())))
            raise ValueError(f"{self.method} has no row in {table}; methods there are {known}")
        return own.reset_index(drop=True)

    def compare(self, other: "Scores", *, metric: str = "ua", permutations: int = 10000, seed: int = 0) -> Comparison:
        """Compare with another method on the same folds and seeds; see ``serlib.protocol.compare``."""
        return compare(self, other, metric=metric, permutations=permutations, seed=seed)
