"""Pictures of scores: confusions, intervals, speakers, learning curves. They take Scores and never train."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from serlib.plots.style import MARKERS, SERIES_COLOURS, titled
from serlib.protocol import Scores

PERCENT = {"UA": "unweighted accuracy (UA), %", "WA": "weighted accuracy (WA), %", "macro-F1": "macro-F1, %"}


def _matrix(axes: plt.Axes, table: pd.DataFrame, title: str) -> None:
    """Draw one confusion matrix of row percentages with its numbers."""
    values = table.to_numpy(float)
    axes.imshow(values, cmap="Blues", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{value:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=10, color="white" if value > 55 else "black")
    axes.set_xticks(range(len(table.columns)), table.columns, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(table.index)), table.index)
    axes.set(xlabel="predicted", title=title)
    axes.grid(False)


def confusions(tables: Mapping[str, pd.DataFrame], *, synthetic: bool = False) -> Figure:
    """Draw confusion matrices side by side.

    Args:
        tables: title to a matrix of row percentages (true emotions in rows), as ``scores.confusion(normalise=True)``.
        synthetic: say so in the titles.
    """
    size = 1.6 + 0.52 * max(len(t) for t in tables.values())
    figure, axes = plt.subplots(1, len(tables), figsize=(size * len(tables), size), squeeze=False)
    for each, (title, table) in zip(axes[0], tables.items(), strict=True):
        _matrix(each, table, titled(title, synthetic))
    axes[0, 0].set_ylabel("true emotion (rows sum to 100 %)")
    return figure


def intervals(
    scores: Sequence[Scores], *, metric: str = "UA", chance: float | None = None, names: Sequence[str] | None = None
) -> Figure:
    """Draw each method's pooled score and its 95 % interval; hollow where some training had not come to rest.

    Args:
        scores: one or more results of the same corpus.
        metric: ``"UA"``, ``"WA"`` or ``"macro-F1"``.
        chance: a reference line, in percent.
        names: shown instead of the methods' names.
    """
    summaries = [s.summary() for s in scores]
    rows, units = [s.loc[metric] for s in summaries], dict.fromkeys(s.attrs["unit"] for s in summaries)
    figure, axes = plt.subplots(figsize=(7.5, 0.9 + 0.48 * len(rows)))
    for height, row in enumerate(rows):
        colour = SERIES_COLOURS[height % len(SERIES_COLOURS)]
        axes.plot([row["low"], row["high"]], [height, height], color=colour, lw=3, alpha=0.5, solid_capstyle="round")
        face = "white" if scores[height].converged is False else colour
        axes.plot(row["pooled"], height, MARKERS[height % len(MARKERS)], color=colour, mfc=face, ms=8)
        axes.annotate(
            f"{row['pooled']:.1f}",
            (row["pooled"], height),
            (0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=10,
        )
    if chance is not None:
        axes.axvline(chance, color="black", ls=":", lw=1.2)
        axes.annotate("chance", (chance, len(rows) - 0.55), (4, 0), textcoords="offset points", fontsize=9)
    axes.set_yticks(range(len(rows)), names or [s.method for s in scores])
    axes.set_ylim(len(rows) - 0.4, -0.7)
    title = f"{scores[0].corpus}, {scores[0].profile} profile: dot and 95 % interval over {', '.join(units)}"
    hollow = "; hollow: unconverged" * any(s.converged is False for s in scores)
    axes.set(xlabel=PERCENT[metric] + hollow, title=titled(title, scores[0].synthetic))
    return figure


def per_speaker(scores: Sequence[Scores], *, metric: str = "WA", names: Sequence[str] | None = None) -> Figure:
    """Draw every speaker's score under each method, speakers ordered by the first one's."""
    tables = [s.per_speaker()[metric] for s in scores]
    order = tables[0].sort_values().index
    figure, axes = plt.subplots(figsize=(8, 3.6))
    for index, (table, name) in enumerate(zip(tables, names or [s.method for s in scores], strict=True)):
        axes.plot(
            range(len(order)), table.loc[order], MARKERS[index % len(MARKERS)], ms=8, alpha=0.85, label=name,
            color=SERIES_COLOURS[index % len(SERIES_COLOURS)],
        )  # fmt: skip
    axes.set_xticks(range(len(order)), order)
    title = titled(f"{scores[0].corpus}: every speaker tells another story", scores[0].synthetic)
    axes.set(xlabel="speaker", ylabel=PERCENT[metric], title=title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def learning_curves(scores: Sequence[Scores], *, names: Sequence[str] | None = None) -> Figure:
    """Draw by epoch the loss on the training part, and UA on dev (solid) and on the training part (dashed).

    Lines are means over runs, bands go from the lowest to the highest.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6))
    for index, (each, name) in enumerate(zip(scores, names or [s.method for s in scores], strict=True)):
        colour = SERIES_COLOURS[index % len(SERIES_COLOURS)]
        for panel, (column, factor) in zip(axes, (("train_loss", 1), ("dev_ua", 100)), strict=True):
            courses = factor * each.history.groupby("epoch")[column].agg(["mean", "min", "max"])
            panel.plot(courses.index, courses["mean"], color=colour, label=name)
            panel.fill_between(courses.index, courses["min"], courses["max"], color=colour, alpha=0.12, lw=0)
        axes[1].plot(100 * each.history.groupby("epoch")["train_ua"].mean(), color=colour, ls="--", lw=1.4)
    axes[0].set(
        xlabel="epoch", ylabel="loss on the training part", title=titled("what is minimised", scores[0].synthetic)
    )
    axes[1].set(xlabel="epoch", ylabel="UA, %", title="dev (watched) and, dashed, training part")
    axes[0].legend()
    return figure
