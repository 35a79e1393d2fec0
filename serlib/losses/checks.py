"""Input checks that the losses share: every error says what came and what is allowed."""

from collections.abc import Callable
from math import inf
from numbers import Integral, Real

import torch
from torch import Tensor


def check_number(
    name: str, value: object, low: float, high: float = inf, *, integer: bool = False, open_low: bool = False
) -> None:
    """Refuse all but a finite number with low <= value <= high, or low < value if ``open_low``. A bool is none."""
    valid = isinstance(value, Integral if integer else Real) and not isinstance(value, bool) and low <= value <= high
    if not valid or value == inf or (open_low and value == low):
        kind = "an integer" if integer else "a finite number"
        bounds = f"{'above' if open_low else 'of at least'} {low:g}" + (f", at most {high:.6g}" if high < inf else "")
        raise ValueError(f"{name} is {value!r}; allowed is {kind} {bounds}")


def per_class(name: str, values: object, num_classes: int, check: Callable[[str, object], None]) -> tuple:
    """Return ``values``, a sequence of ``num_classes`` or one value for all, as one value per class, each checked."""
    values = values.tolist() if hasattr(values, "tolist") else values
    values = tuple(values) if isinstance(values, list | tuple) else (values,) * num_classes
    if len(values) != num_classes:
        raise ValueError(f"{name} has {len(values)} values; allowed are {num_classes}, one per class")
    for value in values:
        check(name, value)
    return values


def check_embeddings(embeddings: Tensor, embedding_size: int) -> None:
    """Refuse anything but a floating point tensor of shape (B, embedding_size), B >= 1."""
    if not isinstance(embeddings, Tensor) or not embeddings.is_floating_point():
        raise ValueError(f"embeddings are of type {_type(embeddings)}; allowed is a floating point tensor")
    shape = embeddings.shape
    if len(shape) != 2 or shape[1] != embedding_size or shape[0] == 0:
        raise ValueError(f"embeddings have shape {tuple(shape)}; allowed is (batch >= 1, {embedding_size})")


def check_labels(labels: Tensor, batch: int) -> None:
    """Refuse anything but an int64 tensor of shape (batch,)."""
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        raise ValueError(f"labels are of type {_type(labels)}; allowed is a torch.int64 tensor")
    if labels.shape != (batch,):
        raise ValueError(f"labels have shape {tuple(labels.shape)}; allowed is ({batch},), one per embedding")


def _type(value: object) -> str:
    return str(getattr(value, "dtype", type(value).__name__))
