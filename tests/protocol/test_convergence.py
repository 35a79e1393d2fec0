"""At rest or not: the slope by hand and by another formula, the limit, and what one run's history alone says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serlib.protocol import converged, slope


def course(values):
    return [{"epoch": i, "train_ua": v} for i, v in enumerate(values, 1)]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=60))
def test_slope_is_the_covariance_over_the_variance(values):
    last = values[-max(5, len(values) // 5) :]
    x = np.arange(len(last)) - (len(last) - 1) / 2
    assert slope(course(values)) == pytest.approx(100 * (x * last).sum() / (x * x).sum(), abs=1e-7)


@pytest.mark.parametrize("values,expected", [
    ([0.3, 0.5], 20), ([0.5] * 40, 0), ([0.0] * 20 + [0.1, 0.2, 0.3, 0.4, 0.5], 10),
    ([0.0] * 80 + [k / 40 for k in range(20)], 2.5), ([0.9, 0.6, 0.3], -30),
])  # fmt: skip
def test_slope_by_hand(values, expected):
    assert slope(course(values)) == pytest.approx(expected, abs=1e-10)


def test_one_epoch_has_no_slope_and_is_not_at_rest():
    assert slope(course([0.5])) is None and not converged(course([0.5]))


@pytest.mark.parametrize("epochs,per_epoch,rests", [
    (10, 0.0, True), (9, 0.0, False), (10, 0.0049, True), (10, 0.0051, False), (100, 0.0051, False), (50, -0.01, True),
])  # fmt: skip
def test_at_rest_is_half_a_point_per_epoch_and_ten_epochs_at_least(epochs, per_epoch, rests):
    assert converged(course([0.4 + per_epoch * k for k in range(epochs)])) is rests


def test_what_happened_before_the_last_fifth_does_not_matter():
    assert converged(course([*np.linspace(0, 1, 40), *[1.0] * 10]))
    assert not converged(course([*[0.1] * 40, *np.linspace(0.1, 0.9, 10)]))
