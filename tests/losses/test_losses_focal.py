"""Focal loss against probabilities in plain Python, the values of the paper, and its limits."""

import math

import pytest
import torch
from torch.nn import functional as F

from serlib.losses import FocalLoss, SoftmaxLoss

C, E = 4, 5


def batch():
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(12, E, generator=generator, dtype=torch.float64), torch.arange(12) % C


def at_probability(probability, gamma):
    """A loss and an embedding at which the first of two classes has this probability; the logit is x / 2 - (-x / 2)."""
    loss = FocalLoss(2, 1, gamma=gamma).double()
    with torch.no_grad():
        loss.weight.copy_(torch.tensor([[0.5], [-0.5]]))
        loss.bias.zero_()
    x = torch.tensor([[math.log(probability / (1 - probability))]], dtype=torch.float64, requires_grad=True)
    return loss, x


def value_and_gradient(probability, gamma):
    loss, x = at_probability(probability, gamma)
    value = loss(x, torch.tensor([0]))
    return value.item(), torch.autograd.grad(value, x)[0].item()


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 5])
@pytest.mark.parametrize("class_weight", [None, [0.5, 2.0, 4.0, 1.0]])
def test_slow_loop(gamma, class_weight):
    embeddings, labels = batch()
    loss = FocalLoss(C, E, gamma=gamma, class_weight=class_weight).double()
    total = 0.0
    for logits, y, got in zip(
        loss.get_logits(embeddings).tolist(), labels.tolist(), loss.per_sample(embeddings, labels).tolist(), strict=True
    ):
        p = math.exp(logits[y]) / sum(math.exp(value) for value in logits)
        expected = -((1 - p) ** gamma) * math.log(p)
        assert got == pytest.approx(expected, rel=1e-9)
        weight = class_weight[y] if class_weight else 1.0
        total += weight * expected
    assert loss(embeddings, labels).item() == pytest.approx(total / len(labels), rel=1e-9)


@pytest.mark.parametrize("class_weight", [None, [0.5, 2.0, 4.0, 1.0]])
def test_gamma_zero_is_cross_entropy(class_weight):
    embeddings, labels = batch()
    focal = FocalLoss(C, E, gamma=0, class_weight=class_weight).double()
    softmax = SoftmaxLoss(C, E, class_weight=class_weight).double()
    softmax.load_state_dict(focal.state_dict())
    torch.testing.assert_close(focal(embeddings, labels), softmax(embeddings, labels), rtol=1e-12, atol=0)


def test_values_at_eight_tenths():
    assert value_and_gradient(0.8, 2)[0] == pytest.approx(0.0089257, abs=5e-8)
    assert value_and_gradient(0.8, 0)[0] == pytest.approx(0.2231436, abs=5e-8)


@pytest.mark.parametrize(("probability", "ratio"), [(0.1, 1.22), (0.2, 1.16), (0.3, 1.00), (0.5, 0.60), (0.9, 0.03)])
def test_gradient_beside_that_of_cross_entropy(probability, ratio):
    focal, plain = (value_and_gradient(probability, gamma)[1] for gamma in (2, 0))
    p = probability
    assert focal / plain == pytest.approx((1 - p) ** 2 * (1 - p - 2 * p * math.log(p)) / (1 - p), rel=1e-9)
    assert focal / plain == pytest.approx(ratio, abs=6e-3)


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 3.5])
def test_gradcheck(gamma):
    embeddings, labels = batch()
    loss = FocalLoss(C, E, gamma=gamma, class_weight=[0.5, 2.0, 4.0, 1.0]).double()
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), embeddings.requires_grad_())


@pytest.mark.parametrize("gamma", [0, 0.25, 1, 2])
@pytest.mark.parametrize("logit", [0.0, 20.0, 200.0, -200.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_for_certain_samples(gamma, logit, dtype):
    """At p = 1 the slope of (1 - p)^gamma is infinite for gamma < 1; at p = 0 log p is far away."""
    loss, _ = at_probability(0.5, gamma)
    loss = loss.to(dtype)
    x = torch.tensor([[logit]], dtype=dtype, requires_grad=True)
    value = loss(x, torch.tensor([0]))
    (gradient,) = torch.autograd.grad(value, x)
    assert torch.isfinite(value) and torch.isfinite(gradient).all()
    if logit == -200.0:
        assert value.item() == pytest.approx(200, rel=1e-5)


def test_logits_are_those_of_softmax():
    embeddings, _ = batch()
    loss = FocalLoss(C, E).double()
    torch.testing.assert_close(loss.get_logits(embeddings), F.linear(embeddings, loss.weight, loss.bias))
