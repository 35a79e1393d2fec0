"""CNNBiRNN: sizes, frames out, a second derivation, and that padding and companions change nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from padding import GARBAGE, alone_and_together
from precision import learned_in_bfloat16
from torch.nn import functional as F

from serlib.models import CNNBiRNN
from serlib.models.cnn_birnn import frames_out

BINS = 20


def count(*modules) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    network = CNNBiRNN(bins=BINS, width=0.125, embedding_size=6)
    for conv in (network.stem, *network.convs):  # a bias makes padded frames non-zero, were they not masked
        torch.nn.init.uniform_(conv.bias, 0.3, 0.8)
    return network.eval()


def clip(length: int, seed: int) -> torch.Tensor:
    return torch.randn(1, 1, BINS, length, generator=torch.Generator().manual_seed(seed))


def test_the_paper_size_has_the_stated_parameters():
    network = CNNBiRNN()
    assert count(network.stem, network.convs) == 145_488
    assert count(network.recurrent) == 689_664
    assert network.recurrent.input_size == 768 and network.embedding_size == 64
    assert CNNBiRNN(bins=257).recurrent.input_size == 1536
    assert count(network) == 145_488 + 689_664 + 256 * 64 + 64


def test_a_narrower_network_narrows_convolutions_and_gru_but_not_z():
    network = CNNBiRNN(width=0.25)
    assert [conv.out_channels for conv in (network.stem, *network.convs)] == [12, 16, 20, 24]
    assert network.recurrent.hidden_size == 32 and network.embedding_size == 64


def test_map_of_450_frames_and_128_bands():
    network, shapes = CNNBiRNN().eval(), []
    for module in (network.stem, network.pool):
        module.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 128, 450), torch.tensor([450])).shape == (1, 64)
    assert shapes == [(48, 64, 225), (64, 32, 112), (80, 16, 56), (96, 8, 28)]


def test_frames_out_is_the_formula_for_every_length(small):
    steps = []
    handle = small.pool.register_forward_hook(lambda _m, _i, out: steps.append(out.shape[-1]))
    for frames in range(15, 120):
        with torch.no_grad():
            small(clip(frames, 0), torch.tensor([frames]))
        formula = -(-frames // 2) // 2 // 2 // 2
        assert steps[-1] == int(frames_out(torch.tensor(frames))) == formula >= 1
    handle.remove()


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(15, 200), padding=st.integers(0, 90), others=st.lists(st.integers(15, 260), max_size=3),
    garbage=GARBAGE, place=st.integers(0, 3),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_a_clip_alone_equals_the_clip_in_a_padded_batch(small, length, padding, others, garbage, place, seed):
    rows = [clip(frames, seed + 1 + i) for i, frames in enumerate(others)]
    alone, together = alone_and_together(small, clip(length, seed), rows, padding=padding, place=place, garbage=garbage)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_without_the_mask_padding_would_matter(small):
    with torch.no_grad():
        naive = small(F.pad(clip(60, 1), (0, 100)), torch.tensor([160]))
        difference = naive - small(clip(60, 1), torch.tensor([60]))
    assert difference.abs().max() > 1e-2


def test_gradients_ignore_the_padding_too(small):
    def gradients(x, frames):
        small.zero_grad()
        small(x, torch.tensor([frames])).square().sum().backward()
        return [p.grad.clone() for p in small.parameters()]

    padded = torch.cat([clip(50, 2), torch.full((1, 1, BINS, 70), float("nan"))], -1)
    for alone, beside in zip(gradients(clip(50, 2), 50), gradients(padded, 50), strict=True):
        torch.testing.assert_close(beside, alone, atol=1e-4, rtol=1e-4)


def cell(x, h, weights):
    """One step of a GRU by its equations (torch's order of gates: reset, update, new)."""
    w_x, w_h, b_x, b_h = weights
    a, b = w_x @ x + b_x, w_h @ h + b_h
    n = len(h)
    reset, update = torch.sigmoid(a[:n] + b[:n]), torch.sigmoid(a[n : 2 * n] + b[n : 2 * n])
    new = torch.tanh(a[2 * n :] + reset * b[2 * n :])
    return (1 - update) * new + update * h


@torch.no_grad()
def test_equals_a_network_written_by_hand(small):
    x = clip(77, 3)
    y = F.relu(F.conv2d(x, small.stem.weight, small.stem.bias, stride=2, padding=3))
    for conv in small.convs:
        y = F.max_pool2d(F.relu(F.conv2d(y, conv.weight, conv.bias, padding=1)), 2)
    frames = y[0].permute(2, 0, 1).reshape(y.shape[-1], -1)  # (T', channels * bins)
    states = []
    for suffix, order in (("", range(len(frames))), ("_reverse", reversed(range(len(frames))))):
        gru = small.recurrent
        weights = [getattr(gru, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        h = torch.zeros(gru.hidden_size)
        for step in order:
            h = cell(frames[step], h, weights)
        states.append(h)
    z = small.linear.weight @ F.relu(torch.cat(states)) + small.linear.bias
    torch.testing.assert_close(small(x, torch.tensor([77]))[0], z, atol=1e-5, rtol=0)
    assert (z < 0).any()  # no activation on z


def test_learns_under_bfloat16_in_channels_last():
    torch.manual_seed(0)
    z = learned_in_bfloat16(CNNBiRNN(bins=BINS, width=0.125), torch.randn(3, 1, BINS, 64), [64, 15, 40])
    assert z.dtype == torch.float32 and z.shape == (3, 64)
