"""Networks that answer together: of different methods, or of all seeds of one; and whom to ask, chosen fairly."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from serlib.protocol.metrics import scored
from serlib.protocol.scores import KEY, Scores


def fused(scores: Sequence[Scores]) -> Scores:
    """Return the answers of methods that are asked together: mean log-probabilities, equal weights, nothing chosen.

    Each seed of one is joined with the same seed of the others; without embeddings, history and arrays.

    Raises:
        ValueError: below two methods, or where utterances, folds, seeds, labels or classes differ.
    """
    if len(scores) < 2:
        raise ValueError(f"{len(scores)} methods; needed are at least two")
    first, tables = scores[0], [s.predictions.sort_values(KEY) for s in scores]
    for other, table in zip(scores[1:], tables[1:], strict=True):
        same = [*KEY, "emotion"]
        if other.classes != first.classes or not np.array_equal(tables[0][same], table[same]):
            raise ValueError(f"cannot fuse {first.label} with {other.label}: they were not scored on the same")
    logs = [log_softmax(s.logits[t.index], axis=1) for s, t in zip(scores, tables, strict=True)]
    together = np.mean(logs, axis=0)
    answers = tables[0].assign(predicted=np.array(first.classes)[together.argmax(1)]).reset_index(drop=True)
    return replace(
        first, method=" & ".join(s.method for s in scores), predictions=answers, logits=together, embeddings=None,
        history=None, arrays=(), manifests=[m for s in scores for m in s.manifests],
    )  # fmt: skip


def averaged(scores: Scores) -> Scores:
    """Return the answers of all seeds' networks asked together: mean log-probabilities, as those of one seed, 0."""
    one = [scores.on_seeds([seed]) for seed in sorted(scores.predictions["seed"].unique())]
    if len(one) < 2:
        return scores
    alike = [replace(each, predictions=each.predictions.assign(seed=0)) for each in one]
    return replace(fused(alike), method=f"{scores.method}, {len(one)} networks")


def committees(scores: Mapping[str, Scores]) -> Iterator[tuple[str, Scores]]:
    """Yield every choice of one or more of the methods, asked together, small ones first; names are joined by " + "."""
    for size in range(1, len(scores) + 1):
        for names in combinations(scores, size):
            asked = [scores[name] for name in names]
            yield " + ".join(names), fused(asked) if size > 1 else asked[0]


def chosen(candidates: Mapping[str, Scores], *, metric: str = "ua") -> tuple[Scores, pd.Series]:
    """Answer each fold with the candidate that is best on all other folds (pooled, all seeds; a tie: the first).

    No answer about a fold decides who answers it, so that the score is not that of the luckiest of many (nested
    choice). The networks of the other folds did learn from this fold's utterances: what is nested are answers, not
    trainings.

    Returns:
        The scores, and the names that were chosen, by fold.

    Raises:
        ValueError: for no candidates, a single fold, or candidates that were scored on other utterances.
    """
    tables = {name: s.predictions.sort_values(KEY) for name, s in candidates.items()}
    if not tables:
        raise ValueError("no candidates; needed is at least one")
    first, same = next(iter(tables.values())), [*KEY, "emotion"]
    if any(not np.array_equal(first[same], table[same]) for table in tables.values()):
        raise ValueError(f"cannot choose among {', '.join(candidates)}: they were not scored on the same")
    folds = first["fold"].unique()
    if len(folds) < 2:
        raise ValueError("one fold; the choice needs others")
    counts = np.stack([s.counted("fold")[1] for s in candidates.values()])  # (candidates, folds, C, C)
    values = scored(counts.sum(1, keepdims=True) - counts, metric)
    names = pd.Series(np.take([*candidates], values.argmax(0)), np.sort(folds), name="chosen")
    rows = [tables[name][tables[name]["fold"] == fold] for fold, name in names.items()]
    logits = [candidates[name].logits[own.index] for name, own in zip(names, rows, strict=True)]
    return replace(
        next(iter(candidates.values())), method=f"the best of {len(candidates)} on the other folds",
        predictions=pd.concat(rows, ignore_index=True), logits=np.concatenate(logits), embeddings=None, history=None,
        arrays=(), manifests=[m for s in candidates.values() for m in s.manifests],
    ), names  # fmt: skip
