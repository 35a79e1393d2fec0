"""Bad input to what paper 003 needs: clips too short, lengths that disagree, measures and losses asked amiss."""

import re
import sys

import numpy as np
import pytest
import torch
from refusal import refused, with_a_clip_cut

from serlib import methods
from serlib.geometry import clustering
from serlib.losses import MetricLoss
from serlib.models import CNNBiRNN
from serlib.protocol import folds
from serlib.training import Hardware

PAIRS = {"kind": "TripletMarginLoss", "weight": 1.0}


@pytest.fixture(scope="module")
def network():
    return CNNBiRNN(bins=16, width=0.1).eval()


@pytest.mark.parametrize("frames", [1, 14])
def test_a_clip_too_short_for_the_network(network, frames):
    told = f"clip 1 of the batch has {frames} frames; this network halves time four times and needs at least 15"
    with refused(told):
        network(torch.zeros(3, 1, 16, 40), torch.tensor([40, frames, 20]))
    with refused("clip 0 of the batch has 14 frames"):
        network(torch.zeros(1, 1, 16, 14), torch.tensor([14]))
    assert network(torch.zeros(1, 1, 16, 15), torch.tensor([15])).shape == (1, 64)


@pytest.mark.parametrize(
    "lengths,message",
    [
        (torch.tensor([40]), "lengths is torch.int64 (1,); needed is int64 (2,), one a clip"),
        (torch.tensor([40, 20, 30]), "lengths is torch.int64 (3,); needed is int64 (2,), one a clip"),
        (torch.tensor([40.0, 20.0]), "lengths is torch.float32 (2,); needed is int64 (2,), one a clip"),
        (torch.tensor([41, 20]), "lengths lie in 20..41; allowed are 1..40 frames for this batch"),
        (torch.tensor([40, 0]), "lengths lie in 0..40; allowed are 1..40 frames for this batch"),
    ],
)
def test_lengths_that_disagree_with_the_batch(network, lengths, message):
    with refused(message):
        network(torch.zeros(2, 1, 16, 40), lengths)


def test_another_number_of_bins(network):
    with refused("the batch has 17 frequency bins; this network was made for 16"):
        network(torch.zeros(1, 1, 17, 40), torch.tensor([40]))


@pytest.mark.parametrize(
    "option", [{"bins": 14}, {"width": 0.0}, {"width": -1.0}, {"channels": 0}, {"embedding_size": 0}]
)
def test_sizes_that_make_no_network(option):
    (name, value), *_ = option.items()
    with refused(f"{name} is {value!r}; allowed is "):
        CNNBiRNN(**option)


def test_a_recording_of_a_tenth_of_a_second_among_good_ones(tiny_corpus, cache, monkeypatch):
    """The frames are counted before anything is learned from the clip."""
    fold = folds(tiny_corpus, "speaker-folds-5")[0]
    corpus = with_a_clip_cut(tiny_corpus, fold.train[0], 0.0, 0.1)
    name = corpus.table.index[fold.train[0]]
    with pytest.raises(ValueError, match=rf"^{name}: clip 0 of the batch has \d+ frames; .* needs at least 15"):
        methods.get("center/mel-center").run(
            corpus, fold, profile="quick", seed=0, hardware=Hardware.choose("cpu", "float32")
        )


def test_an_unknown_pair_loss():
    with refused("kind is 'TripletLoss'; pytorch-metric-learning has AngularLoss, "):
        MetricLoss(3, 5, kind="TripletLoss", weight=1.0)


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf"), None])
def test_weight_of_the_pair_loss(weight):
    with refused(f"weight is {weight!r}; allowed is a finite number of at least 0"):
        MetricLoss(3, 5, kind="SupConLoss", weight=weight)


def test_without_the_library_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning", None)
    told = "MetricLoss needs pytorch-metric-learning, of the dev extra: pip install -e '.[dev]'"
    with refused(told, ImportError):
        MetricLoss(3, 5, **PAIRS)


@pytest.mark.parametrize("labels", [torch.tensor([0, 1, 3]), torch.tensor([-1, 1, 2])])
def test_a_label_outside_the_classes_stops_before_the_pair_loss(labels):
    with refused(f"labels lie in {labels.min()}..{labels.max()}; allowed are 0..2"):
        MetricLoss(3, 5, **PAIRS)(torch.ones(3, 5), labels)


@pytest.mark.parametrize(
    "embeddings,labels,groups",
    [
        (np.ones(4), np.zeros(4), None),
        (np.ones((4, 2)), np.zeros(3), None),
        (np.ones((4, 2)), np.zeros(4), np.zeros(5)),
    ],
)
def test_measures_of_shapes_that_do_not_fit(embeddings, labels, groups):
    with pytest.raises(ValueError, match=re.escape(f"embeddings {embeddings.shape}, labels {labels.shape}, groups (")):
        clustering(embeddings, labels, groups)
