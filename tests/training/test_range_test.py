"""The learning-rate range test finds where a simple model diverges and leaves everything as it was."""

import numpy as np
import pytest
import torch
from small import CPU, Mean

from serlib.losses import SoftmaxLoss
from serlib.training import Examples, learning_rate_range_test


@pytest.fixture
def parts():
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    means = 3 * generator.standard_normal((3, 6))
    inputs = [
        (means[y][:, None] + generator.standard_normal((6, n))).astype(np.float32)
        for y, n in zip(labels, generator.integers(5, 20, 60), strict=True)
    ]
    torch.manual_seed(0)
    return Mean(6, dropout=0.1), SoftmaxLoss(3, 4), Examples(inputs, labels)


def test_rates_rise_evenly_and_the_loss_falls_before_it_leaves(parts):
    curve = learning_rate_range_test(*parts, hardware=CPU, low=1e-4, high=100.0, steps=80, batch_size=20)
    ratios = curve["lr"].to_numpy()[1:] / curve["lr"].to_numpy()[:-1]
    np.testing.assert_allclose(ratios, 1e6 ** (1 / 79), rtol=1e-9)
    assert curve["lr"].iloc[0] == 1e-4 and np.isfinite(curve["loss"]).all()
    assert curve["smooth"].min() < 0.8 * curve["smooth"].iloc[0]
    assert len(curve) < 80 and curve["smooth"].iloc[-1] > 4 * curve["smooth"].min()  # it stopped by itself
    assert curve["smooth"].idxmin() not in (0, len(curve) - 1)


def test_the_smooth_loss_is_an_unbiased_mean(parts):
    curve = learning_rate_range_test(*parts, hardware=CPU, low=1e-6, high=1e-4, steps=7)
    losses = curve["loss"].to_numpy()
    weights = 0.9 ** np.arange(len(losses))[::-1]
    assert len(curve) == 7
    assert curve["smooth"].iloc[-1] == pytest.approx((weights * losses).sum() / weights.sum())
    assert curve["smooth"].iloc[0] == pytest.approx(losses[0])


def test_everything_stays_as_it_was(parts):
    network, loss, _ = parts
    network.eval()
    before = [p.clone() for p in (*network.parameters(), *loss.parameters())]
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = learning_rate_range_test(*parts, hardware=CPU, steps=5)
    assert torch.equal(torch.rand(3), expected) and not network.training
    assert all(torch.equal(a, b) for a, b in zip(before, (*network.parameters(), *loss.parameters()), strict=True))
    assert first.equals(learning_rate_range_test(*parts, hardware=CPU, steps=5))
    assert all(p.grad is None for p in network.parameters())


class Breaks(SoftmaxLoss):
    """Is NaN from its fourth call on."""

    calls = 0

    def forward(self, embeddings, labels):
        Breaks.calls += 1
        return super().forward(embeddings, labels) * (1 if Breaks.calls < 4 else float("nan"))


def test_a_loss_that_is_no_number_ends_it(parts):
    network, _, train = parts
    curve = learning_rate_range_test(network, Breaks(3, 4), train, hardware=CPU)
    assert len(curve) == 3 and np.isfinite(curve.to_numpy()).all()
    curve = learning_rate_range_test(network, Breaks(3, 4), train, hardware=CPU)
    assert curve.empty and list(curve) == ["lr", "loss", "smooth"]


@pytest.mark.parametrize("options", [{"low": 0.0}, {"low": 2.0}, {"high": float("inf")}, {"steps": 1}, {"low": -1.0}])
def test_ranges_that_are_refused(parts, options):
    with pytest.raises(ValueError, match=r"low=.*high=.*steps=.*; allowed are 0 < low < high and 2 steps or more"):
        learning_rate_range_test(*parts, hardware=CPU, **options)
