from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from serlib.geometry import imbalance_experiment, intervals
from serlib.losses import AngularSoftmaxLoss

QUANTITIES = ["sphere_share", "input_share", "recall_large", "recall_small", "ua", "cone_large_deg", "cone_small_deg"]


@pytest.fixture(scope="module")
def table():
    losses = {str(m): partial(AngularSoftmaxLoss, margin=m, annealing=None) for m in (4, [4, 6, 4, 6])}
    return imbalance_experiment(losses, ratios=(1, 6), seeds=(0, 1))


def test_every_condition_is_there_once(table):
    assert list(table.columns) == ["loss", "ratio", "seed", *QUANTITIES]
    assert len(table) == 8 and not table.duplicated(["loss", "ratio", "seed"]).any()
    shares = table[["sphere_share", "input_share", "recall_large", "recall_small", "ua"]]
    assert ((shares > 0) & (shares < 1)).all(axis=None)
    np.testing.assert_allclose(table["ua"], (table["recall_large"] + table["recall_small"]) / 2)


def test_a_large_class_takes_input_space_from_a_small_one(table):
    by_ratio = table.groupby("ratio")[["input_share", "recall_small"]].mean()
    assert by_ratio.loc[6, "input_share"] > by_ratio.loc[1, "input_share"] + 0.05
    assert by_ratio.loc[6, "recall_small"] < by_ratio.loc[1, "recall_small"] - 0.1


def test_the_experiment_repeats_itself(table):
    losses = {"4": partial(AngularSoftmaxLoss, margin=4, annealing=None)}
    again = imbalance_experiment(losses, ratios=(6,), seeds=(1,))
    first = table[(table["loss"] == "4") & (table["ratio"] == 6) & (table["seed"] == 1)]
    pd.testing.assert_frame_equal(again, first.reset_index(drop=True))


def made_up():
    generator = np.random.default_rng(0)
    rows = [
        {"loss": loss, "ratio": r, "seed": s, "a": generator.normal()}
        for r in (9, 1)
        for s in range(6)
        for loss in "yx"
    ]
    return pd.DataFrame(rows)


def test_intervals_equal_scipy():
    made = made_up()
    found = intervals(made)
    assert found["loss"].unique().tolist() == ["y", "x"]  # in the order given
    for _, row in found.iterrows():
        values = made[(made["loss"] == row["loss"]) & (made["ratio"] == row["ratio"])]["a"]
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert (row["mean"], row["low"], row["high"]) == pytest.approx((values.mean(), expected.low, expected.high))


def test_relative_intervals_are_paired():
    made = made_up()
    made.loc[made["loss"] == "y", "a"] = (
        made.loc[made["loss"] == "x", "a"].to_numpy() + 2 + 0.001 * made["seed"][::2].to_numpy()
    )
    found = intervals(made.sample(frac=1, random_state=1), relative_to="x")
    assert found["loss"].unique().tolist() == ["y"]
    np.testing.assert_allclose(found["mean"], 2.0025)
    assert (found["high"] - found["low"] < 0.005).all()  # though each alone is spread widely
