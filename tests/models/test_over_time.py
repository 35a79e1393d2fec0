"""Recurrent layers over clips of different length: torch's own packing, to the bit."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from serlib.models.pooling import over_time


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=7), padding=st.integers(0, 3), both=st.booleans(),
    layers=st.integers(1, 2), seed=st.integers(0, 99),
)  # fmt: skip
def test_equals_torch_that_sorts_itself(kind, lengths, padding, both, layers, seed):
    torch.manual_seed(seed)
    recurrent = kind(3, 4, layers, batch_first=True, bidirectional=both)
    x, lengths = torch.randn(len(lengths), max(lengths) + padding, 3, requires_grad=True), torch.tensor(lengths)
    packed, state = recurrent(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    expected = pad_packed_sequence(packed, batch_first=True)[0], state if kind is nn.GRU else state[0]
    found = over_time(recurrent, x, lengths)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    gradients = [torch.autograd.grad(sum(each.square().sum() for each in pair), x)[0] for pair in (found, expected)]
    assert torch.equal(*gradients)
