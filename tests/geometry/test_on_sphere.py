"""Four classes on an ordinary sphere: what decides between them is kept, whatever the embedding's size."""

import numpy as np
import pytest

from serlib.geometry import simplex
from serlib.geometry.spheres import on_sphere


@pytest.mark.parametrize("size", [3, 64])
def test_logits_keep_their_differences(size):
    rng = np.random.default_rng(0)
    weight, embeddings = rng.standard_normal((4, size)), rng.standard_normal((50, size))
    corners, points = on_sphere(weight, embeddings)
    assert corners.shape == (4, 3) and points.shape == (50, 3)
    before, after = embeddings @ weight.T, points @ corners.T
    np.testing.assert_allclose(before - before[:, :1], after - after[:, :1], atol=1e-9)


def test_weights_stand_where_the_simplex_stands():
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((8, 8)))[0][:3]
    np.testing.assert_allclose(on_sphere(2 * simplex(4) @ turn, np.zeros((1, 8)))[0], 2 * simplex(4), atol=1e-9)


@pytest.mark.parametrize("shape", [(3, 8), (5, 8), (4, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(
        ValueError, match=rf"weight has shape \({shape[0]}, {shape[1]}\); allowed is \(4, E\) with E of"
    ):
        on_sphere(np.ones(shape), np.ones((2, shape[1])))
