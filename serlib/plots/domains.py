"""Pictures of angles and margins: what a logit is, what a margin does to it, and where that puts the boundaries."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Wedge

from serlib.geometry.domains import Domains
from serlib.plots.style import MARKERS, SERIES_COLOURS, emotion_colour, grid, panels

_FIRST, _SECOND, _GREY = SERIES_COLOURS[0], SERIES_COLOURS[1], SERIES_COLOURS[6]


def dot_product(x: np.ndarray, weight: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw one 2-D feature (2,) among unit class weights (C, 2), and its logits |x| cos(theta) as shadows of x."""
    unit, length = weight / np.linalg.norm(weight, axis=1, keepdims=True), np.linalg.norm(x)
    logits, turns, own = unit @ x, np.degrees(np.arctan2(*unit.T[::-1])), np.degrees(np.arctan2(*x[::-1]))
    figure, ((circle, bars),) = grid(1, 2, 3.8, width_ratios=(1.1, 1))
    circle.add_patch(plt.Circle((0, 0), 1, fill=False, color=_GREY, linewidth=1))
    for i, (w, logit, turn, name) in enumerate(zip(unit, logits, turns, names, strict=True)):
        colour, theta = emotion_colour(name, i), (turn - own + 180) % 360 - 180
        _arrow(circle, w, colour, name)
        circle.plot(*np.stack([x, logit * w]).T, ":", color=colour, linewidth=1.2)
        circle.plot(*(logit * w), MARKERS[i], color=colour, markersize=7)
        low, high = sorted((own, own + theta))
        circle.add_patch(Arc((0, 0), *2 * [0.5 + 0.2 * i], theta1=low, theta2=high, color=colour, linewidth=1.5))
        bars.barh(name, logit, color=colour)
        bars.text(max(logit, 0) + 0.05, i, f"{length:.2f} · cos {abs(theta):.0f}° = {logit + 0:.2f}", va="center")
    _arrow(circle, x, "black", "x")
    reach = 1.5 * max(1, length)
    circle.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title="Feature and class weights")
    bars.set(xlabel="logit |x| cos θ", title="The shadow of x on each weight")
    bars.set_xlim(min(0, logits.min()) - 0.1, max(0, logits.max()) + 2.4 * length)
    bars.invert_yaxis()
    bars.axvline(0, color="black", linewidth=1)
    return figure


def two_class_domain(domains: Domains, *, axes: Axes | None = None, title: str = "") -> Figure:
    """Draw Figure 2 of paper 000: w1, u1, u2, w2, the bisector, the cones and the angles x, y, z, D1 and D2."""
    axes = axes or plt.subplots(figsize=(5.6, 4.2), layout="none")[1]
    x, y, z, (d1, d2) = domains.x_deg, domains.y_deg, domains.z_deg, domains.d_deg
    left, right = 90 + domains.angle_deg / 2, 90 - domains.angle_deg / 2
    u1, u2 = left - x, right + y
    for turn, label, colour, width in (
        (u1, "u₁", _FIRST, 1.2), (left, "w₁", _FIRST, 2.5), (u2, "u₂", _SECOND, 1.2), (right, "w₂", _SECOND, 2.5),
    ):  # fmt: skip
        _arrow(axes, _at(turn), colour, label, width=width)
    axes.plot([0, 0], [0, 1.4], "--", color="black", linewidth=1.2)
    axes.text(0, 1.43, "bisector", ha="center")
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8}
    for name, low, high, radius, colour in (
        ("x", u1, left, 0.75, _FIRST), ("y", right, u2, 0.75, _SECOND), ("z", u2, u1, 0.45, "none"),
        ("D₁", 90, left, 1.3, "none"), ("D₂", right, 90, 1.3, "none"),
    ):  # fmt: skip
        axes.add_patch(Wedge((0, 0), radius, low, high, color=colour, alpha=0.3, linewidth=0))
        axes.add_patch(Arc((0, 0), 2 * radius, 2 * radius, theta1=low, theta2=high, color="black", linewidth=1))
        axes.text(*_at((low + high) / 2, radius), name, ha="center", va="center", bbox=paper, fontsize=12)
    values = f"x = {x:.1f}°   y = {y:.1f}°   z = {z:.1f}°\nD₁ = {d1:.1f}°   D₂ = {d2:.1f}°"
    axes.text(0, -0.12, values, ha="center", va="top")
    axes.set(xlim=(-1.4, 1.4), ylim=(-0.42, 1.55), aspect="equal", title=title)
    axes.axis("off")
    return axes.figure


def effective_margins(steps: np.ndarray, lambdas: np.ndarray, margins: Mapping[int, np.ndarray]) -> Figure:
    """Draw lambda (n,) over training steps (n,), and the effective margin (n,) at these steps per nominal margin."""
    figure, (left, right) = panels(2, 3.6)
    left.loglog(steps, lambdas, color="black")
    left.set(xlabel="training step", ylabel="λ", title="λ falls, then stays")
    for colour, (margin, values) in zip(SERIES_COLOURS, margins.items(), strict=False):
        right.semilogx(steps, values, color=colour, label=f"m = {margin}: ends at {values[-1]:.2f}")
    right.set(xlabel="training step", ylabel="effective margin A/x − 1", title="What the loss really asks for")
    right.legend()
    return figure


def _at(turn_deg: float, radius: float = 1.0) -> np.ndarray:
    return radius * np.array([np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))])


def _arrow(axes: Axes, tip: np.ndarray, colour: str, label: str, *, width: float = 2.0) -> None:
    shaft = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", tip, (0, 0), arrowprops=shaft)
    turn = tip / np.linalg.norm(tip)
    anchor = "left" if turn[0] > 0.3 else "right" if turn[0] < -0.3 else "center"
    place = tip + (0.18 if anchor == "center" else 0.08) * turn
    axes.text(*place, label, color=colour, ha=anchor, va="center", fontweight="bold")
