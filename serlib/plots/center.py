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
    size = (3.3 * len(panels), 3.8)
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharex=shared, sharey=shared, squeeze=False)
    for (title, (points, labels, *centers)), panel in zip(panels.items(), axes[0], strict=True):
        cloud(panel, points, labels, names, *centers)
        panel.set(title=title, **({} if ticks else {"xticks": [], "yticks": []}))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(names), markerscale=2)
    return figure


def sweep(dev_ua: pd.DataFrame, clusters: pd.DataFrame, chosen: float, *, synthetic: bool = False) -> Figure:
    """Draw what lambda does, both tables indexed by it; the recipe's, ``chosen``, is marked.

    Args:
        dev_ua: in percent, a column per fold (and seed).
        clusters: columns ``ratio`` and ``silhouette``, of test embeddings.
        chosen: a value of the index.
        synthetic: say so in the title.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8))
    places = range(len(dev_ua))
    left.plot(places, dev_ua, color=SERIES_COLOURS[6], linewidth=0.8, alpha=0.5)
    left.plot(places, dev_ua.mean(axis=1), "o-", color=SERIES_COLOURS[0], label="mean over folds")
    right.plot(places, clusters["ratio"], "s-", color=SERIES_COLOURS[1], label="intra / inter: less is tighter")
    right.plot(places, clusters["silhouette"], "^-", color=SERIES_COLOURS[2], label="silhouette: more is tighter")
    left.set(ylabel="UA on dev, %", title=titled("what λ is chosen by", synthetic))
    right.set(ylabel="measure, test part", title=titled("what λ does to the clusters", synthetic))
    for panel in (left, right):
        panel.axvline(dev_ua.index.get_loc(chosen), color="black", linestyle=":", linewidth=1.2)
        panel.set_xticks(places, [f"{value:g}" for value in dev_ua.index])
        panel.set(xlabel="λ (dotted: the recipe's)")
        panel.legend()
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
