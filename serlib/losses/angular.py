"""Multiplicative angular margin (A-Softmax, SphereFace), also with one margin per class, by class sizes."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from serlib.checks import check_flags, check_number
from serlib.losses.base import ClassifierLoss, constant, cosines, per_class, with_margin


@dataclass(frozen=True)
class LambdaAnnealing:
    """lambda(it) = max(minimum, base (1 + gamma it)^-power), the weight of the plain cosine beside phi.

    The defaults are those of SphereFace's own prototxt: lambda(1) = 892.86, and 5 from iteration 1659 on. A number
    below 0 is a ValueError.
    """

    base: float = 1000.0
    gamma: float = 0.12
    power: float = 1.0
    minimum: float = 5.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            check_number(f"LambdaAnnealing.{name}", value, 0)

    def __call__(self, iteration: int | Tensor) -> float | Tensor:
        """Lambda at an iteration, counted from 1; of a tensor, a tensor on its device."""
        value = self.base * (1 + self.gamma * iteration) ** -self.power
        return value.clamp_min(self.minimum) if isinstance(value, Tensor) else max(self.minimum, value)


def chebyshev(cosine: Tensor, order: int | Tensor, *, kind: int = 1, highest: int | None = None) -> Tensor:
    """T_n(cos t) = cos(n t), or of the second kind U_n(cos t) = sin((n + 1) t) / sin(t).

    ``cosine`` is cos(t), of any shape, ``order`` n >= 0: an int, or an int64 tensor that broadcasts to ``cosine``, with
    ``highest`` its largest n, where known: a look at it waits for the GPU.
    """
    if highest is None:
        highest = int(order.max()) if isinstance(order, Tensor) else order
    double = 2 * cosine
    polynomials = [torch.ones_like(cosine), cosine if kind == 1 else double]
    for _ in range(highest - 1):
        polynomials.append(double * polynomials[-1] - polynomials[-2])
    if not isinstance(order, Tensor):
        return polynomials[order]
    return torch.stack(polynomials).gather(0, order.expand(1, *cosine.shape)).squeeze(0)


def phi(cosine: Tensor, margin: int | Tensor, *, highest: int | None = None) -> Tensor:
    """(-1)^k cos(m t) - 2k, k = floor(m t / pi): falls from 1 at t = 0 to 1 - 2m at t = pi (paper 000 eq. 2, 10).

    ``margin`` is m >= 1: an int, or an int64 tensor that broadcasts to ``cosine`` (class-specific margins); ``cosine``
    and ``highest`` as of ``chebyshev``.
    """
    with torch.no_grad():  # k is constant between its jumps, so acos meets no gradient
        k = (torch.acos(cosine.clamp(-1, 1)) * (margin / math.pi)).floor().clamp(max=margin - 1)
        sign = 1 - 2 * (k % 2)
    return sign * chebyshev(cosine, margin, highest=highest) - 2 * k


def phi_slope(cosine: Tensor, margin: int | Tensor, *, highest: int | None = None) -> Tensor:
    """Slope d phi / d cos(t) = m |sin(m t)| / sin(t): m^2 at t = 0, 0 at every inner knot t = j pi / m. See ``phi``."""
    highest = None if highest is None else highest - 1
    return margin * chebyshev(cosine, margin - 1, kind=2, highest=highest).abs()


def margins_by_frequency(counts: Sequence[float], base: int, spread: int, *, similar: float = 1.25) -> tuple[int, ...]:
    """Smaller margins for larger classes, one for classes of similar size (paper 000 sections 2.2 and 3.4).

    ``counts`` are the size or share of each class, positive. A class more than ``similar`` (at least 1) times their
    geometric mean gets base - spread, one below the mean by more than that factor base + spread, the rest ``base``, at
    least 1: in the paper the best class-agnostic margin. ``spread`` lies in 0..base - 1, so that none falls below 1.
    IEMOCAP's 13, 12, 44 and 31 % with base 5 and spread 1 give the paper's (6, 6, 4, 4). A number outside its range is
    a ValueError.
    """
    if not isinstance(counts, list | tuple | np.ndarray) or len(counts) == 0:
        raise ValueError(f"counts are {counts!r}; allowed is one positive number per class")
    for count in counts:
        check_number("count", count, 0, open_low=True)
    check_number("base", base, 1, integer=True)
    check_number("spread", spread, 0, base - 1, integer=True)
    check_number("similar", similar, 1)
    distance = np.log(np.asarray(counts, dtype=float))
    distance -= distance.mean()
    outside = np.abs(distance) > np.log(similar) + 1e-9  # equal counts differ from their mean by rounding
    return tuple(int(margin) for margin in base - spread * np.sign(distance) * outside)


class AngularSoftmaxLoss(ClassifierLoss):
    """Cross-entropy on |x| cos(theta_j), the own one |x| (lambda cos + phi) / (1 + lambda) (paper 000 eq. 1-3, 10-11).

    ``step`` counts the calls in training mode for lambda; it is a buffer, so a resumed run goes on exactly.

    Args beside those of ``ClassifierLoss``, whose errors hold too:
        margin: integer m >= 1; one for all classes, or one per class (paper 000 section 2.2).
        annealing: the schedule of lambda; None is pure phi.
        scale: None keeps |x| as the scale (SphereFace); s > 0 replaces it (hard normalisation of SphereFace-R).
        detach_gradient: characteristic gradient detachment (SphereFace-R): phi forward, the plain cosine's gradient
            backward, so that no sample rests on a knot of phi.
    """

    def __init__(
        self, num_classes: int, embedding_size: int, *, margin: int | Sequence[int] = 4,
        annealing: LambdaAnnealing | None = LambdaAnnealing(), scale: float | None = None,
        detach_gradient: bool = False, class_weight: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, embedding_size, class_weight=class_weight)
        if scale is not None:
            check_number("scale", scale, 0, open_low=True)
        check_flags(detach_gradient=detach_gradient)
        if not isinstance(annealing, LambdaAnnealing | None):
            raise ValueError(f"annealing is {annealing!r}; allowed are a LambdaAnnealing and None")
        self.margin = per_class("margin", margin, num_classes, partial(check_number, low=1, integer=True))
        self.annealing, self.scale, self.detach_gradient = annealing, scale, detach_gradient
        self.register_buffer("step", torch.tensor(0))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """As of ``ClassifierLoss``; counts a step in training mode."""
        loss = super().forward(embeddings, labels)
        if self.training:
            self.step.add_(1)
        return loss

    def phi_share(self) -> float | Tensor:
        """Weight 1 / (1 + lambda) of phi in the next step."""
        if self.annealing is None:
            return 1.0
        done = self.step.item() if self.step.is_cpu else self.step  # on a GPU .item() would wait
        return 1 / (1 + self.annealing(done + 1))

    def _logits(self, embeddings: Tensor, labels: Tensor | None) -> Tensor:
        cosine, norms = cosines(embeddings, self.weight)
        cosine = cosine if labels is None else with_margin(cosine, labels, self._target)
        return cosine * (norms if self.scale is None else self.scale)

    def _target(self, cosine: Tensor) -> tuple[Tensor, Tensor]:
        highest, share = max(self.margin), self.phi_share()
        margin = highest if min(self.margin) == highest else constant(self.margin, torch.int64, cosine.device)
        plain = torch.ones_like(cosine)  # the slope of the cosine itself
        slope = plain if self.detach_gradient else phi_slope(cosine, margin, highest=highest)
        return torch.lerp(cosine, phi(cosine, margin, highest=highest), share), torch.lerp(plain, slope, share)
