"""Pictures that set scores side by side: a paper's ladder of variants beside the measured one, recalls by class."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from serlib.plots.style import MARKERS, SERIES_COLOURS, titled


def ladder(beside: pd.DataFrame, *, names: Mapping[str, str], measured: str, synthetic: bool = False) -> Figure:
    """Draw published UA by corpus, and what was measured with its 95 % interval, a rung per method.

    Args:
        beside: of ``protocol.table_beside``; rows of other metrics than UA are left out.
        names: method to what its rung is called, from the top rung down.
        measured: where the measured scores come from, in words.
        synthetic: say so in the title.
    """
    table, rungs = beside[beside["metric"] == "ua"], list(names)
    figure, axes = plt.subplots(figsize=(8, 1.5 + 0.5 * len(rungs)))
    for i, (corpus, rows) in enumerate(table.groupby("corpus"), 1):
        heights = [rungs.index(method) - 0.12 for method in rows["method"]]
        style = {"color": SERIES_COLOURS[i], "marker": MARKERS[i], "markersize": 8, "linestyle": ":", "linewidth": 1}
        axes.plot(rows["published"], heights, label=f"published, {corpus}", **style)
    rows = table.dropna(subset="measured").drop_duplicates("method")
    for height, row in zip([rungs.index(m) + 0.12 for m in rows["method"]], rows.itertuples(), strict=True):
        axes.plot([row.low, row.high], [height, height], color=SERIES_COLOURS[0], linewidth=3, alpha=0.4)
    heights = [rungs.index(method) + 0.12 for method in rows["method"]]
    axes.plot(rows["measured"], heights, "o-", color=SERIES_COLOURS[0], markersize=8, label=f"measured, {measured}")
    axes.set_yticks(range(len(rungs)), names.values())
    axes.set(ylim=(len(rungs) - 0.5, -0.5), xlabel="UA, %", title=titled("published | measured", synthetic))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def recalls(tables: Mapping[str, pd.DataFrame], *, title: str) -> Figure:
    """Draw each class' recall under each method, from ``scores.per_class()``; classes in the first one's order."""
    order: Sequence[str] = next(iter(tables.values()))["recall"].sort_values().index
    figure, axes = plt.subplots(figsize=(8.5, 3.6))
    spread = np.linspace(-0.24, 0.24, len(tables)) if len(tables) > 1 else [0.0]
    for i, (name, table) in enumerate(tables.items()):
        style = {"color": SERIES_COLOURS[i % len(SERIES_COLOURS)], "label": name, "markersize": 8}
        axes.plot(np.arange(len(order)) + spread[i], table.loc[order, "recall"], MARKERS[i % len(MARKERS)], **style)
    axes.set_xticks(range(len(order)), [f"{e}\n({table.at[e, 'utterances']:.0f})" for e in order])
    axes.set(ylim=(0, 100), ylabel="recall, %", xlabel="emotion (utterances)", title=title)
    axes.grid(axis="x", visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
