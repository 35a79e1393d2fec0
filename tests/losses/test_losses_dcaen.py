"""DCaEN's joint loss: its two terms, the sign trap of the printed formula, thresholds, heads and the record."""

import re

import pytest
import torch
from torch.nn import functional as F

from serlib.losses import DCaENLoss, SoftmaxLoss, complementary_loss

C, E, SIZE = 3, 10, 4


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(12, E, generator=generator), torch.arange(12) % C


def made(**options) -> DCaENLoss:
    torch.manual_seed(0)
    return DCaENLoss(C, E, **{"feature_size": E // 2} | options)


@pytest.mark.parametrize("threshold", [None, 0.0, -0.5, -1.0])
@pytest.mark.parametrize("weight", [0.0, 0.6, 1.0])
def test_the_weighted_sum_of_two_terms(batch, threshold, weight):
    loss, (x, y) = made(threshold=threshold, weight=weight), batch
    cosine = F.cosine_similarity(x[:, :5], x[:, 5:])
    constraint = cosine.mean() if threshold is None else (cosine - threshold).abs().mean()
    cross_entropy = F.cross_entropy(x @ loss.weight.T + loss.bias, y)
    torch.testing.assert_close(loss(x, y), weight * constraint + (1 - weight) * cross_entropy)
    torch.testing.assert_close(torch.stack(loss.terms(x, y)), torch.stack([cross_entropy, constraint]))
    torch.testing.assert_close(loss.per_sample(x, y).mean(), loss(x, y))


def test_less_cross_entropy_is_less_loss_and_the_printed_minus_would_say_the_opposite(batch):
    loss, (x, y) = made(), batch
    right, wrong = (F.one_hot((y + shift) % C, C).float() @ loss.weight.detach() for shift in (0, 1))
    x_right, x_wrong = (torch.cat([x[:, :0], z], 1) for z in (right, wrong))
    (ce_right, cos), (ce_wrong, _) = (loss.terms(z, y) for z in (x_right, x_wrong))
    assert ce_right < ce_wrong
    same_cosine = [0.6 * cos + sign * 0.4 * ce for sign in (1, -1) for ce in (ce_right, ce_wrong)]
    assert same_cosine[0] < same_cosine[1]  # as meant
    assert same_cosine[2] > same_cosine[3]  # as printed: the wrong classes are the better


def test_training_on_the_printed_formula_unlearns_without_end(batch):
    ends = {}
    for sign in (1, -1):
        loss, (x, y) = made(), batch
        optimiser = torch.optim.Adam(loss.parameters(), 0.1)
        for _ in range(200):
            cross_entropy, constraint = loss.terms(x, y)
            optimiser.zero_grad()
            (0.6 * constraint + sign * 0.4 * cross_entropy).backward()
            optimiser.step()
        ends[sign] = cross_entropy.item()
    assert ends[1] < 0.7 < ends[-1] and ends[-1] > 20


def test_a_threshold_of_minus_one_is_none_plus_w(batch):
    x, y = batch
    losses = [made(threshold=threshold) for threshold in (-1.0, None)]
    x = [x.clone().requires_grad_() for _ in losses]
    values = [loss(each, y) for loss, each in zip(losses, x, strict=True)]
    assert (values[0] - values[1]).item() == pytest.approx(0.6, abs=1e-6)
    for value in values:
        value.backward()
    torch.testing.assert_close(x[0].grad, x[1].grad)


def test_without_constraint_it_is_softmax(batch):
    torch.manual_seed(0)
    softmax, loss = SoftmaxLoss(C, E), made(weight=0.0)
    torch.testing.assert_close(loss(*batch), softmax(*batch))
    torch.testing.assert_close(loss.get_logits(batch[0]), softmax.get_logits(batch[0]))


def test_the_raw_head_reads_the_second_half_alone_but_the_constraint_reads_both(batch):
    loss, (x, y) = made(head="raw"), batch
    assert loss.weight.shape == (C, E // 2)
    x = x.clone().requires_grad_()
    other = torch.cat([torch.randn(12, 5), x[:, 5:]], 1)
    assert torch.equal(loss.get_logits(other), loss.get_logits(x))
    assert loss(other, y) != loss(x, y)
    loss.terms(x, y)[0].backward()
    assert (x.grad[:, :5] == 0).all() and (x.grad[:, 5:] != 0).any()


def test_halves_may_differ_in_size_only_where_there_is_a_cosine(batch):
    with pytest.raises(ValueError, match=re.escape("embeddings have shape (12, 6); allowed is (batch >= 1, 4)")):
        made(feature_size=SIZE)(*batch)


def test_the_record_is_the_mean_over_what_was_trained_on(batch):
    loss, (x, y) = made(threshold=-0.5, weight=0.3), batch
    loss.train()
    for rows in (slice(0, 8), slice(8, 12)):
        loss(x[rows], y[rows])
    loss.eval()
    loss(100 * x, y)  # not trained on
    loss.per_sample(x, y)
    cross_entropy, cosine = loss.drain()
    assert cross_entropy == pytest.approx(F.cross_entropy(loss.get_logits(x), y).item(), rel=1e-5)
    assert cosine == pytest.approx(complementary_loss(*loss.halves(x)).item(), rel=1e-5)
    assert all(value != value for value in loss.drain())  # NaN: nothing since
    loss.train()(x[:5], y[:5])
    assert loss.drain()[0] == pytest.approx(F.cross_entropy(loss.get_logits(x[:5]), y[:5]).item(), rel=1e-5)
    assert set(loss.state_dict()) == {"weight", "bias"}


def test_class_weights_weigh_the_cross_entropy_alone(batch):
    loss, (x, y) = made(class_weight=[0.5, 2.0, 4.0]), batch
    each = F.cross_entropy(x @ loss.weight.T + loss.bias, y, reduction="none")
    torch.testing.assert_close(loss.terms(x, y)[0], (torch.tensor([0.5, 2.0, 4.0])[y] * each).mean())
    torch.testing.assert_close(loss.terms(x, y)[1], complementary_loss(x[:, :5], x[:, 5:]))


@pytest.mark.parametrize(
    "option,message",
    [
        ({"head": "left"}, "head is 'left'; allowed are both, raw"),
        ({"weight": 1.2}, "weight is 1.2; allowed is a finite number of at least 0, at most 1"),
        ({"threshold": -1.5}, "threshold is -1.5; allowed is a finite number of at least -1, at most 1"),
        ({"feature_size": 10}, "feature_size is 10; allowed is an integer of at least 1, at most 9"),
    ],
)
def test_options_outside_their_range(option, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        made(**option)
