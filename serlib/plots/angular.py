"""Pictures of paper 000: what imbalance costs, segments, shapes in a network, gains, measured angles and shares."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.stats import norm

from serlib.plots.style import SERIES_COLOURS, emotion_colour, grid, key_below, panels, series, titled


def best_cut(gap: float, ratio: float) -> tuple[float, float, float]:
    """Return where most of two overlapping classes is right, and both recalls: (cut, large, small).

    The classes are normal with deviation 1, the large one at -gap/2 and the small one at +gap/2; there are ``ratio``
    times as many of the large one. Their densities, so weighted, cross at ln(ratio)/gap.
    """
    cut = np.log(ratio) / gap
    return float(cut), float(norm.cdf(gap / 2 + cut)), float(norm.cdf(gap / 2 - cut))


def cost_of_imbalance(gap: float, ratios: Sequence[float]) -> Figure:
    """Draw two classes at the last of ``ratios`` with the best cut, and recalls, UA and WA (%) over all of them."""
    figure, (bells, lines) = panels(2, 3.6)
    x, top = np.linspace(-gap / 2 - 3, gap / 2 + 3, 300), ratios[-1]
    for side, weight, colour, name in ((-1, top, SERIES_COLOURS[0], "large"), (1, 1, SERIES_COLOURS[1], "small")):
        density = weight / (top + 1) * norm.pdf(x, side * gap / 2)
        bells.fill_between(x, density, color=colour, alpha=0.3, linewidth=0)
        if side > 0:  # what the cut of the best WA loses of it
            lost = {"where": x < best_cut(gap, top)[0], "facecolor": "none", "hatch": "////", "linewidth": 0}
            bells.fill_between(x, density, edgecolor=colour, label="lost", **lost)
        bells.plot(x, density, color=colour, label=f"{name} class")
    for cut, line, name in ((0, ":", "fair cut"), (best_cut(gap, top)[0], "--", "cut with the best WA")):
        bells.axvline(cut, color="black", linestyle=line, linewidth=1.5, label=name)
    bells.set(xlabel="feature", yticks=[], title=f"large : small = {top:g} : 1")
    bells.legend(fontsize=8, loc="upper right", frameon=True, framealpha=1)
    table = pd.DataFrame({f"{r:g} : 1": best_cut(gap, r)[1:] for r in ratios}, ["recall, large", "recall, small"]).T
    parts = np.asarray(ratios) / (np.asarray(ratios) + 1)
    wa = parts * table["recall, large"] + (1 - parts) * table["recall, small"]
    series(lines, 100 * table.assign(UA=table.mean(axis=1), WA=wa))
    lines.set(xlabel="large : small", ylabel="%", ylim=(0, 102), title="at the cut with the best WA")
    lines.legend(ncols=2, loc="lower left")
    return figure


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
                axes.annotate(
                    "", (place - 0.38, 0), (place - 0.58, 0), arrowprops={"arrowstyle": "->", "color": "grey"}
                )
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


def gains(table: pd.DataFrame, *, corpus: str, unit: str, synthetic: bool = False) -> Figure:
    """Draw published and measured differences to the same network with softmax, a panel per network.

    ``table`` has columns network, variant, published (NaN where not printed), measured, low, high, in points.
    """
    groups = list(table.groupby("network", sort=False))
    height = 1.6 + 0.34 * max(len(rows) for _, rows in groups)
    figure, axes = panels(len(groups), height, sharex=True)
    for panel, (network, rows) in zip(axes, groups, strict=True):
        places = np.arange(len(rows))
        panel.axvline(0, color="black", linewidth=1)
        panel.plot(rows["published"], places - 0.14, "D", color="grey", mfc="white", label="published, IEMOCAP")
        panel.hlines(places + 0.14, rows["low"], rows["high"], color=SERIES_COLOURS[0], linewidth=3, alpha=0.45)
        panel.plot(rows["measured"], places + 0.14, "o", color=SERIES_COLOURS[0], label=f"measured, {corpus}")
        panel.set_yticks(places, rows["variant"])
        panel.set(xlabel=unit, title=titled(network, synthetic), ylim=(len(rows) - 0.4, -0.6))
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
