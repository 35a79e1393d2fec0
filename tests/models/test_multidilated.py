"""MultiDilatedCNN: printed sizes, the ladder of switches, a second derivation, and that padding changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from padding import GARBAGE, alone_and_together
from precision import learned_in_bfloat16
from torch.nn import functional as F

from serlib.models import MultiDilatedCNN
from serlib.models.multidilated import DilatedBlock, block_dilations

BINS = 12
SMALL = {"bins": BINS, "width": 4, "embedding_size": 6}
LADDER = {
    "gmp": {"factorised": False, "dilations": "none", "levels": (1,), "attention": "none"},
    "ff-spp": {"dilations": "none", "attention": "none"},
    "dilated2": {"dilations": "fixed", "attention": "none"},
    "multi": {"attention": "none", "pooled_norm": True, "dropout": 0.5},
    "attention": {},
    "sum": {"attention": "sum", "rescale": "norm"},
    "time-frequency": {"order": "time-frequency", "time_pool": 4},
}


def count(*modules) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def small(**options) -> MultiDilatedCNN:
    torch.manual_seed(0)
    network = MultiDilatedCNN(**(SMALL | options))
    for name, parameter in network.named_parameters():  # a bias makes padded frames non-zero, were they not masked
        if name.endswith("bias"):
            torch.nn.init.uniform_(parameter, 0.3, 0.8)
    return network.eval()


NETWORKS = {name: small(**options) for name, options in LADDER.items()}


def clip(length: int, seed: int) -> torch.Tensor:
    return torch.randn(1, 3, BINS, length, generator=torch.Generator().manual_seed(seed))


def test_the_paper_size_has_the_stated_parameters():
    network = MultiDilatedCNN()
    assert count(network.conv) == 5_888 and count(network.linear) == 516_128
    assert {count(branch) for block in network.blocks for branch in block.branches} == {131_328}
    assert count(network.blocks) == 12 * 131_328 == 1_575_936
    assert network.linear.in_features == 126 * 128 and network.embedding_size == 32
    assert count(network.attention) == 128 * 128 + 128 + 128
    assert count(network) == 5_888 + 1_575_936 + 516_128 + 16_640
    assert count(MultiDilatedCNN(factorised=False, dilations="none").blocks[0]) == 245_888


def test_dilations_repeat_every_three_blocks():
    assert block_dilations("multi", 7) == [(1, 2), (2,), (3, 2), (1, 2), (2,), (3, 2), (1, 2)]
    assert block_dilations("fixed", 2) == [(2,), (2,)] and block_dilations("none", 1) == [(1,)]


@pytest.mark.parametrize("frames", [56, 298, 448, 2898])
def test_maps_are_20_high_and_half_as_long_and_give_126_vectors(frames):
    network = MultiDilatedCNN(width=8)
    with torch.no_grad():
        maps, lengths = network.maps(torch.randn(1, 3, 40, frames), torch.tensor([frames]))
        assert maps.shape == (1, 8, 20, frames // 2) and lengths.tolist() == [frames // 2]
        assert network.pool(maps, lengths).shape == (1, 126, 8)
        assert network(torch.randn(1, 3, 40, frames), torch.tensor([frames])).shape == (1, 32)


@pytest.mark.parametrize("layers", [4, 8, 20])
def test_plain_networks_of_any_depth(layers):
    network = MultiDilatedCNN(width=4, blocks=layers - 1, **LADDER["gmp"])
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == layers and {c.kernel_size for c in convolutions} == {(5, 3)}
    assert network(torch.randn(2, 3, 40, 30), torch.tensor([30, 9])).shape == (2, 32)


def test_the_order_of_axes_is_a_switch():
    for order, first, second in (("frequency-time", (5, 1), (1, 3)), ("time-frequency", (1, 5), (3, 1))):
        network = MultiDilatedCNN(width=2, order=order)
        assert network.conv.kernel_size == (first[0] * second[0], first[1] * second[1])
        for block, rates in zip(network.blocks, block_dilations("multi", 7), strict=True):
            for branch, rate in zip(block.branches, rates, strict=True):
                assert [c.kernel_size for c in branch] == [first, second]
                assert [c.dilation for c in branch] == [tuple(rate if k > 1 else 1 for k in s) for s in (first, second)]


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(NETWORKS)), length=st.integers(4, 90), padding=st.integers(0, 40),
    others=st.lists(st.integers(4, 120), max_size=3), place=st.integers(0, 3), seed=st.integers(0, 99),
    garbage=GARBAGE,
)  # fmt: skip
def test_a_clip_alone_equals_the_clip_in_a_padded_batch(name, length, padding, others, place, seed, garbage):
    rows = [clip(frames, seed + 1 + i) for i, frames in enumerate(others)]
    alone, together = alone_and_together(
        NETWORKS[name], clip(length, seed), rows, padding=padding, place=place, garbage=garbage
    )
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["gmp", "multi", "attention"])
def test_without_lengths_padding_would_matter(name):
    with torch.no_grad():
        naive = NETWORKS[name](F.pad(clip(40, 1), (0, 50)), torch.tensor([90]))
        difference = naive - NETWORKS[name](clip(40, 1), torch.tensor([40]))
    assert difference.abs().max() > 1e-3


@pytest.mark.parametrize("training", [False, True])
def test_gradients_ignore_the_padding_and_so_do_statistics_of_the_batch(training):
    def gradients(padding):
        network = small(attention="scale", pooled_norm=True).train(training)
        batch = torch.full((2, 3, BINS, 30 + padding), float("nan"))
        for row, x in zip(batch, (clip(30, 2), clip(19, 3)), strict=True):
            row[..., : x.shape[-1]] = x[0]
        network(batch, torch.tensor([30, 19])).square().sum().backward()
        return [p.grad for p in network.parameters()] + [network.norm.running_mean]

    for alone, padded in zip(gradients(0), gradients(25), strict=True):
        torch.testing.assert_close(padded, alone, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_equals_a_network_written_by_hand():
    network, x = small(), clip(33, 4)
    y = F.max_pool2d(F.leaky_relu(F.conv2d(x, network.conv.weight, network.conv.bias, padding=(2, 1)), 0.01), 2)
    for block, rates in zip(network.blocks, [(1, 2), (2,), (3, 2)] * 2 + [(1, 2)], strict=True):
        merged = 0
        for (first, second), d in zip(block.branches, rates, strict=True):
            branch = F.leaky_relu(F.conv2d(y, first.weight, first.bias, padding=(2 * d, 0), dilation=(d, 1)), 0.01)
            branch = F.conv2d(branch, second.weight, second.bias, padding=(0, d), dilation=(1, d))
            merged = merged + F.leaky_relu(branch, 0.01)
        y = merged
    vectors = torch.cat([F.adaptive_max_pool2d(y, n).flatten(2) for n in (1, 5, 10)], 2).transpose(1, 2)
    a = network.attention
    alpha = (torch.sigmoid(vectors @ a.hidden.weight.T + a.hidden.bias) @ a.context.weight[0]).softmax(1)
    z = (vectors * alpha[..., None]).flatten(1) @ network.linear.weight.T + network.linear.bias
    torch.testing.assert_close(network(x, torch.tensor([33])), z, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(a.weights(network.vectors(x, torch.tensor([33]))), alpha)


def test_a_plain_kernel_may_be_dilated_too():
    block = DilatedBlock(3, (1, 3), factorised=False)
    assert [(c.dilation, c.padding) for (c,) in block.branches] == [((1, 1), (2, 1)), ((3, 3), (6, 3))]


def test_learns_under_bfloat16_in_channels_last():
    torch.manual_seed(0)
    z = learned_in_bfloat16(MultiDilatedCNN(**SMALL, pooled_norm=True), torch.randn(3, 3, BINS, 24), [24, 5, 17])
    assert z.shape == (3, 6)
