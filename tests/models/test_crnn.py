"""CRNN: the sizes of methods.md, a second derivation, guesses as arguments, and padding that changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from padding import GARBAGE, alone_and_together
from precision import learned_in_bfloat16
from torch.nn import functional as F

from serlib.models import CRNN

BINS = 24


def count(*modules) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def small_network(**options) -> CRNN:
    torch.manual_seed(0)
    network = CRNN(bins=BINS, width=0.125, embedding_size=6, **options)
    for conv in network.convs:  # a bias makes padded frames non-zero, were they not masked
        torch.nn.init.uniform_(conv.bias, 0.3, 0.8)
    return network.eval()


@pytest.fixture(scope="module")
def small():
    return small_network()


def clip(length: int, seed: int) -> torch.Tensor:
    return torch.randn(1, 1, BINS, length, generator=torch.Generator().manual_seed(seed))


def test_the_paper_size_has_the_stated_parameters_and_shapes():
    network, shapes = CRNN().eval(), []
    assert count(network.convs) == 66_888
    assert count(network.recurrent) == 1_771_520
    assert count(network.linear) == 16_448 and count(network) == 66_888 + 1_771_520 + 16_448
    network.pool.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        assert network(torch.zeros(2, 1, 400, 200), torch.tensor([200, 200])).shape == (2, network.embedding_size)
    assert shapes == [(16, 200, 100), (24, 100, 50), (32, 50, 25)]
    assert network.recurrent.input_size == 1600 and network.embedding_size == 64


def test_guesses_are_arguments():
    tall = CRNN(bins=64, pool=(2, 1), width=0.25)
    with torch.no_grad():
        assert tall(torch.zeros(1, 1, 64, 30), torch.tensor([30])).shape == (1, 64)
    assert CRNN(bins=64, bidirectional=False).linear.in_features == 128
    assert CRNN(bins=64, width=0.25).recurrent.hidden_size == 32
    x, frames = clip(40, 5), torch.tensor([40])
    with torch.no_grad():
        plain, rectified = small_network()(x, frames), small_network(activation="relu")(x, frames)
        assert (plain < 0).any() and torch.equal(rectified, plain.relu())
        assert not torch.allclose(plain, small_network(last_states=False)(x, frames))


@settings(max_examples=30, deadline=None)
@given(
    length=st.integers(8, 120), padding=st.integers(0, 60), others=st.lists(st.integers(8, 150), max_size=3),
    garbage=GARBAGE, place=st.integers(0, 3),
    last=st.booleans(),
)  # fmt: skip
def test_a_clip_alone_equals_the_clip_in_a_padded_batch(length, padding, others, garbage, place, last):
    network = small_network(last_states=last)
    rows = [clip(frames, 2 + i) for i, frames in enumerate(others)]
    alone, together = alone_and_together(network, clip(length, 1), rows, padding=padding, place=place, garbage=garbage)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_without_the_mask_padding_would_matter(small):
    with torch.no_grad():
        naive = small(F.pad(clip(60, 1), (0, 100)), torch.tensor([160]))
        assert (naive - small(clip(60, 1), torch.tensor([60]))).abs().max() > 1e-2


def lstm_states(frames, lstm, suffix):
    """The last state by the equations (torch's order of gates: input, forget, cell, output)."""
    w_x, w_h, b_x, b_h = (getattr(lstm, f"{n}_l0{suffix}") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h = c = torch.zeros(lstm.hidden_size)
    for x in frames:
        i, f, g, o = (w_x @ x + b_x + w_h @ h + b_h).chunk(4)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    return h


@torch.no_grad()
def test_equals_a_network_written_by_hand(small):
    """ReLU before the pool, "same" padding by torch itself, time as the sequence, an LSTM step by step."""
    y = clip(77, 3)
    for conv in small.convs:
        y = F.max_pool2d(F.relu(F.conv2d(y, conv.weight, conv.bias, padding="same")), 2)
    frames = y[0].permute(2, 0, 1).reshape(y.shape[-1], -1)  # (T', channels * bins)
    assert len(frames) == 77 // 8
    states = [lstm_states(frames, small.recurrent, ""), lstm_states(frames.flip(0), small.recurrent, "_reverse")]
    x = small.linear.weight @ torch.cat(states) + small.linear.bias
    torch.testing.assert_close(small(clip(77, 3), torch.tensor([77]))[0], x, atol=1e-5, rtol=0)


def test_learns_under_bfloat16_in_channels_last():
    torch.manual_seed(0)
    x = learned_in_bfloat16(CRNN(bins=BINS, width=0.125), torch.randn(3, 1, BINS, 64), [64, 15, 40])
    assert x.dtype == torch.float32 and x.shape == (3, 64)


def test_refusals(small):
    with pytest.raises(ValueError, match="bins is 7; allowed is an integer of at least 8"):
        CRNN(bins=7)
    with pytest.raises(ValueError, match=r"pool is \(2, 0\); allowed is a list or tuple of 2 whole numbers"):
        CRNN(pool=(2, 0))
    with pytest.raises(ValueError, match="activation is 'tanh'; allowed are none, relu, prelu"):
        CRNN(activation="tanh")
    with pytest.raises(ValueError, match="the batch has 23 frequency bins; this network was made for 24"):
        small(torch.zeros(1, 1, 23, 40), torch.tensor([40]))
    with pytest.raises(ValueError, match=r"lengths lie in 7\.\.7; allowed are 8\.\.40"):
        small(torch.zeros(1, 1, BINS, 40), torch.tensor([7]))
