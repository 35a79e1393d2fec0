"""Pictures of paper 002: three channels, what dilated layers touch, what a pyramid's bins keep and which one counts."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from serlib.plots.style import SERIES_COLOURS, WIDTH, grid, panels

_BLUE, _RED, _GREEN, _PALE = *SERIES_COLOURS[:3], "#BBBBBB"


def channels(picture: np.ndarray, *, seconds: float, title: str) -> Figure:
    """Draw a log-mel spectrogram in dB, its delta and its delta-delta, (3, bands, frames), one above the other."""
    names = ("level\ndB", "delta\ndB per frame", "delta-delta\ndB per frame²")
    figure, ((first,), _, (last,)) = grid(3, 1, 6, sharex=True)
    for panel, channel, name in zip(figure.axes, picture, names, strict=True):
        reach = np.abs(channel).max()
        scale = {"cmap": "magma"} if panel is first else {"cmap": "PuOr", "vmin": -reach, "vmax": reach}
        image = panel.imshow(channel, origin="lower", aspect="auto", extent=[0, seconds, 0, len(channel)], **scale)
        panel.set(ylabel="mel band", title=title * (panel is first), xlabel="time, s" * (panel is last))
        panel.grid(False)
        figure.colorbar(image, ax=panel, label=name)
    return figure


def gridding(stacks: Mapping[str, Sequence[int]]) -> Figure:
    """Draw which inputs one output reaches through dilated layers of width 3, and in how many ways (the numbers below).

    ``stacks`` maps a panel's title to the dilations, first layer first. The title counts the inputs.
    """
    figure, axes = grid(len(stacks), 1, 2.6 * len(stacks))
    for (title, dilations), panel in zip(stacks.items(), axes[:, 0], strict=True):
        places = np.arange(-sum(dilations), sum(dilations) + 1)
        ways = (places == 0).astype(int)
        for height in range(len(dilations), -1, -1):
            panel.plot(places, np.full(len(places), height), "o", ms=9, mfc="white", mec=_PALE, zorder=2)
            panel.plot(places[ways > 0], np.full((ways > 0).sum(), height), "o", ms=9, color=_BLUE, zorder=3)
            if height:
                steps, seen = dilations[height - 1] * np.arange(-1, 2), places[ways > 0]
                ends = np.array([np.repeat(seen, 3), (seen[:, None] + steps).ravel()])
                panel.plot(ends, [[height], [height - 1]], color=_BLUE, lw=0.9, alpha=0.5, zorder=1)
                ways = sum(np.roll(ways, step) for step in steps)  # what is rolled over the edge is 0
        for place, count in zip(places, ways, strict=True):
            panel.text(place, -0.35, count, ha="center", va="top", color="black" if count else _RED, fontsize=9)
        names = ["input", *(f"layer {i}, d = {d}" for i, d in enumerate(dilations, 1))]
        panel.set_yticks(range(len(names)), names)
        panel.tick_params(length=0)
        panel.set(ylim=(-1, len(dilations) + 0.4), xticks=[])
        panel.set_title(f"{title}: {(ways > 0).sum()} of {len(places)} inputs")
        panel.grid(False)
        panel.spines[["bottom", "left"]].set_visible(False)
    return figure


def receptive_fields(shown: Mapping[str, tuple[np.ndarray, Mapping[str, int]]], *, xlabel: str) -> Figure:
    """Draw how strongly an output depends on its inputs, and how far it is said to reach.

    ``shown``: title -> (dependence (odd number of inputs, centred on the output), name -> reach in inputs).
    """
    figure, axes = panels(len(shown), 3.3)
    for panel, (title, (dependence, said)) in zip(axes, shown.items(), strict=True):
        offsets, top = np.arange(len(dependence)) - len(dependence) // 2, dependence.max()
        panel.bar(offsets[dependence > 0], dependence[dependence > 0], width=0.85, color=_BLUE)
        panel.plot(offsets[dependence <= 0], 0 * offsets[dependence <= 0], "|", color=_PALE, ms=5)
        for i, ((name, width), colour) in enumerate(zip(said.items(), (_RED, "black", _GREEN), strict=False), 1):
            height = top * (1 + 0.22 * i)
            panel.plot([-width / 2, width / 2], [height, height], "|-", color=colour, lw=1.6, ms=9)
            panel.text(0, height * 1.015, f"{name}: {width}", ha="center", va="bottom", fontsize=9, color=colour)
        panel.set(ylim=(0, top * (1.2 + 0.22 * len(said))), yticks=[], title=title)
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        panel.grid(False)
    figure.supxlabel(xlabel, fontsize=10)
    axes[0].set_ylabel("dependence")
    return figure


def pyramid(
    maps: Mapping[str, np.ndarray], levels: Sequence[int], edges: Callable[..., np.ndarray], *, title: str
) -> Figure:
    """Draw pyramid grids over maps (frequency, time), a row per map and a column per level.

    White lines part the bins, cells that two bins share are pale, a dot marks the cell that each bin keeps. ``edges``
    says where the bins are: ``models.pooling.pyramid.grid`` or another function like it.
    """
    figure, axes = grid(len(maps), len(levels), 0.4 + 2.1 * len(maps))
    for row, (name, values) in zip(axes, maps.items(), strict=True):
        for panel, level in zip(row, levels, strict=True):
            limits = [0, values.shape[1], 0, len(values)]
            panel.imshow(values, origin="lower", aspect="auto", cmap="magma", extent=limits)
            bins = [tuple(map(int, line[1:])) for line in edges((level,), *values.shape)]
            shared = [_shared({each[i : i + 2] for each in bins}) for i in (0, 2)]
            for cells, pale in zip(shared, (panel.axhspan, panel.axvspan), strict=True):
                for cell in cells:
                    pale(cell, cell + 1, color="white", alpha=0.35, lw=0)
            for low, high, left, right in bins:
                frame = {"facecolor": "none", "edgecolor": "white", "linewidth": 0.7}
                panel.add_patch(Rectangle((left, low), right - left, high - low, **frame))
                part = values[low:high, left:right]
                up, along = np.unravel_index(part.argmax(), part.shape)
                panel.plot(left + along + 0.5, low + up + 0.5, "o", ms=3.2, color="#56B4E9", mec="black", mew=0.4)
            panel.set_title(f"{level} × {level}\n{len(shared[0])} rows, {len(shared[1])} steps\nshared", fontsize=9)
            panel.grid(False)
        row[0].set_ylabel(f"{name}\nrow")
    figure.supxlabel("step in time", fontsize=10)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def _shared(spans: set[tuple[int, int]]) -> np.ndarray:
    """Return the cells that belong to more than one bin of (first, one past the last)."""
    cells, counts = np.unique([cell for low, high in spans for cell in range(low, high)], return_counts=True)
    return cells[counts > 1]


def attention(weights: Mapping[str, np.ndarray], levels: Sequence[int], *, title: str) -> Figure:
    """Draw attention over a pyramid's bins, an emotion a column and a level (above 1) a row, as multiples of 1 / bins.

    ``weights``: emotion -> (bins,), summing to 1: for each of ``levels`` in turn its bins, frequency rows first.
    """
    times = np.array([*weights.values()]) * len(next(iter(weights.values())))
    norm = TwoSlopeNorm(1, min(0.99, times.min()), max(1.01, times.max()))
    shown = [n for n in levels if n > 1]
    figure, axes = grid(len(shown), len(times), 1.7 + WIDTH / len(times) * len(shown))
    starts = dict(zip(levels, np.cumsum([0, *(n**2 for n in levels)]), strict=False))
    for row, level in zip(axes, shown, strict=True):
        for panel, values, name in zip(row, times, weights, strict=True):
            part = values[starts[level] : starts[level] + level**2].reshape(level, level)
            heat = {"cmap": "PuOr_r", "norm": norm, "cbar": False, "square": True}
            sns.heatmap(part, xticklabels=False, yticklabels=False, ax=panel, **heat)
            panel.invert_yaxis()
            panel.set_title(name * (level == shown[0]), fontsize=9, fontweight="normal")
        row[0].set_ylabel(f"{level} × {level}\nfrequency →")
    bar = figure.colorbar(axes[0, 0].collections[0], ax=axes, label="weight × bins", location="bottom", shrink=0.6)
    bar.ax.set_xscale("linear")
    figure.supxlabel("time →", fontsize=10)
    figure.suptitle(title, x=0.01, ha="left")
    return figure
