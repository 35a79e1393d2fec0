"""Logit adjustment against plain Python, its limits, and what it is for: the cut that serves unequal classes."""

import math

import pytest
import torch

from serlib.losses import LogitAdjustedLoss, SoftmaxLoss

C, E = 3, 4
SIZES = (10, 30, 60)


def batch():
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(9, E, generator=generator, dtype=torch.float64), torch.arange(9) % C


def both(**options):
    adjusted, softmax = LogitAdjustedLoss(C, E, prior=SIZES, **options).double(), SoftmaxLoss(C, E).double()
    softmax.load_state_dict(adjusted.state_dict())
    return adjusted, softmax


@pytest.mark.parametrize("tau", [0, 0.5, 1, 2])
def test_slow_loop(tau):
    embeddings, labels = batch()
    loss = LogitAdjustedLoss(C, E, prior=SIZES, tau=tau).double()
    for logits, y, got in zip(
        loss.get_logits(embeddings).tolist(), labels.tolist(), loss.per_sample(embeddings, labels).tolist(), strict=True
    ):
        moved = [z + tau * math.log(n / 100) for z, n in zip(logits, SIZES, strict=True)]
        assert got == pytest.approx(math.log(sum(math.exp(m) for m in moved)) - moved[y], rel=1e-9)


@pytest.mark.parametrize("options", [{"tau": 0}, {"prior": (5, 5, 5)}])
def test_without_adjustment_it_is_softmax(options):
    embeddings, labels = batch()
    adjusted = LogitAdjustedLoss(C, E, **{"prior": SIZES} | options).double()
    softmax = SoftmaxLoss(C, E).double()
    softmax.load_state_dict(adjusted.state_dict())
    torch.testing.assert_close(adjusted(embeddings, labels), softmax(embeddings, labels), rtol=1e-12, atol=0)


def test_decisions_are_made_without_it_and_only_ratios_count():
    embeddings, labels = batch()
    adjusted, softmax = both()
    assert torch.equal(adjusted.get_logits(embeddings), softmax.get_logits(embeddings))
    shares = LogitAdjustedLoss(C, E, prior=(0.1, 0.3, 0.6)).double()
    shares.load_state_dict(adjusted.state_dict())
    torch.testing.assert_close(adjusted(embeddings, labels), shares(embeddings, labels))
    assert set(adjusted.state_dict()) == {"weight", "bias"}


def test_gradcheck():
    embeddings, labels = batch()
    loss = both()[0]
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), embeddings.requires_grad_())


def test_it_moves_the_cut_to_where_both_classes_are_equally_dense():
    """Two Gaussians at -1 and +1, nine to one: the best cut for UA is 0, that of softmax log(9) / 2 to the right."""
    generator = torch.Generator().manual_seed(0)
    x = torch.cat([torch.randn(36000, 1, generator=generator) - 1, torch.randn(4000, 1, generator=generator) + 1])
    x, y = x.double(), torch.tensor([0] * 36000 + [1] * 4000)

    def cut(loss):
        loss, start = loss.double(), torch.zeros
        optimiser = torch.optim.LBFGS(loss.parameters(), max_iter=200, tolerance_grad=1e-10)
        with torch.no_grad():
            loss.weight.copy_(start(2, 1)), loss.bias.copy_(start(2))

        def closure():
            optimiser.zero_grad()
            value = loss(x, y)
            value.backward()
            return value

        optimiser.step(closure)
        weight, bias = loss.weight[1] - loss.weight[0], loss.bias[1] - loss.bias[0]
        return (-bias / weight).item()

    assert cut(LogitAdjustedLoss(2, 1, prior=(9, 1))) == pytest.approx(0, abs=0.04)
    assert cut(SoftmaxLoss(2, 1)) == pytest.approx(math.log(9) / 2, abs=0.04)


@pytest.mark.parametrize("options,message", [
    ({"tau": -0.5}, r"tau is -0.5; allowed is a finite number of at least 0"),
    ({"tau": math.inf}, r"tau is inf; allowed is a finite number of at least 0"),
    ({"prior": (1, 2)}, r"prior has 2 values; allowed are 3, one per class"),
    ({"prior": (1, 0, 2)}, r"prior is 0; allowed is a finite number above 0"),
])  # fmt: skip
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LogitAdjustedLoss(C, E, **{"prior": SIZES} | options)
