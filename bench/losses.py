"""Margin losses against pytorch-metric-learning's: the same value and gradients, forward and backward."""

from collections.abc import Callable
from functools import partial
from math import degrees

import torch
from torch import nn

from bench.frame import Measurement, Way
from serlib.losses import AngularSoftmaxLoss, ArcFaceLoss

BATCH, SIZE, CLASSES = 64, 64, 4


def arcface() -> tuple[nn.Module, nn.Module]:
    """Margin 0.5, scale 8; theirs counts in degrees."""
    from pytorch_metric_learning.losses import ArcFaceLoss as Theirs

    return Theirs(CLASSES, SIZE, margin=degrees(0.5), scale=8), ArcFaceLoss(CLASSES, SIZE, margin_rad=0.5, scale=8)


def sphereface() -> tuple[nn.Module, nn.Module]:
    """Margin 4; theirs knows no annealing."""
    from pytorch_metric_learning.losses import SphereFaceLoss

    ours = AngularSoftmaxLoss(CLASSES, SIZE, margin=4, annealing=None)
    return SphereFaceLoss(CLASSES, SIZE, margin=4, scale=1), ours


def alike(pair: Callable[[], tuple[nn.Module, nn.Module]], *_: object) -> tuple[Way, Way]:
    """Return both losses' forward and backward on one batch, once it is sure that they give the same."""
    torch.manual_seed(0)
    theirs, ours = pair()
    theirs.W.data = ours.weight.detach().T.clone()
    embeddings, labels = torch.randn(BATCH, SIZE, requires_grad=True), torch.randint(CLASSES, (BATCH,))

    def gradients(loss: nn.Module) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(loss(embeddings, labels), [embeddings, *loss.parameters()])

    torch.testing.assert_close(ours(embeddings, labels), theirs(embeddings, labels), rtol=1e-4, atol=1e-5)
    (ours_x, ours_w), (theirs_x, theirs_w) = gradients(ours), gradients(theirs)
    torch.testing.assert_close((ours_x, ours_w), (theirs_x, theirs_w.T), rtol=1e-3, atol=1e-5)
    return partial(gradients, theirs), partial(gradients, ours)


MEASUREMENTS = [
    Measurement(f"losses/{pair.__name__}", "pytorch-metric-learning", ours, partial(alike, pair), pairs=200, calls=10)
    for pair, ours in ((arcface, "ArcFaceLoss"), (sphereface, "AngularSoftmaxLoss"))
]
