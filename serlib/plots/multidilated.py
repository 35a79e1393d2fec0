"""Pictures of paper 002: three channels, what dilated layers touch, what a pyramid's bins keep and which one counts."""

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from serlib.plots.style import SERIES_COLOURS

_BLUE, _RED, _PALE = SERIES_COLOURS[0], SERIES_COLOURS[1], "#BBBBBB"


def channels(picture: np.ndarray, *, seconds: float, title: str) -> Figure:
    """Draw a log-mel spectrogram in dB, its delta and its delta-delta, (3, bands, frames), one above the other."""
    names = ("level\ndB", "delta\ndB per frame", "delta-delta\ndB per frame²")
    figure, axes = plt.subplots(3, 1, figsize=(8, 6), sharex=True)
    for panel, channel, name in zip(axes, picture, names, strict=True):
        reach = np.abs(channel).max()
        scale = {"cmap": "magma"} if panel is axes[0] else {"cmap": "PuOr", "vmin": -reach, "vmax": reach}
        image = panel.imshow(channel, origin="lower", aspect="auto", extent=[0, seconds, 0, len(channel)], **scale)
        panel.set(ylabel="mel band")
        panel.grid(False)
        figure.colorbar(image, ax=panel, label=name)
    axes[0].set_title(title)
    axes[-1].set_xlabel("time, s")
    return figure


def gridding(stacks: Mapping[str, Sequence[int]], *, kernel: int = 3) -> Figure:
    """Draw which inputs one output reaches through dilated layers, and in how many ways (the numbers below).

    ``stacks`` maps a panel's title to the dilations, first layer first; ``kernel`` is odd. The title counts the inputs.
    """
    half = kernel // 2
    figure, axes = plt.subplots(len(stacks), 1, figsize=(8.5, 2.7 * len(stacks)), squeeze=False)
    for (title, dilations), panel in zip(stacks.items(), axes[:, 0], strict=True):
        reach, ways = half * sum(dilations), {0: 1}
        places = np.arange(-reach, reach + 1)
        for height in range(len(dilations), -1, -1):
            panel.plot(places, np.full(len(places), height), "o", ms=9, mfc="white", mec=_PALE, zorder=2)
            panel.plot([*ways], [height] * len(ways), "o", ms=9, color=_BLUE, zorder=3)
            below: dict[int, int] = {}
            for place, count in ways.items() if height else ():
                for tap in range(-half, half + 1):
                    foot = place + tap * dilations[height - 1]
                    panel.plot([place, foot], [height, height - 1], color=_BLUE, lw=0.9, alpha=0.5, zorder=1)
                    below[foot] = below.get(foot, 0) + count
            ways = below or ways
        for place in places:
            colour = "black" if place in ways else _RED
            panel.text(place, -0.35, ways.get(place, 0), ha="center", va="top", color=colour, fontsize=10)
        names = ["input", *(f"layer {i}, d = {d}" for i, d in enumerate(dilations, 1))]
        panel.set_yticks(range(len(names)), names)
        panel.tick_params(length=0)
        panel.set(ylim=(-1, len(dilations) + 0.4), xticks=[], title=f"{title}: {len(ways)} of {len(places)} inputs")
        panel.grid(False)
        panel.spines[["bottom", "left"]].set_visible(False)
    return figure


def receptive_fields(panels: Mapping[str, tuple[np.ndarray, Mapping[str, int]]], *, xlabel: str) -> Figure:
    """Draw how strongly an output depends on its inputs, and how far it is said to reach.

    Args:
        panels: title to (dependence (odd number of inputs, centred on the output), reach by name: a number of inputs).
        xlabel: what is counted.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(3.2 * len(panels), 3.3), squeeze=False)
    for panel, (title, (dependence, said)) in zip(axes[0], panels.items(), strict=True):
        offsets = np.arange(len(dependence)) - len(dependence) // 2
        shown, top = dependence > 0, dependence.max()
        panel.bar(offsets[shown], dependence[shown], width=0.85, color=_BLUE)
        panel.plot(offsets[~shown], 0 * offsets[~shown], "|", color=_PALE, ms=5)
        for i, (name, width) in enumerate(said.items(), 1):
            height, colour = top * (1 + 0.22 * i), (_RED, "black", SERIES_COLOURS[2])[i - 1]
            panel.plot([-width / 2, width / 2], [height, height], "|-", color=colour, lw=1.6, ms=9)
            panel.text(0, height * 1.015, f"{name}: {width}", ha="center", va="bottom", fontsize=10, color=colour)
        panel.set(ylim=(0, top * (1.2 + 0.22 * len(said))), yticks=[], xlabel=xlabel, title=title)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.grid(False)
    axes[0, 0].set_ylabel("dependence")
    return figure


def pyramid(
    maps: Mapping[str, np.ndarray], levels: Sequence[int], grid: Callable[..., np.ndarray], *, title: str
) -> Figure:
    """Draw pyramid grids over maps (frequency, time), a row per map and a column per level.

    White lines part the bins, cells that two bins share are pale, a dot marks the cell that each bin keeps. ``grid``
    says where the bins are: ``models.pooling.pyramid.grid`` or another function like it.
    """
    size = (2.4 * len(levels), 0.4 + 2.3 * len(maps))
    figure, axes = plt.subplots(len(maps), len(levels), figsize=size, squeeze=False)
    for row, (name, values) in zip(axes, maps.items(), strict=True):
        for panel, level in zip(row, levels, strict=True):
            limits = [0, values.shape[1], 0, len(values)]
            panel.imshow(values, origin="lower", aspect="auto", cmap="magma", extent=limits)
            bins = [tuple(map(int, line[1:])) for line in grid((level,), *values.shape)]
            shared = [_shared({b[i : i + 2] for b in bins}) for i in (0, 2)]
            for cells, pale in zip(shared, (panel.axhspan, panel.axvspan), strict=True):
                for cell in cells:
                    pale(cell, cell + 1, color="white", alpha=0.35, lw=0)
            frames = [Rectangle((left, low), right - left, high - low) for low, high, left, right in bins]
            panel.add_collection(PatchCollection(frames, facecolor="none", edgecolor="white", linewidth=0.7))
            kept = np.array([_highest(values, *each) for each in bins]) + 0.5
            panel.plot(kept[:, 1], kept[:, 0], "o", ms=3.2, color="#56B4E9", mec="black", mew=0.4)
            panel.set_title(f"{level} × {level}\n{len(shared[0])} rows, {len(shared[1])} steps shared", fontsize=10)
            panel.grid(False)
        row[0].set_ylabel(f"{name}\nrow")
    figure.supxlabel("step in time", fontsize=11)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    return figure


def _shared(edges: set[tuple[int, int]]) -> list[int]:
    """Return the cells that belong to more than one bin of (first, one past the last)."""
    cells, counts = np.unique([cell for low, high in edges for cell in range(low, high)], return_counts=True)
    return [int(cell) for cell in cells[counts > 1]]


def _highest(values: np.ndarray, low: int, high: int, left: int, right: int) -> tuple[int, int]:
    """Return row and column of the greatest value of a part of ``values``."""
    row, column = np.unravel_index(values[low:high, left:right].argmax(), (high - low, right - left))
    return low + row, left + column


def attention(weights: Mapping[str, np.ndarray], levels: Sequence[int], *, title: str) -> Figure:
    """Draw attention over a pyramid's bins, an emotion a column and a level (above 1) a row, as multiples of 1 / bins.

    Args:
        weights: emotion to (bins,), summing to 1: for each level of ``levels`` in turn its bins, frequency rows first.
        levels: of the pyramid.
        title: of the figure.
    """
    parts, times = np.cumsum([0, *(n**2 for n in levels)]), {k: v * len(v) for k, v in weights.items()}
    grids = [(n, slice(start, start + n**2)) for n, start in zip(levels, parts, strict=False) if n > 1]
    every = np.concatenate([*times.values()])
    norm = TwoSlopeNorm(1, min(0.99, every.min()), max(1.01, every.max()))
    size = (1.2 + 1.25 * len(times), 1.0 + 1.2 * len(grids))
    figure, axes = plt.subplots(len(grids), len(times), figsize=size, squeeze=False)
    for row, (level, part) in zip(axes, grids, strict=True):
        for panel, values in zip(row, times.values(), strict=True):
            image = panel.imshow(values[part].reshape(level, level), "PuOr_r", norm=norm, origin="lower")
            panel.set(xticks=[], yticks=[])
            panel.grid(False)
        row[0].set_ylabel(f"{level} × {level}\nfrequency →")
    for panel, name in zip(axes[0], times, strict=True):
        panel.set_title(name, fontsize=11, fontweight="normal")
    bar = figure.colorbar(image, ax=axes, label="weight × bins", shrink=0.9)
    bar.ax.set_yscale("linear")
    figure.supxlabel("time →", fontsize=11)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    return figure
