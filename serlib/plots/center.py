"""Pictures of center loss: clouds and their centres, the sweep over lambda, clusters in the course of training."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from serlib.plots.style import SERIES_COLOURS, key_below, look, panels, series, titled

_LABELS = {"intra": "distance to the own mean", "inter": "from mean to nearest mean", "ratio": "intra / inter"}


def cloud(
    axes: Axes, points: np.ndarray, labels: np.ndarray, names: Sequence[str], centers: np.ndarray | None = None,
    **options: object,
) -> None:  # fmt: skip
    """Draw points (N, 2) in colour and marker of their class, and the classes' centres (C, 2) as large ones.

    ``options``: of ``scatter``, for the points.
    """
    for i, name in enumerate(names):
        style, own = look(i, name), labels == i
        dots = {"s": 16, "alpha": 0.6, "linewidths": 0, "label": name, "zorder": 3 - own.mean()}  # small ones on top
        axes.scatter(*points[own].T, **dots | style | options)
        if centers is not None:
            axes.scatter(*centers[i], 130, edgecolors="black", linewidths=1.2, zorder=4, **style)


def clouds(maps: Mapping[str, tuple], names: Sequence[str], *, shared: bool = False, ticks: bool = True) -> Figure:
    """Draw clouds side by side: title -> (points (N, 2), labels (N,)), with or without centres (C, 2).

    ``shared`` gives all panels one scale; without ``ticks`` the axes show no numbers, for maps without units.
    """
    figure, axes = panels(len(maps), 3)
    spans = {title: np.concatenate([points, *centers]) for title, (points, _, *centers) in maps.items()}
    for (title, (points, labels, *centers)), panel in zip(maps.items(), axes, strict=True):
        cloud(panel, points, labels, names, *centers)
        shown = np.concatenate([*spans.values()]) if shared else spans[title]
        middle, reach = (shown.max(0) + shown.min(0)) / 2, 0.55 * np.ptp(shown, axis=0).max()
        panel.set(title=title, aspect="equal", **({} if ticks else {"xticks": [], "yticks": []}))
        panel.set(xlim=middle[0] + reach * np.array([-1, 1]), ylim=middle[1] + reach * np.array([-1, 1]))
    key_below(figure, columns=len(names), markerscale=2, columnspacing=1, handletextpad=0)
    return figure


def sweep(
    dev_ua: pd.DataFrame, clusters: pd.DataFrame, chosen: float, *, runs: Mapping[str, pd.DataFrame] | None = None,
    synthetic: bool = False,
) -> Figure:  # fmt: skip
    """Draw what lambda does: dev UA (%, a column per run) and columns of ``clusters``, both indexed by lambda.

    ``runs`` has, by column of ``clusters``, what single runs say: a column per run, drawn thin like those of dev UA.
    The recipe's lambda, ``chosen``, is marked.
    """
    figure, axes = panels(1 + clusters.shape[1], 3.2)
    for panel, single in zip(axes, [dev_ua, *((runs or {}).get(column) for column in clusters)], strict=True):
        if single is not None:
            panel.plot(range(len(single)), single, color=SERIES_COLOURS[6], linewidth=0.8, alpha=0.5)
    for i, (column, panel) in enumerate(zip([dev_ua.mean(axis=1), *clusters.T.to_numpy()], axes, strict=True)):
        series(panel, pd.DataFrame({"": column}, index=dev_ua.index), first=i)
        panel.set_xticks(range(len(dev_ua)), [f"{value:g}" for value in dev_ua.index], rotation=40)
        panel.axvline(dev_ua.index.get_loc(chosen), color="black", linestyle=":", linewidth=1.2)
        panel.set_xlabel("λ (dotted: the recipe's)")
    axes[0].set(ylabel="UA on dev, %", title=titled("λ and UA", synthetic))
    axes[1].set_title(titled("λ and clusters", synthetic))
    for column, panel in zip(clusters, axes[1:], strict=True):
        panel.set_ylabel(f"{_LABELS.get(column, column)}, test part")
    return figure


def courses(tables: Mapping[str, pd.DataFrame], *, synthetic: bool = False) -> Figure:
    """Draw measures over epochs: name -> table indexed by epoch, with columns of ``geometry.clustering``."""
    columns = next(iter(tables.values())).columns
    figure, axes = panels(len(columns), 2.9)
    for column, panel in zip(columns, axes, strict=True):
        series(panel, pd.DataFrame({name: table[column] for name, table in tables.items()}))
        panel.set(xlabel="epoch", ylabel=_LABELS.get(column, column))
    axes[0].set_title(titled("clusters, dev part", synthetic))
    key_below(figure)
    return figure
