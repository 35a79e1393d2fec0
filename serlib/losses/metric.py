"""A pair loss of pytorch-metric-learning beside softmax cross-entropy, so that there are logits to predict by."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from serlib.checks import check_number
from serlib.losses.base import full_precision
from serlib.losses.softmax import SoftmaxLoss


class MetricLoss(SoftmaxLoss):
    """Mean of CE + weight * pair loss over the batch, such as triplet or supervised contrastive loss.

    Args beside those of ``ClassifierLoss``, whose errors hold too (class_weight weighs the CE alone):
        kind: class name in ``pytorch_metric_learning.losses``, built with ``options``; an ImportError without it.
        weight: of the pair loss, at least 0; 0 is softmax.
    """

    def __init__(
        self, num_classes: int, embedding_size: int, *, kind: str, weight: float,
        options: Mapping[str, object] | None = None, class_weight: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, embedding_size, class_weight=class_weight)
        check_number("weight", weight, 0)
        try:
            from pytorch_metric_learning import losses as library
        except ImportError as error:
            told = "MetricLoss needs pytorch-metric-learning, of the dev extra: pip install -e '.[dev]'"
            raise ImportError(told) from error
        if kind not in (known := [name for name in dir(library) if name.endswith("Loss")]):
            raise ValueError(f"kind is {kind!r}; pytorch-metric-learning has {', '.join(known)}")
        self.metric_weight = float(weight)
        try:
            self.pairs = getattr(library, kind)(**({} if options is None else options))
        except TypeError as error:
            raise ValueError(f"options are {options!r}; {kind} takes others ({error})") from error

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """As of ``ClassifierLoss``; ``per_sample`` knows the CE alone, for a pair loss belongs to no single sample."""
        loss = super().forward(embeddings, labels)
        with full_precision(embeddings):
            return loss + self.metric_weight * self.pairs(self._cast(embeddings), labels)
