"""Logit adjustment: cross-entropy with the classes' shares added to the logits in training, and only there."""

import math
from collections.abc import Sequence
from functools import partial

from torch import Tensor

from serlib.checks import check_number
from serlib.losses.base import constant, per_class
from serlib.losses.softmax import SoftmaxLoss


class LogitAdjustedLoss(SoftmaxLoss):
    """Cross-entropy on z_j + tau log pi_j (Menon et al. 2021, eq. 10); decisions are made on z_j itself.

    At tau 1 the network learns log p(x | j) up to a constant, so that its largest logit is the best guess where all
    classes are equally likely: what UA asks for. At tau 0, or with equal shares, it is softmax cross-entropy.

    Arguments and errors as of ``ClassifierLoss``, and
        prior: C positive numbers, the classes' sizes or shares pi in the training part, of which only ratios count;
            None: equal shares.
        tau: how much of log pi is added, at least 0.
    """

    def __init__(
        self, num_classes: int, embedding_size: int, *, prior: Sequence[float] | None = None, tau: float = 1.0,
        class_weight: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, embedding_size, class_weight=class_weight)
        check_number("tau", tau, 0)
        self.tau = float(tau)
        prior = 1.0 if prior is None else prior
        sizes = per_class("prior", prior, num_classes, partial(check_number, low=0, open_low=True))
        self.adjustment = tuple(self.tau * math.log(size / sum(sizes)) for size in sizes)

    def _logits(self, embeddings: Tensor, labels: Tensor | None) -> Tensor:
        logits = super()._logits(embeddings, labels)
        return logits if labels is None else logits + constant(self.adjustment, logits.dtype, logits.device)
