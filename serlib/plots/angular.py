"""Pictures of paper 000: segments, shapes in a network, recalls from loss to loss, measured angles and shares."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.stats import norm

from serlib.plots.style import PALE, SERIES_COLOURS, emotion_colour, grid, key_below, look, panels, series, titled


def best_cut(gap: float, ratio: float) -> tuple[float, float, float]:
    """Return where most of two overlapping classes is right, and both recalls: (cut, large, small).

    The classes are normal with deviation 1, the large one at -gap/2 and the small one at +gap/2; there are ``ratio``
    times as many of the large one. Their densities, so weighted, cross at ln(ratio)/gap.
    """
    cut = np.log(ratio) / gap
    return float(cut), float(norm.cdf(gap / 2 + cut)), float(norm.cdf(gap / 2 - cut))


def segments(
    signal: np.ndarray, starts: Mapping[str, Sequence[float]], *, rate_hz: int, seconds: float, title: str, colour: str
) -> Figure:
    """Draw a waveform (samples,) over bars of ``seconds`` at ``starts`` (s), a group per name."""
    places, end = np.concatenate([*starts.values()]), len(signal) / rate_hz
    counts, rows = [*map(len, starts.values())], 0.23 * len(places)
    figure, ((wave,), (bars,)) = grid(2, 1, 2 + rows, sharex=True, height_ratios=(1.4, rows))
    wave.plot(np.linspace(0, end, len(signal), endpoint=False), signal, color=colour, linewidth=0.6)
    wave.set(ylabel="amplitude", title=title)
    colours = np.repeat(SERIES_COLOURS[: len(starts)], counts)
    bars.barh(range(len(places)), seconds, left=places, color=colours, alpha=0.75)
    bars.axvline(end, color="black", linestyle=":", linewidth=1.5)
    middles = np.cumsum(counts) - (np.array(counts) + 1) / 2
    bars.set_yticks(middles, [f"{name}: {count}" for name, count in zip(starts, counts, strict=True)])
    bars.set(xlabel="time (s); dotted: the end of the utterance", ylim=(len(places) - 0.4, -0.6))
    bars.grid(axis="y", visible=False)
    return figure


def shapes(networks: Mapping[str, Sequence[tuple[str, tuple[int, ...]]]]) -> Figure:
    """Draw what flows through networks, a row each, as (step, shape).

    A shape is (channels, frequency, time), (time, numbers) or (numbers,). Up is frequency or numbers, across is time,
    both as square roots so that the small ones can be seen; sheets are channels.
    """
    figure, rows = grid(len(networks), 1, 2.3 * len(networks))
    for (title, steps), axes in zip(networks.items(), rows[:, 0], strict=True):
        for place, (step, shape) in enumerate(steps):
            _stack(axes, place, shape)
            text = step.replace(", ", ",\n") + "\n" + "×".join(map(str, shape))
            axes.text(place, -0.66, text, ha="center", va="top", fontsize=8)
            if place:
                axes.annotate("", (place - 0.38, 0), (place - 0.58, 0), arrowprops={"arrowstyle": "->", "color": PALE})
        axes.set(xlim=(-0.6, max(map(len, networks.values())) - 0.4), ylim=(-1.1, 0.75), title=title)
        axes.axis("off")
    return figure


def _stack(axes: Axes, place: float, shape: tuple[int, ...]) -> None:
    """Draw one shape around (place, 0)."""
    if len(shape) == 3:
        height, width, sheets = np.sqrt(shape[1] / 400), 0.03 * np.sqrt(shape[2]), 1 + int(np.log2(shape[0]))
    else:  # numbers upwards, steps to the right
        height, width, sheets = np.sqrt(shape[-1] / 1600), 0.03 * np.sqrt(shape[0] if shape[1:] else 3), 1
    style = {"facecolor": SERIES_COLOURS[5 if len(shape) == 3 else 4], "edgecolor": "white", "linewidth": 0.7}
    for sheet in range(sheets)[::-1]:
        corner = place - width / 2 + 0.02 * sheet, -height / 2 + 0.02 * sheet
        axes.add_patch(Rectangle(corner, width, height, **style))


def slopes(recalls: Mapping[str, pd.DataFrame], *, thick: Collection[str], title: str) -> Figure:
    """Draw each class' recall (%) from loss to loss: lines through the means over seeds, small dots for single seeds.

    ``recalls`` maps a loss to its recalls, a row per seed and a column per class; ``thick`` classes have thick lines.
    """
    figure, (axes,) = panels(1, 4.2)
    for i, name in enumerate(next(iter(recalls.values()))):
        means, style = [table[name].mean() for table in recalls.values()], look(i, name)
        axes.plot(range(len(means)), means, linewidth=4 if name in thick else 1.4, label=name, **style)
        for place, table in enumerate(recalls.values()):
            places = np.full(len(table), place + 0.03 * (i + 1))
            axes.plot(places, table[name], ".", color=style["color"], markersize=4, alpha=0.5)
    axes.set_xticks(range(len(recalls)), recalls)
    axes.set(ylabel="recall, %", xlim=(-0.15, len(recalls) - 0.65), title=title)
    key_below(figure)
    return figure


def angle_grid(
    measured: Mapping[str, pd.DataFrame], names: Sequence[str], *, cones_deg: Sequence[float] | None = None,
    synthetic: bool = False,
) -> Figure:  # fmt: skip
    """Draw angles to the own (filled) and to the nearest other weight (line): a column per loss, a row per class.

    The tables are those of ``geometry.own_and_nearest``; bars count in per cent of the class, on a square-root axis.
    ``cones_deg`` (C,), where given, marks the half-width of each class' training cone.
    """
    figure, axes = grid(len(names), len(measured), 1.3 + 0.72 * len(names), sharex=True, sharey=True)
    for (title, table), column in zip(measured.items(), axes.T, strict=True):
        for i, (name, panel) in enumerate(zip(names, column, strict=True)):
            rows, bars = table[table["label"] == i], {"bins": np.arange(0, 181, 6), "stat": "percent", "ax": panel}
            own = {"color": emotion_colour(name, i), "alpha": 1, "linewidth": 0}
            sns.histplot(rows["own_deg"], label="own weight", **own, **bars)
            other = {"element": "step", "fill": False, "color": "black", "linewidth": 1.2}
            sns.histplot(rows["nearest_other_deg"], label="nearest other", **other, **bars)
            if cones_deg is not None:
                panel.axvline(cones_deg[i], color="black", linestyle=":", label="training cone")
            panel.set_yscale("function", functions=(np.sqrt, np.square))  # else one high bar hides the rest
            panel.set(xlabel="angle (°)", xlim=(0, 180), xticks=(0, 60, 120, 180), ylim=(0, None), yticks=(10, 50))
            panel.set_ylabel(name, rotation=0, ha="right", va="center", visible=True)
            panel.label_outer()
        column[0].set_title(titled(title, synthetic))
    key_below(figure)
    return figure


def owned(tables: Mapping[str, pd.DataFrame], names: Sequence[str], *, synthetic: bool = False) -> Figure:
    """Draw what part (%) of all directions each class owns: means over networks with the lowest and the highest.

    ``tables`` maps a loss to its shares, a row per trained network and a column per class; ``names`` label the columns.
    """
    figure, (axes,) = panels(1, 3.8)
    low, mean, high = (
        pd.DataFrame({loss: 100 * shares.agg(how).to_numpy() for loss, shares in tables.items()}, index=names)
        for how in ("min", "mean", "max")
    )
    axes.axhline(100 / len(names), color="black", linestyle=":", linewidth=1.2, label="even")
    series(axes, mean, (low, high), dodge=0.16, linestyle="")
    axes.set(ylabel="owned share of directions, %", title=titled("who owns the sphere", synthetic))
    key_below(figure)
    return figure
