"""Pictures of losses on equal terms: differences to softmax, power, reliability, and the angles of wrong answers."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.special import stdtrit
from scipy.stats import nct

from serlib.plots.style import PALE, SERIES_COLOURS, WIDTH, grid, key_below, panels, titled
from serlib.protocol import Scores
from serlib.protocol.intervals import LEVEL, POWER

VERDICTS = {"better": SERIES_COLOURS[0], "worse": SERIES_COLOURS[1], "open": SERIES_COLOURS[6]}


def forest(
    grounds: Mapping[str, pd.DataFrame], seeds: Mapping[str, pd.DataFrame], *, title: str, part: str | None = None,
    synthetic: bool = False, width: float = WIDTH, sharex: bool = True,
) -> Figure:  # fmt: skip
    """Draw differences in points of UA, a panel per ground and a row per contrast, coloured by verdict.

    Args:
        grounds: up to three; title -> rows of ``compare_family``, contrasts in the same order in each.
        seeds: title -> the same differences of single seeds, (contrasts, seeds), as small dots; may lack some.
        title: of the figure.
        part: the contrast above which a line parts the rows; None, or one that is not there: no line.
        synthetic: whether no human spoke.
        width: of the figure, in inches.
        sharex: whether all panels have one scale; without, small differences on one ground can be seen beside large.
    """
    rows = list(dict.fromkeys(contrast for table in grounds.values() for contrast in table.index))
    figure, axes = grid(1, len(grounds), 1.3 + 0.33 * len(rows), width=width, sharex=sharex, sharey=True)
    for panel, (name, table) in zip(axes[0], grounds.items(), strict=True):
        panel.axvline(0, color="black", linewidth=1)
        if part in rows:
            panel.axhline(rows.index(part) - 0.4, color="black", linewidth=0.6, linestyle=":")
        for contrast, row in table.iterrows():
            place, word = rows.index(contrast), row["verdict"].partition(":")[0]
            colour, dots = VERDICTS.get(word, PALE), seeds.get(name, pd.DataFrame()).T.get(contrast, pd.Series())
            panel.plot(dots, np.full(len(dots), place + 0.27), ".", color=colour, markersize=4, alpha=0.45)
            panel.hlines(place, row["low"], row["high"], color=colour, linewidth=3, alpha=0.5)
            panel.plot(row["effect"], place, "o", color=colour, mfc=colour if word in ("better", "worse") else "white")
        panel.set(title=name, xlabel="points of UA", ylim=(len(rows) - 0.4, -0.7))
        panel.set_yticks(range(len(rows)), rows)
        panel.grid(axis="y", visible=False)
    for word, colour in (VERDICTS | {"undecidable or not compared": PALE}).items():
        axes[0, 0].plot([], [], "o", color=colour, mfc=colour if word in ("better", "worse") else "white", label=word)
    if any(dots.size for dots in seeds.values()):
        axes[0, 0].plot([], [], ".", color="black", markersize=4, label="a single seed")
    key_below(figure, columns=5 if width == WIDTH else 3)
    figure.suptitle(titled(title, synthetic), x=0.01, ha="left")
    return figure


def standard_error(low: float, high: float, units: int) -> float:
    """Return the standard error behind the ends of a 95 % interval of Student's t over so many units."""
    return (high - low) / 2 / stdtrit(units - 1, 1 - LEVEL / 2)


def power(effect: np.ndarray, error: float, units: int) -> np.ndarray:
    """Return the chance (0 to 1) that a true effect is told from zero at the 5 % level by a t-test over ``units``.

    ``effect`` and ``error``, its standard error, are in the same unit; fewer than two units, or no error: ValueError.
    """
    if units < 2 or not error > 0:
        raise ValueError(f"{units} units and a standard error of {error}; needed are at least 2, and one above 0")
    limit, shift = stdtrit(units - 1, 1 - LEVEL / 2), np.abs(effect) / error
    # the other tail's chance vanishes where scipy cannot compute it
    return nct.sf(limit, units - 1, shift) + np.nan_to_num(nct.cdf(-limit, units - 1, shift))


def power_curves(errors: Mapping[str, tuple[float, int]], *, synthetic: bool = False) -> Figure:
    """Draw the chance to see a difference over its size: name -> standard error in points, and units."""
    reach = 4.5 * max(error for error, _ in errors.values())
    effects = np.linspace(0, reach, 200)
    figure, (axes,) = panels(1, 3.4)
    for i, (name, (error, units)) in enumerate(errors.items()):
        style = {"color": SERIES_COLOURS[i], "linestyle": ("-", "--", ":", "-.")[i % 4]}
        axes.plot(effects, 100 * power(effects, error, units), label=name, **style)
    axes.axhline(100 * POWER, color="black", linewidth=1, linestyle=":")
    axes.set(xlabel="true difference, points of UA", ylabel="told from zero, % of studies", ylim=(0, 101))
    axes.set(xlim=(0, reach), title=titled("what such a study can see", synthetic))
    axes.legend(loc="lower right")
    return figure


def reliabilities(diagrams: Mapping[str, Mapping[str, pd.DataFrame]], *, synthetic: bool = False) -> Figure:
    """Draw the share of right answers over confidence: a panel per title, a line per name, from ``reliability``.

    The area of a mark grows with the predictions in its bin; bins of fewer than five are not drawn.
    """
    figure, axes = panels(len(diagrams), 3.1, sharex=True, sharey=True)
    for panel, (title, lines) in zip(axes, diagrams.items(), strict=True):
        panel.plot([0, 100], [0, 100], color="black", linewidth=1, linestyle=":")
        for i, (name, table) in enumerate(lines.items()):
            shown = 100 * table.loc[table["predictions"] >= 5, ["confidence", "right"]]
            sizes = 120 * table.loc[shown.index, "predictions"] / table["predictions"].sum()
            panel.plot(*shown.to_numpy().T, color=SERIES_COLOURS[i], linewidth=1.4, label=name)
            panel.scatter(*shown.to_numpy().T, s=8 + sizes, color=SERIES_COLOURS[i])
        panel.set(title=titled(title, synthetic), xlabel="confidence, %", xlim=(0, 102), ylim=(0, 102))
    axes[0].set_ylabel("right, %")
    key_below(figure)
    return figure


def angles(table: pd.DataFrame, *, title: str, synthetic: bool = False) -> Figure:
    """Draw angles between embeddings and the weights they are taken for, right and wrong answers apart, by loss.

    ``table`` has columns ``loss``, ``right`` and ``degrees``, a row per prediction. Bars hold the middle half, thin
    lines the middle nine tenths, marks are medians.
    """
    losses = list(dict.fromkeys(table["loss"]))
    figure, (axes,) = panels(1, 1.2 + 0.4 * len(losses))
    for i, (right, label) in enumerate({True: "right answers", False: "wrong answers"}.items()):
        shares = table[table["right"] == right].groupby("loss")["degrees"].quantile([0.05, 0.25, 0.5, 0.75, 0.95])
        wide = shares.unstack()
        heights, colour = np.array([losses.index(loss) for loss in wide.index]) - 0.17 + 0.34 * i, SERIES_COLOURS[i]
        axes.hlines(heights, wide[0.05], wide[0.95], color=colour, linewidth=1)
        axes.hlines(heights, wide[0.25], wide[0.75], color=colour, linewidth=5, alpha=0.5)
        axes.plot(wide[0.5], heights, "os"[i], color=colour, label=label)
    axes.set_yticks(range(len(losses)), losses)
    axes.set(xlabel="angle to the weight that it is taken for (°)", ylim=(len(losses) - 0.4, -0.6))
    axes.set_title(titled(title, synthetic))
    key_below(figure)
    return figure


def widths(
    networks: Mapping[str, Mapping[str, Mapping[int, Scores]]], full: Mapping[str, tuple[int, Scores | None]], *,
    title: str, synthetic: bool = False,
) -> Figure:  # fmt: skip
    """Draw UA over the number of filters: a panel per network, a line per recipe, with 95 % intervals and seeds.

    ``full``: network -> the paper's number of filters, a dotted line, and what was scored at the paper's full size
    (resolution and length too, which is why no line leads there), a hollow mark; None: no mark.
    """
    figure, axes = panels(len(networks), 3.4, sharey=True)
    for panel, (name, recipes) in zip(axes, networks.items(), strict=True):
        at, complete = full[name]
        for i, (recipe, found) in enumerate(recipes.items()):
            rows, away = pd.DataFrame({n: s.summary().loc["UA"] for n, s in found.items()}).T, 1 + 0.03 * i
            style = {"color": SERIES_COLOURS[i], "marker": "os"[i % 2]}
            error = [rows["pooled"] - rows["low"], rows["high"] - rows["pooled"]]
            panel.errorbar(rows.index * away, rows["pooled"], error, label=recipe, elinewidth=1, **style)
            for n, scores in found.items():
                dots = scores.spread_over_seeds()
                panel.plot(
                    np.full(len(dots), n * away * 1.06), dots, ".", color=style["color"], markersize=4, alpha=0.45
                )
        if complete is not None:
            row = complete.summary().loc["UA"]
            error = [[row["pooled"] - row["low"]], [row["high"] - row["pooled"]]]
            beside = at / 1.08 if any(at in found for found in recipes.values()) else at
            panel.errorbar(beside, row["pooled"], error, fmt="D", color=SERIES_COLOURS[2], mfc="white", elinewidth=1,
                           label="full size")  # fmt: skip
        panel.axvline(at, color="black", linewidth=1, linestyle=":")
        ticks = sorted({n for found in recipes.values() for n in found} | {at})
        panel.set_xscale("log", base=2)
        panel.set_xticks(ticks, ticks)
        panel.set(title=name, xlabel="filters in the first stage")
    axes[0].set_ylabel("UA, %")
    key_below(figure, columns=3)
    figure.suptitle(titled(title, synthetic), x=0.01, ha="left")
    return figure
