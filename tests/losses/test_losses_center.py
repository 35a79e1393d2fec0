"""Center loss: the sum by hand, Wen's update by hand, and what it collapses to alone."""

import math

import pytest
import torch

from serlib.losses import CenterLoss, SoftmaxLoss

C, E = 4, 5


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(10, E, generator=generator, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 0, 0, 2, 1, 0])


def with_centers(**options):
    loss = CenterLoss(C, E, **options).double()
    loss.centers.copy_(torch.randn(C, E, generator=torch.Generator().manual_seed(9)))
    return loss


@pytest.mark.parametrize("class_weight", [None, [0.5, 2.0, 4.0, 1.0]])
def test_slow_loop(class_weight):
    embeddings, labels = batch()
    loss = with_centers(weight=0.3, class_weight=class_weight).eval()
    total = 0.0
    for x, logits, y in zip(embeddings.tolist(), loss.get_logits(embeddings).tolist(), labels.tolist(), strict=True):
        squared = sum((a - b) ** 2 for a, b in zip(x, loss.centers[y].tolist(), strict=True))
        cross_entropy = math.log(sum(math.exp(value) for value in logits)) - logits[y]
        weight = class_weight[y] if class_weight else 1.0
        total += weight * (cross_entropy + 0.3 * squared / 2)
    assert loss(embeddings, labels).item() == pytest.approx(total / len(labels), rel=1e-12)


def test_weight_zero_is_softmax():
    embeddings, labels = batch()
    center, softmax = with_centers(weight=0), SoftmaxLoss(C, E).double()
    softmax.load_state_dict({k: v for k, v in center.state_dict().items() if k != "centers"})
    torch.testing.assert_close(center(embeddings, labels), softmax(embeddings, labels), rtol=1e-12, atol=0)


def test_one_update_of_one_sample():
    """x = 2, c = 0, n = 1, alpha = 0.5: c moves by 0.5 * 2 / (1 + 1)."""
    loss = CenterLoss(2, 1, weight=1.0, alpha=0.5)
    loss(torch.tensor([[2.0]]), torch.tensor([0]))
    assert loss.centers.tolist() == [[0.5], [0.0]]


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_update_by_hand(alpha):
    embeddings, labels = batch()
    loss = with_centers(weight=0.1, alpha=alpha)
    expected = loss.centers.tolist()
    for j in range(C):
        mine = [x for x, y in zip(embeddings.tolist(), labels.tolist(), strict=True) if y == j]
        for d in range(E):
            step = sum(expected[j][d] - x[d] for x in mine) / (1 + len(mine))
            expected[j][d] -= alpha * step
    loss(embeddings, labels)
    torch.testing.assert_close(loss.centers, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_the_loss_uses_the_centres_from_before_the_update():
    embeddings, labels = batch()
    loss = with_centers(weight=0.5)
    before = loss.eval()(embeddings, labels)
    assert torch.equal(loss.train()(embeddings, labels), before)
    assert loss(embeddings, labels) < before  # the centres have come nearer


def test_centres_stay_outside_training():
    embeddings, labels = batch()
    loss = with_centers(weight=0.5)
    centers = loss.centers.clone()
    loss.per_sample(embeddings, labels)
    loss.get_logits(embeddings)
    loss.eval()(embeddings, labels)
    with pytest.raises(ValueError):
        loss.train()(embeddings, labels + 3)
    assert torch.equal(loss.centers, centers)
    assert "centers" not in dict(loss.named_parameters())


def test_the_gradient_survives_the_update():
    """The centres move before backward is called; the gradient is still that of the old ones."""
    embeddings, labels = batch()
    loss = with_centers(weight=0.5)
    gradients = []
    for training in (False, True):
        x = embeddings.clone().requires_grad_()
        loss.train(training)(x, labels).backward()
        gradients.append(x.grad)
    assert torch.equal(*gradients)


def test_alone_it_collapses():
    """A center term that drowns the softmax term pulls a class into one point, wherever that lies."""
    embeddings, labels = batch()
    x = embeddings.clone().requires_grad_()
    loss = CenterLoss(C, E, weight=1e4).double()
    optimiser = torch.optim.SGD([x], lr=5e-4)
    for _ in range(300):
        optimiser.zero_grad()
        loss(x, labels).backward()
        optimiser.step()
    assert (x - loss.centers[labels]).abs().max() < 1e-3
    assert (x[labels == 0] - x[labels == 0][0]).abs().max() < 1e-3


def test_gradcheck():
    embeddings, labels = batch()
    loss = with_centers(weight=0.7, class_weight=[0.5, 2.0, 4.0, 1.0]).eval()
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), embeddings.requires_grad_())
