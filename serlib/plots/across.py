"""Pictures across corpora: what networks reach that learned at home, abroad, or from both."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from serlib.plots.style import grid, key_below, look, titled


def places(tables: Mapping[str, pd.DataFrame], *, chance: float, title: str, synthetic: bool = False) -> Figure:
    """Draw UA with its 95 % interval: a panel per tested corpus, a row per scaling, a mark per condition.

    ``tables`` are those of ``serlib.report.across.levels``, at least one; ``chance`` is in percent, like they.
    """
    rows = list(dict.fromkeys(row for table in tables.values() for row, _ in table.index))
    conditions = list(dict.fromkeys(condition for table in tables.values() for _, condition in table.index))
    figure, axes = grid(1, len(tables), 1.5 + 0.75 * len(rows), sharex=True, sharey=True)
    for panel, (target, table) in zip(axes[0], tables.items(), strict=True):
        for i, condition in enumerate(conditions):
            shown = table.xs(condition, level=1) if condition in table.index.get_level_values(1) else table.iloc[:0]
            heights = [rows.index(row) + 0.24 * (i - (len(conditions) - 1) / 2) for row in shown.index]
            panel.hlines(heights, shown["low"], shown["high"], color=look(i)["color"], linewidth=3, alpha=0.5)
            panel.plot(shown["pooled"], heights, linestyle="", label=condition, **look(i))
        panel.axvline(chance, color="black", linewidth=1, linestyle=":", label="chance")
        panel.set(title=f"tested on {target}", xlabel="UA, %", ylim=(len(rows) - 0.4, -0.6))
        panel.set_yticks(
            range(len(rows)), [row.replace(" own ", "\nown ").replace(" part's ", "\npart's ") for row in rows]
        )
        panel.grid(axis="y", visible=False)
    key_below(figure)
    figure.suptitle(titled(title, synthetic), x=0.01, ha="left")
    return figure
