"""The interval: against a slow loop, limit cases, and how often it covers the truth."""

import numpy as np
import pytest
from scipy.stats import nct
from scipy.stats import t as student
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

from serlib.protocol import METRICS, score_interval
from serlib.protocol.intervals import draw_units, t_interval, weighted_score


def counts_of(units=6, classes=3, n=12, draw=0):
    """Make random labels and their counts: true and predicted (U, n), counts (U, C, C)."""
    generator = np.random.default_rng(draw)
    true = generator.integers(0, classes, (units, n))
    right = generator.random(true.shape) < generator.uniform(0.2, 0.95, (units, 1))
    predicted = np.where(right, true, generator.integers(0, classes, true.shape))
    counts = [confusion_matrix(*pair, labels=range(classes)) for pair in zip(true, predicted, strict=True)]
    return true, predicted, np.array(counts)


def test_it_is_the_loop_over_drawn_units():
    true, predicted, counts = counts_of()
    values = []
    for weights in draw_units(6, 200, seed=3)[1:]:
        drawn = np.repeat(np.arange(6), weights)
        assert len(drawn) == 6
        values.append(balanced_accuracy_score(true[drawn].ravel(), predicted[drawn].ravel()))
    pooled = balanced_accuracy_score(true.ravel(), predicted.ravel())
    half = student.ppf(0.975, 5) * np.std(values, ddof=1) * np.sqrt(6 / 5)
    found = score_interval(counts, "ua", draws=200, seed=3)
    assert found == pytest.approx((pooled - half, min(pooled + half, 1)), abs=1e-12)


def test_the_mean_of_normal_units_has_the_classical_t_interval():
    values = np.random.default_rng(0).normal(3, 2, 12)
    means = draw_units(12, 200000) @ values / 12
    low, high, seen = t_interval(means, 12)
    error = values.std(ddof=1) / np.sqrt(12)
    assert (low, high) == pytest.approx(student.interval(0.95, 11, values.mean(), error), abs=0.01)
    assert seen == pytest.approx((student.ppf(0.975, 11) + student.ppf(0.8, 11)) * error, rel=0.01)


@pytest.mark.parametrize("units", [5, 10, 15])
def test_the_smallest_effect_that_would_be_seen_is_seen_in_about_80_percent(units):
    distance = student.ppf(0.975, units - 1) + student.ppf(0.8, units - 1)
    power = nct.sf(student.ppf(0.975, units - 1), units - 1, distance)
    assert power == pytest.approx(0.8, abs=0.03)  # where the standard error is known too


@pytest.mark.parametrize("metric", list(METRICS))
def test_all_units_once_gives_the_pooled_score(metric):
    *_, counts = counts_of(draw=4)
    pooled = METRICS[metric](counts.sum(axis=0))
    assert weighted_score(counts, np.ones((1, 6)), metric) == pytest.approx([pooled], abs=1e-12)
    low, high = score_interval(counts, metric)
    assert low < pooled < high


def test_draws_take_as_many_units_as_there_are():
    weights = draw_units(7, 5000, seed=0)
    assert weights.shape == (5001, 7)
    assert (weights[0] == 1).all() and (weights.sum(axis=1) == 7).all()
    assert weights[1:].mean(axis=0) == pytest.approx(np.ones(7), abs=0.06)


def test_one_unit_has_no_interval():
    *_, counts = counts_of(units=1)
    assert np.isnan(score_interval(counts)).all() and np.isnan(t_interval(np.zeros(9), 1)).all()


def test_equal_units_have_an_interval_of_no_width():
    *_, counts = counts_of(units=1)
    low, high = score_interval(counts.repeat(8, axis=0))
    assert low == pytest.approx(high) and low == pytest.approx(METRICS["ua"](counts[0]))


def test_it_stays_between_0_and_1():
    *_, counts = counts_of(units=2, draw=1)
    assert score_interval(counts) == (0, 1)  # t has one degree of freedom


def test_many_equal_utterances_of_few_units_do_not_narrow_it():
    *_, counts = counts_of(units=5)
    assert score_interval(counts) == pytest.approx(score_interval(100 * counts))


def test_a_class_of_one_unit_only_is_averaged_over_where_it_occurs():
    counts = np.array([[[10, 0], [0, 0]], [[5, 5], [4, 6]]])
    values = weighted_score(counts, np.array([[2, 0], [0, 2], [1, 1]]), "ua")
    assert values == pytest.approx([1.0, (0.5 + 0.6) / 2, (0.75 + 0.6) / 2])


def test_seed_repeats_and_matters():
    *_, counts = counts_of()
    assert score_interval(counts, seed=1) == score_interval(counts, seed=1)
    assert score_interval(counts, seed=1) != score_interval(counts, seed=2)


def test_unknown_metric():
    *_, counts = counts_of()
    with pytest.raises(ValueError, match="unknown metric 'UA'; allowed are ua, wa, macro_f1"):
        score_interval(counts, "UA")


@pytest.mark.parametrize("units", [5, 10])
def test_it_covers_what_it_says_where_a_percentile_interval_does_not(units):
    generator, hits, naive, trials = np.random.default_rng(0), 0, 0, 1500
    drawn = {trial: draw_units(units, 400, trial) for trial in range(10)}
    for trial in range(trials):
        right = np.clip(np.round(generator.normal(600, 60, units)), 0, 1000).astype(np.int64)
        counts = np.zeros((units, 2, 2), dtype=np.int64)
        counts[:, 0, 0], counts[:, 0, 1] = right, 1000 - right
        values = weighted_score(counts, drawn[trial % 10], "wa")
        low, high, _ = t_interval(values, units)
        hits += low <= 0.6 <= high
        low, high = np.percentile(values[1:], [2.5, 97.5])
        naive += low <= 0.6 <= high
    assert hits / trials == pytest.approx(0.95, abs=0.02)
    # P(|t| < 1.96 sqrt((U - 1) / U)): what the module says of percentiles
    stated = 1 - 2 * student.sf(1.96 * np.sqrt((units - 1) / units), units - 1)
    assert stated == pytest.approx({5: 0.846, 10: 0.904}[units], abs=1e-3)
    assert naive / trials == pytest.approx(stated, abs=0.03)
