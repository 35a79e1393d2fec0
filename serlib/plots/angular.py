"""Pictures of paper 000: what imbalance costs, segments, shapes in a network, gains, measured angles and shares."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.stats import norm

from serlib.plots.style import MARKERS, SERIES_COLOURS, emotion_colour, titled


def best_cut(gap: float, ratio: float) -> tuple[float, float, float]:
    """Return where most of two overlapping classes is right, and both recalls: (cut, large, small).

    The classes are normal with deviation 1, the large one at -gap/2 and the small one at +gap/2; there are ``ratio``
    times as many of the large one. Their densities, so weighted, cross at ln(ratio)/gap.
    """
    cut = np.log(ratio) / gap
    return float(cut), float(norm.cdf(gap / 2 + cut)), float(norm.cdf(gap / 2 - cut))


def cost_of_imbalance(gap: float, ratios: Sequence[float]) -> Figure:
    """Draw two classes at the last of ``ratios`` with the best cut, and recalls, UA and WA (%) over all of them."""
    figure, (bells, lines) = plt.subplots(1, 2, figsize=(10, 3.8))
    x, top = np.linspace(-gap / 2 - 3, gap / 2 + 3, 300), ratios[-1]
    for side, weight, colour, name in ((-1, top, SERIES_COLOURS[0], "large"), (1, 1, SERIES_COLOURS[1], "small")):
        density = weight / (top + 1) * norm.pdf(x, side * gap / 2)
        bells.fill_between(x, density, color=colour, alpha=0.3, linewidth=0)
        bells.plot(x, density, color=colour, label=f"{name} class")
    for cut, line, name in ((0, ":", "fair cut"), (best_cut(gap, top)[0], "--", "cut with the best WA")):
        bells.axvline(cut, color="black", linestyle=line, linewidth=1.5, label=name)
    bells.set(xlabel="feature", yticks=[], title=f"large : small = {top:g} : 1")
    bells.legend(fontsize=9)
    large, small = 100 * np.array([best_cut(gap, ratio)[1:] for ratio in ratios]).T
    parts = np.asarray(ratios) / (np.asarray(ratios) + 1)
    ua, wa = (large + small) / 2, parts * large + (1 - parts) * small
    rows = {"recall, large": large, "recall, small": small, "UA": ua, "WA": wa}
    for i, (name, values) in enumerate(rows.items()):
        lines.plot(range(len(ratios)), values, MARKERS[i] + "-", color=SERIES_COLOURS[i], label=name)
    lines.set_xticks(range(len(ratios)), [f"{ratio:g} : 1" for ratio in ratios])
    lines.set(xlabel="large : small", ylabel="%", ylim=(0, 102), title="at the cut with the best WA")
    lines.legend(ncols=2, loc="lower left")
    return figure


def segments(
    signal: np.ndarray, starts: Mapping[str, Sequence[float]], *, rate_hz: int, seconds: float, title: str, colour: str
) -> Figure:
    """Draw a waveform (samples,) over bars of ``seconds`` at ``starts`` (s), a group per name."""
    rows = 0.23 * sum(map(len, starts.values()))
    figure, (wave, bars) = plt.subplots(2, 1, figsize=(9, 2 + rows), sharex=True, height_ratios=(1.4, rows))
    wave.plot(np.arange(len(signal)) / rate_hz, signal, color=colour, linewidth=0.6)
    wave.set(ylabel="amplitude", title=title)
    height, ticks = 0, {}
    for i, (name, places) in enumerate(starts.items()):
        ticks[f"{name}: {len(places)}"] = height + (len(places) - 1) / 2
        for place in places:
            bars.barh(height, seconds, left=place, height=0.8, color=SERIES_COLOURS[i], alpha=0.75)
            height += 1
    bars.axvline(len(signal) / rate_hz, color="black", linestyle=":", linewidth=1.5)
    bars.set_yticks(list(ticks.values()), list(ticks))
    bars.set(xlabel="time (s); dotted: the end of the utterance", ylim=(height - 0.4, -0.6))
    bars.grid(axis="y", visible=False)
    return figure


def shapes(networks: Mapping[str, Sequence[tuple[str, tuple[int, ...]]]]) -> Figure:
    """Draw what flows through networks, a row each, as (step, shape).

    A shape is (channels, frequency, time), (time, numbers) or (numbers,). Up is frequency or numbers, across is time,
    both as square roots so that the small ones can be seen; sheets are channels.
    """
    figure, rows = plt.subplots(len(networks), 1, figsize=(11, 2.7 * len(networks)), squeeze=False)
    for (title, steps), axes in zip(networks.items(), rows[:, 0], strict=True):
        for place, (step, shape) in enumerate(steps):
            _stack(axes, place, shape)
            axes.text(place, -0.72, f"{step}\n{' × '.join(map(str, shape))}", ha="center", va="top", fontsize=9)
        for place in range(len(steps) - 1):
            axes.annotate(
                "", (place + 0.62, 0), (place + 0.42, 0), arrowprops={"arrowstyle": "->", "color": SERIES_COLOURS[6]}
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
    size = (5 * len(groups), 1.6 + 0.34 * max(len(rows) for _, rows in groups))
    figure, axes = plt.subplots(1, len(groups), figsize=size, sharex=True, squeeze=False)
    for panel, (network, rows) in zip(axes[0], groups, strict=True):
        places = np.arange(len(rows))
        panel.axvline(0, color="black", linewidth=1)
        panel.plot(rows["published"], places - 0.14, "D", color="grey", mfc="white", label="published, IEMOCAP")
        panel.hlines(places + 0.14, rows["low"], rows["high"], color=SERIES_COLOURS[0], linewidth=3, alpha=0.45)
        panel.plot(rows["measured"], places + 0.14, "o", color=SERIES_COLOURS[0], label=f"measured, {corpus}")
        panel.set_yticks(places, rows["variant"])
        panel.set(xlabel=unit, title=titled(network, synthetic), ylim=(len(rows) - 0.4, -0.6))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def angle_grid(measured: Mapping[str, pd.DataFrame], names: Sequence[str], *, synthetic: bool = False) -> Figure:
    """Draw angles to the own (filled) and to the nearest other weight (line): a column per loss, a row per class.

    The tables are those of ``geometry.own_and_nearest``; bars count in per cent of the class.
    """
    size = (1.2 + 2.9 * len(measured), 1.3 + 0.72 * len(names))
    figure, axes = plt.subplots(len(names), len(measured), figsize=size, sharex=True, sharey=True, squeeze=False)
    bins = np.arange(0, 181, 6)
    for (title, table), column in zip(measured.items(), axes.T, strict=True):
        for i, (name, panel) in enumerate(zip(names, column, strict=True)):
            rows = table[table["label"] == i]
            each = np.full(len(rows), 100 / max(1, len(rows)))
            panel.hist(rows["own_deg"], bins, weights=each, color=emotion_colour(name, i))
            panel.hist(rows["nearest_other_deg"], bins, weights=each, histtype="step", color="black", linewidth=1.2)
            panel.set(yticks=[])
        column[0].set_title(titled(title, synthetic), fontsize=11)
        column[-1].set(xlabel="angle (°)", xlim=(0, 180), xticks=(0, 60, 120, 180))
    for name, panel in zip(names, axes[:, 0], strict=True):
        panel.set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


def owned(tables: Mapping[str, pd.DataFrame], names: Sequence[str], *, synthetic: bool = False) -> Figure:
    """Draw what part (%) of all directions each class owns: means over networks with the lowest and the highest.

    ``tables`` maps a loss to its shares, a row per trained network and a column per class; ``names`` label the columns.
    """
    figure, axes = plt.subplots(figsize=(8.5, 3.8))
    for i, (loss, shares) in enumerate(tables.items()):
        places = np.arange(len(names)) + 0.16 * (i - (len(tables) - 1) / 2)
        low, mean, high = 100 * shares.min(), 100 * shares.mean(), 100 * shares.max()
        style = {"color": SERIES_COLOURS[i], "marker": MARKERS[i], "linestyle": "", "capsize": 3}
        axes.errorbar(places, mean, [mean - low, high - mean], label=loss, **style)
    axes.axhline(100 / len(names), color="black", linestyle=":", linewidth=1.2, label="even")
    axes.set_xticks(range(len(names)), names)
    axes.set(ylabel="owned share of directions, %", title=titled("who owns the sphere", synthetic))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def trade_off(table: pd.DataFrame, curves: Mapping[str, np.ndarray], *, synthetic: bool = False) -> Figure:
    """Draw recall of the small classes over WA: a panel per condition, a mark with intervals per loss, and a curve.

    ``table`` has columns condition, loss, wa, wa_low, wa_high, recall, recall_low and recall_high (%); ``curves`` are
    (n, 2) points (WA, recall) of each condition, from one network whose cut is moved.
    """
    size = (1 + 2.4 * len(curves), 4)
    figure, axes = plt.subplots(1, len(curves), figsize=size, sharex=True, sharey=True, squeeze=False)
    for panel, (condition, rows) in zip(axes[0], table.groupby("condition", sort=False), strict=True):
        panel.plot(*curves[condition].T, color=SERIES_COLOURS[6], label="softmax, cut moved")
        for i, row in enumerate(rows.to_dict("records")):
            errors = [[[row[k] - row[f"{k}_low"]], [row[f"{k}_high"] - row[k]]] for k in ("recall", "wa")]
            style = {"marker": MARKERS[i], "color": SERIES_COLOURS[i], "elinewidth": 1, "linestyle": ""}
            panel.errorbar(row["wa"], row["recall"], *errors, label=row["loss"], **style)
        panel.set(xlabel="WA, %", title=titled(condition, synthetic))
    axes[0, 0].set_ylabel("recall of the small classes, %")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return figure
