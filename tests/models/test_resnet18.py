"""ResNet-18: sizes, shapes, and that padding and companions change nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from padding import GARBAGE, alone_and_together
from refusal import refused

from serlib.models import ResNet18
from serlib.models.pooling import MaskedMeanPooling, mask_tail
from serlib.models.resnet18 import Projection


def _parameters(*modules) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    network = ResNet18(width=4)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # a shift makes padded frames non-zero, were they not masked
            torch.nn.init.uniform_(module.bias, 0.5, 1.0)
            module.running_mean.uniform_(-0.5, 0.5)
    return network.eval()


def test_paper_size_has_the_parameters_of_resnet18_with_one_channel():
    network = ResNet18()
    output = torch.nn.Linear(network.embedding_size, 4)
    assert _parameters(network, output) == 11_172_292


@pytest.mark.parametrize("bands,height", [(128, 4), (40, 2)])
def test_stage_shapes_of_six_seconds(bands, height):
    network, shapes = ResNet18(width=4).eval(), []
    for block in network.blocks[1::2]:
        block.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out[0].shape[1:])))
    out = network(torch.zeros(1, 1, bands, 259), torch.tensor([259]))
    heights = [bands // 4, *(-(-bands // (4 * 2**k)) for k in (1, 2, 3))]
    assert shapes == [(4 * 2**k, heights[k], w) for k, w in enumerate((65, 33, 17, 9))]
    assert heights[-1] == height and out.shape == (1, 32)


@settings(max_examples=25, deadline=None)
@given(
    length=st.integers(1, 90), padding=st.integers(0, 60), others=st.lists(st.integers(1, 150), max_size=3),
    garbage=GARBAGE, place=st.integers(0, 3), seed=st.integers(0, 99),
)  # fmt: skip
def test_padding_its_content_and_companions_change_nothing(small, length, padding, others, garbage, place, seed):
    generator = torch.Generator().manual_seed(seed)
    clip, *rows = (torch.randn(1, 1, 16, frames, generator=generator) for frames in (length, *others))
    alone, together = alone_and_together(small, clip, rows, padding=padding, place=place, garbage=garbage)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_without_the_mask_padding_would_matter(small):
    clip = torch.randn(1, 1, 16, 40, generator=torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(clip, (0, 60))
    with torch.no_grad():
        difference = small(padded, torch.tensor([100])) - small(clip, torch.tensor([40]))
    assert difference.abs().max() > 1e-2


@pytest.mark.parametrize("preactivation", [False, True])
def test_both_block_orders_learn_and_mask(preactivation):
    torch.manual_seed(0)
    network = ResNet18(width=4, preactivation=preactivation)
    out = network(torch.randn(3, 1, 16, 50), torch.tensor([50, 20, 31]))
    out.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    network.eval()
    clip = torch.randn(1, 1, 16, 30)
    padded = torch.cat([clip, torch.full((1, 1, 16, 11), 5.0)], -1)
    torch.testing.assert_close(
        network(padded, torch.tensor([30])), network(clip, torch.tensor([30])), atol=1e-5, rtol=1e-5
    )


def test_block_equals_a_hand_written_residual_block(small):
    block, x = small.blocks[2], torch.randn(2, 4, 8, 10)  # the first of stage 2: stride 2, projected shortcut
    lengths = torch.tensor([10, 10])

    def norm(layer, y):
        return torch.nn.functional.batch_norm(y, layer.running_mean, layer.running_var, layer.weight, layer.bias)

    conv = torch.nn.functional.conv2d
    y = torch.relu(norm(block.norm1, conv(x, block.conv1.weight, stride=2, padding=1)))
    y = norm(block.norm2, conv(y, block.conv2.weight, padding=1))
    shortcut = norm(block.shortcut[1], conv(x, block.shortcut[0].weight, stride=2))
    out, after = block(x, lengths)
    torch.testing.assert_close(out, torch.relu(y + shortcut))
    assert after.tolist() == [5, 5]


def test_masked_mean_is_the_mean_over_valid_frames():
    x = torch.arange(24.0).view(2, 2, 2, 3)
    pooled = MaskedMeanPooling()(x, torch.tensor([3, 1]))
    torch.testing.assert_close(pooled[0], x[0].mean((1, 2)))
    torch.testing.assert_close(pooled[1], x[1, :, :, :1].mean((1, 2)))


def test_mask_tail_copies_nothing_when_nothing_is_padded():
    x = torch.ones(2, 3, 4)
    assert mask_tail(x, torch.tensor([4, 4])) is x


@pytest.mark.parametrize(
    "lengths,message",
    [
        (torch.tensor([5]), r"needed is int64 \(2,\)"),
        (torch.tensor([5.0, 5.0]), "float32"),
        (torch.tensor([0, 5]), r"lie in 0\.\.5; allowed are 1\.\.8"),
        (torch.tensor([5, 9]), r"lie in 5\.\.9; allowed are 1\.\.8"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(small, lengths, message):
    with pytest.raises(ValueError, match=message):
        small(torch.zeros(2, 1, 16, 8), lengths)


@pytest.mark.parametrize("option,value", [("width", 0), ("channels", 0), ("dropout", 1.0)])
def test_numbers_that_are_refused(option, value):
    with refused(f"{option} is {value}; allowed is "):
        ResNet18(**{option: value})


@pytest.mark.parametrize("inputs", [3, 4, 15, 16])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_projection_is_the_strided_convolution(inputs, stride):
    torch.manual_seed(inputs)
    ours, x = Projection(inputs, 5, stride).double(), torch.randn(2, inputs, 7, 10, dtype=torch.float64)
    torch.testing.assert_close(ours(x), torch.nn.functional.conv2d(x, ours.weight, stride=stride))
    assert torch.autograd.gradcheck(ours, x.requires_grad_(True))
