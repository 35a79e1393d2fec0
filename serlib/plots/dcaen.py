"""Pictures of DCaEN: what eGeMAPS hears, learned filters, the two terms of the loss, and mirrors, real and apparent."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from serlib.plots.style import MARKERS, SERIES_COLOURS, emotion_colour, titled


def contours(clips: Mapping[str, tuple[pd.DataFrame, pd.Series]], labels: Mapping[str, str]) -> Figure:
    """Draw descriptors over time, a column per clip, a row per descriptor, one scale in each row.

    Args:
        clips: title -> (descriptors indexed by seconds, NaN where they are undefined, and one value of each for the
            whole utterance, drawn as a line).
        labels: descriptor -> label of its axis.
    """
    size = (4.3 * len(clips), 1.7 * len(labels) + 0.6)
    figure, axes = plt.subplots(len(labels), len(clips), figsize=size, sharey="row", sharex="col", squeeze=False)
    for column, (title, (frames, whole)) in zip(axes.T, clips.items(), strict=True):
        column[0].set_title(title)
        column[-1].set_xlabel("time, s")
        for i, (panel, name) in enumerate(zip(column, labels, strict=True)):
            panel.plot(frames.index, frames[name], ".", markersize=3, color=SERIES_COLOURS[i])
            panel.axhline(whole[name], color="black", linestyle="--", linewidth=1.2)
    for panel, label in zip(axes[:, 0], labels.values(), strict=True):
        panel.set_ylabel(label)
    return figure


def profile(means: pd.DataFrame, explained: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw class means of parameters (parameters, emotions), in deviations, beside shares of variance (0 to 1).

    ``explained`` has the same rows and a column for each grouping.
    """
    size = (4.6 + 0.62 * means.shape[1] + 3.4, 1.5 + 0.33 * len(means))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, width_ratios=[0.62 * means.shape[1], 3.4])
    image = left.imshow(means, "RdBu_r", vmin=-1.5, vmax=1.5, aspect="auto")
    for (row, column), value in np.ndenumerate(means.to_numpy()):
        colour = "white" if abs(value) > 1 else "black"
        left.text(column, row, f"{value:+.1f}", ha="center", va="center", fontsize=9, color=colour)
    left.set_xticks(range(means.shape[1]), means.columns, rotation=35, ha="right", rotation_mode="anchor")
    left.set_yticks(range(len(means)), means.index, fontsize=10)
    left.set_title(title)
    for i, name in enumerate(explained):
        style = {"color": SERIES_COLOURS[i], "label": name, "markersize": 7}
        right.plot(explained[name], range(len(explained)), MARKERS[i], **style)
    right.set(xlim=(0, 1), xlabel="share of variance explained, η²", ylim=left.get_ylim(), yticks=range(len(means)))
    right.tick_params(labelleft=False)
    left.grid(False)
    figure.colorbar(image, ax=left, location="left", pad=0.02, label="mean, speaker's deviations")
    figure.legend(loc="outside lower right", ncols=explained.shape[1])
    return figure


def filters(weights: np.ndarray, start: np.ndarray, *, rate_hz: int, synthetic: bool = False, shown: int = 4) -> Figure:
    """Draw first-layer filters (F, K): some in time, and all in frequency, before and after training.

    Each filter's response is divided by its largest value, and filters are sorted by where that lies. Those in time are
    the ones that training changed most.
    """
    hertz = np.fft.rfftfreq(512, 1 / rate_hz)
    figure, (time, before, after) = plt.subplots(1, 3, figsize=(12, 3.9), width_ratios=[1.25, 1, 1])
    changed = np.argsort(-np.linalg.norm(weights - start, axis=1))[:shown]
    milliseconds = 1000 * np.arange(weights.shape[1]) / rate_hz
    step = 2.2 * np.abs(weights[changed]).max()
    for k, i in enumerate(changed):
        time.plot(milliseconds, start[i] - k * step, ":", color=SERIES_COLOURS[6], linewidth=1.5)
        time.plot(milliseconds, weights[i] - k * step, "-", color=SERIES_COLOURS[k], linewidth=1.8)
    time.set(xlabel="time, ms (dotted: before training)", yticks=[-k * step for k in range(len(changed))])
    time.set_yticklabels([f"{i}" for i in changed])
    time.set(ylabel="filter", title=titled("changed most", synthetic))
    for panel, bank, title in ((before, start, "all, before training"), (after, weights, "all, after training")):
        gain = np.abs(np.fft.rfft(bank, 512, axis=1))
        gain = gain / np.maximum(gain.max(1, keepdims=True), 1e-12)
        extent = (0, hertz[-1] / 1000, 0, len(bank))
        ordered = gain[np.argsort(gain.argmax(1), kind="stable")]
        image = panel.imshow(
            ordered, "magma", aspect="auto", origin="lower", extent=extent, vmin=0, vmax=1, interpolation="none"
        )
        panel.set(xlabel="frequency, kHz", ylabel="filters, sorted", title=title)
        panel.grid(False)
    figure.colorbar(image, ax=after, label="response / its largest")
    return figure


def terms(histories: Mapping[str, pd.DataFrame], *, synthetic: bool = False) -> Figure:
    """Draw cosine and cross-entropy over epochs, mean over runs: training part solid, dev part dashed.

    ``histories`` have columns ``epoch`` and ``{train,dev}_{cos,ce}``; what is missing is left out.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 3.9))
    for i, (name, history) in enumerate(histories.items()):
        means = history.groupby("epoch").mean(numeric_only=True)
        for panel, term in zip(axes, ("cos", "ce"), strict=True):
            for part, style in (("train", "-"), ("dev", "--")):
                if f"{part}_{term}" in means:
                    label = name if part == "train" else None
                    panel.plot(means[f"{part}_{term}"], style, color=SERIES_COLOURS[i], label=label)
    axes[0].set(xlabel="epoch", ylabel="cos(e_feat, e_raw)", title=titled("what turns", synthetic), ylim=(-1.05, 1.05))
    axes[1].set(xlabel="epoch", ylabel="cross-entropy, nats", title="what tells emotions apart")
    axes[0].axhline(0, color="black", linewidth=0.8)
    for panel in axes:
        panel.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def cosine_and_length(panels: Mapping[str, tuple], names: Sequence[str]) -> Figure:
    """Draw what is left of a second embedding beside a first: their cosines (above) and, by class, the length ratio.

    ``panels``: title -> (first embeddings (N, E), second ones (N, E), labels (N,)). Ratios are divided by their median.
    """
    size = (3.1 * len(panels), 5.2)
    figure, axes = plt.subplots(2, len(panels), figsize=size, sharey="row", squeeze=False, height_ratios=[1, 1.8])
    for (upper, lower), (title, (first, second, labels)) in zip(axes.T, panels.items(), strict=True):
        lengths = [np.maximum(np.linalg.norm(e, axis=1), 1e-12) for e in (first, second)]
        cosine, ratio = (first * second).sum(1) / lengths[0] / lengths[1], lengths[1] / lengths[0]
        upper.hist(cosine, np.linspace(-1, 1, 41), weights=np.full(len(cosine), 100 / len(cosine)), color="#6E6E6E")
        upper.set(title=title, xlabel="cosine", xlim=(-1.05, 1.05), xticks=[-1, -0.5, 0, 0.5, 1])
        places = labels + np.random.default_rng(0).uniform(-0.3, 0.3, len(labels))  # keeps points apart
        for i, name in enumerate(names):
            own, style = labels == i, {"color": emotion_colour(name, i), "marker": MARKERS[i % len(MARKERS)]}
            lower.scatter(places[own], ratio[own] / np.median(ratio), 14, alpha=0.6, linewidths=0, **style)
            middle = np.median(ratio[own]) / np.median(ratio) if own.any() else np.nan
            lower.hlines(middle, i - 0.38, i + 0.38, color="black", linewidth=2)
        lower.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
        lower.grid(axis="x", visible=False)
        lower.set_yscale("log", base=2)
        lower.yaxis.set_major_locator(LogLocator(2, subs=(1, 1.5)))
        lower.yaxis.set_major_formatter("{x:.2g}")
    axes[0, 0].set_ylabel("points, %")
    axes[1, 0].set_ylabel("length ratio a / its median")
    return figure


def mirrors(panels: Mapping[str, tuple], names: Sequence[str], *, columns: int = 4, threads: int = 12) -> Figure:
    """Draw maps of two embeddings of the same utterances: title -> (first (N, 2), second (N, 2), labels (N,)).

    The first is drawn hollow, the second filled. Threads tie some pairs: in a mirror through one point all cross there.
    """
    rows = -(-len(panels) // columns)
    columns = min(columns, len(panels))
    figure, axes = plt.subplots(rows, columns, figsize=(3.1 * columns, 3.1 * rows + 0.7), squeeze=False)
    for panel in axes.flat[len(panels) :]:
        panel.remove()
    for panel, (title, (first, second, labels)) in zip(axes.flat, panels.items(), strict=False):
        for i, name in enumerate(names):
            own, colour = labels == i, emotion_colour(name, i)
            marker = MARKERS[i % len(MARKERS)]
            panel.scatter(*first[own].T, 16, "none", marker, edgecolors=colour, linewidths=0.9, zorder=2)
            panel.scatter(*second[own].T, 16, colour, marker, linewidths=0, alpha=0.75, label=name, zorder=3)
        tied = np.linspace(0, len(labels) - 1, min(threads, len(labels))).round().astype(int)
        panel.plot(*np.stack([first[tied], second[tied]]).transpose(2, 0, 1), color="black", lw=0.5, alpha=0.5)
        panel.set(title=title, xticks=[], yticks=[])
        panel.set_aspect("equal", "datalim")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(names), markerscale=2)
    return figure


def measures(table: pd.DataFrame, groups: Mapping[str, Mapping[str, str]], *, xlabel: str, title: str = "") -> Figure:
    """Draw columns of ``table`` over its rows, in equal steps: a panel for each label of an axis -> column -> words."""
    figure, axes = plt.subplots(1, len(groups), figsize=(3.9 * len(groups), 3.9), squeeze=False)
    for panel, (label, columns) in zip(axes[0], groups.items(), strict=True):
        for i, (column, words) in enumerate(columns.items()):
            panel.plot(range(len(table)), table[column], MARKERS[i] + "-", color=SERIES_COLOURS[i], label=words)
        panel.set_xticks(range(len(table)), table.index, rotation=35, ha="right", rotation_mode="anchor")
        panel.set(xlabel=xlabel, ylabel=label)
        if len(columns) > 1:
            panel.legend()
    axes[0, 0].set_title(title)
    return figure
