"""What holds for every network: double precision stays, dropout is of training alone, layout is speed."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from serlib.models import CNNTFGAP, CRNN, CNNBiRNN, FeatureNetwork, MultiDilatedCNN, RawWaveformNetwork, ResNet18

RAW = {"frame": 16, "channels": 4, "kernels": (5, 4), "strides": (2, 1), "group": 2, "cells": 5, "embedding_size": 4}
NETWORKS = {  # shape of a clip, and the network
    "ResNet18": ((1, 24, 40), partial(ResNet18, width=8)),
    "CNNBiRNN": ((1, 24, 40), partial(CNNBiRNN, bins=24, width=0.25)),
    "CRNN": ((1, 24, 40), partial(CRNN, bins=24, width=0.25)),
    "CNNTFGAP": ((1, 24, 40), partial(CNNTFGAP, width=0.5)),
    "CNNTFGAP, linear": ((1, 24, 40), partial(CNNTFGAP, width=0.5, embedding_size=16)),
    "MultiDilatedCNN": ((3, 24, 40), partial(MultiDilatedCNN, bins=24, width=4)),
    "FeatureNetwork": ((20,), partial(FeatureNetwork, 20, embedding_size=8)),
    "RawWaveformNetwork": ((160,), partial(RawWaveformNetwork, **RAW, input_dropout=0.0)),
}
BY_DEFAULT = {"CRNN", "FeatureNetwork", "RawWaveformNetwork"}  # their papers have it


@pytest.fixture(params=NETWORKS)
def case(request):
    """Three clips, their lengths, and a function from options to a network of always the same weights."""
    shape, make = NETWORKS[request.param]
    x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))

    def made(**options) -> nn.Module:
        torch.manual_seed(0)
        network = make(**options)
        for module in network.modules():  # in training they would tell a batch's clips apart, run by run
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = 0.0
        return network

    return request.param, x, torch.full((3,), x.shape[-1]), made


@torch.no_grad()
def test_double_precision_stays_and_agrees(case):
    _, x, lengths, made = case
    network = made().eval()
    double = copy.deepcopy(network).double()(x.double(), lengths)
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), network(x, lengths), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_none_is_the_network_as_it_was(case):
    name, x, lengths, made = case
    plain, none, some = made(), made(dropout=0.0), made(dropout=0.5)
    states = [network.state_dict() for network in (plain, none, some)]
    assert all(torch.equal(states[0][k], each[k]) for each in states[1:] for k in states[0])
    assert all(list(each) == list(states[0]) for each in states)
    if name not in BY_DEFAULT:
        assert torch.equal(plain.train()(x, lengths), none.train()(x, lengths))
    assert torch.equal(none.train()(x, lengths), none(x, lengths))
    assert torch.equal(none.eval()(x, lengths), some.eval()(x, lengths))


@torch.no_grad()
def test_some_is_of_training_alone(case):
    _, x, lengths, made = case
    network = made(dropout=0.5).eval()
    assert torch.equal(network(x, lengths), network(x, lengths))
    network.train()
    first, second = network(x, lengths), network(x, lengths)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", ["ResNet18", "CNNTFGAP"])
@torch.no_grad()
def test_half_of_the_embedding_is_dropped_and_the_rest_doubled(name):
    shape, make = NETWORKS[name]
    torch.manual_seed(0)
    network, x, lengths = make(dropout=0.5).eval(), torch.randn(40, *shape), torch.full((40,), shape[-1])
    whole = network(x, lengths)
    network.dropout.train()
    dropped = network(x, lengths)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], 2 * whole[kept])
    assert abs(kept[whole != 0].float().mean().item() - 0.5) < 0.05


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 1.5, float("nan")])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_no_share_is_refused(name, dropout):
    with pytest.raises(ValueError, match=f"^dropout is {dropout}; allowed is a finite number of at least 0, below 1$"):
        NETWORKS[name][1](dropout=dropout)


def test_the_layout_of_the_weights_changes_no_number(case):
    name, x, lengths, made = case
    quick, plain = made().double().eval(), made().double().eval().to(memory_format=torch.contiguous_format)
    images = [p for p in quick.parameters() if p.ndim == 4 and p.shape[1] > 1 and p[0, 0].numel() > 1]
    assert all(not p.is_contiguous() for p in images) == (not name.startswith("CNNTFGAP")) or not images
    for network in (quick, plain):
        network(x.double(), lengths).square().sum().backward()
    for ours, others in zip(quick.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, others.grad, atol=1e-9, rtol=1e-9)
