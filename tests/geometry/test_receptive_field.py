"""Receptive fields: measured in two ways, against the formula, the printed one, and paths counted by hand."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from serlib.geometry.receptive_field import as_printed, occlusion, of_network, seconds, standard, touched
from serlib.losses import SoftmaxLoss
from serlib.methods import get
from serlib.models import MultiDilatedCNN
from serlib.training import Hardware


def paths(dilations, kernel):
    """Every way down: one tap of each layer."""
    half, offsets = kernel // 2, np.zeros(standard(dilations, kernel=kernel), int)
    for taps in product(range(-half, half + 1), repeat=len(dilations)):
        offsets[len(offsets) // 2 + sum(tap * d for tap, d in zip(taps, dilations, strict=True))] += 1
    return offsets


@pytest.mark.parametrize("how", ["impulse", "gradient"])
def test_three_layers_of_dilation_two_see_seven_of_thirteen(how):
    assert [len(touched(d, how=how)) for d in ([2, 2, 2], [1, 2, 3])] == [13, 13]
    assert [(touched(d, how=how) > 0).sum() for d in ([2, 2, 2], [1, 2, 3])] == [7, 13]
    assert [(touched(d, kernel=5, how=how) > 0).sum() for d in ([2, 2, 2], [1, 2, 3])] == [13, 25]
    assert touched([2, 2, 2], how=how)[1::2].sum() == 0  # every other one, as on a grid


@given(dilations=st.lists(st.integers(1, 4), min_size=1, max_size=4), kernel=st.sampled_from([1, 3, 5]))
def test_impulse_gradient_and_counted_paths_agree(dilations, kernel):
    counted = paths(dilations, kernel)
    np.testing.assert_array_equal(touched(dilations, kernel=kernel), counted)
    np.testing.assert_array_equal(touched(dilations, kernel=kernel, how="gradient"), counted)
    assert counted[0] and counted[-1] and counted.sum() == kernel ** len(dilations)


def test_equation_7_counts_twice():
    assert [(standard(d), as_printed(d)) for d in ([1, 2, 3], [1, 2, 4], [2, 2, 2])] == [(13, 25), (15, 29), (13, 25)]
    for dilations, kernel in (([1], 3), ([1, 2, 3, 2], 5)):
        assert as_printed(dilations, kernel=kernel) - 1 == 2 * (standard(dilations, kernel=kernel) - 1)
        assert len(touched(dilations, kernel=kernel)) == standard(dilations, kernel=kernel)


@pytest.mark.parametrize("how", ["impulse", "gradient"])
@pytest.mark.parametrize("dilations,wanted", [("multi", (134, 68)), ("fixed", (118, 60))])
def test_the_whole_network_sees_as_far_as_the_formula_says(how, dilations, wanted):
    torch.manual_seed(0)
    network = MultiDilatedCNN(width=2, bins=144, dilations=dilations, attention="none")
    seen = of_network(network, bins=144, frames=76, how=how)
    assert tuple(int(axis.sum()) for axis in seen) == wanted
    for axis in seen:  # in one piece: pooling and the first convolution hide the grid
        assert np.diff(np.flatnonzero(axis)).max() == 1
    widest = [3 if 3 in rates else 2 for rates in [(1, 2), (2,), (3, 2)] * 2 + [(1, 2)]]
    total = sum(widest) if dilations == "multi" else 2 * 7
    assert wanted == tuple(2 * standard([total], kernel=k) + k - 1 for k in (5, 3))


def test_forty_bands_are_covered_many_times_over():
    torch.manual_seed(0)
    bins, _ = of_network(MultiDilatedCNN(width=2, attention="none"), bins=40, frames=80)
    assert bins.all()


@pytest.mark.parametrize("dilations", ["none", "multi"])
def test_seconds_are_those_of_the_network_that_is_measured(dilations):
    recipe = get("multidilated/ff-spp").recipe("study")
    pool, hop = recipe.network_options["time_pool"], recipe.features.hop_length / recipe.features.sample_rate_hz
    torch.manual_seed(0)
    network = MultiDilatedCNN(bins=8, width=2, dilations=dilations, attention="none", time_pool=pool)
    frames = np.flatnonzero(of_network(network, bins=8, frames=36 * pool + 8, draws=4)[1])
    assert seconds(recipe, dilations) == pytest.approx((np.ptp(frames) + 1) * hop)


def test_occlusion_finds_the_region_that_a_network_reads():
    class Reader(torch.nn.Module):
        """Embeds by what stands in the lowest band at the end, and by nothing else."""

        def forward(self, x, lengths):
            ends = torch.stack([clip[0, 0, n - 1] for clip, n in zip(x, lengths, strict=True)])
            return torch.stack([ends, -ends], 1)

    loss = SoftmaxLoss(2, 2)
    with torch.no_grad():
        loss.weight.copy_(torch.eye(2)), loss.bias.zero_()
    clips = [np.full((1, 4, frames), 1.5, np.float32) for frames in (8, 12)]
    falls = occlusion(Reader(), loss, clips, np.array([0, 1]), level=2, hardware=Hardware.choose("cpu", "float32"))
    known = -np.log1p(np.exp([-3.0, 3.0]))  # ln p of either class while the region is seen
    wanted = np.zeros((2, 2, 2))
    wanted[:, 0, 1] = known - np.log(0.5)
    np.testing.assert_allclose(falls, wanted, atol=1e-6)
    assert all((clip == 1.5).all() for clip in clips)
