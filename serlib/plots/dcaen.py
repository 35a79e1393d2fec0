"""Pictures of DCaEN: what eGeMAPS hears, learned filters, the two terms of the loss, and mirrors, real and apparent."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from serlib.plots.center import cloud
from serlib.plots.scores import to_first_end
from serlib.plots.style import SERIES_COLOURS, grid, key_below, look, panels, slanted, titled


def contours(clips: Mapping[str, tuple[pd.DataFrame, pd.Series]], labels: Mapping[str, str]) -> Figure:
    """Draw descriptors over time, a column per clip, a row per descriptor, one scale in each row.

    ``clips``: title -> (descriptors indexed by seconds, NaN where undefined, and one value of each for the whole
    utterance, drawn as a line); ``labels``: descriptor -> label of its axis.
    """
    figure, axes = grid(len(labels), len(clips), 1.6 * len(labels) + 0.6, sharex="col", sharey="row")
    for column, (title, (frames, whole)) in zip(axes.T, clips.items(), strict=True):
        for i, (panel, (name, label)) in enumerate(zip(column, labels.items(), strict=True)):
            panel.plot(frames.index, frames[name], ".", markersize=3, color=SERIES_COLOURS[i])
            panel.axhline(whole[name], color="black", linestyle="--", linewidth=1.2)
            panel.set(title=title * (i == 0), xlabel="time, s", ylabel=label)
            panel.label_outer()
    return figure


def profile(means: pd.DataFrame, explained: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw class means of parameters (parameters, emotions), in deviations, beside shares of variance (0 to 1).

    ``explained`` has the same rows and a column for each grouping.
    """
    figure, ((left, right),) = grid(1, 2, 1.7 + 0.33 * len(means), sharey=True, width_ratios=[3.4, 1])
    scale = {"cmap": "RdBu_r", "vmin": -1.5, "vmax": 1.5, "annot_kws": {"fontsize": 8}}
    bar = {"location": "bottom", "label": "mean, speaker's deviations", "shrink": 0.6}
    sns.heatmap(means, annot=True, fmt="+.1f", cbar_kws=bar, ax=left, **scale)
    slanted(left)
    places = np.arange(len(means)) + 0.5  # where a heat map has its rows
    for i, name in enumerate(explained):
        right.plot(explained[name], places, linestyle="", label=name, **look(i))
    right.set(xlim=(0, 1), xlabel="η², share of\nvariance explained")
    left.set(title=title, xlabel="", ylabel="")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=explained.shape[1])
    return figure


def filters(weights: np.ndarray, start: np.ndarray, *, rate_hz: int, synthetic: bool = False) -> Figure:
    """Draw the frequency responses of first-layer filters (F, K), before and after training.

    Each response is divided by its largest value, and filters are sorted by where that lies.
    """
    figure, axes = panels(2, 3.4)
    for panel, bank, title in zip(axes, (start, weights), ("before training", "after"), strict=True):
        gain = np.abs(np.fft.rfft(bank, 512, axis=1))
        ordered = (gain / np.maximum(gain.max(1, keepdims=True), 1e-12))[np.argsort(gain.argmax(1), kind="stable")]
        scale = {"cmap": "magma", "vmin": 0, "vmax": 1, "aspect": "auto", "interpolation": "none", "origin": "lower"}
        image = panel.imshow(ordered, extent=(0, rate_hz / 2000, 0, len(bank)), **scale)
        panel.set(xlabel="frequency, kHz", ylabel="filters, sorted", title=titled(title, synthetic))
        panel.grid(False)
    figure.colorbar(image, ax=axes, label="response / its largest")
    return figure


def terms(histories: Mapping[str, pd.DataFrame], *, synthetic: bool = False) -> Figure:
    """Draw cosine and cross-entropy over epochs, mean over runs: training part solid, dev part dashed.

    ``histories`` have columns ``fold``, ``seed``, ``epoch`` and ``{train,dev}_{cos,ce}``; what of the last is missing
    is left out. A model's lines end where its first run ends: beyond, a mean would be one over other folds.
    """
    runs = pd.concat(histories, names=["model"]).reset_index("model")
    runs = to_first_end(runs, "model")
    figure, axes = panels(2, 3.9)
    curves = {"x": "epoch", "hue": "model", "palette": SERIES_COLOURS[: len(histories)], "errorbar": None}
    for panel, term in zip(axes, ("cos", "ce"), strict=True):
        for part, line in (("train", "-"), ("dev", "--")):
            if f"{part}_{term}" in runs:
                legend = "auto" if part == "train" else False
                sns.lineplot(runs, y=f"{part}_{term}", linestyle=line, legend=legend, ax=panel, **curves)
        panel.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set(ylabel="cos(e_feat, e_raw)", title=titled("what turns", synthetic), ylim=(-1.05, 1.05))
    axes[1].set(ylabel="cross-entropy, nats", title="what tells emotions apart")
    axes[0].axhline(0, color="black", linewidth=0.8)
    key_below(figure, columns=5)
    return figure


def cosine_and_length(pairs: Mapping[str, tuple], names: Sequence[str]) -> Figure:
    """Draw what is left of a second embedding beside a first: their cosines (above) and, by class, the length ratio.

    ``pairs``: title -> (first embeddings (N, E), second ones (N, E), labels (N,)). Ratios are divided by their median.
    """
    figure, axes = grid(2, len(pairs), 5.2, sharey="row", height_ratios=[1, 1.8])
    for (upper, lower), (title, (first, second, labels)) in zip(axes.T, pairs.items(), strict=True):
        lengths = [np.maximum(np.linalg.norm(e, axis=1), 1e-12) for e in (first, second)]
        cosine, ratio = (first * second).sum(1) / lengths[0] / lengths[1], lengths[1] / lengths[0]
        bars = {"bins": 40, "binrange": (-1, 1), "stat": "percent", "color": SERIES_COLOURS[6], "linewidth": 0}
        sns.histplot(cosine.clip(-1, 1), ax=upper, **bars)
        upper.set(title=title, xlabel="cosine", ylabel="points, %", xlim=(-1.05, 1.05), xticks=[-1, 0, 1])
        places = labels + np.random.default_rng(0).uniform(-0.3, 0.3, len(labels))  # keeps points apart
        cloud(lower, np.stack([places, ratio / np.median(ratio)], 1), labels, names, s=10)
        for i in np.unique(labels):
            lower.hlines(np.median(ratio[labels == i]) / np.median(ratio), i - 0.38, i + 0.38, color="black", lw=2)
        lower.set_xticks(range(len(names)), names)
        slanted(lower)
        lower.grid(axis="x", visible=False)
        lower.set_yscale("log", base=2)
        lower.yaxis.set_major_locator(LogLocator(2, subs=(1, 1.5)))
        lower.yaxis.set_major_formatter("{x:.2g}")
    axes[1, 0].set_ylabel("length ratio a / its median")
    return figure


def mirrors(maps: Mapping[str, tuple], names: Sequence[str]) -> Figure:
    """Draw maps of two embeddings of the same utterances: title -> (first (N, 2), second (N, 2), labels (N,)).

    The first is drawn hollow, the second filled. Threads tie twelve pairs: in a mirror all cross in one point.
    """
    figure, axes = panels(len(maps), 2.7)
    for panel, (title, pair) in zip(axes, maps.items(), strict=True):
        _pairs(panel, *pair, names)
        panel.set(title=title, xticks=[], yticks=[])
        panel.set_aspect("equal", "datalim")
    key_below(figure, columns=len(names), markerscale=2)
    return figure


def _pairs(axes: Axes, first: np.ndarray, second: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> None:
    cloud(axes, second, labels, names, alpha=0.75, zorder=3)
    cloud(axes, first, labels, names, label=None, facecolors="none", linewidths=0.9, alpha=1)
    tied = np.linspace(0, len(labels) - 1, min(12, len(labels))).round().astype(int)
    axes.plot(*np.stack([first[tied], second[tied]]).transpose(2, 0, 1), color="black", lw=0.5, alpha=0.5)


def mirror(
    plane: tuple[np.ndarray, np.ndarray], labels: np.ndarray, names: Sequence[str], correlations: np.ndarray, *,
    title: str,
) -> Figure:  # fmt: skip
    """Draw both embeddings in one ``plane``, (N, 2) each, beside the correlations (E, E) of their coordinates.

    The first is hollow, the second filled, and its reflection through the origin, the cross, is a small black ghost:
    in a mirror threads run through the cross, and ghosts sit in the hollow marks. Rows of the matrix are the first's
    coordinates; a mirror has a diagonal of -1.
    """
    figure, ((left, right),) = grid(1, 2, 4.4, width_ratios=[1.15, 1])
    _pairs(left, *plane, labels, names)
    left.plot(*-plane[1].T, ".", color="black", markersize=2.5, alpha=0.6, zorder=4, label="reflected e_raw")
    left.plot(0, 0, "+", color="black", ms=22, mew=1.2, zorder=2)
    reach = 1.05 * np.abs(plane).max()
    left.set(xlabel="1st axis of e_feat", ylabel="2nd axis of e_feat", xlim=(-reach, reach), ylim=(-reach, reach))
    left.set_aspect("equal")
    image = right.imshow(correlations, cmap="PuOr_r", vmin=-1, vmax=1, interpolation="none")
    right.set(xlabel="coordinates of e_raw", ylabel="coordinates of e_feat")
    right.grid(False)
    diagonal = np.nanmean(np.diag(correlations))
    right.set_title(f"mean of the diagonal {diagonal:+.2f}", fontsize=10)
    figure.colorbar(image, ax=right, label="correlation", shrink=0.55)
    key_below(figure, columns=4, markerscale=1.5, handletextpad=0)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def ridges(
    rows: Mapping[str, tuple[np.ndarray, Mapping[str, float], float | None]], *, xlabel: str, title: str
) -> Figure:
    """Draw how cosines lie, a row per network: name -> (one per test utterance, part -> mean there, target or None).

    Hills are histograms of the test part, scaled to one height; marks are means on other parts, a red line the target.
    """
    figure, (axes,) = panels(1, 1.3 + 0.62 * len(rows))
    for height, (values, means, target) in enumerate(rows.values()):
        counts, edges = np.histogram(np.clip(values, -1, 1), 50, (-1, 1))
        hill = height - 0.8 * np.append(counts, 0) / max(1, counts.max())
        axes.fill_between(edges, height, hill, step="post", color=SERIES_COLOURS[0], alpha=0.45, linewidth=0)
        if target is not None:
            line = {"color": SERIES_COLOURS[1], "linewidth": 2, "label": "asked for"}
            axes.plot([target, target], [height, height - 0.85], **line)
        for i, (part, mean) in enumerate(means.items(), 2):
            axes.plot(mean, height + 0.16 * (i - 2), label=f"mean, {part}", linestyle="", zorder=4, **look(i))
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlim=(-1.02, 1.02), ylim=(len(rows) - 0.6, -1), xlabel=xlabel, title=title)
    known = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(known.values(), known, loc="outside lower center", ncols=4)
    return figure
