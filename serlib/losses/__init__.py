# ruff: noqa: F401
"""Losses that own their class vectors: ``loss(embeddings, labels)`` to train, ``loss.get_logits(...)`` to predict."""

from serlib.losses.angular import AngularSoftmaxLoss, LambdaAnnealing, chebyshev, margins_by_frequency, phi, phi_slope
from serlib.losses.arcface import ArcFaceLoss, arcface_target
from serlib.losses.base import ClassifierLoss
from serlib.losses.center import CenterLoss
from serlib.losses.dcaen import DCaENLoss, complementary_loss
from serlib.losses.focal import FocalLoss
from serlib.losses.logit_adjusted import LogitAdjustedLoss
from serlib.losses.metric import MetricLoss
from serlib.losses.softmax import SoftmaxLoss
