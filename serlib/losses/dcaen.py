"""The losses of DCaEN: the constraint that one embedding says what the other does not, and its joint loss."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serlib.checks import check_choice, check_number
from serlib.losses.base import check_embeddings, full_precision
from serlib.losses.softmax import SoftmaxLoss

HEADS = ("both", "raw")


def complementary_loss(x1: Tensor, x2: Tensor, threshold: float | None = None) -> Tensor:
    """Mean cos(x1, x2), to be minimised, or mean |cos(x1, x2) - threshold| (paper 004 eq. 2 and 4).

    At least one embedding must take both signs: two that have passed a ReLU never get below cos = 0. ``x1`` and
    ``x2`` are (B, E), ``threshold`` is None or the wanted cosine in [-1, 1]: -1 is None plus the constant 1. Another
    shape, dtype or threshold is a ValueError.
    """
    if threshold is not None:
        check_number("threshold", threshold, -1, 1)
    size = (0, *getattr(x1, "shape", ()))[-1]
    for embeddings in (x1, x2):
        check_embeddings(embeddings, size)
    if len(x1) != len(x2):
        raise ValueError(f"embeddings have {len(x1)} and {len(x2)} rows; allowed are two of the same number")
    dtype = torch.promote_types(torch.promote_types(x1.dtype, x2.dtype), torch.float32)
    with full_precision(x1):
        cosine = F.cosine_similarity(x1.to(dtype), x2.to(dtype), dim=1)
    return cosine.mean() if threshold is None else (cosine - threshold).abs().mean()


class DCaENLoss(SoftmaxLoss):
    """w L_cos + (1 - w) L_ce (paper 004 eq. 3, 4), where L_cos lies between the halves of [e_feat | e_raw].

    The paper prints a minus before (1 - w) L_ce, which would have the network avoid the right class: less loss for
    more cross-entropy, without end. Its text says "weighted sum", so a plus is meant.

    Args beside those of ``ClassifierLoss``, whose errors hold too (class_weight weighs the cross-entropy):
        feature_size: of e_feat; the rest is e_raw.
        weight: w of the constraint, in [0, 1]; 0 is softmax.
        threshold: of ``complementary_loss``.
        head: whether the classes are read from ``"both"`` halves, or from e_raw alone (``"raw"``).
    """

    def __init__(
        self, num_classes: int, embedding_size: int, *, feature_size: int = 64, weight: float = 0.6,
        threshold: float | None = None, head: str = "both", class_weight: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, embedding_size, class_weight=class_weight)
        check_number("feature_size", feature_size, 1, embedding_size - 1, integer=True)
        check_number("weight", weight, 0, 1)
        if threshold is not None:
            check_number("threshold", threshold, -1, 1)
        check_choice("head", head, HEADS)
        self.feature_size, self.constraint_weight, self.threshold = feature_size, float(weight), threshold
        self.first = feature_size if head == "raw" else 0
        self.weight = nn.Parameter(self.weight.detach()[:, self.first :].clone())
        self._seen: list[Tensor] = []

    def halves(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Return e_feat and e_raw of embeddings (B, E)."""
        return embeddings.tensor_split([self.feature_size], 1)

    def terms(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cross-entropy and the constraint, two scalars not yet weighed, of (B, E) and (B,)."""
        cross_entropy = super()._loss(embeddings, labels, "mean")
        return cross_entropy, complementary_loss(*self.halves(embeddings), self.threshold)

    def drain(self) -> tuple[float, float]:
        """Return mean cross-entropy and mean cosine of what was trained on since the last call; NaN for nothing."""
        sums, self._seen = (torch.stack(self._seen).sum(0) if self._seen else torch.full((3,), torch.nan)), []
        return tuple((sums[1:] / sums[0]).tolist())

    def _loss(self, embeddings: Tensor, labels: Tensor, reduction: str) -> Tensor:
        if reduction == "none":
            rows = [complementary_loss(*self.halves(row), self.threshold) for row in embeddings.split(1)]
            return self._joint(super()._loss(embeddings, labels, reduction), torch.stack(rows))
        terms = self.terms(embeddings, labels)
        if self.training:
            cosine = complementary_loss(*self.halves(embeddings))
            seen = torch.stack([torch.ones_like(cosine), terms[0], cosine]).detach()
            self._seen.append(len(labels) * seen.float())
        return self._joint(*terms)

    def _joint(self, cross_entropy: Tensor, constraint: Tensor) -> Tensor:
        return self.constraint_weight * constraint + (1 - self.constraint_weight) * cross_entropy

    def _logits(self, embeddings: Tensor, labels: Tensor | None) -> Tensor:
        return super()._logits(embeddings[:, self.first :], labels)
