"""Softmax is a linear layer and torch's own cross-entropy."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from serlib.losses import SoftmaxLoss


def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(10, 5, generator=generator, dtype=torch.float64), torch.arange(10) % 3


def test_equals_linear_and_cross_entropy():
    embeddings, labels = batch()
    loss, linear = SoftmaxLoss(3, 5).double(), nn.Linear(5, 3).double()
    linear.load_state_dict(loss.state_dict())
    assert torch.equal(loss(embeddings, labels), F.cross_entropy(linear(embeddings), labels))
    assert torch.equal(loss.get_logits(embeddings), linear(embeddings))


def test_class_weights_are_torchs_but_for_what_the_sum_is_divided_by():
    embeddings, labels = batch()
    class_weight = torch.tensor([0.5, 2.0, 4.0], dtype=torch.float64)
    loss = SoftmaxLoss(3, 5, class_weight=class_weight).double()
    torchs = F.cross_entropy(loss.get_logits(embeddings), labels, class_weight)
    torch.testing.assert_close(loss(embeddings, labels), torchs * class_weight[labels].mean(), rtol=1e-12, atol=0)


def test_class_weighted_mean_by_hand():
    embeddings, labels = batch()
    class_weight = [0.5, 2.0, 4.0]
    loss = SoftmaxLoss(3, 5, class_weight=class_weight).double()
    total = 0.0
    for logits, y in zip(loss.get_logits(embeddings).tolist(), labels.tolist(), strict=True):
        total += class_weight[y] * (math.log(sum(math.exp(value) for value in logits)) - logits[y])
    assert loss(embeddings, labels).item() == pytest.approx(total / 10, rel=1e-12)


def test_gradcheck():
    embeddings, labels = batch()
    loss = SoftmaxLoss(3, 5).double()
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), embeddings.requires_grad_())
