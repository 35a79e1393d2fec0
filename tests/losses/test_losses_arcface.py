"""ArcFace against a second derivation: loops over samples, classes and angles."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from serlib.losses import ArcFaceLoss, arcface_target

C = 4
TINY = [[0.0, 0.0], [0.0, 1e-6], [1e-12, 0.0], [1e-22, 1e-22], [1e-30, -1e-30], [1e-42, 0.0]]
MARGINS = [0.0, 0.25, 0.5, 1.0, 2.0, math.pi]
angles = st.floats(0, math.pi)


def around(dtype=torch.float64):
    """Embeddings at 0..359 degrees, of length 0.5 to 3, with labels in turn."""
    theta = torch.deg2rad(torch.arange(360, dtype=torch.float64))
    length = 0.5 + 2.5 * torch.arange(360, dtype=torch.float64) / 360
    return (length[:, None] * torch.stack([theta.cos(), theta.sin()], dim=1)).to(dtype), torch.arange(360) % C


def target_by_angle(theta, margin_rad):
    widened = theta + margin_rad
    return math.cos(widened) if widened <= math.pi else -2 - math.cos(widened)


def slow_loss(embeddings, labels, weight, margins, scale):
    losses = []
    for x, y in zip(embeddings.tolist(), labels.tolist(), strict=True):
        logits = []
        for j, w in enumerate(weight):
            cosine = sum(a * b for a, b in zip(x, w, strict=True)) / math.hypot(*x) / math.hypot(*w)
            theta = math.acos(max(-1, min(1, cosine)))
            logits.append(scale * (target_by_angle(theta, margins[j]) if j == y else math.cos(theta)))
        losses.append(math.log(sum(math.exp(value) for value in logits)) - logits[y])
    return torch.tensor(losses, dtype=torch.float64)


@pytest.mark.parametrize("margin_rad", MARGINS)
def test_target_is_the_widened_cosine_and_goes_on_falling(margin_rad):
    theta = torch.linspace(0, math.pi, 1001, dtype=torch.float64)
    target = arcface_target(theta.cos(), margin_rad)
    expected = torch.tensor([target_by_angle(t, margin_rad) for t in theta.tolist()], dtype=torch.float64)
    torch.testing.assert_close(target, expected, rtol=0, atol=1e-7)
    assert (target.diff() <= 1e-12).all()
    assert target.diff().abs().max() < 2 * math.pi / 1000  # no jump, at pi - m or anywhere


@given(st.floats(0, math.pi), angles, angles)
def test_target_never_rises(margin_rad, one, other):
    low, high = sorted((one, other))
    values = arcface_target(torch.tensor([low, high], dtype=torch.float64).cos(), margin_rad)
    assert values[1] <= values[0] + 1e-7


def test_target_takes_a_margin_per_sample():
    cosine = torch.linspace(-1, 1, 6, dtype=torch.float64)
    margin = torch.tensor(MARGINS, dtype=torch.float64)
    expected = torch.stack([arcface_target(c, m) for c, m in zip(cosine, MARGINS, strict=True)])
    torch.testing.assert_close(arcface_target(cosine, margin), expected)


@pytest.mark.parametrize("margin_rad", [0.25, 0.5, 1.0, 2.0])
def test_the_gradient_of_the_target_is_that_of_the_angle(margin_rad):
    theta = torch.linspace(0.01, math.pi - 0.01, 401, dtype=torch.float64)
    cosine = theta.cos().requires_grad_()
    (gradient,) = torch.autograd.grad(arcface_target(cosine, margin_rad).sum(), cosine)
    torch.testing.assert_close(gradient, (theta + margin_rad).sin().abs() / theta.sin(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("margin_rad", [0.0, 0.5, 1.25, (0.0, 0.25, 0.5, 1.5)])
@pytest.mark.parametrize("scale", [2.0, 30.0])
def test_slow_loop(margin_rad, scale):
    embeddings, labels = around()
    loss = ArcFaceLoss(C, 2, margin_rad=margin_rad, scale=scale).double()
    margins = margin_rad if isinstance(margin_rad, tuple) else (margin_rad,) * C
    expected = slow_loss(embeddings, labels, loss.weight.tolist(), margins, scale)
    torch.testing.assert_close(loss.per_sample(embeddings, labels), expected, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(loss(embeddings, labels), expected.mean(), rtol=1e-7, atol=1e-7)
    single = ArcFaceLoss(C, 2, margin_rad=margin_rad, scale=scale)
    single.load_state_dict(loss.state_dict())
    torch.testing.assert_close(single(embeddings.float(), labels), expected.mean().float(), rtol=1e-4, atol=1e-4)


def test_margin_zero_is_softmax_over_cosines():
    embeddings, labels = around()
    loss = ArcFaceLoss(C, 2, margin_rad=0, scale=5).double()
    logits = 5 * F.linear(F.normalize(embeddings), F.normalize(loss.weight))
    torch.testing.assert_close(loss(embeddings, labels), F.cross_entropy(logits, labels), rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(loss.get_logits(embeddings), logits, rtol=1e-6, atol=1e-7)


def test_equal_class_margins_are_one_margin():
    embeddings, labels = around()
    one, per_class = ArcFaceLoss(C, 2, margin_rad=0.5), ArcFaceLoss(C, 2, margin_rad=[0.5] * C)
    per_class.load_state_dict(one.state_dict())
    assert torch.equal(one(embeddings, labels), per_class(embeddings, labels))


@pytest.mark.parametrize(
    ("classes", "margin_rad", "probability", "floor"),
    [(4, 0.0, 0.8275, 0.1893), (7, 0.0, 0.632, 0.459), (4, 0.5, 0.790, 0.236), (7, 0.5, 0.574, 0.556)],
)
def test_the_scale_bounds_the_confidence(classes, margin_rad, probability, floor):
    """Embeddings on their class vectors, these a simplex: the best there can be at s = 2."""
    loss = ArcFaceLoss(classes, classes, margin_rad=margin_rad, scale=2).double()
    simplex = torch.eye(classes, dtype=torch.float64) - 1 / classes
    loss.load_state_dict({"weight": simplex})
    best = loss(simplex, torch.arange(classes)).item()
    assert best == pytest.approx(floor, abs=6e-4)
    assert math.exp(-best) == pytest.approx(probability, abs=6e-4)


@pytest.mark.parametrize("options", [{}, {"class_weight": [1.0, 2.0, 0.5, 4.0]}])
@pytest.mark.parametrize("margin_rad", [0.0, 0.5, 2.5, (0.1, 0.4, 0.9, 3.0)])
def test_gradcheck(margin_rad, options):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(12, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    loss = ArcFaceLoss(C, 5, margin_rad=margin_rad, scale=3, **options).double()
    weight = torch.randn(C, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.arange(12) % C

    def value(embeddings, weight):
        return torch.func.functional_call(loss, {"weight": weight}, (embeddings, labels))

    assert torch.autograd.gradcheck(value, (x, weight))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin_rad", MARGINS)
def test_gradients_are_finite_at_every_edge(margin_rad, dtype):
    """The own angle at 0, pi - m and pi, just beside them, and embeddings of next to no length."""
    at = [a + d for a in (0.0, math.pi - margin_rad, math.pi) for d in (-1e-3, -1e-7, 0.0, 1e-7, 1e-3)]
    x = torch.tensor([[math.cos(a), math.sin(a)] for a in at] + TINY, dtype=dtype, requires_grad=True)
    loss = ArcFaceLoss(C, 2, margin_rad=margin_rad, scale=30).to(dtype)
    with torch.no_grad():
        loss.weight[0] = torch.tensor([3.0, 0.0])
    value = loss(x, torch.zeros(len(x), dtype=torch.int64))
    for gradient in torch.autograd.grad(value, (x, loss.weight)):
        assert torch.isfinite(gradient).all()
    cosine = torch.tensor([1.0, -1.0, 1 + 1e-6, -1 - 1e-6, -math.cos(margin_rad)], dtype=dtype, requires_grad=True)
    (gradient,) = torch.autograd.grad(arcface_target(cosine, margin_rad).sum(), cosine)
    assert torch.isfinite(gradient).all()


def test_the_rounding_of_a_cosine_of_one_makes_no_force():
    """The logit's slope per radian is at most s, so a gradient is at most 2 s / |x|; 1 / sin(0) must not add to it."""
    torch.manual_seed(0)
    loss = ArcFaceLoss(C, 64, scale=2)
    x = (torch.linspace(0.5, 5, 500)[:, None] * loss.weight.detach()[:1]).requires_grad_()
    (gradient,) = torch.autograd.grad(loss.per_sample(x, torch.zeros(500, dtype=torch.int64)).sum(), x)
    assert (gradient.norm(dim=1) * x.detach().norm(dim=1)).max() < 4


def test_parity_with_pytorch_metric_learning_below_pi_minus_m():
    """Its margin is in degrees; past pi - m it jumps to cos - m sin m."""
    pml = pytest.importorskip("pytorch_metric_learning.losses")
    embeddings, labels = around(torch.float32)
    for margin_rad, scale in ((0.5, 2.0), (0.25, 30.0), (1.0, 8.0)):
        ours = ArcFaceLoss(C, 2, margin_rad=margin_rad, scale=scale)
        theirs = pml.ArcFaceLoss(C, 2, margin=math.degrees(margin_rad), scale=scale)
        theirs.W.data = ours.weight.detach().T.clone()
        own = F.cosine_similarity(embeddings, ours.weight[labels]).acos().detach()
        below = (own < math.pi - margin_rad - 1e-3) & (own > 0.02)
        results = []
        for loss in (ours, theirs):
            x = embeddings[below].clone().requires_grad_()
            value = loss(x, labels[below])
            value.backward()
            results.append((value.detach(), x.grad))
        torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(ours.weight.grad, theirs.W.grad.T, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(ours.get_logits(embeddings), theirs.get_logits(embeddings), rtol=1e-4, atol=1e-4)
