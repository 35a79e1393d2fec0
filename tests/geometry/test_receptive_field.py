"""Receptive fields: measured in two ways, against the formula, the printed one, and paths counted by hand."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from serlib.geometry.receptive_field import as_printed, of_network, standard, touched
from serlib.models import MultiDilatedCNN


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
