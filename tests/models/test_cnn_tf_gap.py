"""CNN-TF-GAP: the sizes of methods.md, a second derivation, guesses as arguments, padding that changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from padding import GARBAGE, alone_and_together
from precision import learned_in_bfloat16
from torch import nn
from torch.nn import functional as F

from serlib.models import CNNTFGAP
from serlib.models.cnn_tf_gap import SHORTEST

BINS = 18


def conv_parameters(network) -> int:
    return sum(p.numel() for m in network.modules() if isinstance(m, nn.Conv2d) for p in m.parameters())


def small_network(**options) -> CNNTFGAP:
    """A small network whose statistics and biases make padded frames non-zero, were they not masked."""
    torch.manual_seed(0)
    network = CNNTFGAP(width=0.25, **options)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.bias, 0.2, 0.6)
    return network.eval()


def clip(length: int, seed: int) -> torch.Tensor:
    return torch.randn(1, 1, BINS, length, generator=torch.Generator().manual_seed(seed))


def test_the_paper_size_has_the_stated_parameters_and_shapes():
    network, shapes = CNNTFGAP().eval(), []
    assert conv_parameters(network) == 92_688
    norms = 2 * (8 + 8 + 32 + 48 + 64 + 80)
    assert sum(p.numel() for p in network.parameters()) == 92_688 + norms
    for module in (network.frequency, network.time, *network.blocks):
        module.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        x = network(torch.randn(1, 1, 400, 200), torch.tensor([200]))
    assert shapes == [(8, 399, 199), (8, 399, 199), (32, 199, 99), (48, 99, 49), (64, 99, 49), (80, 99, 49)]
    assert x.shape == (1, 80) and network.embedding_size == 80 and (x >= 0).all()


def test_guesses_are_arguments():
    same, shapes = CNNTFGAP(padding="same", width=0.25).eval(), []
    for module in (same.frequency, same.time):
        module.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        same(clip(40, 0), torch.tensor([40]))
    assert shapes == [(2, BINS, 40)] * 2
    signed = small_network(embedding_size=64)
    with torch.no_grad():
        x = signed(clip(40, 0), torch.tensor([40]))
    assert x.shape == (1, 64) and signed.embedding_size == 64 and (x < 0).any()
    assert [block.conv.out_channels for block in signed.blocks] == [8, 12, 16, 20]


@settings(max_examples=30, deadline=None)
@given(
    length=st.integers(SHORTEST, 120), padding=st.integers(0, 60),
    others=st.lists(st.integers(SHORTEST, 150), max_size=3),
    garbage=GARBAGE, place=st.integers(0, 3),
    way=st.sampled_from(["meet", "same"]),
)  # fmt: skip
def test_a_clip_alone_equals_the_clip_in_a_padded_batch(length, padding, others, garbage, place, way):
    network = small_network(padding=way)
    rows = [clip(frames, 2 + i) for i, frames in enumerate(others)]
    alone, together = alone_and_together(network, clip(length, 1), rows, padding=padding, place=place, garbage=garbage)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_without_the_mask_padding_would_matter():
    network = small_network()
    with torch.no_grad():
        naive = network(F.pad(clip(60, 1), (0, 100)), torch.tensor([160]))
        assert (naive - network(clip(60, 1), torch.tensor([60]))).abs().max() > 1e-2


@torch.no_grad()
def test_equals_a_network_written_by_hand():
    """Norm and ReLU before the pool, each as its formula."""
    network = small_network()

    def step(part, x, padding):
        y = F.conv2d(x, part.conv.weight, part.conv.bias, padding=padding)
        mean, variance = part.norm.running_mean.view(1, -1, 1, 1), part.norm.running_var.view(1, -1, 1, 1)
        scale, shift = part.norm.weight.view(1, -1, 1, 1), part.norm.bias.view(1, -1, 1, 1)
        return F.relu((y - mean) / (variance + part.norm.eps).sqrt() * scale + shift)

    x = clip(33, 3)
    y = torch.cat([step(network.frequency, x, (4, 0)), step(network.time, x, (0, 3))], 1)
    for k, block in enumerate(network.blocks):
        y = step(block, y, 1)
        y = F.max_pool2d(y, 2) if k < 2 else y
    torch.testing.assert_close(network(x, torch.tensor([33])), y.mean((2, 3)), atol=1e-5, rtol=0)


def test_branches_look_along_their_axes():
    """The kernel 10 x 2 spans ten bins and two frames, 2 x 8 two bins and eight frames."""
    for part, bins, frames in ((CNNTFGAP().frequency, 10, 2), (CNNTFGAP().time, 2, 8)):
        assert part.conv.kernel_size == (bins, frames)


def test_learns_under_bfloat16_in_channels_last():
    torch.manual_seed(0)
    x = learned_in_bfloat16(CNNTFGAP(width=0.25, embedding_size=16), torch.randn(3, 1, BINS, 64), [64, 15, 40])
    assert x.dtype == torch.float32


def test_refusals():
    with pytest.raises(ValueError, match="padding is 'valid'; allowed are meet, same"):
        CNNTFGAP(padding="valid")
    with pytest.raises(ValueError, match="embedding_size is 0; allowed is an integer of at least 1"):
        CNNTFGAP(embedding_size=0)
    with pytest.raises(ValueError, match="the batch has 4 frequency bins; at least 5"):
        CNNTFGAP()(torch.zeros(1, 1, 4, 40), torch.tensor([40]))
    with pytest.raises(ValueError, match=r"lengths lie in 4\.\.4; allowed are 5\.\.40"):
        CNNTFGAP()(torch.zeros(1, 1, 40, 40), torch.tensor([4]))
