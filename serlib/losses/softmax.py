"""Softmax cross-entropy, the loss that the others are measured against."""

from torch import Tensor
from torch.nn import functional as F

from serlib.losses.base import ClassifierLoss


class SoftmaxLoss(ClassifierLoss):
    """Cross-entropy on W x + b: a linear layer and torch's cross_entropy. Arguments as of ``ClassifierLoss``."""

    has_bias = True

    def _logits(self, embeddings: Tensor, labels: Tensor | None) -> Tensor:
        return F.linear(embeddings, self.weight.to(embeddings.dtype), self.bias.to(embeddings.dtype))
