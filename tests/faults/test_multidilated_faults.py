"""Bad input to what paper 002 needs: levels, lengths, clips too short, names of axes and modes."""

import numpy as np
import pytest
import torch
from refusal import refused, with_a_clip_cut

from serlib import methods
from serlib.geometry.receptive_field import as_printed, of_network, standard, touched
from serlib.models import MultiDilatedCNN
from serlib.models.pooling import AttentionPooling, SpatialPyramidPooling
from serlib.models.pooling.pyramid import grid
from serlib.protocol import folds
from serlib.training import Hardware

CPU = Hardware.choose("cpu", "float32")


@pytest.fixture(scope="module")
def network():
    return MultiDilatedCNN(bins=8, width=2, time_pool=4).eval()


@pytest.mark.parametrize("levels", [(), (0,), (1, -5), (1, 1), (1, 2.0), (True, 5), ("1",)])
def test_levels_that_make_no_pyramid(levels):
    told = f"levels is {levels!r}; allowed are different whole numbers of at least 1, such as (1, 5, 10)"
    for call in (SpatialPyramidPooling, lambda n: MultiDilatedCNN(width=1, levels=n), lambda n: grid(n, 20, 9)):
        with refused(told):
            call(levels)


@pytest.mark.parametrize(
    "lengths,message",
    [
        (torch.tensor([30]), "lengths is torch.int64 (1,); needed is int64 (2,), one a clip"),
        (torch.tensor([30.0, 9.0]), "lengths is torch.float32 (2,); needed is int64 (2,), one a clip"),
        (torch.tensor([31, 9]), "lengths lie in 9..31; allowed are {low}..30 frames for this batch"),
        (torch.tensor([30, 0]), "lengths lie in 0..30; allowed are {low}..30 frames for this batch"),
    ],
)
def test_lengths_that_disagree_with_the_batch(network, lengths, message):
    with refused(message.format(low=4)):
        network(torch.zeros(2, 3, 8, 30), lengths)
    with refused(message.format(low=1)):
        SpatialPyramidPooling()(torch.zeros(2, 3, 8, 30), lengths)


def test_a_clip_shorter_than_one_pooled_frame(network):
    with refused("lengths lie in 3..30; allowed are 4..30 frames for this batch"):
        network(torch.zeros(2, 3, 8, 30), torch.tensor([30, 3]))
    assert network(torch.zeros(1, 3, 8, 4), torch.tensor([4])).shape == (1, 32)  # bins repeat: 1 frame fills all 10


def test_another_number_of_bins(network):
    with refused("the batch has 9 frequency bins; this network was made for 8"):
        network(torch.zeros(1, 3, 9, 30), torch.tensor([30]))


@pytest.mark.parametrize("option", [{"order": "time"}, {"dilations": "twice"}, {"order": "frequency_time"}])
def test_names_that_are_unknown(option):
    (name, value), *_ = option.items()
    with refused(f"{name} is {value!r}; allowed are "):
        MultiDilatedCNN(width=1, **option)


@pytest.mark.parametrize(
    "option",
    [{"bins": 1}, {"width": 0}, {"channels": 0}, {"blocks": 0}, {"time_pool": 0}, {"embedding_size": 0}],
)  # fmt: skip
def test_sizes_that_make_no_network(option):
    name, value = next(iter(option.items()))
    with refused(f"{name} is {value}; allowed is an integer of at least "):
        MultiDilatedCNN(**{"width": 1} | option)


@pytest.mark.parametrize("option", [{"mode": "mean"}, {"rescale": "126"}, {"mode": None}])
def test_attention_modes_that_are_unknown(option):
    (name, value), *_ = option.items()
    with refused(f"{name} is {value!r}; allowed are "):
        AttentionPooling(4, **option)
    with refused("size is 0; allowed is an integer of at least 1"):
        AttentionPooling(0)
    with refused("attention is 'mean'; allowed are none, scale, sum"):
        MultiDilatedCNN(width=1, attention="mean")


@pytest.mark.parametrize("dilations,kernel", [([], 3), ([0], 3), ([1, -2], 3), ([1], 4), ([1], 0)])
def test_stacks_without_a_receptive_field(dilations, kernel):
    for call in (standard, as_printed, touched):
        with refused(f"dilations={dilations}, kernel={kernel}"):
            call(dilations, kernel=kernel)


def test_ways_to_measure_that_are_unknown(network):
    with pytest.raises(ValueError, match=r"how='step'; .* how \('impulse', 'gradient'\)"):
        touched([1, 2], how="step")
    with pytest.raises(ValueError, match="how='step'"):
        of_network(network, bins=8, frames=30, how="step")


def test_a_recording_of_a_few_milliseconds_among_good_ones(tiny_corpus, cache):
    """Frames are counted before anything is learned from the clip."""
    fold = folds(tiny_corpus, "speaker-folds-5")[0]
    corpus = with_a_clip_cut(tiny_corpus, fold.train[0], 0.1, 0.13)
    with pytest.raises(ValueError, match=r"lengths lie in [1-3]\.\.\d+; allowed are 4\.\."):
        methods.get("multidilated/multi").run(corpus, fold, profile="quick", seed=0, hardware=CPU)


def test_a_level_above_the_map_repeats_frames_instead_of_failing():
    x = torch.randn(1, 2, 3, 2)
    pooled = SpatialPyramidPooling((7,))(x, torch.tensor([2]))
    assert set(np.round(pooled.numpy().ravel(), 5)) == set(np.round(x.numpy().ravel(), 5))
