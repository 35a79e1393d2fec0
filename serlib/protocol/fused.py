"""Several networks that answer together: of different methods, or of all seeds of one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import log_softmax

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
