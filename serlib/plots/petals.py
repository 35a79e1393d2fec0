"""Pictures of embeddings and of who owns their space: petals in 2-D, the sphere in 3-D, shares, and a player."""

from collections.abc import Callable, Mapping, Sequence
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from serlib.geometry.toy import Course
from serlib.plots.center import cloud
from serlib.plots.style import emotion_colour, key_below, look, panels, series

_COS, _SIN = np.cos(np.radians(20)), np.sin(np.radians(20))  # the eye stands 20 degrees east and 20 degrees up
_VIEW = np.array([[-_SIN, _COS, 0], [-_SIN * _COS, -(_SIN**2), _COS], [_COS**2, _SIN * _COS, _SIN]])  # right, up, near
_ICONS = {
    "minus": "−", "fast-backward": "|◀", "step-backward": "‹", "play fa-flip-horizontal": "◀", "pause": "II",
    "play": "▶", "step-forward": "›", "fast-forward": "▶|", "plus": "+",
}  # fmt: skip


def petals(
    course: Course, names: Sequence[str], *, epoch: int = -1, title: str = "", axes: Axes | None = None
) -> Figure:
    """Draw the 2-D embeddings of one epoch, the weights' directions as arrows, and the sectors these directions own.

    The scale is that of the last epoch, so that the epochs of a course can follow each other on the same ``axes``; a
    few long embeddings may lie outside.
    """
    axes = axes or plt.subplots(figsize=(4.4, 4.4), layout="none")[1]
    reach = 1.15 * np.quantile(np.linalg.norm(course.embeddings[-1], axis=1), 0.98)
    turns = np.linspace(-np.pi, np.pi, 361)
    circle = 1.5 * reach * np.stack([np.cos(turns), np.sin(turns)], 1)
    unit = course.weights[epoch] / np.linalg.norm(course.weights[epoch], axis=1, keepdims=True)
    owner = (circle @ unit.T).argmax(1)
    for i, name in enumerate(names):
        colour = emotion_colour(name, i)
        axes.fill(*np.where((owner == i)[:, None], circle, 0).T, color=colour, alpha=0.12, linewidth=0)
        shaft = {"arrowstyle": "-|>", "color": colour, "linewidth": 2}
        axes.annotate("", 0.95 * reach * unit[i], (0, 0), arrowprops=shaft)
    cloud(axes, course.embeddings[epoch], course.labels, names)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
    axes.legend(loc="upper right", fontsize=8, markerscale=1.5, borderpad=0, handletextpad=0)
    return axes.figure


def petal_grid(courses: Mapping[str, Course], names: Sequence[str]) -> Figure:
    """Draw the last epoch of several courses side by side (panel title -> course), each with a scale of its own."""
    figure, axes = panels(len(courses), 3)
    for (title, course), panel in zip(courses.items(), axes, strict=True):
        petals(course, names, title=title, axes=panel)
    key_below(figure, markerscale=2)
    return figure


def sphere(weight: np.ndarray, names: Sequence[str], *, outlines: Sequence[np.ndarray] = (), title: str = "") -> Figure:
    """Draw the sphere in 3-D from the front and from behind, each direction in the colour of the class that owns it.

    ``weight`` (C, 3) are the class weights, shown by markers; ``outlines`` are curves on the sphere, (n, 3) each, such
    as training cones.
    """
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    right, up = np.meshgrid(np.linspace(-1, 1, 400), np.linspace(-1, 1, 400))
    depth = np.sqrt(np.clip(1 - right**2 - up**2, 0, None))
    colours = np.array([to_rgb(emotion_colour(name, i)) for i, name in enumerate(names)])
    figure, axes = panels(2, 4)
    for panel, side, view in zip(axes, ("front", "back"), (_VIEW, _VIEW * [[-1], [1], [-1]]), strict=True):
        owner = (np.stack([right, up, depth], -1) @ view @ unit.T).argmax(-1)
        image = 1 - (1 - colours[owner]) * (0.35 + 0.35 * depth[..., None])
        panel.imshow(np.dstack([image, depth > 0]), extent=(-1, 1, -1, 1), origin="lower")
        for outline in outlines:
            seen = outline @ view.T
            panel.plot(*np.where(seen[:, 2:] > 0, seen, np.nan)[:, :2].T, color="black", linewidth=1.5)
        for i, (x, y, near) in enumerate(unit @ view.T):
            if near > 0:
                panel.plot(x, y, markersize=11, markeredgecolor="black", **look(i, names[i]))
                panel.annotate(names[i], (x, y), (0, 9), textcoords="offset points", ha="center", fontweight="bold")
        panel.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), title=f"{title} ({side})".strip())
        panel.axis("off")
    return figure


def interval_lines(summary: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw means and intervals (from ``geometry.intervals``) against the imbalance ratio, one panel per quantity.

    ``labels`` maps the quantities to the labels of their axes. Panels of shares have one scale, so that what moves and
    what does not can be seen, and a horizontal line at one half.
    """
    figure, axes = panels(len(labels), 3.6)
    limits = summary[summary["quantity"].isin(labels) & summary["quantity"].str.endswith("share")]
    for (quantity, label), panel in zip(labels.items(), axes, strict=True):
        rows = summary[summary["quantity"] == quantity]
        table = rows.pivot(index="ratio", columns="loss").rename("{:g} : 1".format)
        series(panel, table["mean"][rows["loss"].unique()], (table["low"], table["high"]), dodge=0.07)
        panel.set(xlabel="large : small", ylabel=label)
        if quantity.endswith("share"):
            panel.set_ylim(limits["low"].min() - 0.02, limits["high"].max() + 0.02)
            panel.axhline(0.5, color="black", linestyle=":", linewidth=1)
    key_below(figure)
    return figure


def player(
    draw: Callable[[Axes, int], object], frames: int, *, alt: str, interval_ms: int = 150, width_in: float = 4.4
) -> str:
    """Return a self-contained HTML player of ``frames`` pictures; it needs neither a kernel nor a network.

    ``draw`` is called with cleared axes and a frame's number; ``alt`` tells what moves to those who do not see it.
    """
    figure, axes = plt.subplots(figsize=(width_in, 4.4), layout="none")

    def redraw(frame: int) -> tuple[()]:
        axes.clear()
        draw(axes, frame)
        return ()

    with plt.rc_context({"savefig.dpi": 100, "savefig.bbox": None}):
        html = FuncAnimation(figure, redraw, frames, interval=interval_ms).to_jshtml(default_mode="once")
    plt.close(figure)
    for name, icon in _ICONS.items():  # the original asks a server for an icon font
        html = html.replace(f'<i class="fa fa-{name}"></i>', icon)
    start = html.index("<link")
    html = html[:start] + html[html.index(">", start) + 1 :]
    return html.replace("<img id=", f'<img alt="{escape(alt)}" id=')
