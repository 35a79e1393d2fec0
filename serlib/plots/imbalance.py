"""Pictures of controlled imbalance: what moving the cut trades, loss by loss."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from serlib.plots.style import key_below, look, panels, titled


def trade_offs(
    curves: Mapping[str, Mapping[str, np.ndarray]], *, moved: int | None = None, synthetic: bool = False
) -> Figure:  # fmt: skip
    """Draw the recall of small classes over WA while the cut moves: a panel per condition, a curve per loss.

    Args:
        curves: condition -> loss -> points (K, 2) of ``serlib.protocol.cut.trade_off``; the first is as trained.
        moved: which point a hollow mark shows, such as that of tau 1, of curves that reach it; None: none.
        synthetic: whether no human spoke.
    """
    figure, axes = panels(len(curves), 3.0)
    for panel, (condition, lines) in zip(axes, curves.items(), strict=True):
        for i, (loss, points) in enumerate(lines.items()):
            style = look(i)
            panel.plot(*points.T, color=style["color"], linewidth=1.3)
            panel.plot(*points[:1].T, linestyle="", markersize=7, label=loss, **style)
            if moved is not None and moved < len(points):
                panel.plot(*points[[moved]].T, linestyle="", markersize=7, **style | {"markerfacecolor": "white"})
        panel.set(xlabel="WA at training shares, %", title=titled(condition, synthetic))
    axes[0].set_ylabel("recall of small classes, %")
    key_below(figure, columns=3)
    return figure
