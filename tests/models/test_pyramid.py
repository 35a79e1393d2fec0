"""Pyramid pooling against loops over bins and torch's own on the clip alone; attention against its equations."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from serlib.models.pooling import AttentionPooling, SpatialPyramidPooling
from serlib.models.pooling.pyramid import bin_edges, grid

LEVELS = [(1,), (1, 5, 10), (2, 6), (1, 2, 5, 8, 10), (10, 5, 1), (3, 7, 21)]


def maps(batch: int, frames: int, *, bins: int = 20, channels: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, channels, bins, frames, generator=torch.Generator().manual_seed(seed))


def alone(clip: torch.Tensor, levels) -> torch.Tensor:
    """What torch makes of one clip (1, C, F, T): (1, N, C)."""
    return torch.cat([F.adaptive_max_pool2d(clip, n).flatten(2) for n in levels], 2).transpose(1, 2)


@settings(max_examples=60, deadline=None)
@given(
    levels=st.sampled_from(LEVELS), lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    padding=st.integers(0, 9), bins=st.sampled_from([1, 4, 20, 23]), last=st.booleans(), half=st.booleans(),
    garbage=st.sampled_from([0.0, 1e4, float("nan")]), seed=st.integers(0, 99),
)  # fmt: skip
def test_equals_torch_on_the_clip_alone_exactly(levels, lengths, padding, bins, last, half, garbage, seed):
    x = maps(len(lengths), max(lengths) + padding, bins=bins, seed=seed)
    x = x.bfloat16() if half else x
    for row, length in zip(x, lengths, strict=True):
        row[..., length:] = garbage
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    pooled = SpatialPyramidPooling(levels)(x, torch.tensor(lengths))
    wanted = torch.cat([alone(x[i : i + 1, :, :, :n], levels) for i, n in enumerate(lengths)])
    assert pooled.dtype == x.dtype and torch.equal(pooled, wanted)


@pytest.mark.parametrize("levels", LEVELS)
def test_every_vector_is_the_maximum_of_its_bin(levels):
    x, lengths = maps(3, 30), [30, 7, 2]
    pooled = SpatialPyramidPooling(levels)(x, torch.tensor(lengths))
    for clip, values, frames in zip(x, pooled, lengths, strict=True):
        bins = grid(levels, 20, frames)
        assert len(bins) == len(values) == SpatialPyramidPooling(levels).bins == sum(n * n for n in levels)
        for (_, low, high, start, stop), value in zip(bins.tolist(), values, strict=True):
            assert torch.equal(value, clip[:, low:high, start:stop].amax((1, 2)))


@pytest.mark.parametrize("frames", [3, 10, 29, 149])
def test_a_map_of_any_width_gives_126_vectors(frames):
    assert SpatialPyramidPooling()(maps(2, frames, channels=128), torch.tensor([frames, frames])).shape == (2, 126, 128)


def test_bins_divide_overlap_or_repeat():
    assert [e.tolist() for e in bin_edges(20, 5)] == [[0, 4, 8, 12, 16], [4, 8, 12, 16, 20]]
    assert [e.tolist() for e in bin_edges(20, 6)] == [
        [0, 3, 6, 10, 13, 16],
        [4, 7, 10, 14, 17, 20],
    ]  # 6 does not divide
    assert [e.tolist() for e in bin_edges(2, 5)] == [[0, 0, 0, 1, 1], [1, 1, 2, 2, 2]]  # narrower than the level
    starts, stops = bin_edges(torch.tensor([20, 2]), 5)
    assert starts.tolist() == [[0, 4, 8, 12, 16], [0, 0, 0, 1, 1]] and stops.shape == (2, 5)
    assert bin_edges(torch.tensor([7]), 3)[0].shape == (1, 3)


@given(level=st.integers(1, 6), times=st.integers(1, 5), size=st.integers(1, 300))
def test_bins_of_a_divisor_are_unions(level, times, size):
    """What the layer relies on to lay out only the finest level."""
    start, stop = bin_edges(size, level)
    fine_start, fine_stop = bin_edges(size, level * times)
    assert torch.equal(start, fine_start[::times]) and torch.equal(stop, fine_stop[times - 1 :: times])
    assert (fine_start[1:] <= fine_stop[:-1]).all() and (fine_stop > fine_start).all()  # no gap, none empty


def test_gradient_goes_to_the_winners_and_is_exact():
    pool, x = SpatialPyramidPooling((1, 3, 4)), maps(3, 9, bins=6).double().requires_grad_()
    lengths = torch.tensor([9, 2, 5])
    assert torch.autograd.gradcheck(lambda x: pool(x, lengths), x)
    pool(x, lengths).sum().backward()
    assert (x.grad[1, ..., 2:] == 0).all() and (x.grad[2, ..., 5:] == 0).all()
    assert torch.equal(x.grad.sum((2, 3)), torch.full((3, 3), 26.0, dtype=torch.float64))
    tops = x.detach()[0].flatten(1).argmax(1)
    assert (x.grad[0].flatten(1).gather(1, tops[:, None]) >= 3).all()  # of every level at least once


@pytest.mark.parametrize("mode", ["scale", "sum"])
@pytest.mark.parametrize("rescale", ["none", "count", "norm"])
def test_attention_is_equations_9_to_11(mode, rescale):
    torch.manual_seed(0)
    attention, x = AttentionPooling(5, mode=mode, rescale=rescale), torch.randn(4, 7, 5)
    W, b, u = attention.hidden.weight, attention.hidden.bias, attention.context.weight[0]
    scores = torch.stack([torch.sigmoid(W @ vector + b) @ u for vector in x.flatten(0, 1)]).view(4, 7)
    alpha = scores.exp() / scores.exp().sum(1, keepdim=True)
    torch.testing.assert_close(attention.weights(x), alpha)
    y = x * alpha[..., None] * (7 if rescale == "count" else 1)
    y = y.sum(1) if mode == "sum" else y
    y = (
        (y - y.mean(-1, keepdim=True)) / (y.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        if rescale == "norm"
        else y
    )
    torch.testing.assert_close(attention(x), y)


def test_attention_does_not_know_the_order_of_the_vectors():
    torch.manual_seed(0)
    attention, x, order = AttentionPooling(6, mode="sum"), torch.randn(2, 9, 6), torch.randperm(9)
    torch.testing.assert_close(attention(x[:, order]), attention(x))
    torch.testing.assert_close(attention.weights(x[:, order]), attention.weights(x)[:, order])
