"""Pooling that padding cannot move: each clip is pooled over its own frames."""

from serlib.models.pooling.attention import AttentionPooling
from serlib.models.pooling.masked import MaskedMeanPooling, check_lengths, halved, mask_tail, widened
from serlib.models.pooling.pyramid import SpatialPyramidPooling

__all__ = [
    "AttentionPooling", "MaskedMeanPooling", "SpatialPyramidPooling", "check_lengths", "halved", "mask_tail", "widened",
]  # fmt: skip
