"""Moving the cut of a classifier after training: logit adjustment (Menon et al., ICLR 2021), and what it trades."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from serlib.protocol.metrics import METRICS
from serlib.protocol.scores import Scores

TAUS = tuple(np.round(np.arange(-1.0, 6.01, 0.2), 1).tolist())  # logits s times as large need s times as much


def cut_moved(scores: Scores, shares: Mapping[str, float] | np.ndarray, tau: float | np.ndarray = 1.0) -> Scores:
    """Return the same networks, asked again after tau ln share was taken from each class' logit.

    tau 0 is a network as trained, 1 what counts all classes alike where training did not; one, or one a row. ``shares``
    are those of the training part, by class, or (rows, classes) where they differ from run to run; only ratios matter.
    Without embeddings, history and arrays.

    Raises:
        ValueError: for a class without a share, a share that is not positive, another shape, or a tau that is none.
    """
    lean, tau = _lean(scores, shares), np.asarray(tau, float)
    if tau.shape not in {(), (len(scores.logits),)} or not np.isfinite(tau).all():
        raise ValueError(f"tau is {tau}; allowed is a number, or one of each of {len(scores.logits)} rows")
    logits = scores.logits - np.reshape(tau, (-1, 1)) * lean
    answers = scores.predictions.assign(predicted=np.array(scores.classes)[logits.argmax(1)])
    called = f"τ = {tau:g}" if tau.ndim == 0 else "τ fitted"
    return replace(
        scores, method=f"{scores.method}, {called}", predictions=answers, logits=logits, embeddings=None,
        history=None, arrays=(),
    )  # fmt: skip


def cut_fitted(
    scores: Scores, shares: Mapping[str, float] | np.ndarray, taus: Sequence[float] = TAUS
) -> tuple[Scores, pd.Series]:  # fmt: skip
    """Move the cut of each fold's networks to the tau that has the highest UA on all *other* folds' test parts.

    So each loss has its own best cut, whatever its training did to it, and no fold's labels choose their own. (The
    other folds' networks did learn from this fold's utterances, as of ``serlib.protocol.fused.chosen``.) Returns the
    scores and tau by fold, of equal ones the nearest to 0; one at an end of ``taus`` says that these are too few.
    A single fold is a ValueError. ``shares`` are of ``cut_moved``.
    """
    taus = np.array(sorted(taus, key=abs), float)
    names, counts = _course(scores, _lean(scores, shares), taus, "fold")
    if len(names) < 2:
        raise ValueError("one fold; needed are two: a cut is fitted on the others")
    ua = METRICS["ua"](counts.sum(axis=1, keepdims=True) - counts)
    best = pd.Series(taus[ua.argmax(axis=0)], names)
    return cut_moved(scores, shares, scores.predictions["fold"].map(best).to_numpy()), best


def trade_off(
    scores: Scores, shares: Mapping[str, float], small: Collection[str], taus: Sequence[float],
    learned: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Return what moving the cut trades, in percent, means over seeds: (len(taus), 2).

    First the WA that the recalls give where classes stand in ``shares``, then the mean recall of the ``small`` classes.
    ``learned``: shares to move the cut by, (rows, classes), where those of the training parts are others.
    """
    weights = np.array([shares[c] for c in scores.classes]) / sum(shares[c] for c in scores.classes)
    rare = np.isin(scores.classes, list(small))
    counts = _course(scores, _lean(scores, shares if learned is None else learned), taus, "seed")[1]
    recalls = np.diagonal(counts, axis1=2, axis2=3) / counts.sum(axis=3)  # (taus, seeds, classes)
    return 100 * np.stack([(recalls @ weights).mean(axis=1), recalls[..., rare].mean(axis=(1, 2))], axis=1)


def _lean(scores: Scores, shares: Mapping[str, float] | np.ndarray) -> np.ndarray:
    """Return ln share of each class, (classes,) or (rows, classes)."""
    given = isinstance(shares, Mapping)
    if given and (missing := [c for c in scores.classes if c not in shares]):
        raise ValueError(f"shares of {sorted(shares)}; needed is one of {missing[0]!r} too")
    parts = np.array([shares[c] for c in scores.classes] if given else shares, float)
    if parts.shape not in {scores.logits.shape[1:], scores.logits.shape} or not (parts > 0).all():
        raise ValueError(f"shares {parts.shape}, the least {parts.min():g}; needed are positive ones, a class each")
    return np.log(parts / parts.sum(axis=-1, keepdims=True))


def _course(scores: Scores, lean: np.ndarray, taus: Sequence[float], by: str) -> tuple[pd.Index, np.ndarray]:
    """Return the groups of a column, sorted, and their confusion matrices under each tau: (taus, groups, C, C)."""
    size, (group, names) = len(scores.classes), pd.factorize(scores.predictions[by], sort=True)
    place = (group * size + pd.Categorical(scores.predictions["emotion"], scores.classes).codes) * size
    counts = [
        np.bincount(place + (scores.logits - tau * lean).argmax(axis=1), minlength=len(names) * size**2) for tau in taus
    ]
    return pd.Index(names), np.reshape(counts, (-1, len(names), size, size))
