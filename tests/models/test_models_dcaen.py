"""The networks of paper 004: shapes step by step, parameters, a second derivation, and that padding changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from padding import GARBAGE, alone_and_together
from torch import nn
from torch.nn import functional as F

from serlib.losses import SoftmaxLoss
from serlib.models import DCaEN, FeatureNetwork, RawWaveformNetwork
from serlib.models.dcaen import UnchangedFeatures
from serlib.training import Hardware

SMALL = {"frame": 32, "channels": 6, "kernels": (5, 4), "strides": (2, 1), "group": 3, "cells": 7, "embedding_size": 5}
READINGS = [
    {}, {"attention": "last"}, {"attention": "concat"}, {"framewise": False}, {"framewise": False, "strides": (1, 2)},
    {"conv_activation": "tanh", "activation": "tanh"},
]  # fmt: skip


def count(*modules) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def made(**options) -> RawWaveformNetwork:
    torch.manual_seed(0)
    network = RawWaveformNetwork(**SMALL | options).eval()
    for conv in (network.conv1, network.conv2):  # a bias makes padded frames non-zero, were they not masked
        nn.init.uniform_(conv.bias, 0.3, 0.8)
    return network


def clip(samples: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, samples, generator=torch.Generator().manual_seed(seed))


def test_the_paper_size_has_the_stated_parameters():
    network = RawWaveformNetwork()
    assert count(network.conv1) == 840 and count(network.conv2) == 64_040
    assert count(network.conv1, network.conv2) == 64_880
    assert count(network.lstms) == 2_101_248
    assert count(network.linear) == 16_448
    assert [lstm.input_size for lstm in network.lstms] == [1280, 256]
    assert network.embedding_size == 64 and count(network.scores) == 2 * 257
    assert count(FeatureNetwork()) == 88 * 64 + 64
    both = DCaEN()
    assert (both.feature_size, both.embedding_size) == (64, 128)
    assert count(SoftmaxLoss(4, both.embedding_size)) == 128 * 4 + 4


def test_six_seconds_step_by_step():
    network, shapes = RawWaveformNetwork().eval(), {}
    for name in ("conv1", "conv2", "lstms.0", "lstms.1", "linear"):
        module = network.get_submodule(name)
        module.register_forward_hook(
            lambda _m, _i, out, name=name: shapes.update(
                {name: tuple((out[0] if isinstance(out, tuple) else out).shape)}
            )
        )
    with torch.no_grad():
        units = network.frames(torch.randn(2, 96_000), torch.tensor([96_000, 96_000]))
        assert units.shape == (2, 150, 1280)
        assert shapes == {"conv1": (300, 40, 640), "conv2": (300, 40, 320)}
        assert network(torch.randn(2, 96_000), torch.tensor([96_000, 96_000])).shape == (2, 64)
    assert shapes["lstms.0"] == shapes["lstms.1"] == (2, 150, 256) and shapes["linear"] == (2, 64)


def test_one_dense_pass_of_each_lstm_whatever_the_batch():
    network, calls = made(), []
    for lstm in network.lstms:
        lstm.register_forward_hook(lambda _m, inputs, _o: calls.append(inputs[0].shape))
    network(torch.randn(3, 400), torch.tensor([400, 33, 250]))
    assert calls == [(3, 13, 2 * 8), (3, 13, 7)]


def test_channels_may_change_places_within_a_group_but_not_across_and_time_may_not():
    network, x, lengths = made(), clip(320), torch.tensor([320])
    with torch.no_grad():
        before = network.frames(x, lengths)
        for order, same in (([2, 0, 1, 5, 4, 3], True), ([3, 1, 2, 0, 4, 5], False)):
            other = made()
            other.conv2.weight.copy_(network.conv2.weight[order])
            other.conv2.bias.copy_(network.conv2.bias[order])
            assert torch.equal(other.frames(x, lengths), before) == same
        groups = before.unflatten(2, (2, 8))  # (B, T, channels / group, samples)
        assert not torch.allclose(network.frames(x.flip(1), lengths).unflatten(2, (2, 8)), groups, atol=1e-3)
        assert not torch.allclose(
            network.frames(x.flip(1), lengths).flip(1).unflatten(2, (2, 8)).flip(3), groups, atol=1e-3
        )
        shuffled = x.unflatten(1, (10, 32))[:, torch.randperm(10)].flatten(1)
        assert not torch.allclose(network(shuffled, lengths), network(x, lengths), atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("attention", ["each", "last", "concat"])
def test_equals_a_network_written_by_hand(attention):
    network, x = made(attention=attention), clip(90)  # 90 = two frames of 32 and one of 26
    steps = []
    for frame in F.pad(x[0], (0, 6)).split(32):
        y = F.relu(F.conv1d(F.pad(frame[None, None], (2, 2)), network.conv1.weight, network.conv1.bias, stride=2))
        y = F.max_pool1d(y, 2)
        y = F.relu(F.conv1d(F.pad(y, (1, 2)), network.conv2.weight, network.conv2.bias))[0]
        steps.append(torch.stack([y[0:3].max(0).values, y[3:6].max(0).values]).flatten())
    torch.testing.assert_close(network.frames(x, torch.tensor([90]))[0], torch.stack(steps))
    units, pooled = torch.stack(steps), []
    for i, lstm in enumerate(network.lstms):
        h, c, outputs = torch.zeros(7), torch.zeros(7), []
        for unit in units:
            gates = lstm.weight_ih_l0 @ unit + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
            i_, f, g, o = gates.split(7)
            c = torch.sigmoid(f) * c + torch.sigmoid(i_) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        units = torch.stack(outputs)
        if attention != "last" or i == 1:
            weights = network.scores[0 if attention == "last" else i](units).softmax(0)
            pooled.append((weights * units).sum(0))
            units = 3 * weights * units if attention == "each" else units
    z = network.linear(torch.cat(pooled) if attention == "concat" else pooled[-1])
    torch.testing.assert_close(network(x, torch.tensor([90]))[0], z, atol=1e-5, rtol=0)
    assert (z < 0).any()  # no ReLU on z


@pytest.mark.parametrize("options", READINGS)
@settings(max_examples=12, deadline=None)
@given(
    length=st.integers(1, 300), padding=st.integers(0, 90), others=st.lists(st.integers(1, 400), max_size=3),
    garbage=GARBAGE, place=st.integers(0, 3),
)  # fmt: skip
def test_a_clip_alone_equals_the_clip_in_a_padded_batch(options, length, padding, others, garbage, place):
    network = made(**options)
    rows = [clip(samples, 1 + i) for i, samples in enumerate(others)]
    alone, together = alone_and_together(network, clip(length), rows, padding=padding, place=place, garbage=garbage)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_zeros_that_belong_to_a_clip_are_heard_and_those_of_a_batch_are_not():
    """The paper fills clips up to 6 s: that is another input, not padding."""
    network, x = made(), clip(100)
    filled = F.pad(x, (0, 220))
    with torch.no_grad():
        masked, heard = network(filled, torch.tensor([100])), network(filled, torch.tensor([320]))
        torch.testing.assert_close(masked, network(x, torch.tensor([100])), atol=1e-6, rtol=0)
    assert (heard - masked).abs().max() > 1e-3


def test_gradients_ignore_the_padding_too():
    network = made()

    def gradients(x, samples):
        network.zero_grad()
        network(x, torch.tensor([samples])).square().sum().backward()
        return [p.grad.clone() for p in network.parameters()]

    padded = torch.cat([clip(150), torch.full((1, 70), float("nan"))], 1)
    for alone, beside in zip(gradients(clip(150), 150), gradients(padded, 150), strict=True):
        torch.testing.assert_close(beside, alone, atol=1e-5, rtol=1e-4)


def test_attention_sums_to_one_within_a_clip():
    network = made()
    with torch.no_grad():
        weights = network.weights(torch.randn(2, 320), torch.tensor([320, 65]))
    assert weights.shape == (2, 10) and (weights[0] > 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    assert (weights[1, 3:] == 0).all() and (weights[1, :3] > 0).all()


def test_frames_are_convolved_apart_or_the_waveform_as_a_whole():
    x, lengths = clip(96), torch.tensor([96])
    other = x.clone()
    other[0, 64:] = 0  # the last of three frames
    with torch.no_grad():
        for framewise in (True, False):
            network = made(framewise=framewise)
            change = (network.frames(x, lengths) - network.frames(other, lengths)).abs().amax((0, 2))
            assert change[2] > 1e-3 and (change[1] > 1e-3) != framewise and change[0] == 0


def test_silence_has_a_finite_embedding_and_gradient():
    network = made()
    z = network(torch.zeros(2, 96), torch.tensor([96, 40]))
    z.sum().backward()
    assert torch.isfinite(z).all() and all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_dropout_is_of_training_alone():
    network = made(input_dropout=0.5, dropout=0.5)
    x, lengths = clip(96), torch.tensor([96])
    assert torch.equal(network(x, lengths), network(x, lengths))
    network.train()
    assert not torch.equal(network(x, lengths), network(x, lengths))


@pytest.mark.parametrize("activation,lowest", [("tanh", -1.0), ("none", -1.0), ("relu", 0.0)])
def test_without_a_sign_the_cosine_never_gets_below_zero(activation, lowest):
    """Two embeddings of the same activation, the second learning to be the first's opposite."""
    torch.manual_seed(0)
    first, second = (FeatureNetwork(10, embedding_size=6, activation=activation, dropout=0.0) for _ in range(2))
    x, optimiser = torch.randn(40, 10), torch.optim.Adam(second.parameters(), 0.02)
    for _ in range(400):
        cosine = F.cosine_similarity(first(x).detach() + 1e-6, second(x) + 1e-6)
        optimiser.zero_grad()
        cosine.mean().backward()
        optimiser.step()
    assert cosine.mean().item() == pytest.approx(lowest, abs=0.06)
    assert activation != "relu" or cosine.min() >= 0


def test_feature_network_by_hand_and_its_hidden_layers():
    network = FeatureNetwork(8, hidden=(5, 4), embedding_size=3).eval()
    x = torch.randn(6, 11)
    y = x[:, :8]
    for linear in (m for m in network.layers if isinstance(m, nn.Linear)):
        y = torch.tanh(y @ linear.weight.T + linear.bias)
    torch.testing.assert_close(network(x), y)
    assert count(network) == 8 * 5 + 5 + 5 * 4 + 4 + 4 * 3 + 3
    assert torch.equal(UnchangedFeatures(8)(x), x[:, :8])


def test_both_halves_stand_side_by_side():
    torch.manual_seed(0)
    network = DCaEN(FeatureNetwork(8, embedding_size=3), made()).eval()
    x, lengths = torch.randn(2, 8 + 64), torch.tensor([72, 50])
    both = network(x, lengths)
    assert both.shape == (2, 8) and network.embedding_size == 8
    assert torch.equal(both[:, :3], network.feature(x)) and torch.equal(both[:, 3:], network.raw(x[:, 8:], lengths - 8))


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_half_neither_moves_nor_drops_out(frozen):
    torch.manual_seed(0)
    network = DCaEN(FeatureNetwork(8, embedding_size=3), made(), frozen=frozen).train()
    x, lengths = torch.randn(4, 72), torch.full((4,), 72)
    assert network.feature.training != frozen and network.raw.training
    assert torch.equal(network(x, lengths)[:, :3], network(x, lengths)[:, :3]) == frozen
    before = [p.clone() for p in network.parameters()]
    optimiser = torch.optim.Adam(network.parameters(), 0.1, weight_decay=0.1)
    network(x, lengths).square().sum().backward()
    optimiser.step()
    moved = [not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)]
    assert moved == [not frozen] * 2 + [True] * (len(moved) - 2)


def test_learns_under_bfloat16():
    torch.manual_seed(0)
    network, hardware = (
        DCaEN(FeatureNetwork(8), RawWaveformNetwork(**SMALL | {"embedding_size": 64})),
        Hardware("cpu", "bfloat16", channels_last=True),
    )
    with hardware.context():
        z = network(hardware.place(torch.randn(3, 8 + 200)), torch.tensor([208, 30, 108]))
    z.square().sum().backward()
    assert z.dtype == torch.float32 and z.shape == (3, 128)
    assert all(torch.isfinite(p.grad).all() for p in network.raw.parameters())
