"""Pictures of center loss: clouds and their centres, the sweep over lambda, clusters in the course of training."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from serlib.plots.style import SERIES_COLOURS, emotion_colour, grid, key_below, look, panels, series, titled

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


def heard_unheard(
    parts: Mapping[str, tuple[np.ndarray, np.ndarray]], names: Sequence[str], centers: np.ndarray, *, title: str,
    reach: float = 1.6,
) -> Figure:  # fmt: skip
    """Draw ``parts``, the training clips and those of voices never heard, each with its ellipses, in one plane.

    A part is its title -> (points (N, 2), labels (N,)); the first is pale, the others are dark. An ellipse holds one
    standard deviation of a class of at least three points. ``centers`` (C, 2) are marked in every panel, which ends
    ``reach`` from the origin.
    """
    figure, axes = grid(1, len(parts), 4.8, sharex=True, sharey=True)
    for k, (panel, (part, (points, labels))) in enumerate(zip(axes[0], parts.items(), strict=True)):
        cloud(panel, points, labels, names, centers, s=12, alpha=0.85 if k else 0.3)
        for i, name in enumerate(names):
            own = points[labels == i]
            if len(own) > 2:
                widths, turns = np.linalg.eigh(np.cov(own.T))
                size, angle = 2 * np.sqrt(np.maximum(widths, 0)), np.degrees(np.arctan2(*turns[::-1, 1]))
                outline = {"facecolor": "none", "edgecolor": emotion_colour(name, i), "linewidth": 1.8, "zorder": 5}
                panel.add_patch(Ellipse(own.mean(0), size[1], size[0], angle=angle, **outline))
        outside = (np.abs(points) > reach).any(1).sum()
        panel.set_title(part + f" ({outside} of {len(points)} lie outside)" * bool(outside), fontsize=10)
        panel.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="1st axis of the centres")
    axes[0, 0].set_ylabel("2nd axis of the centres")
    handles, texts = axes[0, -1].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=len(names), markerscale=1.6, handletextpad=0)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def ratios(by_part: Mapping[str, pd.DataFrame], *, title: str) -> Figure:
    """Draw intra / inter over lambda: part -> its values, a row per lambda and a column per fold, which are dots."""
    figure, (axes,) = panels(1, 3.4)
    means = pd.DataFrame({part: table.mean(axis=1) for part, table in by_part.items()})
    series(axes, means.set_axis([f"{value:g}" for value in means.index]), dodge=0.12)
    for i, table in enumerate(by_part.values()):
        places = np.arange(len(table)) + 0.12 * (i - (len(by_part) - 1) / 2)
        axes.plot(places, table, ".", color=look(i)["color"], alpha=0.45, markersize=5)
    axes.axhline(1, color="black", linestyle=":", linewidth=1)
    axes.set(xlabel="λ", ylabel="intra / inter", ylim=(0, None), title=title)
    axes.legend(ncols=len(by_part))
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
    """Draw measures over the training: name -> columns of ``geometry.clustering``, indexed by the share that is over.

    Shares are in percent, the same in all tables, and stand in equal steps.
    """
    first = next(iter(tables.values()))
    columns, ticks = first.columns, range(0, len(first), max(1, (len(first) - 1) // 3))
    figure, axes = panels(len(columns), 2.9)
    for column, panel in zip(columns, axes, strict=True):
        series(panel, pd.DataFrame({name: table[column] for name, table in tables.items()}))
        panel.set_xticks(ticks, [f"{first.index[place]:.0f}" for place in ticks])
        panel.set(xlabel="share of the training, %", ylabel=_LABELS.get(column, column))
    axes[0].set_title(titled("clusters, dev part", synthetic))
    key_below(figure)
    return figure
