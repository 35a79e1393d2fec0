"""The toy of two embeddings: what the cosine takes, what it leaves, and what signs do."""

from functools import cache

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from serlib.geometry.complement import EMOTIONS, train_pair


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def pair(weight: float, **options):
    return train_pair(weight, **options)


def accuracy(pair, view: str) -> float:
    x = pair.views()[view]
    odd = np.arange(len(x)) % 2 == 1
    return LogisticRegression(max_iter=1000).fit(x[odd], pair.labels[odd]).score(x[~odd], pair.labels[~odd])


def test_shapes_and_the_same_points_for_every_weight():
    one, other = pair(0.0), pair(0.97)
    assert one.frozen.shape == one.learned.shape == (200, 2)
    assert one.cosine.shape == one.cross_entropy.shape == (301,)
    np.testing.assert_array_equal(one.frozen, other.frozen)
    assert len(EMOTIONS) == len(np.unique(one.labels)) == 4
    assert not np.array_equal(one.frozen, train_pair(0.0, seed=1, steps=1).frozen)


def test_equal_seeds_give_equal_courses_and_leave_the_callers_seed_alone():
    torch.manual_seed(5)
    first, drawn = train_pair(0.6, steps=5), torch.rand(1)
    torch.manual_seed(5)
    assert torch.rand(1) == drawn
    np.testing.assert_array_equal(first.cosine, train_pair(0.6, steps=5).cosine)


def test_the_last_cosine_is_that_of_the_embeddings():
    last = pair(0.97)
    slow = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(last.frozen, last.learned, strict=True)]
    assert last.cosine[-1] == pytest.approx(np.mean(slow), abs=1e-5)


def test_without_the_cosine_valence_is_learned_and_frozen_never_tells_it():
    assert accuracy(pair(0.0), "learned") > 0.95 and accuracy(pair(0.0), "frozen") < 0.7
    assert pair(0.0).cross_entropy[-1] < 0.05


def test_under_a_strong_constraint_valence_hides_in_the_length():
    bound = pair(0.97)
    assert bound.cosine[-1] < -0.99
    assert accuracy(bound, "frozen + length of learned") > accuracy(bound, "frozen + direction of learned") + 0.2
    assert accuracy(bound, "frozen + direction of learned") < accuracy(bound, "frozen") + 0.15


def test_at_weight_one_only_the_cosine_is_learned():
    assert pair(1.0).cosine[-1] < -0.99
    assert abs(pair(1.0).cross_entropy[-1] - np.log(4)) < 0.5


def test_the_printed_minus_maximises_cross_entropy():
    course = pair(0.6, sign=-1).cross_entropy
    assert course[-1] > 1e3 and (np.diff(course[10:]) > 0).all()
    assert pair(0.6).cross_entropy[-1] < course[0]


def test_two_embeddings_under_relu_never_get_below_zero():
    bent = pair(0.9, relu=True)
    assert bent.cosine.min() >= 0 and min(bent.frozen.min(), bent.learned.min()) >= 0
    assert pair(0.97).learned.min() < 0


def test_views_hold_what_their_names_say():
    views = pair(0.0).views()
    length = np.linalg.norm(pair(0.0).learned, axis=1)
    np.testing.assert_allclose(views["frozen + length of learned"][:, 2], length)
    np.testing.assert_allclose(np.linalg.norm(views["frozen + direction of learned"][:, 2:], axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(views["both"][:, 2:], pair(0.0).learned)
