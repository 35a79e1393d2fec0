"""Every prediction of a cross-validation, the numbers one reads off them, and what they may be held against."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from serlib.protocol.convergence import all_converged
from serlib.protocol.folds import SPEAKER_DEPENDENT
from serlib.protocol.intervals import score_interval
from serlib.protocol.metrics import METRICS, TITLES, scored

if TYPE_CHECKING:
    from serlib.protocol.paired import Comparison

COLUMNS = ("fold", "seed", "utterance", "speaker", "emotion", "predicted")
KEY = ["seed", "fold", "utterance"]  # what tells one prediction from another
UNITS = {("speaker",): "speakers", ("fold",): "folds", ("fold", "seed"): "networks (fold x seed)"}


@dataclass(frozen=True, eq=False)
class Scores:
    """Predictions of one method on one corpus; a ValueError where they do not fit. Tables show percent (0 to 100).

    Attributes:
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
        """Method, corpus, profile, scheme in one line; speaker-dependent, synthetic, unconverged scores say so."""
        dependent = " (speaker-dependent)" if self.scheme in SPEAKER_DEPENDENT else ""
        warnings = " · synthetic" * self.synthetic + " · unconverged" * (self.converged is False)
        return f"{self.method} · {self.corpus} · {self.profile} · {self.scheme}{dependent}{warnings}"

    def told(self, name: str) -> list:
        """Return what each run's manifest notes under a name; None where it does not."""
        return [manifest.get("notes", {}).get(name) for manifest in self.manifests]

    @property
    def converged(self) -> bool | None:
        """Whether all runs together had come to rest; None: unknown. See ``serlib.protocol.convergence``."""
        return all_converged(self.told("converged"), self.told("slope"))

    @property
    def unconverged(self) -> str:
        """How many runs were stopped while train UA climbed, in words; empty where these scores are at rest."""
        runs = f"{self.told('converged').count(False)} of {len(self.manifests)} runs"
        return f"unconverged: train UA still climbed in {runs}" if self.converged is False else ""

    @property
    def train_ua(self) -> float:
        """UA on the training part at the end, in percent: mean over the runs that tell, or NaN."""
        return 100 * float(pd.Series(self.told("train_ua"), dtype=float).mean())

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Columns whose values name what may be exchanged and drawn as a whole: what shares no network with the rest.

        ``("speaker",)`` where every fold tests one speaker, with all seeds: each network speaks of one voice. Else
        ``("fold", "seed")``: one network, which tests several speakers. With one seed, or where seeds change nothing
        (an SVC), that is ``("fold",)``, lest copies of a result pass for repetitions.
        """
        table = self.predictions
        if table.groupby("fold")["speaker"].nunique().max() == 1:
            return ("speaker",)
        lucky = table.groupby(["fold", "utterance"])["predicted"].nunique().max() > 1
        return ("fold", "seed") if lucky else ("fold",)

    def on_seeds(self, seeds: Collection[int]) -> "Scores":
        """Return the part of these seeds, without the history; none of them is a ValueError."""
        if isinstance(seeds, str) or not isinstance(seeds, Collection):
            raise ValueError(f"seeds are {seeds!r}; allowed are one or more whole numbers, such as (0, 1, 2)")
        rows, runs = self.predictions["seed"].isin(seeds).to_numpy(), [m["seed"] in seeds for m in self.manifests]
        kept = {name: [each for each, own in zip(getattr(self, name), runs, strict=True) if own]
                for name in ("manifests", "arrays") if getattr(self, name)}  # fmt: skip
        return replace(
            self, predictions=self.predictions[rows].reset_index(drop=True), logits=self.logits[rows],
            embeddings=None if self.embeddings is None else self.embeddings[rows], history=None, **kept,
        )  # fmt: skip

    def repeated(self, seeds: Collection[int]) -> "Scores":
        """Return these scores as those of each of ``seeds``, without history: of what no seed changes, such as an SVC.

        They must be of one seed, else a ValueError.
        """
        if self.predictions["seed"].nunique() > 1:
            raise ValueError(f"{self.label} has {self.predictions['seed'].nunique()} seeds; only one can be repeated")
        many, each = len(seeds), None if self.embeddings is None else np.tile(self.embeddings, (len(seeds), 1))
        return replace(
            self, predictions=pd.concat([self.predictions.assign(seed=seed) for seed in seeds], ignore_index=True),
            logits=np.tile(self.logits, (many, 1)), embeddings=each, history=None, arrays=[*self.arrays] * many,
            manifests=[manifest | {"seed": seed} for seed in seeds for manifest in self.manifests],
        )  # fmt: skip

    def counted(self, *by: str) -> tuple[pd.MultiIndex, np.ndarray]:
        """Return the values of ``by`` that occur together, sorted, and a confusion matrix for each: (n, C, C) int64."""
        table, size = self.predictions, len(self.classes)
        groups = table.groupby(list(by))
        true, predicted = (pd.Categorical(table[c], self.classes).codes for c in ("emotion", "predicted"))
        flat = (groups.ngroup().to_numpy() * size + true) * size + predicted
        return groups.size().index, np.bincount(flat, minlength=groups.ngroups * size**2).reshape(-1, size, size)

    def _by(self, *by: str) -> pd.DataFrame:
        """Score each group alone, in percent, beside its utterances and the classes that occur in it."""
        index, counts = self.counted(*by)
        table = pd.DataFrame({"utterances": counts.sum((1, 2)), "classes": (counts.sum(2) > 0).sum(1)}, index=index)
        return table.assign(**{title: 100 * METRICS[metric](counts) for metric, title in TITLES.items()})

    def spread_over_seeds(self, metric: str = "ua") -> np.ndarray:
        """Return each seed's score pooled over folds, in percent, by sorted seed: (S,); unknown metric: ValueError."""
        return 100 * scored(self.counted("seed")[1], metric)

    def summary(self) -> pd.DataFrame:
        """Return UA, WA and macro-F1 in percent, one row each.

        ``pooled``: over all folds, averaged over seeds, with its 95 % interval, ``low`` to ``high``: whole speakers are
        drawn where every fold tests one, else whole folds, with all seeds' networks (a voice is as hard under every
        seed). ``mean`` and ``std`` (n - 1): over folds x seeds, each scored on the classes that occur in it.
        ``seed_std`` (n - 1): of the pooled scores of single seeds, NaN for one. ``.attrs``: ``label``; ``unit``, what
        the interval draws; ``train_ua``; ``note``: what was not trained to the end, and why there is no interval.
        """
        runs, rows, drawn, counts = self.per_fold(), {}, self.units[:1], self.counted(self.units[0])[1]
        for metric, title in TITLES.items():
            low, high = score_interval(counts, metric)
            seeds = pd.Series(self.spread_over_seeds(metric))
            rows[title] = [seeds.mean(), runs[title].mean(), runs[title].std(), 100 * low, 100 * high, seeds.std()]
        table = pd.DataFrame(rows, index=["pooled", "mean", "std", "low", "high", "seed_std"]).T.rename_axis("metric")
        alone = f"no interval: one {drawn[0]} shows no spread" if len(counts) < 2 else ""
        table.attrs = {
            "label": self.label, "unit": f"{len(counts)} {UNITS[drawn]}", "train_ua": self.train_ua,
            "note": "; ".join(filter(None, [self.unconverged, alone])),
        }  # fmt: skip
        return table

    def confusion(self, normalise: bool = False) -> pd.DataFrame:
        """Return the confusion matrix, true emotions in rows: counts summed over seeds, or rows in percent."""
        names = {"index": pd.Index(self.classes, name="emotion"), "columns": pd.Index(self.classes, name="predicted")}
        table = pd.DataFrame(self.counted("seed")[1].sum(axis=0), **names)
        return 100 * table.div(table.sum(axis=1).replace(0, np.nan), axis=0) if normalise else table

    def per_class(self) -> pd.DataFrame:
        """Return utterances per seed, and recall, precision and F1 in percent over all seeds' predictions, by class."""
        table = self.confusion()
        hits, true, said = pd.Series(np.diag(table), table.index), table.sum(axis=1), table.sum()
        rates = {"recall": 100 * hits / true, "precision": 100 * hits / said, "F1": 200 * hits / (true + said)}
        seeds = self.predictions["seed"].nunique()
        return pd.DataFrame({"utterances": true / seeds, **rates}).rename_axis("emotion")

    def per_speaker(self) -> pd.DataFrame:
        """Return scores in percent by speaker, averaged over seeds; UA over the classes that the speaker shows."""
        return self._by("speaker", "seed").groupby(level="speaker").mean()

    def per_fold(self) -> pd.DataFrame:
        """Return scores in percent by fold (in the order of the folds) and seed; UA over the fold's own classes."""
        return self._by("fold", "seed").reindex(self.predictions["fold"].unique(), level="fold")

    def beside_published(self, table: str) -> pd.DataFrame:
        """Put what was measured beside this method's numbers in a paper's table; see ``table_beside``."""
        from serlib.protocol.published import table_beside  # which reads scores: on top, a circle

        beside = table_beside([self], table)
        if (own := beside[beside["scores"].notna()]).empty:
            known = ", ".join(sorted(set(beside["method"].dropna())))
            raise ValueError(f"{self.method} has no row in {table}; methods there are {known}")
        return own.reset_index(drop=True)

    def compare(self, other: "Scores", *, metric: str = "ua", permutations: int = 20000, seed: int = 0) -> "Comparison":
        """Compare with another method on the same folds and seeds; see ``serlib.protocol.compare``."""
        from serlib.protocol.paired import compare

        return compare(self, other, metric=metric, permutations=permutations, seed=seed)
