# ruff: noqa: F401
"""Pooling that padding cannot move: each clip is pooled over its own frames."""

from serlib.models.pooling.attention import AttentionPooling
from serlib.models.pooling.masked import (
    MaskedMeanPooling,
    check_lengths,
    halved,
    mask_tail,
    masked_relu,
    over_time,
    widened,
)
from serlib.models.pooling.pyramid import SpatialPyramidPooling
