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


@pytest.mark.parametrize("class_weight", [None, [0.5, 2.0, 4.0]])
def test_equals_linear_and_cross_entropy(class_weight):
    embeddings, labels = batch()
    loss = SoftmaxLoss(3, 5, class_weight=class_weight).double()
    linear = nn.Linear(5, 3).double()
    linear.load_state_dict(loss.state_dict())
    weight = None if class_weight is None else torch.tensor(class_weight, dtype=torch.float64)
    assert torch.equal(loss(embeddings, labels), F.cross_entropy(linear(embeddings), labels, weight))
    assert torch.equal(loss.get_logits(embeddings), linear(embeddings))


def test_class_weighted_mean_by_hand():
    embeddings, labels = batch()
    class_weight = [0.5, 2.0, 4.0]
    loss = SoftmaxLoss(3, 5, class_weight=class_weight).double()
    total = weights = 0.0
    for logits, y in zip(loss.get_logits(embeddings).tolist(), labels.tolist(), strict=True):
        total += class_weight[y] * (math.log(sum(math.exp(value) for value in logits)) - logits[y])
        weights += class_weight[y]
    assert loss(embeddings, labels).item() == pytest.approx(total / weights, rel=1e-12)


def test_gradcheck():
    embeddings, labels = batch()
    loss = SoftmaxLoss(3, 5).double()
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), embeddings.requires_grad_())
