from functools import partial

import numpy as np
import pytest
import torch

from serlib.geometry import angles_deg, blobs, train
from serlib.losses import AngularSoftmaxLoss, ArcFaceLoss, LambdaAnnealing, SoftmaxLoss

LOSSES = {
    "softmax": SoftmaxLoss,
    "angular": partial(AngularSoftmaxLoss, margin=4, annealing=LambdaAnnealing(100, 0.1, 1, 0)),
    "arcface": partial(ArcFaceLoss, margin_rad=0.5, scale=8.0),
}
LABELS = np.repeat(np.arange(3), 40)


@pytest.mark.parametrize(
    ("name", "size"), [("softmax", 2), ("softmax", 3), ("angular", 2), ("angular", 3), ("arcface", 3)]
)
def test_free_embeddings_are_learnt_and_the_course_is_whole(name, size):
    course = train(LOSSES[name], LABELS, embedding_size=size, epochs=20)
    assert course.embeddings.shape == (21, 120, size)
    assert course.weights.shape == (21, 3, size)
    assert course.network is None and not course.loss.training
    assert np.isfinite(course.losses).all() and course.losses[-1] < 0.6 * course.losses[0]
    assert (angles_deg(course.embeddings[-1], course.weights[-1]).argmin(1) == LABELS).mean() > 0.95


def test_a_fixed_scale_traps_embeddings_on_a_circle():
    """|x| as the scale lets an embedding shrink and leave on the other side; on a circle there is no way around."""
    reached = {}
    for name in ("angular", "arcface"):
        course = train(LOSSES[name], LABELS, epochs=30, learning_rate=0.05)
        reached[name] = (angles_deg(course.embeddings[-1], course.weights[-1]).argmin(1) == LABELS).mean()
    assert reached["angular"] == 1 and 0.6 < reached["arcface"] < 0.95


def test_last_entry_is_what_the_trained_modules_say():
    inputs, labels = blobs([20, 30, 10], spread=0.2, seed=1)
    course = train(LOSSES["angular"], labels, inputs=inputs, epochs=3, embedding_size=3)
    with torch.no_grad():
        embeddings = course.network(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(embeddings, course.embeddings[-1], atol=1e-6)
    np.testing.assert_array_equal(course.loss.weight.detach().numpy(), course.weights[-1])


def test_the_same_seed_gives_the_same_course_and_leaves_the_global_one_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second, other = (train(LOSSES["arcface"], LABELS, epochs=2, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.embeddings, second.embeddings)
    np.testing.assert_array_equal(first.weights, second.weights)
    assert not np.array_equal(first.embeddings[0], other.embeddings[0])
    assert torch.equal(torch.rand(1), expected)


def test_fewer_epochs_are_the_beginning_of_more():
    short, long = (train(LOSSES["angular"], LABELS, epochs=epochs) for epochs in (2, 5))
    np.testing.assert_array_equal(short.embeddings, long.embeddings[:3])
    np.testing.assert_array_equal(short.losses, long.losses[:3])


def test_a_margin_draws_embeddings_closer_to_their_weights():
    spread = {}
    for margin in (1, 4):
        make = partial(AngularSoftmaxLoss, margin=margin, annealing=None)
        course = train(make, LABELS, embedding_size=3, epochs=30)
        spread[margin] = np.median(angles_deg(course.embeddings[-1], course.weights[-1])[np.arange(120), LABELS])
    assert spread[4] < 0.7 * spread[1]


def test_blobs_lie_where_they_should():
    inputs, labels = blobs([500, 1000, 500, 250], spread=0.3, seed=0)
    assert inputs.dtype == np.float32 and np.bincount(labels).tolist() == [500, 1000, 500, 250]
    for label, centre in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)]):
        own = inputs[labels == label]
        np.testing.assert_allclose(own.mean(0), centre, atol=5 * 0.3 / np.sqrt(len(own)))
        np.testing.assert_allclose(own.std(0), 0.3, rtol=0.2)
