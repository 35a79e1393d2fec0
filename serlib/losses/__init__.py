"""Losses that own their class vectors: ``loss(embeddings, labels)`` to train, ``loss.get_logits(...)`` to predict."""

from serlib.losses.angular import AngularSoftmaxLoss, LambdaAnnealing, chebyshev, phi, phi_slope
from serlib.losses.arcface import ArcFaceLoss, arcface_target
from serlib.losses.base import ClassifierLoss
from serlib.losses.center import CenterLoss
from serlib.losses.complementary import complementary_loss
from serlib.losses.dcaen import DCaENLoss
from serlib.losses.focal import FocalLoss
from serlib.losses.margins import margins_by_frequency
from serlib.losses.metric import MetricLoss
from serlib.losses.softmax import SoftmaxLoss

__all__ = [
    "AngularSoftmaxLoss", "ArcFaceLoss", "CenterLoss", "ClassifierLoss", "DCaENLoss", "FocalLoss", "LambdaAnnealing",
    "MetricLoss", "SoftmaxLoss", "arcface_target", "chebyshev", "complementary_loss", "margins_by_frequency", "phi",
    "phi_slope",
]  # fmt: skip
