"""Pictures of focal loss: what the modulating factor does to loss and gradient, and to whom."""

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from serlib.plots.style import SERIES_COLOURS, key_below, panels, titled


def focal_value(p: np.ndarray, gamma: float) -> np.ndarray:
    """Return -(1 - p)^gamma ln p, the loss of a sample whose own class has probability ``p`` (paper 001, eq. 2)."""
    return -((1 - p) ** gamma) * np.log(p)


def gradient_ratio(p: np.ndarray, gamma: float) -> np.ndarray:
    """Return focal loss' gradient at the target logit over cross-entropy's: (1-p)^g (1 - p - g p ln p) / (1-p)."""
    return (1 - p) ** (gamma - 1) * (1 - p - gamma * p * np.log(p))


def modulating_factor(gammas: Sequence[float] = (0, 0.5, 1, 2, 5)) -> Figure:
    """Draw loss, gradient at the target logit, and the gradient's ratio to cross-entropy's, over the probability."""
    p = np.linspace(0.005, 0.995, 400)
    figure, axes = panels(3, 3.2)
    for colour, gamma in zip(SERIES_COLOURS, gammas, strict=False):
        name = f"γ = {gamma:g}" + (" (cross-entropy)" if gamma == 0 else "")
        ratio = gradient_ratio(p, gamma)
        for panel, values in zip(axes, (focal_value(p, gamma), (1 - p) * ratio, ratio), strict=True):
            panel.plot(p, values, color=colour, label=name)
    axes[0].set(title="loss", ylim=(0, 4), ylabel="loss, nats")
    axes[1].set(title="gradient", ylabel="|∂loss/∂logit of the true class|")
    axes[2].set(title="its ratio to γ = 0", ylabel="gradient / cross-entropy's")
    axes[2].axhline(1, color="black", lw=1.2, ls=":")
    for panel in axes:
        panel.set(xlabel="p of the true class", xlim=(0, 1))
    key_below(figure, columns=len(gammas))
    return figure


def true_probabilities(probabilities: Mapping[str, np.ndarray], *, synthetic: bool = False) -> Figure:
    """Draw how sure models are: model -> probability of each test utterance's true class, (N,)."""
    figure, (axes,) = panels(1, 3.6)
    for i, (name, values) in enumerate(probabilities.items()):
        line = {"color": SERIES_COLOURS[i], "linestyle": ("-", "--", "-.", ":")[i % 4], "label": name}
        sns.histplot(values, bins=20, binrange=(0, 1), element="step", fill=False, ax=axes, **line)
    axes.set(xlabel="probability of the true class", ylabel="test utterances", xlim=(0, 1))
    axes.set_title(titled("how sure each model is", synthetic))
    axes.legend(loc="upper center")
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
