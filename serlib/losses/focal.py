"""Focal loss: cross-entropy that looks away from what is easy."""

from collections.abc import Sequence

import torch
from torch import Tensor

from serlib.checks import check_number
from serlib.losses.softmax import SoftmaxLoss


class FocalLoss(SoftmaxLoss):
    """FL = -(1 - p_y)^gamma log p_y (paper 001; Lin et al. 2017), without alpha; gamma 0 is cross-entropy.

    Arguments and errors as of ``ClassifierLoss``, and ``gamma``, at least 0: 2 is the example of paper 001, which does
    not say what it trained with.
    """

    def __init__(
        self, num_classes: int, embedding_size: int, *, gamma: float = 2.0, class_weight: Sequence[float] | None = None
    ) -> None:
        super().__init__(num_classes, embedding_size, class_weight=class_weight)
        check_number("gamma", gamma, 0)
        self.gamma = float(gamma)

    def _loss(self, embeddings: Tensor, labels: Tensor, reduction: str) -> Tensor:
        cross_entropy = super()._loss(embeddings, labels, "none")  # -log p_y
        # 1 - p_y without cancellation; above 0, where a power below 1 has a finite slope
        doubt = -torch.expm1(-cross_entropy).clamp_max(-1e-12)
        return self._reduced(doubt**self.gamma * cross_entropy, labels, reduction)
