"""The complementary constraint of DCaEN: one embedding is to say what the other does not."""

import torch
from torch import Tensor
from torch.nn import functional as F

from serlib.losses.base import full_precision
from serlib.losses.checks import check_embeddings, check_number


def complementary_loss(x1: Tensor, x2: Tensor, threshold: float | None = None) -> Tensor:
    """Mean cos(x1, x2), to be minimised, or mean |cos(x1, x2) - threshold| (paper 004 eq. 2 and 4).

    The paper's joint loss is meant as w L_cos + (1 - w) L_ce: its printed minus would reward wrong classes. At least
    one embedding must take both signs: two that have passed a ReLU never get below cos = 0.

    Args:
        x1: embeddings (B, E), floating point.
        x2: embeddings (B, E).
        threshold: None, or the wanted cosine in [-1, 1]; -1 is None plus the constant 1.

    Raises:
        ValueError: for another shape, dtype or threshold.
    """
    if threshold is not None:
        check_number("threshold", threshold, -1, 1)
    size = (0, *getattr(x1, "shape", ()))[-1]
    for embeddings in (x1, x2):
        check_embeddings(embeddings, size)
    if len(x1) != len(x2):
        raise ValueError(f"embeddings have {len(x1)} and {len(x2)} rows; allowed are two of the same number")
    dtype = torch.promote_types(torch.promote_types(x1.dtype, x2.dtype), torch.float32)
    with full_precision(x1):
        cosine = F.cosine_similarity(x1.to(dtype), x2.to(dtype), dim=1)
    return cosine.mean() if threshold is None else (cosine - threshold).abs().mean()
