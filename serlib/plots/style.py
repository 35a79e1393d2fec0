"""One look for every picture: colours that survive colour blindness, letters that survive the page, stable files.

Emotions are vivid, one colour each, the same everywhere; methods, losses and other series are muted and mostly dark.
Neither is taken for the other, and each is 3 : 1 against white, on which all pictures stand, on a dark page too.
"""

from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from serlib.files import write_whole

EMOTION_COLOURS = {
    "anger": "#D21A22", "boredom": "#0198E3", "disgust": "#01A658", "fear": "#A03AA5", "happiness": "#C28603",
    "neutral": "#606060", "sadness": "#2942D3",
    "calm": "#018A86", "contempt": "#7C4A00", "excitement": "#F62679", "frustration": "#765FC2", "surprise": "#8A983C",
}  # fmt: skip
SERIES_COLOURS = ("#1D4477", "#82302B", "#466D4A", "#633758", "#837131", "#6A90AA", "#313131", "#000000")
PALE = "#949494"  # of what is out of play
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
WIDTH = 7.36  # inches: the report's text column; a wider figure is shrunk there, and its letters with it
_SETTINGS = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.dpi": 160,
    "savefig.bbox": "tight",
    "font.size": 10,
    "axes.titlesize": 11,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 2.0,
    "axes.prop_cycle": mpl.cycler(color=SERIES_COLOURS),
    "svg.hashsalt": "serlib",
    "svg.fonttype": "path",
    "figure.constrained_layout.use": True,
}


def apply_style() -> None:
    """Set the look for every figure drawn from here on."""
    mpl.rcParams.update(_SETTINGS)


def emotion_colour(emotion: str, index: int = 0) -> str:
    """Return the colour of an emotion; a corpus' own class gets a rare emotion's, by its ``index`` from the end."""
    return EMOTION_COLOURS.get(emotion) or [*EMOTION_COLOURS.values()][-1 - index % len(EMOTION_COLOURS)]


def look(index: int, emotion: str = "") -> dict[str, str]:
    """Return colour and marker of the ``index``-th series or, where it is named, of an emotion."""
    colour = emotion_colour(emotion, index) if emotion else SERIES_COLOURS[index % len(SERIES_COLOURS)]
    return {"color": colour, "marker": MARKERS[index % len(MARKERS)]}


def titled(text: str, synthetic: bool) -> str:
    """Return a title that says, once, when no human spoke."""
    return f"{text} · synthetic" if synthetic and "synthetic" not in text else text


def grid(rows: int, columns: int, height: float, *, width: float = WIDTH, **options: object) -> tuple:
    """Return a figure (sizes in inches) and its axes (rows, columns); ``options`` are those of ``plt.subplots``."""
    return plt.subplots(rows, columns, figsize=(width, height), squeeze=False, **options)


def panels(count: int, height: float, **options: object) -> tuple[Figure, list[Axes]]:
    """Return a ``grid`` of ``count`` panels: three in a row, two where they are two or four; ``height`` is a row's."""
    columns = {1: 1, 2: 2, 4: 2}.get(count, 3)
    rows = -(-count // columns)
    figure, axes = grid(rows, columns, rows * height, **options)
    for spare in axes.flat[count:]:
        spare.remove()
    return figure, list(axes.flat[:count])


def key_below(figure: Figure, *, columns: int = 4, **options: object) -> None:
    """Put the first panel's key below all panels, in place of their own ones."""
    for own in filter(None, (axes.get_legend() for axes in figure.axes)):
        own.remove()
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=columns, **options)


def slanted(axes: Axes) -> None:
    """Turn the labels of the horizontal axis, so that long ones fit."""
    plt.setp(axes.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")


def series(
    axes: Axes, table: pd.DataFrame, ends: tuple[pd.DataFrame, pd.DataFrame] | None = None, *, first: int = 0,
    dodge: float = 0.0, **options: object,
) -> None:  # fmt: skip
    """Draw each column of a table over its rows in equal steps, with error bars between the two tables ``ends``.

    ``first`` counts colours and markers on from there; ``dodge`` sets columns apart, in steps.
    """
    for i, (name, column) in enumerate(table.items()):
        places = np.arange(len(table)) + dodge * (i - (table.shape[1] - 1) / 2)
        errors = ends and [column - ends[0][name], ends[1][name] - column]
        axes.errorbar(places, column, errors, capsize=3, **{"label": name} | look(first + i) | options)
    axes.set_xticks(range(len(table)), table.index)


def save(figure: Figure, name: str, folder: str | Path | None) -> Figure:
    """Write ``<folder>/<name>.svg`` and ``.png``, equal bytes for equal figures; without a folder write nothing."""
    if folder is not None:
        for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
            with mpl.rc_context(_SETTINGS), BytesIO() as buffer:
                figure.savefig(buffer, format=kind, metadata=metadata)
                write_whole(Path(folder) / f"{name}.{kind}", buffer.getvalue())
    return figure
