import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serlib.geometry import monte_carlo_shares, reduce_weight, simplex, sphere_shares


def random_weight(classes, size, seed):
    return np.random.default_rng(seed).standard_normal((classes, size)) * np.random.default_rng(seed + 1).uniform(
        0.1, 9
    )


def slow_arcs(weight, steps=36_000):
    """Count directions one by one."""
    counts = np.zeros(len(weight))
    for turn in (np.arange(steps) + 0.5) * 2 * np.pi / steps:
        direction = (np.cos(turn), np.sin(turn))
        cosines = [float(np.dot(w, direction)) / np.linalg.norm(w) for w in weight]
        counts[cosines.index(max(cosines))] += 1
    return counts / steps


@pytest.mark.parametrize("classes", [2, 3, 5, 8])
def test_arcs_equal_a_slow_count(classes):
    weight = random_weight(classes, 2, seed=classes)
    np.testing.assert_allclose(sphere_shares(weight).share, slow_arcs(weight), atol=2e-4)


@pytest.mark.parametrize(
    ("classes", "size"), [(2, 2), (3, 2), (4, 3), (5, 3), (9, 3), (2, 3), (3, 3), (4, 64), (3, 64), (2, 7)]
)
@pytest.mark.parametrize("seed", range(3))
def test_exact_shares_agree_with_monte_carlo_within_3_standard_errors(classes, size, seed):
    weight = random_weight(classes, size, seed=10 * classes + size + 100 * seed)
    exact, estimate = sphere_shares(weight), monte_carlo_shares(weight, samples=100_000, seed=seed)
    assert (exact.standard_error == 0).all()
    assert (np.abs(exact.share - estimate.share) < 3 * estimate.standard_error + 1e-9).all()


def test_a_triangle_in_any_dimension_owns_by_its_angles():
    """Three classes: the cell of w1 is a wedge, pi minus the triangle's angle at w1 wide."""
    weight = random_weight(3, 20, seed=4)
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    for i in range(3):
        a, b = (unit[j] - unit[i] for j in range(3) if j != i)
        corner = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        assert sphere_shares(weight).share[i] == pytest.approx((np.pi - corner) / (2 * np.pi))


@given(st.integers(2, 8), st.integers(2, 3), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_exact_shares_sum_to_one_and_do_not_depend_on_norms_or_order(classes, size, seed):
    weight = random_weight(classes, size, seed)
    share = sphere_shares(weight).share
    assert share.sum() == pytest.approx(1) and (share > 0).all()
    order = np.random.default_rng(seed).permutation(classes)
    scale = np.random.default_rng(seed).uniform(0.1, 5, (classes, 1))
    np.testing.assert_allclose(sphere_shares((scale * weight)[order]).share, share[order], atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 4, 5, 7])
def test_symmetric_weights_own_equal_shares(classes):
    found = sphere_shares(simplex(classes), samples=100_000)
    tolerance = 4 * found.standard_error + 1e-9
    assert (np.abs(found.share - 1 / classes) < tolerance).all()
    assert (found.standard_error == 0).all() == (classes <= 4)


def test_two_classes_always_own_half_whatever_their_angle():
    assert sphere_shares(np.array([[1.0, 0.0], [0.99, 0.1]])).share.tolist() == [0.5, 0.5]


def test_reduced_weights_decide_alike():
    weight = random_weight(4, 64, seed=0)
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    points = reduce_weight(weight)
    assert points.shape == (4, 3)
    ratios = np.linalg.norm(points[:, None] - points[None], axis=2)[np.triu_indices(4, 1)]
    ratios /= np.linalg.norm(unit[:, None] - unit[None], axis=2)[np.triu_indices(4, 1)]
    np.testing.assert_allclose(ratios, ratios[0])


def test_monte_carlo_standard_error_is_the_spread_over_seeds():
    weight = random_weight(5, 6, seed=1)
    draws = [monte_carlo_shares(weight, samples=2000, seed=s) for s in range(200)]
    spread = np.std([d.share for d in draws], axis=0)
    np.testing.assert_allclose(spread, draws[0].standard_error, rtol=0.25)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(3), r"weight has shape \(3,\); allowed is \(C, E\) with at least 2 classes"),
        (np.ones((1, 3)), r"weight has shape \(1, 3\)"),
        (np.array([[1.0, 0], [0, 0]]), "a class weight is zero or not finite"),
        (np.array([[1.0, 0], [np.nan, 0]]), "a class weight is zero or not finite"),
        (np.array([[1.0, 0], [0, 1], [3, 0]]), "the weights of classes 0 and 2 point the same way"),
    ],
)
def test_bad_weights_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        sphere_shares(weight)
