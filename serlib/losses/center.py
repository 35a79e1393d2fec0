"""Center loss: softmax cross-entropy that also pulls every embedding to the centre of its class."""

from collections.abc import Sequence

import torch
from torch import Tensor

from serlib.checks import check_number
from serlib.losses.base import full_precision
from serlib.losses.softmax import SoftmaxLoss


class CenterLoss(SoftmaxLoss):
    """Mean of CE + weight |z - c_y|^2 / 2 (Wen et al. 2016; for emotion: paper 003).

    The centres (C, E) start at 0 and are a buffer. After each loss in training mode they follow Wen's own update
    c_j -= alpha sum_{y_i = j}(c_j - z_i) / (1 + n_j), whatever ``weight`` is.

    Arguments and errors as of ``ClassifierLoss`` (class_weight weighs both terms), and ``weight`` of the centre term,
    at least 0 (0 is softmax), and ``alpha``, the rate of the centres, in [0, 1].
    """

    def __init__(
        self, num_classes: int, embedding_size: int, *, weight: float, alpha: float = 0.5,
        class_weight: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, embedding_size, class_weight=class_weight)
        check_number("weight", weight, 0)
        check_number("alpha", alpha, 0, 1)
        self.center_weight, self.alpha = float(weight), float(alpha)
        self.register_buffer("centers", torch.zeros(num_classes, embedding_size).to(self.weight.detach()))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """As of ``ClassifierLoss``; moves the centres in training mode."""
        loss = super().forward(embeddings, labels)
        if self.training:
            self.update_centers(embeddings, labels)
        return loss

    @torch.no_grad()
    def update_centers(self, embeddings: Tensor, labels: Tensor) -> None:
        """Wen's update by embeddings (B, E) and labels (B,); centres of classes that are absent stay."""
        with full_precision(embeddings):
            classes = torch.arange(self.num_classes, device=labels.device)
            members = (labels.unsqueeze(1) == classes).to(self.centers.dtype)  # (B, C)
            counts = members.sum(dim=0).unsqueeze(1)
            pull = counts * self.centers - members.T @ embeddings.to(self.centers.dtype)
            self.centers.sub_(self.alpha * pull / (1 + counts))

    def _loss(self, embeddings: Tensor, labels: Tensor, reduction: str) -> Tensor:
        cross_entropy = super()._loss(embeddings, labels, "none")
        distances = (embeddings - self.centers[labels]).square().sum(dim=1) / 2
        return self._reduced(cross_entropy + self.center_weight * distances, labels, reduction)
