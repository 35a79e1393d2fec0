"""Additive angular margin (ArcFace), also with one margin per class."""

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from serlib.checks import check_number
from serlib.losses.base import ClassifierLoss, constant, cosines, per_class, with_margin


def arcface_target(cosine: Tensor, margin_rad: float | Tensor) -> Tensor:
    """cos(theta + m) from cos(theta), without acos (Deng et al. 2019; paper 002 eq. 13).

    Past theta = pi - m, where cos(theta + m) would rise again, it goes on as -2 - cos(theta + m): smooth and still
    decreasing. The derivative is finite everywhere. ``margin_rad`` is m in radians, in [0, pi]: a number, or a tensor
    that broadcasts with ``cosine`` (any shape).
    """
    margin = torch.as_tensor(margin_rad, dtype=cosine.dtype, device=cosine.device)
    return _target_and_slope(cosine, margin.cos(), margin.sin())[0]


def _target_and_slope(cosine: Tensor, cos_m: Tensor, sin_m: Tensor) -> tuple[Tensor, Tensor]:
    """The target, and its slope d target / d cos(theta) = |sin(theta + m)| / sin(theta)."""
    # Near theta = 0 and pi, 1 - cos^2 is rounding, which 1 / sine would blow up: it is not taken as less than 2 eps.
    sine = (1 - cosine * cosine).clamp_min(2 * torch.finfo(cosine.dtype).eps).sqrt()
    slope = cos_m + sin_m * cosine / sine  # of cos(theta + m): below 0 past theta = pi - m
    shifted = cos_m * cosine - sin_m * sine
    return torch.where(slope < 0, -2 - shifted, shifted), slope.abs()


class ArcFaceLoss(ClassifierLoss):
    """Cross-entropy on s cos(theta_j), the own angle widened by m: s cos(theta_y + m) (paper 002 eq. 12-14).

    Args beside those of ``ClassifierLoss``, whose errors hold too:
        margin_rad: m in radians, 0 <= m <= pi; one for all classes, or one per class.
        scale: s > 0; 2 in paper 002, 64 for faces. It bounds the confidence, so the loss cannot reach 0.
    """

    def __init__(
        self, num_classes: int, embedding_size: int, *, margin_rad: float | Sequence[float] = 0.5, scale: float = 2.0,
        class_weight: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, embedding_size, class_weight=class_weight)
        check_number("scale", scale, 0, open_low=True)
        self.scale = float(scale)
        self.margin_rad = per_class("margin_rad", margin_rad, num_classes, partial(check_number, low=0, high=math.pi))
        self._cos_sin_m = [tuple(map(f, self.margin_rad)) for f in (math.cos, math.sin)]

    def _logits(self, embeddings: Tensor, labels: Tensor | None) -> Tensor:
        cosine, _ = cosines(embeddings, self.weight)
        if labels is None:
            return self.scale * cosine
        cos_m, sin_m = (constant(values, cosine.dtype, cosine.device) for values in self._cos_sin_m)
        target = partial(_target_and_slope, cos_m=cos_m, sin_m=sin_m)
        return with_margin(cosine, labels, target, scale=self.scale)
