"""Pictures of focal loss: what the modulating factor does to loss and gradient, and to whom."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.optimize import brentq

from serlib.plots.style import SERIES_COLOURS, key_below, panels, titled


def focal_value(p: np.ndarray, gamma: float) -> np.ndarray:
    """Return -(1 - p)^gamma ln p, the loss of a sample whose own class has probability ``p`` (paper 001, eq. 2)."""
    return -((1 - p) ** gamma) * np.log(p)


def gradient_ratio(p: np.ndarray, gamma: float) -> np.ndarray:
    """Return focal loss' gradient at the target logit over cross-entropy's: (1-p)^g (1 - p - g p ln p) / (1-p)."""
    return (1 - p) ** (gamma - 1) * (1 - p - gamma * p * np.log(p))


def equal_push(gamma: float) -> float:
    """Return the probability at which focal loss has exactly the gradient of cross-entropy; ``gamma`` above 0."""
    return brentq(lambda p: gradient_ratio(p, gamma) - 1, 1e-3, 0.999)


def modulating_factor(gammas: Sequence[float] = (0, 0.5, 1, 2, 5)) -> Figure:
    """Draw loss, gradient at the target logit, and the gradient's ratio to cross-entropy's, over the probability."""
    p = np.linspace(0.005, 0.995, 400)
    figure, axes = panels(3, 3.2)
    for i, gamma in enumerate(gammas):
        line = {"color": SERIES_COLOURS[i], "label": f"γ = {gamma:g}"}
        if gamma == 0:  # the reference: thin and black, under the others
            line = {"color": "black", "label": "γ = 0 (cross-entropy)", "linewidth": 1.2, "linestyle": ":", "zorder": 1}
        ratio = gradient_ratio(p, gamma)
        for panel, values in zip(axes, (focal_value(p, gamma), (1 - p) * ratio, ratio), strict=True):
            panel.plot(p, values, **line)
    axes[0].set(title="loss", ylim=(0, 4), ylabel="loss, nats")
    axes[1].set(title="gradient", ylabel="|∂loss/∂logit of the true class|")
    axes[2].set(title="its ratio to γ = 0", ylabel="gradient / cross-entropy's")
    axes[2].axhspan(1, axes[2].get_ylim()[1], color="black", alpha=0.06, linewidth=0)
    axes[2].annotate("pushes harder", (0.97, 1), (0, 4), textcoords="offset points", ha="right", fontsize=9)
    if 2 in gammas:
        axes[2].plot(equal_push(2), 1, "o", color=SERIES_COLOURS[list(gammas).index(2)], markersize=6)
        axes[2].annotate(
            f"p = {equal_push(2):.2f}", (equal_push(2), 1), (-34, -26), textcoords="offset points", fontsize=9
        )
    for panel in axes:
        panel.set(xlabel="p of the true class", xlim=(0, 1))
    key_below(figure, columns=len(gammas))
    return figure


def loss_shares(probabilities: np.ndarray, gammas: Sequence[float] = (0, 1, 2), *, synthetic: bool = False) -> Figure:
    """Draw which part of the total loss the easiest utterances make, by one model's probabilities of the true class."""
    easiest_first = np.sort(np.clip(probabilities, 1e-6, 1 - 1e-6))[::-1]
    share = 100 * np.arange(1, len(easiest_first) + 1) / len(easiest_first)
    figure, (axes,) = panels(1, 4, width=6)
    for colour, gamma in zip(SERIES_COLOURS, gammas, strict=False):
        total = np.cumsum(focal_value(easiest_first, gamma))
        axes.plot(share, 100 * total / total[-1], color=colour, label=f"γ = {gamma:g}")
    axes.plot([0, 100], [0, 100], color="black", lw=0.8, ls=":")
    axes.set(xlabel="easiest utterances, %", ylabel="their share of the total loss, %")
    axes.set_title(titled("who makes the loss", synthetic))
    axes.legend()
    return figure


def residual_network(shapes: Mapping[str, tuple[int, int, int]], *, title: str) -> Figure:
    """Draw what a clip becomes on its way: stage -> (channels, bands, frames), sides to scale, channels in words.

    An arc over a stage is the shortcut of its blocks, which adds what came in.
    """
    figure, (axes,) = panels(1, 2.6)
    tallest, widest = (max(shape[i] for shape in shapes.values()) for i in (1, 2))
    for x, (name, (channels, bands, frames)) in enumerate(shapes.items()):
        wide, high = 0.75 * max(frames / widest, 0.03), max(bands / tallest, 0.03)
        axes.add_patch(Rectangle((x - wide / 2, -high / 2), wide, high, color=SERIES_COLOURS[0], alpha=0.6))
        axes.annotate(f"{name}\n{channels} x {bands} x {frames}", (x, -0.6), ha="center", va="top", fontsize=9)
        if name.startswith("stage"):
            arc = {"arrowstyle": "->", "connectionstyle": "arc3,rad=-0.9", "color": SERIES_COLOURS[1]}
            axes.annotate("", (x + 0.35, 0.42), (x - 0.35, 0.42), arrowprops=arc)
    axes.set(xlim=(-0.6, len(shapes) - 0.4), ylim=(-1.05, 0.85))
    axes.set_title(title)
    axes.axis("off")
    return figure
