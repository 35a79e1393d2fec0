"""What the losses share: checks, one vector per class, float32 inside, the class-weighted mean, margins on cosines."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serlib.checks import check_number, check_sizes

NO_LABEL = -1 << 63  # torch skips label -100 unless told another one; here no label is skipped


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
        came = getattr(embeddings, "dtype", type(embeddings).__name__)
        raise ValueError(f"embeddings are of type {came}; allowed is a floating point tensor")
    shape = embeddings.shape
    if len(shape) != 2 or shape[1] != embedding_size or shape[0] == 0:
        raise ValueError(f"embeddings have shape {tuple(shape)}; allowed is (batch >= 1, {embedding_size})")


def check_labels(labels: Tensor, batch: int) -> None:
    """Refuse anything but an int64 tensor of shape (batch,)."""
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        came = getattr(labels, "dtype", type(labels).__name__)
        raise ValueError(f"labels are of type {came}; allowed is a torch.int64 tensor")
    if labels.shape != (batch,):
        raise ValueError(f"labels have shape {tuple(labels.shape)}; allowed is ({batch},), one per embedding")


def full_precision(tensor: Tensor) -> AbstractContextManager:
    """Switch autocast off on the tensor's device, where it is on."""
    device = tensor.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()


class ClassifierLoss(nn.Module):
    """A last linear layer, ``weight`` (C, E), and its loss in one module; its parameters belong to the optimiser.

    All is computed in float32 (float64 after ``.double()``), under autocast too. On a GPU the range of the labels is
    left to torch's own device-side assertion: to read them, every step would have to wait.

    Args:
        num_classes: C, at least 2.
        embedding_size: E, at least 1.
        class_weight: C positive weights or None. ``forward`` returns sum(w_y l) / B, as TensorFlow's class
            weights do: divided by sum(w_y), as torch's cross_entropy, they would cancel in a batch of one class.

    Raises:
        ValueError: for an argument outside its range; when called, for a wrong shape, dtype or label.
    """

    has_bias = False  # whether a bias (C,) stands beside the weight

    def __init__(self, num_classes: int, embedding_size: int, *, class_weight: Sequence[float] | None = None) -> None:
        super().__init__()
        check_number("num_classes", num_classes, 2, integer=True)
        check_sizes(embedding_size=embedding_size)
        self.num_classes, self.embedding_size = num_classes, embedding_size
        layer = nn.Linear(embedding_size, num_classes, bias=self.has_bias)
        self.weight, self.bias = layer.weight, layer.bias
        if class_weight is not None:
            positive = partial(check_number, low=0, open_low=True)
            class_weight = torch.tensor(per_class("class_weight", class_weight, num_classes, positive)).to(layer.weight)
        self.register_buffer("class_weight", class_weight, persistent=False)  # part of the recipe, not of the state

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Mean of the class-weighted losses, a scalar, of embeddings (B, E) and labels (B,) int64."""
        return self._checked(embeddings, labels, "mean")

    def per_sample(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Loss of each sample (B,), before class weights."""
        return self._checked(embeddings, labels, "none")

    def get_logits(self, embeddings: Tensor) -> Tensor:
        """Logits (B, C) without margin, for prediction."""
        check_embeddings(embeddings, self.embedding_size)
        with full_precision(embeddings):
            return self._logits(self._cast(embeddings), None)

    def _checked(self, embeddings: Tensor, labels: Tensor, reduction: str) -> Tensor:
        check_embeddings(embeddings, self.embedding_size)
        check_labels(labels, embeddings.shape[0])
        try:
            with full_precision(embeddings):
                return self._loss(self._cast(embeddings), labels, reduction)
        except IndexError as error:  # cross_entropy looks at every label anyway
            came = f"{labels.min()}..{labels.max()}"
            raise ValueError(f"labels lie in {came}; allowed are 0..{self.num_classes - 1}") from error

    def _loss(self, embeddings: Tensor, labels: Tensor, reduction: str) -> Tensor:
        logits = self._logits(embeddings, labels)
        if reduction == "none" or self.class_weight is None:
            return F.cross_entropy(logits, labels, ignore_index=NO_LABEL, reduction=reduction)
        weight = self.class_weight.to(logits.dtype)
        return F.cross_entropy(logits, labels, weight, ignore_index=NO_LABEL, reduction="sum") / len(labels)

    def _reduced(self, losses: Tensor, labels: Tensor, reduction: str) -> Tensor:
        """Losses (B,) as they are for ``"none"``, or their class-weighted mean."""
        if reduction == "none":
            return losses
        return losses.mean() if self.class_weight is None else (self.class_weight[labels] * losses).mean()

    def _logits(self, embeddings: Tensor, labels: Tensor | None) -> Tensor:
        """Logits (B, C); a margin loss puts its margin on those of the labels, unless they are None."""
        raise NotImplementedError

    def _cast(self, embeddings: Tensor) -> Tensor:
        return embeddings.to(torch.promote_types(self.weight.dtype, torch.float32))


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
    ``target`` maps the cosine (B, C) to the target with the margin of each column's class, and its slope, both (B, C);
    labels are (B,) int64. ``scale``, s > 0, taken into the tangent, costs no node of its own.
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
