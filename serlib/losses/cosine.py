"""The path that the margin losses share: cosines, and a margin on each sample's own one."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F


def cosines(embeddings: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine (B, C) between embeddings (B, E) and class vectors (C, E), and the norms (B, 1) of the embeddings."""
    weight = weight.to(embeddings.dtype)
    norms = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True)
    lengths = norms * torch.linalg.vector_norm(weight, dim=1) + 1e-12  # a zero embedding: cosine 0, finite gradient
    return F.linear(embeddings, weight) / lengths, norms


def with_margin(
    cosine: Tensor, labels: Tensor, target: Callable[[Tensor], tuple[Tensor, Tensor]], *, scale: float = 1.0
) -> Tensor:
    """Replace each sample's own cosine by its target with margin, and scale all.

    The target enters as its tangent, offset + slope cos: the value and the gradient of the target, in one autograd
    node instead of ten, and no edge of it (0 times infinity) becomes NaN. Only a second derivative is not to be had.

    Args:
        cosine: (B, C).
        labels: (B,) int64.
        target: from cosine (B, C) to the target with the margin of each column's class, and its slope, both (B, C).
        scale: s > 0; taken into the tangent, it costs no node of its own.
    """
    with torch.no_grad():
        own = labels.unsqueeze(1) == torch.arange(cosine.shape[1], device=cosine.device)
        value, slope = target(cosine)
        if scale != 1:
            value, slope = scale * value, scale * slope
        offsets, slopes = torch.where(own, value - slope * cosine, 0.0), torch.where(own, slope, scale)
    return torch.addcmul(offsets, slopes, cosine)


@lru_cache(maxsize=64)
def constant(values: tuple, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Numbers as a tensor, made once per dtype and device: exact in float64, and no step copies them to a GPU."""
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)
