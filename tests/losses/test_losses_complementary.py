"""The complementary constraint: the cosine by hand, its thresholds, and the sign trap."""

import math

import pytest
import torch

from serlib.losses import complementary_loss


def pair(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(8, 6, generator=generator, dtype=torch.float64) for _ in range(2)]


@pytest.mark.parametrize("threshold", [None, -1.0, -0.5, 0.0, 0.8, 1.0])
def test_slow_loop(threshold):
    x1, x2 = pair()
    cosines = [
        sum(a * b for a, b in zip(u, v, strict=True)) / math.hypot(*u) / math.hypot(*v)
        for u, v in zip(x1.tolist(), x2.tolist(), strict=True)
    ]
    terms = cosines if threshold is None else [abs(c - threshold) for c in cosines]
    assert complementary_loss(x1, x2, threshold).item() == pytest.approx(sum(terms) / 8, rel=1e-9)


def test_threshold_minus_one_is_equation_two_plus_one():
    x1, x2 = pair()
    torch.testing.assert_close(complementary_loss(x1, x2, -1), complementary_loss(x1, x2) + 1)
    w = 0.6  # so the joint losses of eq. 4 and eq. 3 differ by w
    assert (w * complementary_loss(x1, x2, -1) - w * complementary_loss(x1, x2)).item() == pytest.approx(w)


def test_bounds():
    x1, _ = pair()
    assert complementary_loss(x1, 3 * x1).item() == pytest.approx(1)
    assert complementary_loss(x1, -0.2 * x1).item() == pytest.approx(-1)


def test_two_rectified_embeddings_never_oppose():
    x1, x2 = (torch.relu(x) for x in pair())
    assert complementary_loss(x1, x2).item() >= 0
    apart = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert complementary_loss(*apart).item() == 0


def test_the_joint_loss_falls_when_the_cross_entropy_falls():
    x1, x2 = pair()
    joint = [0.6 * complementary_loss(x1, x2) + 0.4 * cross_entropy for cross_entropy in (1.0, 0.5)]
    assert joint[1] < joint[0]


@pytest.mark.parametrize("threshold", [None, -0.5])
def test_gradcheck(threshold):
    x1, x2 = (x.requires_grad_() for x in pair())
    assert torch.autograd.gradcheck(lambda a, b: complementary_loss(a, b, threshold), (x1, x2))


def test_gradients_are_finite_for_zero_and_equal_embeddings():
    x1 = torch.tensor([[0.0, 0.0], [1.0, 2.0], [1.0, 2.0]], requires_grad=True)
    x2 = torch.tensor([[1.0, 2.0], [1.0, 2.0], [-1.0, -2.0]], requires_grad=True)
    for gradient in torch.autograd.grad(complementary_loss(x1, x2, -1), (x1, x2)):
        assert torch.isfinite(gradient).all()


def test_half_precision_is_computed_in_float32():
    x1, x2 = pair()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = complementary_loss(x1.bfloat16(), x2.float())
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, complementary_loss(x1.bfloat16().float(), x2.float()))
