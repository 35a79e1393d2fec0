"""What convolutions see: measured, by the usual formula, and by the one that paper 002 prints; and what they need.

Dilations are those of the layers in their order, from 1; kernels are odd. All else, ``how`` too, is a ValueError.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from serlib.models.multidilated import block_dilations
from serlib.models.pooling.pyramid import grid
from serlib.training import Hardware, predict

HOW = ("impulse", "gradient")


def _check(dilations: Sequence[int], kernel: int, how: str = "impulse") -> None:
    fits = len(dilations) and all(d >= 1 for d in dilations) and kernel >= 1 and kernel % 2 == 1
    if not fits or how not in HOW:
        came = f"dilations={list(dilations)}, kernel={kernel}, how={how!r}"
        raise ValueError(f"{came}; allowed are dilations from 1, at least one, odd kernels and how {HOW}")


def standard(dilations: Sequence[int], *, kernel: int = 3) -> int:
    """Return 1 + (K - 1) sum d: inputs from the first to the last that a value depends on, along one axis."""
    _check(dilations, kernel)
    return 1 + (kernel - 1) * sum(dilations)


def as_printed(dilations: Sequence[int], *, kernel: int = 3) -> int:
    """Return 2 (K - 1) sum d + 1, equation 7 of paper 002 for kernel size K: it counts every layer's reach twice."""
    return 2 * standard(dilations, kernel=kernel) - 1


def touched(dilations: Sequence[int], *, kernel: int = 3, how: str = "impulse") -> np.ndarray:
    """Count the ways in which each input reaches one value through convolutions of ones, along one axis.

    By ``"impulse"`` a single 1 goes in, and what comes out is looked at; by ``"gradient"`` that of the middle value.
    (standard(dilations),) int64, the middle one straight below; 0 is an input that is never seen (gridding).
    """
    _check(dilations, kernel, how)
    middle = standard(dilations, kernel=kernel) // 2
    x = torch.zeros(1, 1, 2 * middle + 1, dtype=torch.float64)
    x[..., middle] = how == "impulse"
    weight, y = torch.ones(1, 1, kernel, dtype=torch.float64), x.requires_grad_()
    for dilation in dilations:
        y = torch.nn.functional.conv1d(y, weight, padding=dilation * (kernel // 2), dilation=dilation)
    ways = y if how == "impulse" else torch.autograd.grad(y[..., middle].sum(), x)[0]
    return ways.detach().flatten().round().long().numpy()


def seconds(recipe: Any, dilations: str, *, blocks: int = 7) -> float:
    """Return how long one output of ``MultiDilatedCNN`` hears under its recipe, were its ``dilations`` of that name.

    Its blocks step over ``time_pool`` frames each; the pooling and the first convolution, of width 3, add theirs.
    """
    pool, widest = recipe.network_options["time_pool"], [max(each) for each in block_dilations(dilations, blocks)]
    return (pool * standard(widest) + 2) * recipe.features.hop_length / recipe.features.sample_rate_hz


def of_network(
    network: torch.nn.Module, *, bins: int, frames: int, how: str = "gradient", draws: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Return which bins (bins,) and which frames (frames,) of random inputs the middle of ``network.maps`` depends on.

    The network is such as ``MultiDilatedCNN(bins=bins)``; a narrow one sees as far as a wide one. Inputs are larger
    than the field is wide, or their edge cuts it off. By ``"impulse"`` each bin, then each frame, is changed in turn;
    by ``"gradient"`` several ``draws`` are looked at: one alone shows only what wins the maximum.
    """
    _check([1], 1, how)
    network = copy.deepcopy(network).double().eval()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(draws, network.conv.in_channels, bins, frames, generator=generator, dtype=torch.float64)

    def middle(batch: torch.Tensor) -> torch.Tensor:
        maps, _ = network.maps(batch, torch.full((len(batch),), frames))
        return maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2]

    if how == "gradient":
        seen = torch.autograd.grad(middle(x.requires_grad_()).sum(), x)[0].ne(0).any(0).any(0)
        return seen.any(1).numpy(), seen.any(0).numpy()
    with torch.no_grad():
        before, found = middle(x[:1]), []
        for axis, size in ((2, bins), (3, frames)):
            changes = 100 * torch.eye(size, dtype=torch.float64).view(size, 1, *((size, 1) if axis == 2 else (1, size)))
            after = torch.cat([middle(x[:1] + change) for change in changes.split(1)])
            found.append((after - before).abs().amax(1).gt(1e-9).numpy())
    return found[0], found[1]


def occlusion(
    network: torch.nn.Module, loss: torch.nn.Module, inputs: Sequence[np.ndarray], labels: np.ndarray, *,
    level: int, hardware: Hardware,
) -> np.ndarray:  # fmt: skip
    """Return by how many nats each region of an input speaks for the true class: (N, level, level), frequency first.

    Inputs (channels, bins, frames) are scaled; a region of the ``level`` x ``level`` grid over them is set to 0, the
    training part's mean, and the fall of ln p is taken (Zeiler & Fergus 2014). Below 0: one knows better without it.
    """

    def known(clips: Sequence[np.ndarray], label: int) -> np.ndarray:
        logits = torch.from_numpy(predict(network, loss, clips, hardware=hardware)[0])
        return logits.log_softmax(1)[:, label].numpy()

    falls = []
    for clip, label in zip(inputs, labels, strict=True):
        hidden = np.repeat(clip[None], level**2, axis=0)
        for copied, (_, low, high, start, stop) in zip(hidden, grid((level,), *clip.shape[1:]).tolist(), strict=True):
            copied[:, low:high, start:stop] = 0
        whole, *without = known([clip, *hidden], int(label))
        falls.append(whole - np.reshape(without, (level, level)))
    return np.stack(falls)
