"""Measures of mirroring at their limits: exact mirrors, rotations, unrelated points, and what chance gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.stats import ortho_group

from serlib.geometry.mirroring import (
    correlations,
    cosines,
    distance_agreement,
    halves,
    in_plane,
    main_axis,
    mirroring,
    reflection_residual,
    rotation_residual,
    tsne_halves,
    tsne_mirroring,
)


def points(n=200, size=6, seed=0):
    return np.random.default_rng(seed).standard_normal((n, size))


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(1e-3, 1e3), size=st.integers(1, 9), seed=st.integers(0, 99))
def test_a_mirror_of_any_scale_leaves_nothing(scale, size, seed):
    first = points(30, size, seed)
    second = -scale * first
    np.testing.assert_allclose(cosines(first, second), -1)
    assert distance_agreement(first, second) == pytest.approx(1)
    assert reflection_residual(first, second) == pytest.approx(0, abs=1e-9)
    assert rotation_residual(first, second) == pytest.approx(0, abs=1e-9)


def test_a_copy_is_no_mirror():
    first = points()
    assert reflection_residual(first, 3 * first) == 1
    assert rotation_residual(first, 3 * first) == pytest.approx(0, abs=1e-12)
    assert cosines(first, 3 * first).min() == pytest.approx(1)


def test_a_rotation_is_no_mirror_either():
    first = points()
    second = first @ ortho_group.rvs(6, random_state=1)
    assert rotation_residual(first, second) == pytest.approx(0, abs=1e-9)
    assert distance_agreement(first, second) == pytest.approx(1)
    assert reflection_residual(first, second) > 0.5


def test_unrelated_embeddings_are_near_one_and_fit_by_rotation_where_utterances_are_few():
    first, second = points(2000, 4, 1), points(2000, 4, 2)
    assert reflection_residual(first, second) > 0.99 and rotation_residual(first, second) > 0.98
    assert abs(distance_agreement(first, second)) < 0.05 and abs(cosines(first, second).mean()) < 0.05
    few = points(50, 64, 1), points(50, 64, 2)
    assert reflection_residual(*few) > 0.95
    assert rotation_residual(*few) < 0.5  # 64 dimensions, 50 points: a rotation fits almost anything


@pytest.mark.parametrize("size", [1, 2, 5])
def test_rotation_is_scipys_disparity_and_no_worse_than_reflection(size):
    first, second = points(40, size, 3), points(40, size, 4) - 0.7 * points(40, size, 3) + 5
    assert rotation_residual(first, second) == pytest.approx(procrustes(first, second)[2])
    assert rotation_residual(first, second) <= reflection_residual(first, second) + 1e-12


def test_reflection_is_the_best_scale_found_by_search():
    first, second = points(60, 3, 5), points(60, 3, 6) - 0.5 * points(60, 3, 5)
    a, b = (x - x.mean(0) for x in (first, second))
    left = [((b + scale * a) ** 2).sum() / (b**2).sum() for scale in np.linspace(0, 5, 5001)]
    assert reflection_residual(first, second) == pytest.approx(min(left), abs=1e-5)


def test_where_the_centre_lies_matters_to_the_cosine_alone():
    first = points()
    second = 4 - first
    assert reflection_residual(first, second) == pytest.approx(0, abs=1e-12)
    assert cosines(first, second).mean() > -0.9


def test_halves_are_the_columns():
    both = np.arange(12.0).reshape(2, 6)
    first, second = halves(both)
    assert first.tolist() == [[0, 1, 2], [6, 7, 8]] and second.tolist() == [[3, 4, 5], [9, 10, 11]]


def test_each_group_by_itself_beside_its_chance():
    first, groups = points(90, 8), np.repeat(["a", "b", "c"], 30)
    second = np.where((groups == "c")[:, None], points(90, 8, 9), -first)
    second[groups == "b"] *= 7  # another network, another scale
    table = mirroring(first, second, groups)
    assert table.index.tolist() == ["a", "b", "c"] and (table["utterances"] == 30).all()
    assert table.loc[["a", "b"], ["rotation", "reflection"]].to_numpy() == pytest.approx(0, abs=1e-9)
    assert table["rotation_chance"].between(0.3, 0.9).all() and (table["reflection_chance"] > 0.9).all()
    assert table.loc["c", "rotation"] == pytest.approx(table.loc["c", "rotation_chance"], abs=0.15)
    assert mirroring(first, second, groups).equals(table)  # the same shuffles every time


def test_tsne_spoils_an_exact_mirror_and_only_a_random_start_shows_its_chance():
    first = points(40, 5)
    maps = tsne_halves(first, -first, perplexity=5)
    assert [part.shape for part in maps] == [(40, 2), (40, 2)]
    options = {"perplexities": (5, 10), "seeds": (0, 1)}
    started, blind = (tsne_mirroring(first, -first, init=init, **options) for init in ("pca", "random"))
    assert started[["perplexity", "seed"]].to_numpy().tolist() == [[5, 0], [5, 1], [10, 0], [10, 1]]
    assert started["rotation"].iloc[0] == pytest.approx(rotation_residual(*maps))
    for table in (started, blind):
        assert (table["reflection"] >= table["rotation"] - 1e-9).all() and table["reflection"].min() > 0.1
    spread = [table.groupby("perplexity")["rotation"].std().max() for table in (started, blind)]
    assert spread[0] < 1e-6 < 1e-3 < spread[1]


@pytest.mark.parametrize("second", [np.ones((4, 3)), np.ones((5, 2)), np.ones(5)])
def test_embeddings_that_do_not_fit(second):
    for measure in (cosines, distance_agreement, rotation_residual, reflection_residual, mirroring, tsne_halves):
        with pytest.raises(ValueError, match=r"embeddings \(5, 3\) and .*needed are two of \(N, E\), N of at least 2"):
            measure(np.ones((5, 3)), second)


def test_halves_of_an_odd_number_of_columns():
    with pytest.raises(ValueError, match=r"embeddings \(4, 5\); needed are \(N, 2 E\)"):
        halves(np.ones((4, 5)))


def test_embeddings_that_are_all_the_same_have_no_shape():
    flat, first = np.ones((5, 3)), points(5, 3)
    assert np.isnan(rotation_residual(first, flat)) and np.isnan(reflection_residual(first, flat))
    assert np.isnan(distance_agreement(first, flat)) and np.isnan(cosines(first, 0 * first)).all()


def test_the_plane_holds_the_firsts_two_main_directions_and_a_mirror_sums_to_zero():
    generator = np.random.default_rng(0)
    flat = generator.standard_normal((50, 2)) * [9, 3]
    turned = flat @ ortho_group.rvs(5, random_state=0)[:2]
    first, second = in_plane(turned, -0.01 * turned)
    np.testing.assert_allclose(np.abs(np.linalg.norm(first, axis=1)), np.linalg.norm(flat, axis=1))  # nothing is lost
    np.testing.assert_allclose(first + second, 0, atol=1e-12)
    assert np.square(first).sum(0).argmax() == 0


def test_correlations_of_coordinates_are_pearsons():
    first, second = points(40, 3), points(40, 3, seed=1)
    second[:, 2] = 7
    found = correlations(first, second)
    wanted = np.corrcoef(first.T, second[:, :2].T)[:3, 3:]
    np.testing.assert_allclose(found[:, :2], wanted)
    assert np.isnan(found[:, 2]).all()
    np.testing.assert_allclose(np.diag(correlations(first, -2 * first)), -1)


def test_a_string_holds_one_number_and_a_ball_all():
    along = np.linspace(-1, 1, 21)
    ratio, share, where = main_axis(along[:, None] * np.array([3.0, 4, 0]))
    assert (ratio, share) == pytest.approx((1, 1))
    np.testing.assert_allclose(np.abs(np.corrcoef(where, along)[0, 1]), 1)
    square = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    assert main_axis(square)[:2] == pytest.approx((2, 0.5))
