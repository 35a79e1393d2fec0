"""Pictures of scores: confusions, intervals, speakers, learning curves, a paper's ladder, recalls by class."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from serlib.plots.style import SERIES_COLOURS, WIDTH, key_below, look, panels, series, slanted, titled
from serlib.protocol import Scores


def confusions(tables: Mapping[str, pd.DataFrame], *, synthetic: bool = False) -> Figure:
    """Draw confusion matrices: title -> row percentages (true emotions in rows), as ``confusion(normalise=True)``."""
    figure, axes = panels(len(tables), 4.1, width=WIDTH / 2 * min(2, len(tables)))
    for panel, (title, table) in zip(axes, tables.items(), strict=True):
        shown = table.map(lambda share: "–" if np.isnan(share) else f"{share:.0f}")
        scale = {"cmap": "Blues", "vmin": 0, "vmax": 100, "cbar": False, "square": True}
        sns.heatmap(table.fillna(0), annot=shown, fmt="", ax=panel, **scale)
        panel.set(xlabel="predicted", ylabel="true emotion (rows sum to 100 %)" if panel is axes[0] else "")
        panel.set_title(titled(title, synthetic))
        slanted(panel)
    return figure


def intervals(
    scores: Sequence[Scores], *, chance: float | None = None, names: Sequence[str] | None = None, width: float = WIDTH
) -> Figure:
    """Draw each method's pooled UA and its 95 % interval; hollow where some training had not come to rest.

    ``chance`` is a line, in percent; ``names`` stand for the methods'; ``width`` is the figure's, in inches.
    """
    summaries = [s.summary() for s in scores]
    figure, (axes,) = panels(1, 0.9 + 0.48 * len(scores), width=width)
    for height, (each, summary) in enumerate(zip(scores, summaries, strict=True)):
        row, style = summary.loc["UA"], look(height)
        bar = {"color": style["color"], "linewidth": 3, "alpha": 0.5, "solid_capstyle": "round"}
        axes.plot([row["low"], row["high"]], [height, height], **bar)
        face = "white" if each.converged is False else style["color"]
        axes.plot(row["pooled"], height, markerfacecolor=face, markersize=8, **style)
        place = row["pooled"], height
        axes.annotate(f"{row['pooled']:.1f}", place, (0, 8), textcoords="offset points", ha="center", fontsize=9)
    if chance is not None:
        axes.axvline(chance, color="black", linestyle=":", linewidth=1.2)
        axes.annotate("chance", (chance, len(scores) - 0.55), (4, 0), textcoords="offset points", fontsize=9)
    axes.set_yticks(range(len(scores)), names or [s.method for s in scores])
    units = dict.fromkeys(table.attrs["unit"] for table in summaries if np.isfinite(table.at["UA", "low"]))
    drawn = f"dot and 95 % interval over {', '.join(units)}" if units else "one unit each, so no interval"
    title = f"{scores[0].corpus}, {scores[0].profile} profile: {drawn}"
    hollow = "; hollow: unconverged" * any(s.converged is False for s in scores)
    axes.set(xlabel="unweighted accuracy (UA), %" + hollow, ylim=(len(scores) - 0.4, -0.7))
    figure.suptitle(titled(title, scores[0].synthetic), x=0.01, ha="left")
    return figure


def per_speaker(scores: Sequence[Scores], *, names: Sequence[str] | None = None) -> Figure:
    """Draw every speaker's WA under each method, speakers ordered by the first one's."""
    names = names or [s.method for s in scores]
    table = pd.DataFrame({name: s.per_speaker()["WA"] for name, s in zip(names, scores, strict=True)})
    figure, (axes,) = panels(1, 3.6)
    series(axes, table.sort_values(names[0]), linestyle="", markersize=8, alpha=0.85)
    title = titled(f"{scores[0].corpus}: every speaker tells another story", scores[0].synthetic)
    axes.set(xlabel="speaker", ylabel="weighted accuracy (WA), %", title=title)
    key_below(figure)
    return figure


def to_first_end(runs: pd.DataFrame, by: str) -> pd.DataFrame:
    """Cut histories (``fold``, ``seed``, ``epoch``) to the epochs that all runs of the same ``by`` reach."""
    last = runs.groupby([by, "fold", "seed"])["epoch"].max().groupby(by).min()
    return runs[runs["epoch"] <= runs[by].map(last)]


def learning_curves(scores: Sequence[Scores], *, names: Sequence[str] | None = None) -> Figure:
    """Draw by epoch the loss on the training part, and UA on dev (solid) and on the training part (dashed).

    Lines are means over runs, bands hold the middle half of them; a method's end where its first run ends, as a mean
    over the runs that go on would be one over other folds.
    """
    names = names or [s.method for s in scores]
    runs = pd.concat([s.history for s in scores], keys=names, names=["method"]).reset_index("method")
    runs[["dev_ua", "train_ua"]] *= 100
    runs = to_first_end(runs, "method")
    figure, (loss, ua) = panels(2, 3.6)
    curves = {"hue": "method", "palette": SERIES_COLOURS[: len(names)], "x": "epoch"}
    sns.lineplot(runs, y="train_loss", errorbar=("pi", 50), ax=loss, **curves)
    sns.lineplot(runs, y="dev_ua", errorbar=("pi", 50), ax=ua, **curves)
    sns.lineplot(runs, y="train_ua", errorbar=None, linestyle="--", linewidth=1.4, ax=ua, **curves)
    loss.set(ylabel="loss on the training part", title=titled("what is minimised", scores[0].synthetic))
    ua.set(ylabel="UA, %", title="dev (watched); dashed: train")
    key_below(figure)
    return figure


def ladder(beside: pd.DataFrame, *, names: Mapping[str, str], measured: str, synthetic: bool = False) -> Figure:
    """Draw published UA by corpus, and what was measured with its 95 % interval, a rung per method.

    ``beside`` is a ``protocol.table_beside``, of which UA is shown; ``names`` maps methods to what their rungs are
    called, from the top down; ``measured`` says in words where the measured scores come from.
    """
    table = beside[beside["metric"] == "ua"].assign(height=lambda rows: rows["method"].map([*names].index))
    figure, (axes,) = panels(1, 1.5 + 0.5 * len(names))
    for i, (corpus, rows) in enumerate(table.groupby("corpus"), 1):
        dots = {"label": f"published, {corpus}", "markersize": 8, "linestyle": ":", "linewidth": 1}
        axes.plot(rows["published"], rows["height"] - 0.12, **look(i), **dots)
    rows = table.dropna(subset="measured").drop_duplicates("method")
    heights = rows["height"] + 0.12
    axes.hlines(heights, rows["low"], rows["high"], color=SERIES_COLOURS[0], linewidth=3, alpha=0.4)
    axes.plot(rows["measured"], heights, markersize=8, label=f"measured, {measured}", **look(0))
    axes.set_yticks(range(len(names)), names.values())
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel="UA, %", title=titled("published | measured", synthetic))
    key_below(figure, columns=3)
    return figure


def recalls(tables: Mapping[str, pd.DataFrame], *, title: str) -> Figure:
    """Draw each class' recall under each method, from ``scores.per_class()``; classes in the first one's order."""
    first = next(iter(tables.values())).sort_values("recall")
    shown = pd.DataFrame({name: table["recall"] for name, table in tables.items()}).loc[first.index]
    figure, (axes,) = panels(1, 3.6)
    series(axes, shown, dodge=0.48 / max(1, len(tables) - 1), linestyle="", markersize=8)
    axes.set_xticks(np.arange(len(first)), [f"{emotion}\n({n:.0f})" for emotion, n in first["utterances"].items()])
    axes.set(ylim=(0, 100), ylabel="recall, %", xlabel="emotion (utterances)", title=title)
    axes.grid(axis="x", visible=False)
    key_below(figure, columns=3)
    return figure
