"""The cut moved after training: by hand, against the loss that has it built in, and what it trades."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from serlib.protocol import Scores
from serlib.protocol.cut import cut_fitted, cut_moved, trade_off

CLASSES = ("rare", "usual")
SHARES = {"usual": 8.0, "rare": 1.0}


def scores_of(logits: np.ndarray, true: list[str], seeds: int = 1) -> Scores:
    rows = [(f"u{i}", emotion, seed) for seed in range(seeds) for i, emotion in enumerate(true)]
    table = pd.DataFrame(rows, columns=["utterance", "emotion", "seed"]).assign(fold="f", speaker="s")
    logits = np.tile(logits, (seeds, 1))
    return Scores("m", "c", "study", "own folds", CLASSES, table.assign(predicted="usual"), logits)


@pytest.fixture
def bells() -> Scores:
    """Two bells at -1 and +1 whose logits hold the shares of an 8 : 1 training part, as notebook 02 derives."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-1, 1, 4000), rng.normal(1, 1, 4000)])
    logits = np.stack([2 * x + np.log(1 / 9), np.log(8 / 9) + 0 * x], 1)  # rare is the bell at +1
    return scores_of(logits, ["usual"] * 4000 + ["rare"] * 4000)


def test_the_answers_by_hand():
    logits = np.array([[0.0, 2.0], [0.0, 2.2], [0.0, 1.0]])  # ln 8 = 2.08
    moved = cut_moved(scores_of(logits, ["rare"] * 3), SHARES)
    assert moved.predictions["predicted"].tolist() == ["rare", "usual", "rare"] and moved.method == "m, τ = 1"
    assert np.diff(moved.logits)[:, 0] == pytest.approx(np.diff(logits)[:, 0] - np.log(8))
    assert set(cut_moved(moved, SHARES, 0).predictions["predicted"]) == {"rare", "usual"}
    by_row = np.array([[1, 8], [1, 8], [8, 1]], float)
    answers = cut_moved(scores_of(logits, ["rare"] * 3), by_row).predictions["predicted"].tolist()
    assert answers == ["rare", "usual", "usual"]


def test_at_tau_one_the_cut_of_two_bells_stands_in_the_middle(bells):
    """Notebook 02's arithmetic: as trained the cut lies at ln 8 / 2, with tau = 1 at 0, where both recalls agree."""
    from scipy.stats import norm

    course = trade_off(bells, SHARES, ["rare"], (0, 0.5, 1))
    cuts = np.log(8) / 2 * np.array([1, 0.5, 0])
    small, large = 100 * norm.sf(cuts - 1), 100 * norm.cdf(cuts + 1)
    assert course[:, 1] == pytest.approx(small, abs=1.5)
    assert course[:, 0] == pytest.approx((8 * large + small) / 9, abs=1.5)
    assert (np.diff(course[:, 0]) < 0).all() and (np.diff(course[:, 1]) > 0).all()


def test_points_are_means_over_seeds_of_the_scores_own_recalls(bells):
    two = scores_of(bells.logits, list(bells.predictions["emotion"]), seeds=2)
    assert trade_off(two, SHARES, ["rare"], (1,)) == pytest.approx(trade_off(bells, SHARES, ["rare"], (1,)))
    recalls = cut_moved(bells, SHARES).per_class()["recall"]
    assert trade_off(bells, SHARES, ["rare"], (1,))[0, 1] == pytest.approx(recalls["rare"])


def test_the_cut_may_move_by_other_shares_than_those_it_is_weighed_by(bells):
    """Pieces of training parts move the cut, the condition's shares weigh the recalls."""
    rows = np.tile([1.0, 4.0], (len(bells.logits), 1))
    course = trade_off(bells, SHARES, ["rare"], (0, 1), rows)
    recalls = cut_moved(bells, rows).per_class()["recall"]
    assert course[1] == pytest.approx([(recalls["rare"] + 8 * recalls["usual"]) / 9, recalls["rare"]])
    assert course[0] == pytest.approx(trade_off(bells, SHARES, ["rare"], (0,))[0])


def test_each_fold_takes_the_cut_that_suits_the_others(bells):
    """Two halves whose best cuts lie at 1 and, moved in training, at 0: each is given the other's."""
    half = np.arange(len(bells.logits)) % 2 == 0
    lean = np.log([1 / 9, 8 / 9])
    logits = bells.logits - np.where(half[:, None], lean, 0)  # the first half was moved already
    table = bells.predictions.assign(fold=np.where(half, "moved", "not"))
    fitted, tau = cut_fitted(replace(bells, logits=logits, predictions=table), SHARES)
    assert tau["moved"] == pytest.approx(1, abs=0.25) and tau["not"] == pytest.approx(0, abs=0.25)
    assert fitted.logits == pytest.approx(logits - np.where(half, tau["moved"], tau["not"])[:, None] * lean)
    alike, same = cut_fitted(replace(bells, predictions=table), SHARES, (0, 0.5, 1, 1.5))
    assert same.tolist() == [1, 1] and alike.method == "m, τ fitted"
    assert cut_fitted(replace(bells, predictions=table), SHARES, (0,))[1].tolist() == [0, 0]
    with pytest.raises(ValueError, match="one fold; needed are two: a cut is fitted on the others"):
        cut_fitted(bells, SHARES)


@pytest.mark.parametrize(
    ("shares", "tau", "told"),
    [
        ({"usual": 1.0}, 1, r"shares of \['usual'\]; needed is one of 'rare' too"),
        ({"usual": 1.0, "rare": 0.0}, 1, r"shares \(2,\), the least 0; needed are positive ones, a class each"),
        (np.ones(3), 1, r"shares \(3,\), the least 1; needed are positive ones"),
        (SHARES, np.nan, "tau is nan; allowed is a number, or one of each of 2 rows"),
        (SHARES, np.ones(3), r"tau is \[1. 1. 1.\]; allowed is a number, or one of each of 2 rows"),
    ],
)
def test_refusals(shares, tau, told):
    with pytest.raises(ValueError, match=told):
        cut_moved(scores_of(np.zeros((2, 2)), ["rare", "usual"]), shares, tau)
