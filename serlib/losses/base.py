"""What every loss here shares: one vector per class, float32 inside, and the class-weighted mean."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serlib.losses.checks import check_embeddings, check_labels, check_number, per_class

UNCHANGED = nullcontext()
NO_LABEL = -1 << 63  # torch skips label -100 unless told another one; here no label is skipped


def full_precision(tensor: Tensor) -> AbstractContextManager:
    """Switch autocast off on the tensor's device, where it is on."""
    device = tensor.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else UNCHANGED


class ClassifierLoss(nn.Module):
    """A last linear layer and its loss in one module; its parameters belong to the optimiser.

    All is computed in float32 (float64 after ``.double()``), under autocast too. On a GPU the range of the labels is
    left to torch's own device-side assertion: to read them, every step would have to wait.

    Args:
        num_classes: C, at least 2.
        embedding_size: E, at least 1.
        class_weight: C positive weights or None. ``forward`` returns sum(w_y l) / B, as TensorFlow's class
            weights do: divided by sum(w_y), as torch's cross_entropy, they would cancel in a batch of one class.
        bias: whether a bias (C,) stands beside ``weight`` (C, E).

    Raises:
        ValueError: for an argument outside its range; when called, for a wrong shape, dtype or label.
    """

    def __init__(
        self, num_classes: int, embedding_size: int, *, class_weight: Sequence[float] | None = None, bias: bool = False
    ) -> None:
        super().__init__()
        check_number("num_classes", num_classes, 2, integer=True)
        check_number("embedding_size", embedding_size, 1, integer=True)
        self.num_classes, self.embedding_size = num_classes, embedding_size
        layer = nn.Linear(embedding_size, num_classes, bias=bias)
        self.weight, self.bias = layer.weight, layer.bias
        if class_weight is not None:
            positive = partial(check_number, low=0, open_low=True)
            class_weight = torch.tensor(per_class("class_weight", class_weight, num_classes, positive)).to(layer.weight)
        self.register_buffer("class_weight", class_weight, persistent=False)  # part of the recipe, not of the state

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Mean of the class-weighted losses, a scalar, of embeddings (B, E) and labels (B,) int64."""
        return self._checked(embeddings, labels, "mean")

    def per_sample(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Loss of each sample (B,), before class weights."""
        return self._checked(embeddings, labels, "none")

    def get_logits(self, embeddings: Tensor) -> Tensor:
        """Logits (B, C) without margin, for prediction."""
        check_embeddings(embeddings, self.embedding_size)
        with full_precision(embeddings):
            return self._logits(self._cast(embeddings), None)

    def _checked(self, embeddings: Tensor, labels: Tensor, reduction: str) -> Tensor:
        check_embeddings(embeddings, self.embedding_size)
        check_labels(labels, embeddings.shape[0])
        try:
            with full_precision(embeddings):
                return self._loss(self._cast(embeddings), labels, reduction)
        except IndexError as error:  # cross_entropy looks at every label anyway
            came = f"{labels.min()}..{labels.max()}"
            raise ValueError(f"labels lie in {came}; allowed are 0..{self.num_classes - 1}") from error

    def _loss(self, embeddings: Tensor, labels: Tensor, reduction: str) -> Tensor:
        logits = self._logits(embeddings, labels)
        if reduction == "none" or self.class_weight is None:
            return F.cross_entropy(logits, labels, ignore_index=NO_LABEL, reduction=reduction)
        weight = self.class_weight.to(logits.dtype)
        return F.cross_entropy(logits, labels, weight, ignore_index=NO_LABEL, reduction="sum") / len(labels)

    def _mean(self, losses: Tensor, labels: Tensor) -> Tensor:
        return losses.mean() if self.class_weight is None else (self.class_weight[labels] * losses).mean()

    def _logits(self, embeddings: Tensor, labels: Tensor | None) -> Tensor:
        """Logits (B, C); a margin loss puts its margin on those of the labels, unless they are None."""
        raise NotImplementedError

    def _cast(self, embeddings: Tensor) -> Tensor:
        return embeddings.to(torch.promote_types(self.weight.dtype, torch.float32))
