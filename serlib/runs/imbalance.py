"""Controlled imbalance: the same test utterances, training parts drawn with other and other class shares.

The claim of paper 000 put to the test: which loss keeps the recall of small classes, and what does it cost? Anger and
happiness are made small, neutral and sadness large, as they are on IEMOCAP. Only the training part of each of the five
speaker folds is drawn; dev and test stay whole, so that every condition, loss and draw is scored on the same
utterances. The large classes keep their size from ratio to ratio; the small ones shrink.

Run: ``python -m serlib.runs.imbalance --corpus emodb --root corpora/emodb --seeds 0 1 --jobs 2 --minutes 60``.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from serlib.corpora.corpus import Corpus
from serlib.protocol import Fold, Scores, folds
from serlib.protocol.intervals import draw_units, t_interval
from serlib.protocol.metrics import scored
from serlib.runs.engine import OWN, Task, assemble, finish, plan
from serlib.runs.results import stored_scores
from serlib.runs.series import on_one_corpus
from serlib.runs.store import RunStore

SMALL, LARGE = ("anger", "happiness"), ("neutral", "sadness")
CONDITIONS = {f"1:{r}": dict.fromkeys(SMALL, 1.0) | dict.fromkeys(LARGE, float(r)) for r in (1, 2, 4, 8)}
CONDITIONS["iemocap"] = {"anger": 13.14, "happiness": 11.67, "neutral": 44.26, "sadness": 30.93}  # %, section 3.4
METHODS = tuple(f"angular/crnn-{loss}" for loss in ("softmax", "m5", "c64", "wsampling", "wloss"))
Series = dict[tuple[str, str], Scores]


def drawn(corpus: Corpus, condition: str, seed: int) -> tuple[Corpus, list[Fold]]:
    """Return the four classes of a corpus, named after the condition, and its folds with drawn training parts.

    Raises:
        ValueError: for an unknown condition; a CorpusError for a corpus without one of the classes, or too small.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"unknown condition {condition!r}; allowed are {', '.join(CONDITIONS)}")
    shares, four, parts = CONDITIONS[condition], _named(corpus, condition), []
    for fold in folds(four, "speaker-folds-5"):
        kept = four.subset(fold.train).imbalanced(shares, seed).table.index
        parts.append(replace(fold, train=np.sort(four.table.index.get_indexer(kept))))
    return four, parts


def _named(corpus: Corpus, condition: str) -> Corpus:
    """Return the four classes of a corpus, named after the condition."""
    return replace(corpus.relabel({c: c for c in CONDITIONS[condition]}), name=f"{corpus.name} {condition}")


def planned(
    corpus: Corpus, methods: Sequence[str], *, profile: str, conditions: Sequence[str] = tuple(CONDITIONS),
    seeds: Sequence[int] = (0,),
) -> Iterator[Task]:  # fmt: skip
    """Yield the runs of a series, by seed, then condition, method and fold: what is interrupted has whole seeds.

    A seed is that of the draw and of the training, so that all methods learn from the same utterances.
    """
    for seed in seeds:
        for condition in conditions:
            four, parts = drawn(corpus, condition, seed)
            for method in methods:
                yield from plan(four, method, profile=profile, folds=parts, seeds=[seed])


def imbalance_series(
    corpus: Corpus, *, profile: str = "quick", conditions: Sequence[str] = tuple(CONDITIONS),
    methods: Sequence[str] = METHODS, seeds: Sequence[int] = (0,), store: RunStore | None = None, **options,
) -> Series:  # fmt: skip
    """Return the scores of every method under every condition, with all seeds; finished runs are loaded.

    The arguments are those of ``planned``, and of ``cross_validate`` for what has to be trained.
    """
    store, series = store or RunStore(), {(c, m): [] for c in conditions for m in methods}
    for seed in seeds:
        for (condition, method), runs in series.items():
            tasks = planned(corpus, [method], profile=profile, conditions=[condition], seeds=[seed])
            runs += finish(list(tasks), store, **options)
    return {key: assemble(runs) for key, runs in series.items()}


def stored_series(
    corpus: Corpus | str, *, profile: str, conditions: Sequence[str] = tuple(CONDITIONS),
    methods: Sequence[str] = METHODS,
) -> Series | None:  # fmt: skip
    """Return a series' committed results of just this corpus' four classes; None where one, or a class, is missing.

    By a name come those of that corpus, whichever of its utterances they were measured on.
    """
    named = isinstance(corpus, str)
    if not named and not {*SMALL, *LARGE} <= set(corpus.classes):
        return None
    fours = {c: f"{corpus} {c}" if named else _named(corpus, c) for c in conditions}
    keys = [(condition, method) for condition in conditions for method in methods]
    series = {(c, m): stored_scores(fours[c], m, profile=profile, scheme=OWN) for c, m in keys}
    return None if None in series.values() else series


def series_table(series: Mapping[tuple[str, str], Scores], *, relative_to: str | None = None) -> pd.DataFrame:
    """Measure a series in percent: means over seeds, and 95 % intervals in ``<measure>_low`` and ``_high``.

    ``ua`` and ``wa`` on the test parts as they are; ``recall_small``, ``recall_large``; ``wa_at_shares``: the WA that
    these recalls give where the classes stand in the condition's shares, as in training.

    Args:
        series: scores by (condition, method); intervals draw whole folds, with the networks of all seeds.
        relative_to: a method; all numbers are then paired differences to it under the same condition, and intervals
            draw networks (fold x seed; see ``serlib.protocol.paired``).
    """
    rows = []
    for (condition, method), scores in series.items():
        base = None if relative_to is None else series[condition, relative_to]
        units = scores.units[:1] if base is None else max(scores.units, base.units, key=len)
        values, drawn = _measures(scores, condition, units)
        if base is not None:
            values -= _measures(base, condition, units)[0]
        row = {"condition": condition, "method": method}
        for name, each in values.items():
            low, high, _ = t_interval(each.to_numpy(), drawn)
            row |= {name: each[0], f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def _measures(scores: Scores, condition: str, units: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """Return each measure in percent, for all units once and for draws of them: (1 + D) rows, and how many units."""
    _, counts = scores.counted(*units)
    pooled = np.tensordot(draw_units(len(counts)), counts, axes=1).astype(float)  # (1 + D, C, C)
    true, hits = pooled.sum(-1), np.diagonal(pooled, axis1=-2, axis2=-1)
    recalls = np.divide(hits, true, where=true > 0, out=np.full_like(true, np.nan))
    shares = np.array([CONDITIONS[condition][c] for c in scores.classes])
    small = np.isin(scores.classes, SMALL)
    values = {name: scored(pooled, name) for name in ("ua", "wa")} | {
        "wa_at_shares": np.nansum(recalls * shares, -1) / (~np.isnan(recalls) * shares).sum(-1),
        "recall_small": np.nanmean(recalls[..., small], -1),
        "recall_large": np.nanmean(recalls[..., ~small], -1),
    }
    return 100 * pd.DataFrame(values), len(counts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the runs of a series from the command line, or say what is open; return 1 when one failed."""
    return on_one_corpus("serlib.runs.imbalance", __doc__, METHODS, planned, arguments)


if __name__ == "__main__":
    sys.exit(main())
