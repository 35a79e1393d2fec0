"""One look for every picture: colours that survive colour blindness, sizes that survive halving, stable files.

Colours are those of Okabe and Ito (2008), one per emotion, the same everywhere.
"""

from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from serlib.files import write_whole

EMOTION_COLOURS = {
    "anger": "#D55E00",
    "boredom": "#56B4E9",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happiness": "#E69F00",
    "neutral": "#6E6E6E",
    "sadness": "#0072B2",
}
SERIES_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6E6E6E", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_SETTINGS = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.dpi": 160,
    "savefig.bbox": "tight",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 10,
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
    """Return the colour of an emotion; a corpus' own classes get series colours by their ``index``."""
    return EMOTION_COLOURS.get(emotion, SERIES_COLOURS[index % len(SERIES_COLOURS)])


def titled(text: str, synthetic: bool) -> str:
    """Return a title that says, once, when no human spoke."""
    return f"{text} · synthetic" if synthetic and "synthetic" not in text else text


def save(figure: Figure, name: str, folder: str | Path | None) -> Figure:
    """Write ``<folder>/<name>.svg`` and ``.png``, equal bytes for equal figures; without a folder write nothing."""
    if folder is not None:
        for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
            with mpl.rc_context(_SETTINGS), BytesIO() as buffer:
                figure.savefig(buffer, format=kind, metadata=metadata)
                write_whole(Path(folder) / f"{name}.{kind}", buffer.getvalue())
    return figure
