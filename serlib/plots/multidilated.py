"""Pictures of paper 002: three channels, what dilated layers touch, what a pyramid's bins keep and which one counts."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from serlib.plots.style import PALE, SERIES_COLOURS, WIDTH, grid, panels

_BLUE, _RED, _GREEN = SERIES_COLOURS[:3]


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
            panel.plot(places, np.full(len(places), height), "o", ms=9, mfc="white", mec=PALE, zorder=2)
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

    ``shown``: title -> (dependence (odd number of inputs, centred on the output), name -> reach in inputs). The
    bars of more than 40 inputs touch.
    """
    figure, axes = panels(len(shown), 3.3)
    for panel, (title, (dependence, said)) in zip(axes, shown.items(), strict=True):
        offsets, top = np.arange(len(dependence)) - len(dependence) // 2, dependence.max()
        wide = 1 if len(offsets) > 40 else 0.85
        panel.bar(offsets[dependence > 0], dependence[dependence > 0], width=wide, color=_BLUE)
        panel.plot(offsets[dependence <= 0], 0 * offsets[dependence <= 0], "|", color=PALE, ms=5)
        for i, ((name, width), colour) in enumerate(zip(said.items(), (_RED, "black", _GREEN), strict=False), 1):
            height = top * (1 + 0.22 * i)
            panel.plot([-width / 2, width / 2], [height, height], "|-", color=colour, lw=1.6, ms=9)
            raised = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 9}
            panel.annotate(f"{name}: {width}", (0, height), color=colour, **raised)
        panel.set(ylim=(0, top * (1.2 + 0.22 * len(said))), yticks=[], title=title)
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        panel.grid(False)
    figure.supxlabel(xlabel, fontsize=10)
    axes[0].set_ylabel("dependence")
    return figure


def pyramid(
    clips: Mapping[str, tuple[np.ndarray, float]], level: int, edges: Callable[..., np.ndarray], *, title: str
) -> Figure:
    """Draw what a pyramid's level keeps of maps, a row per clip: the map with the kept cells, and what can be rebuilt.

    ``clips``: title -> (HTK mel bands up to 8 kHz (frequency, time), seconds). At the left white lines part the bins,
    cells that two bins share are pale, and a dot marks the cell that each bin keeps; at the right each bin is filled
    with it. ``edges`` says where the bins are: ``models.pooling.pyramid.grid`` or another function like it.
    """
    figure, axes = grid(len(clips), 2, 0.5 + 2.5 * len(clips), sharey=True)
    kilohertz = np.array([0.25, 0.5, 1, 2, 4, 8])
    for (left, right), (name, (values, seconds)) in zip(axes, clips.items(), strict=True):
        bins = [tuple(map(int, line[1:])) for line in edges((level,), *values.shape)]
        step, rebuilt = seconds / values.shape[1], np.full(values.shape, -np.inf)
        for at, pale, size in ((0, left.axhspan, 1), (2, left.axvspan, step)):
            for cell in _shared({each[at : at + 2] for each in bins}):
                pale(cell * size, (cell + 1) * size, color="white", alpha=0.3, lw=0)
        for low, high, start, stop in bins:
            frame = {"facecolor": "none", "edgecolor": "white", "linewidth": 0.8}
            left.add_patch(Rectangle((start * step, low), (stop - start) * step, high - low, **frame))
            part = values[low:high, start:stop]
            up, along = np.unravel_index(part.argmax(), part.shape)
            place = (start + along + 0.5) * step, low + up + 0.5
            left.plot(*place, "o", ms=4.5, color="cyan", mec="black", mew=0.6)
            rebuilt[low:high, start:stop] = np.maximum(rebuilt[low:high, start:stop], part.max())
        scale = {"vmin": values.min(), "vmax": values.max(), "cmap": "magma", "interpolation": "none"}
        for panel, shown in ((left, values), (right, rebuilt)):
            image = panel.imshow(shown, origin="lower", aspect="auto", extent=(0, seconds, 0, len(values)), **scale)
            panel.set(xlabel="time, s", xlim=(0, seconds), ylim=(0, len(values)))
            panel.grid(False)
        rows = np.log1p(kilohertz / 0.7) / np.log1p(8 / 0.7) * len(values)
        left.set_yticks(rows, [f"{value:g}" for value in kilohertz])
        left.set(ylabel="frequency, kHz", title=name)
        right.set_title(f"rebuilt from {len(bins)} bins")
        figure.colorbar(image, ax=right, label="dB")
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
    starts = dict(zip(levels, np.cumsum([0, *(n**2 for n in levels)]), strict=False))
    maps = {
        emotion: [len(each) * each[starts[n] : starts[n] + n**2].reshape(n, n) for n in levels if n > 1]
        for emotion, each in weights.items()
    }
    return heats(maps, middle=1, label="weight × bins", title=title)


def heats(maps: Mapping[str, Sequence[np.ndarray]], *, middle: float, label: str, title: str) -> Figure:
    """Draw square maps (n, n), frequency rows first: an emotion a column, one of its maps a row, one scale for all.

    Colours part at ``middle``; ``label`` says what they mean.
    """
    values = np.concatenate([each.ravel() for row in maps.values() for each in row])
    norm = TwoSlopeNorm(middle, min(middle - 0.01, values.min()), max(middle + 0.01, values.max()))
    rows = len(next(iter(maps.values())))
    figure, axes = grid(rows, len(maps), 1.4 + WIDTH / len(maps) * rows)
    for (emotion, each), column in zip(maps.items(), axes.T, strict=True):
        for panel, part in zip(column, each, strict=True):
            heat = {"cmap": "PuOr_r", "norm": norm, "cbar": False, "square": True}
            sns.heatmap(part, xticklabels=False, yticklabels=False, ax=panel, **heat)
            panel.invert_yaxis()
        column[0].set_title(emotion, fontsize=9, fontweight="normal")
        column[-1].set_xlabel("time →")
    for panel, part in zip(axes[:, 0], next(iter(maps.values())), strict=True):
        panel.set_ylabel(f"{len(part)} × {len(part)}\nfrequency →")
    bar = figure.colorbar(axes[0, 0].collections[0], ax=axes, label=label, location="bottom", shrink=0.6)
    bar.ax.set_xscale("linear")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def waterfall(levels: Mapping[str, float], steps: pd.DataFrame, *, title: str) -> Figure:
    """Draw how UA changes from recipe to recipe: name -> UA in %, from the top down, a bar from each to the next.

    ``steps`` are rows of ``protocol.compare_family`` by the name that they lead to; a filled bar is told from zero, a
    hollow one is not. Difference and interval stand beside it, where there is an interval.
    """
    figure, (axes,) = panels(1, 1.1 + 0.55 * len(levels))
    names, values = [*levels], [*levels.values()]
    for k, (name, value) in enumerate(levels.items()):
        before = values[k - 1] if k else 0
        row = steps.loc[name] if k and name in steps.index else None
        sure = row is None or row["verdict"] in ("better", "worse")
        colour = SERIES_COLOURS[6] if k == 0 else _BLUE if value >= before else _RED
        face = {"color": colour if sure else "none", "edgecolor": colour, "linewidth": 1.5}
        axes.barh(k, value - before, left=before, height=0.6, **face)
        told = f"{value:.1f} %"
        if row is not None and np.isfinite(row["low"]):
            told += f"  ({row['effect']:+.1f}; {row['low']:+.1f} to {row['high']:+.1f})"
        axes.annotate(told, (max(value, before), k), (6, 0), textcoords="offset points", va="center", fontsize=9)
        if k:
            axes.plot([before, before], [k - 0.7, k + 0.3], color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="UA, %", xlim=(0, 1.6 * max(values)), ylim=(len(names) - 0.5, -0.5), title=title)
    axes.set_xticks(np.arange(0, 101, 20))
    axes.grid(axis="y", visible=False)
    return figure
