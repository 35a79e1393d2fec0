"""Pooling that padding cannot move: each clip is pooled over its own frames."""

from serlib.models.pooling.masked import MaskedMeanPooling, check_lengths, halved, mask_tail

__all__ = ["MaskedMeanPooling", "check_lengths", "halved", "mask_tail"]
