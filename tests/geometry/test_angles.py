import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serlib.geometry import angles_deg, margin_violations, own_and_nearest

WEIGHT = np.array([[2.0, 0.0], [0.0, 0.5], [-1.0, 0.0]])


def at(*degrees):
    return np.array([[3 * math.cos(math.radians(d)), 3 * math.sin(math.radians(d))] for d in degrees])


def test_angles_by_hand():
    np.testing.assert_allclose(angles_deg(at(0, 30), WEIGHT), [[0, 90, 180], [30, 60, 150]], atol=1e-6)
    assert angles_deg(np.zeros((1, 2)), WEIGHT).tolist() == [[90, 90, 90]]


def test_own_and_nearest_by_hand():
    found = own_and_nearest(at(10, 100, 95), np.array([0, 1, 2]), WEIGHT)
    np.testing.assert_allclose(found["own_deg"], [10, 10, 85])
    np.testing.assert_allclose(found["nearest_other_deg"], [80, 80, 5])
    assert found["nearest_other"].tolist() == [1, 2, 1]


@given(st.integers(0, 10**6))
def test_own_and_nearest_equal_a_slow_loop(seed):
    generator = np.random.default_rng(seed)
    embeddings, weight = generator.standard_normal((6, 4)), generator.standard_normal((3, 4))
    labels = generator.integers(0, 3, 6)
    found = own_and_nearest(embeddings, labels, weight)
    for row, (x, y) in enumerate(zip(embeddings, labels, strict=True)):
        angles = [math.degrees(math.acos(float(x @ w) / math.sqrt(float(x @ x) * float(w @ w)))) for w in weight]
        others = {j: a for j, a in enumerate(angles) if j != y}
        assert found.loc[row, "own_deg"] == pytest.approx(angles[y])
        assert found.loc[row, "nearest_other"] == min(others, key=others.get)


def test_violations_without_a_margin_are_wrong_predictions():
    generator = np.random.default_rng(0)
    embeddings, labels = generator.standard_normal((200, 2)), generator.integers(0, 3, 200)
    wrong = angles_deg(embeddings, WEIGHT).argmin(1) != labels
    found = margin_violations(own_and_nearest(embeddings, labels, WEIGHT))
    assert found.tolist() == pytest.approx([wrong[labels == c].mean() for c in range(3)])


def test_violations_of_margins_by_hand():
    measured = own_and_nearest(at(10, 20, 40, 100), np.array([0, 0, 0, 1]), WEIGHT)  # cones: 90/(m + 1)
    assert margin_violations(measured, margin=2).tolist() == pytest.approx([1 / 3, 0])  # 30 degrees
    assert margin_violations(measured, margin=np.array([4, 9, 1])).tolist() == pytest.approx([2 / 3, 1])  # 18 and 9
    assert margin_violations(measured, margin_rad=math.radians(60)).tolist() == pytest.approx([2 / 3, 0])  # 15
    assert margin_violations(measured, margin_rad=np.radians([0, 75, 0])).tolist() == pytest.approx([0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: angles_deg(np.ones((2, 3)), WEIGHT), r"embeddings \(2, 3\) and weight \(3, 2\) must be"),
        (lambda: own_and_nearest(at(0), np.array([3]), WEIGHT), "must be 1 integers from 0 to 2"),
        (lambda: own_and_nearest(at(0), np.array([-1]), WEIGHT), "must be 1 integers from 0 to 2"),
        (lambda: own_and_nearest(at(0), np.array([0, 1]), WEIGHT), r"labels \(2,\) int64 must be 1 integers"),
        (lambda: own_and_nearest(at(0), np.array([0.0]), WEIGHT), "float64 must be"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
