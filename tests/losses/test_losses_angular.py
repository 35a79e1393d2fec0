"""A-Softmax against a second derivation: loops over samples, classes and angles."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from serlib.losses import AngularSoftmaxLoss, LambdaAnnealing, chebyshev, phi, phi_slope

B, E, C = 12, 5, 4
TINY = [[0.0, 0.0], [0.0, 1e-6], [1e-12, 0.0], [1e-22, 1e-22], [1e-30, -1e-30], [1e-42, 0.0]]
PURE = {"annealing": None}
STUCK = {"annealing": LambdaAnnealing(base=5, gamma=0, power=1, minimum=5)}  # lambda = 5 from the start


def batch(seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    embeddings = 3 * torch.randn(B, E, generator=generator, dtype=dtype)
    return embeddings, torch.arange(B) % C


def phi_by_angle(theta, margin):
    """The definition: k counts the whole pieces of length pi / m below theta."""
    k = min(int(margin * theta / math.pi), margin - 1)
    return (-1) ** k * math.cos(margin * theta) - 2 * k


def slow_loss(embeddings, labels, weight, margins, annealing_lambda, scale=None):
    losses = []
    for x, y in zip(embeddings.tolist(), labels.tolist(), strict=True):
        norm = math.hypot(*x)
        angles = [math.acos(sum(a * b for a, b in zip(x, w, strict=True)) / norm / math.hypot(*w)) for w in weight]
        logits = [math.cos(theta) for theta in angles]
        own = phi_by_angle(angles[y], margins[y])
        logits[y] = (annealing_lambda * logits[y] + own) / (1 + annealing_lambda)
        logits = [(scale or norm) * value for value in logits]
        losses.append(math.log(sum(math.exp(value) for value in logits)) - logits[y])
    return torch.tensor(losses, dtype=torch.float64)


@pytest.mark.parametrize("margin", [1, 2, 3, 4, 5, 6, 7, 9])
def test_phi_at_its_knots_and_in_between(margin):
    knots = torch.arange(margin + 1, dtype=torch.float64)
    torch.testing.assert_close(
        phi(torch.cos(knots * math.pi / margin), margin), 1 - 2 * knots, rtol=0, atol=1e-12 * 4**margin
    )
    theta = torch.linspace(0, math.pi, 1001, dtype=torch.float64)
    expected = torch.tensor([phi_by_angle(t, margin) for t in theta.tolist()], dtype=torch.float64)
    torch.testing.assert_close(phi(theta.cos(), margin), expected, rtol=0, atol=1e-9)
    assert (phi(theta.cos(), margin).diff() <= 1e-12).all()


@pytest.mark.parametrize(("margin", "value"), [(3, -0.989992), (4, -1.346356), (5, -2.283662), (6, -2.960170)])
def test_phi_at_one_radian(margin, value):
    assert phi(torch.tensor(1.0, dtype=torch.float64).cos(), margin).item() == pytest.approx(value, abs=5e-7)


@pytest.mark.parametrize("order", range(8))
def test_chebyshev_is_the_multiple_angle(order):
    theta = torch.linspace(1e-3, math.pi - 1e-3, 501, dtype=torch.float64)
    torch.testing.assert_close(chebyshev(theta.cos(), order), (order * theta).cos(), rtol=0, atol=1e-12)
    second = ((order + 1) * theta).sin() / theta.sin()
    torch.testing.assert_close(chebyshev(theta.cos(), order, kind=2), second, rtol=0, atol=1e-9)
    single = chebyshev(theta.cos().float(), order).double()
    torch.testing.assert_close(single, (order * theta).cos(), rtol=0, atol=2e-5)


@given(st.integers(1, 8), st.floats(0, math.pi), st.floats(0, math.pi))
def test_phi_never_rises(margin, one, other):
    low, high = sorted((one, other))
    values = phi(torch.tensor([low, high], dtype=torch.float64).cos(), margin)
    assert values[1] <= values[0] + 1e-9


def test_phi_takes_a_margin_per_sample():
    cosine = torch.linspace(-1, 1, 12, dtype=torch.float64)
    margin = torch.tensor([1, 2, 3, 4, 5, 6] * 2)
    expected = torch.stack([phi(c, int(m)) for c, m in zip(cosine, margin, strict=True)])
    torch.testing.assert_close(phi(cosine, margin), expected)
    torch.testing.assert_close(phi(cosine, margin, highest=9), expected)
    slopes = torch.stack([phi_slope(c, int(m)) for c, m in zip(cosine, margin, strict=True)])
    torch.testing.assert_close(phi_slope(cosine, margin), slopes)


@pytest.mark.parametrize("margin", [1, 2, 3, 4, 5, 6])
def test_the_slope_is_the_derivative_of_phi(margin):
    theta = torch.linspace(0.01, math.pi - 0.01, 400, dtype=torch.float64)
    distance_to_knot = (margin * theta / math.pi - (margin * theta / math.pi).round()).abs()
    theta = theta[distance_to_knot > 1e-3]
    cosine = theta.cos().requires_grad_()
    (gradient,) = torch.autograd.grad(phi(cosine, margin).sum(), cosine)
    torch.testing.assert_close(gradient, margin * (margin * theta).sin().abs() / theta.sin(), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(phi_slope(cosine.detach(), margin), gradient)


@pytest.mark.parametrize("margin", [2, 4, 6])
def test_the_slope_at_the_ends_and_knots(margin):
    ends = phi_slope(torch.tensor([1.0, -1.0], dtype=torch.float64), margin)
    torch.testing.assert_close(ends, torch.full_like(ends, margin**2))
    knots = torch.cos(torch.arange(1, margin, dtype=torch.float64) * math.pi / margin)
    assert phi_slope(knots, margin).abs().max() < 1e-12


@pytest.mark.parametrize("margin", [1, 2, 3, 4, 6, (6, 6, 4, 4), (1, 2, 3, 5)])
@pytest.mark.parametrize("scale", [None, 6.0])
def test_slow_loop(margin, scale):
    embeddings, labels = batch()
    margins = margin if isinstance(margin, tuple) else (margin,) * C
    for options, value in ((PURE, 0.0), (STUCK, 5.0)):
        loss = AngularSoftmaxLoss(C, E, margin=margin, scale=scale, **options).double()
        expected = slow_loss(embeddings, labels, loss.weight.tolist(), margins, value, scale)
        torch.testing.assert_close(loss.per_sample(embeddings, labels), expected, rtol=1e-7, atol=1e-7)
        torch.testing.assert_close(loss(embeddings, labels), expected.mean(), rtol=1e-7, atol=1e-7)


def test_margin_one_is_softmax_over_unit_vectors():
    embeddings, labels = batch()
    loss = AngularSoftmaxLoss(C, E, margin=1, **PURE).double()
    plain = F.cross_entropy(F.linear(embeddings, F.normalize(loss.weight)), labels)
    torch.testing.assert_close(loss(embeddings, labels), plain, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(loss.get_logits(embeddings), F.linear(embeddings, F.normalize(loss.weight)))


@pytest.mark.parametrize("margin", [4, (6, 6, 4, 4)])
def test_a_huge_lambda_is_softmax_over_unit_vectors(margin):
    embeddings, labels = batch()
    huge = LambdaAnnealing(base=1e12, gamma=0, power=1, minimum=0)
    loss = AngularSoftmaxLoss(C, E, margin=margin, annealing=huge).double()
    plain = F.cross_entropy(F.linear(embeddings, F.normalize(loss.weight)), labels)
    torch.testing.assert_close(loss(embeddings, labels), plain, rtol=1e-7, atol=1e-8)


def test_equal_class_margins_are_one_margin():
    embeddings, labels = batch()
    one, per_class = AngularSoftmaxLoss(C, E, margin=5), AngularSoftmaxLoss(C, E, margin=[5, 5, 5, 5])
    per_class.load_state_dict(one.state_dict())
    mixed = AngularSoftmaxLoss(C, E, margin=[5, 5, 5, 6])
    mixed.load_state_dict(one.state_dict())
    embeddings, some = embeddings[labels != 3].float(), labels[labels != 3]
    assert torch.equal(one.per_sample(embeddings, some), per_class.per_sample(embeddings, some))
    torch.testing.assert_close(mixed.per_sample(embeddings, some), one.per_sample(embeddings, some))  # no class 3 here


def test_a_margin_makes_the_task_harder():
    embeddings, labels = batch()
    losses = [AngularSoftmaxLoss(C, E, margin=m, **PURE).double() for m in (1, 2, 4)]
    for loss in losses[1:]:
        loss.load_state_dict(losses[0].state_dict())
    values = [loss.per_sample(embeddings, labels) for loss in losses]
    assert (values[1] >= values[0] - 1e-12).all() and (values[2] >= values[1] - 1e-12).all()
    assert values[2].mean() > values[0].mean() + 0.1


def test_scale_is_the_norm_unless_fixed():
    embeddings, labels = batch()
    loss = AngularSoftmaxLoss(C, E, **PURE).double()
    fixed = AngularSoftmaxLoss(C, E, scale=7.0, **PURE).double()
    fixed.load_state_dict(loss.state_dict())
    on_sphere = 7 * F.normalize(embeddings)
    torch.testing.assert_close(fixed(embeddings, labels), loss(on_sphere, labels), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(fixed.get_logits(embeddings), loss.get_logits(on_sphere), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(loss.get_logits(2 * embeddings), 2 * loss.get_logits(embeddings), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("options", [PURE, STUCK])
def test_detached_gradient_is_phi_forward_and_the_cosine_backward(options):
    embeddings, labels = batch()
    attached = AngularSoftmaxLoss(C, E, margin=4, scale=3.0, **options).double()
    detached = AngularSoftmaxLoss(C, E, margin=4, scale=3.0, detach_gradient=True, **options).double()
    detached.load_state_dict(attached.state_dict())
    torch.testing.assert_close(detached(embeddings, labels), attached(embeddings, labels), rtol=1e-12, atol=1e-12)

    x = embeddings.clone().requires_grad_()
    logits = detached._logits(x, labels)  # with the margin
    own = logits.gather(1, labels[:, None]).sum()
    plain = detached.get_logits(x).gather(1, labels[:, None]).sum()
    (gradient,) = torch.autograd.grad(own, x)
    (plain_gradient,) = torch.autograd.grad(plain, x)
    torch.testing.assert_close(gradient, plain_gradient)


@pytest.mark.parametrize(
    "options", [PURE, STUCK, {**PURE, "scale": 4.0}, {**PURE, "class_weight": [1.0, 2.0, 0.5, 4.0]}]
)
@pytest.mark.parametrize("margin", [1, 4, (6, 6, 4, 4)])
def test_gradcheck(margin, options):
    embeddings, labels = batch(seed=3)
    loss = AngularSoftmaxLoss(C, E, margin=margin, **options).double().eval()
    inputs = (embeddings.requires_grad_(), loss.weight.detach().clone().requires_grad_())

    def value(x, weight):
        return torch.func.functional_call(loss, {"weight": weight}, (x, labels))

    assert torch.autograd.gradcheck(value, inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin", [1, 2, 4, 6])
@pytest.mark.parametrize("detach", [False, True])
def test_gradients_are_finite_at_every_edge(margin, detach, dtype):
    """The own angle at 0, at each knot, just beside them, at pi, and embeddings of next to no length."""
    angles = [j * math.pi / margin + d for j in range(margin + 1) for d in (-1e-4, 0.0, 1e-4)]
    x = torch.tensor([[math.cos(a), math.sin(a)] for a in angles] + TINY, dtype=dtype, requires_grad=True)
    for options in (PURE, STUCK, {**PURE, "scale": 30.0}):
        loss = AngularSoftmaxLoss(C, 2, margin=margin, detach_gradient=detach, **options).to(dtype)
        with torch.no_grad():
            loss.weight[0] = torch.tensor([3.0, 0.0])
        value = loss(x, torch.zeros(len(x), dtype=torch.int64))
        for gradient in torch.autograd.grad(value, (x, loss.weight)):
            assert torch.isfinite(gradient).all()


def test_the_embedding_on_its_own_class_vector_is_pulled_nowhere():
    loss = AngularSoftmaxLoss(2, 3, margin=4, scale=10.0, **PURE)
    x = (2.5 * loss.weight.detach()[:1]).requires_grad_()
    with torch.no_grad():
        loss.weight[1] = -loss.weight[0]
    (gradient,) = torch.autograd.grad(loss(x, torch.tensor([0])), x)
    assert gradient.abs().max() < 1e-4


def test_lambda_of_the_prototxt():
    annealing = LambdaAnnealing(1000, 0.12, 1, 5)
    assert annealing == LambdaAnnealing()
    assert annealing(1) == pytest.approx(892.857142857)
    assert annealing(1658) > 5 and annealing(1659) == 5 and annealing(10**9) == 5
    assert annealing(torch.tensor(1)).item() == pytest.approx(892.857142857)
    assert annealing(torch.tensor(1659)).item() == 5


def test_step_counts_training_calls_only():
    embeddings, labels = batch(dtype=torch.float32)
    loss = AngularSoftmaxLoss(C, E)
    assert loss.phi_share() == pytest.approx(1 / 893.857142857)  # the first call has lambda(1)
    loss.per_sample(embeddings, labels)
    loss.get_logits(embeddings)
    loss.eval()(embeddings, labels)
    with pytest.raises(ValueError):
        loss.train()(embeddings, labels + 1)
    assert loss.step == 0
    for _ in range(3):
        loss(embeddings, labels)
    assert loss.step == 3 and loss.phi_share() == pytest.approx(1 / (1 + 1000 / 1.48))


def test_a_resumed_run_goes_on_exactly():
    def train(loss, optimiser, steps):
        values = []
        for _ in range(steps):
            embeddings, labels = batch(seed=int(loss.step), dtype=torch.float32)
            value = loss(embeddings, labels)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            values.append(value.item())
        return values

    def made():
        torch.manual_seed(0)
        loss = AngularSoftmaxLoss(C, E, annealing=LambdaAnnealing(base=20, gamma=0.5, power=1, minimum=0))
        return loss, torch.optim.SGD(loss.parameters(), lr=0.1)

    straight = train(*made(), 12)
    loss, optimiser = made()
    first = train(loss, optimiser, 5)
    resumed, new_optimiser = made()
    resumed.load_state_dict(loss.state_dict())
    new_optimiser.load_state_dict(optimiser.state_dict())
    assert first + train(resumed, new_optimiser, 7) == straight
    forgetful, _ = made()
    forgetful.load_state_dict({**loss.state_dict(), "step": torch.tensor(0)})
    assert train(forgetful, new_optimiser, 7)[0] != straight[5]


def test_parity_with_pytorch_metric_learning():
    """Its SphereFaceLoss has no lambda and scales by |x| times ``scale``."""
    pml = pytest.importorskip("pytorch_metric_learning.losses")
    embeddings, labels = batch(dtype=torch.float32)
    for margin in (1, 2, 3, 4):
        ours = AngularSoftmaxLoss(C, E, margin=margin, **PURE)
        theirs = pml.SphereFaceLoss(num_classes=C, embedding_size=E, margin=margin, scale=1)
        theirs.W.data = ours.weight.detach().T.clone()
        results = []
        for loss in (ours, theirs):
            x = embeddings.clone().requires_grad_()
            value = loss(x, labels)
            value.backward()
            results.append((value.detach(), x.grad))
        torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(ours.get_logits(embeddings), theirs.get_logits(embeddings), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours.weight.grad, theirs.W.grad.T, rtol=1e-3, atol=1e-5)
