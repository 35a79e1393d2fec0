"""Pictures of center loss: clouds and their centres, the sweep over lambda, clusters in the course of training."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from serlib.plots.style import MARKERS, SERIES_COLOURS, emotion_colour, titled

_LABELS = {"intra": "distance to the own mean", "inter": "from mean to nearest mean", "ratio": "intra / inter"}


def cloud(
    axes: Axes, points: np.ndarray, labels: np.ndarray, names: Sequence[str], centers: np.ndarray | None = None
) -> None:
    """Draw points (N, 2) in colour and marker of their class, and the classes' centres (C, 2) as large ones."""
    for i, name in enumerate(names):
        style = {"color": emotion_colour(name, i), "marker": MARKERS[i % len(MARKERS)]}
        axes.scatter(*points[labels == i].T, 16, alpha=0.6, linewidths=0, label=name, **style)
        if centers is not None:
            axes.scatter(*centers[i], 130, edgecolors="black", linewidths=1.2, zorder=3, **style)


def clouds(panels: Mapping[str, tuple], names: Sequence[str], *, shared: bool = False, ticks: bool = True) -> Figure:
    """Draw clouds side by side: title -> (points (N, 2), labels (N,)), with or without centres (C, 2).

    ``shared`` gives all panels one scale; without ``ticks`` the axes show no numbers, for maps without units.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(3.2 * len(panels), 3.9), squeeze=False)
    everything = {title: np.concatenate([points, *centers]) for title, (points, _, *centers) in panels.items()}
    for (title, (points, labels, *centers)), panel in zip(panels.items(), axes[0], strict=True):
        cloud(panel, points, labels, names, *centers)
        shown = np.concatenate([*everything.values()]) if shared else everything[title]
        middle, reach = (shown.max(0) + shown.min(0)) / 2, 0.55 * np.ptp(shown, axis=0).max()
        panel.set(title=title, aspect="equal", **({} if ticks else {"xticks": [], "yticks": []}))
        panel.set(xlim=middle[0] + reach * np.array([-1, 1]), ylim=middle[1] + reach * np.array([-1, 1]))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(names), markerscale=2)
    return figure


def sweep(dev_ua: pd.DataFrame, clusters: pd.DataFrame, chosen: float, *, synthetic: bool = False) -> Figure:
    """Draw what lambda does: dev UA (%, a column per run) and columns of ``clusters``, both indexed by lambda.

    The recipe's lambda, ``chosen``, is marked.
    """
    figure, axes = plt.subplots(1, 1 + clusters.shape[1], figsize=(4.2 * (1 + clusters.shape[1]), 3.6))
    places = range(len(dev_ua))
    axes[0].plot(places, dev_ua, color=SERIES_COLOURS[6], linewidth=0.8, alpha=0.5)
    axes[0].plot(places, dev_ua.mean(axis=1), "o-", color=SERIES_COLOURS[0])
    axes[0].set(ylabel="UA on dev, %", title=titled("what λ is chosen by", synthetic))
    for i, (column, panel) in enumerate(zip(clusters, axes[1:], strict=True), 1):
        panel.plot(places, clusters[column], MARKERS[i] + "-", color=SERIES_COLOURS[i])
        panel.set(ylabel=f"{_LABELS.get(column, column)}, test part")
    axes[1].set_title(titled("what λ does to the clusters", synthetic))
    for panel in axes:
        panel.axvline(dev_ua.index.get_loc(chosen), color="black", linestyle=":", linewidth=1.2)
        panel.set_xticks(places, [f"{value:g}" for value in dev_ua.index])
        panel.set(xlabel="λ (dotted: the recipe's)")
    return figure


def courses(tables: Mapping[str, pd.DataFrame], *, synthetic: bool = False) -> Figure:
    """Draw measures over epochs: name -> table indexed by epoch, with columns of ``geometry.clustering``."""
    columns = next(iter(tables.values())).columns
    figure, axes = plt.subplots(1, len(columns), figsize=(3.2 * len(columns), 3.6), squeeze=False)
    for column, panel in zip(columns, axes[0], strict=True):
        for i, (name, table) in enumerate(tables.items()):
            panel.plot(table.index, table[column], MARKERS[i] + "-", color=SERIES_COLOURS[i], label=name)
        panel.set(xlabel="epoch", ylabel=_LABELS.get(column, column))
    axes[0, 0].set_title(titled("clusters, dev part", synthetic))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(tables))
    return figure
