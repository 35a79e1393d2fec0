"""Moving the cut of a classifier after training: logit adjustment (Menon et al., ICLR 2021), and what it trades."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from serlib.checks import check_number
from serlib.protocol.scores import Scores


def cut_moved(scores: Scores, shares: Mapping[str, float] | np.ndarray, tau: float = 1.0) -> Scores:
    """Return the same networks, asked again after tau ln share was taken from each class' logit.

    tau 0 is a network as trained, 1 what counts all classes alike. ``shares`` are those of the training part, by class,
    or (rows, classes) where they differ from run to run; only ratios matter. Without embeddings, history and arrays.

    Raises:
        ValueError: for a class without a share, a share that is not positive, another shape, or a tau below 0.
    """
    check_number("tau", tau, 0)
    given = isinstance(shares, Mapping)
    if given and (missing := [c for c in scores.classes if c not in shares]):
        raise ValueError(f"shares of {sorted(shares)}; needed is one of {missing[0]!r} too")
    parts = np.array([shares[c] for c in scores.classes] if given else shares, float)
    if parts.shape not in {scores.logits.shape[1:], scores.logits.shape} or not (parts > 0).all():
        raise ValueError(f"shares {parts.shape}, the least {parts.min():g}; needed are positive ones, a class each")
    logits = scores.logits - tau * np.log(parts / parts.sum(axis=-1, keepdims=True))
    answers = scores.predictions.assign(predicted=np.array(scores.classes)[logits.argmax(1)])
    return replace(
        scores, method=f"{scores.method}, τ = {tau:g}", predictions=answers, logits=logits, embeddings=None,
        history=None, arrays=(),
    )  # fmt: skip


def trade_off(
    scores: Scores, shares: Mapping[str, float], small: Collection[str], taus: Sequence[float]
) -> np.ndarray:  # fmt: skip
    """Return what moving the cut trades, in percent, means over seeds: (len(taus), 2).

    First the WA that the recalls give where classes stand in ``shares``, then the mean recall of the ``small`` classes.
    """
    weights = np.array([shares[c] for c in scores.classes]) / sum(shares[c] for c in scores.classes)
    rare = np.isin(scores.classes, list(small))
    points = []
    for tau in taus:
        counts = cut_moved(scores, shares, tau).counted("seed")[1]
        recalls = np.diagonal(counts, axis1=1, axis2=2) / counts.sum(axis=2)
        points.append([(recalls @ weights).mean(), recalls[:, rare].mean()])
    return 100 * np.array(points)
