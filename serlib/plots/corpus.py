"""Pictures of a corpus: who says how much in which emotion, how it sounds, and how folds and draws divide it."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from serlib.corpora.corpus import Corpus
from serlib.plots.style import MARKERS, SERIES_COLOURS, emotion_colour, grid, panels, titled
from serlib.protocol import Fold


def _title(corpus: Corpus, text: str) -> str:
    return titled(f"{corpus.name}: {text}", corpus.synthetic)


def class_shares(corpus: Corpus) -> Figure:
    """Draw how many utterances each emotion has, in all and by speaker (F or M behind the name where known)."""
    table, colours = corpus.table, [emotion_colour(emotion, i) for i, emotion in enumerate(corpus.classes)]
    counts = pd.crosstab(table["speaker"], table["emotion"]).reindex(columns=list(corpus.classes), fill_value=0)
    sexes = table.groupby("speaker")["sex"].first().fillna("")
    counts.index = [f"{speaker} {sex[:1].upper()}".strip() for speaker, sex in sexes.items()]
    figure, (left, right) = panels(2, 1.4 + 0.26 * max(counts.shape))
    totals = counts.sum()
    bars = left.barh(totals.index, totals, color=colours)
    left.bar_label(bars, [f"{n} ({100 * n / len(corpus):.0f} %)" for n in totals], padding=3, fontsize=9)
    counts.plot.barh(ax=right, stacked=True, color=colours, width=0.8, edgecolor="white", linewidth=0.5, legend=False)
    left.set(xlim=(0, 1.5 * totals.max()), xlabel="utterances", title=_title(corpus, "emotions"))
    right.set(xlabel="utterances", ylabel="speaker", title="same colours, by speaker")
    for axes in (left, right):
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
    return figure


def cues(corpus: Corpus, values: pd.DataFrame) -> Figure:
    """Draw measured cues by emotion: a point per utterance, another marker for each sex, a bar at the median.

    ``values`` (N, cues) has the rows of ``corpus.table``; its columns' names label the axes and carry the unit.

    Raises:
        ValueError: when there is not one row per utterance.
    """
    if len(values) != len(corpus):
        raise ValueError(f"values have {len(values)} rows; needed is one for each of {len(corpus)} utterances")
    sexes, classes = corpus.table["sex"].fillna("unknown").to_numpy(), np.arange(len(corpus.classes))
    present = [sex for sex in ("female", "male", "unknown") if sex in sexes]
    colours = np.array([emotion_colour(emotion, i) for i, emotion in enumerate(corpus.classes)])
    heights = corpus.labels + np.random.default_rng(0).uniform(-0.14, 0.14, len(corpus))  # keeps points apart
    figure, axes = panels(values.shape[1], 1.7 + 0.36 * len(classes), sharey=True)
    for panel, (label, column) in zip(axes, values.items(), strict=True):
        for lane, sex in enumerate(present):
            rows, shift = sexes == sex, 0.2 * (lane - (len(present) - 1) / 2)
            dots = {"c": colours[corpus.labels[rows]], "marker": MARKERS[lane], "alpha": 0.55, "linewidths": 0}
            panel.scatter(column[rows], heights[rows] + shift, 9, **dots)
        medians = column.groupby(corpus.labels).median().reindex(classes)
        panel.vlines(medians, classes - 0.38, classes + 0.38, color="black", linewidth=2)
        panel.set_xlabel(label)
        panel.grid(axis="y", visible=False)
    axes[0].set_yticks(classes, corpus.classes)
    axes[0].invert_yaxis()
    axes[0].set_title(_title(corpus, "utterances"))
    keys = [plt.Line2D([], [], color="black", marker=MARKERS[i], ls="", label=sex) for i, sex in enumerate(present)]
    figure.legend(handles=keys, loc="outside lower center", ncols=3)
    return figure


def fold_map(corpus: Corpus, schemes: Mapping[str, Sequence[Fold]]) -> Figure:
    """Draw, per scheme, what share (%) of each speaker's utterances every fold tests; "dev": all of them are dev."""
    speakers, widths = corpus.table["speaker"], [len(parts) + 2 for parts in schemes.values()]
    heard = speakers.value_counts().sort_index()
    figure, axes = grid(1, len(schemes), 1.6 + 0.26 * len(heard), width_ratios=widths)
    for panel, (scheme, parts) in zip(axes[0], schemes.items(), strict=True):
        names = [fold.name.partition("-")[2] or fold.name for fold in parts]
        counts = [[speakers.iloc[rows].value_counts() for rows in (fold.test, fold.dev)] for fold in parts]
        tested, dev = (
            pd.DataFrame(dict(zip(names, part, strict=True)), heard.index).fillna(0).mul(100).div(heard, axis=0)
            for part in zip(*counts, strict=True)
        )
        shown = tested.map("{:.0f}".format).mask(tested == 0, "").mask(dev == 100, "dev")
        scale = {"cmap": "Blues", "vmin": 0, "vmax": 100, "cbar": False, "annot_kws": {"fontsize": 8}}
        sns.heatmap(tested, annot=shown, fmt="", ax=panel, **scale)
        panel.set(xlabel="fold", ylabel="speaker" * (panel is axes[0, 0]), title=titled(scheme, corpus.synthetic))
        panel.tick_params(rotation=0)
    return figure


def bootstrap(draws: Mapping[str, np.ndarray], *, label: str, title: str) -> Figure:
    """Draw how bootstrap draws (name -> (n,) scores) scatter, with 95 % percentile intervals; ``label``: with unit."""
    figure, (axes,) = panels(1, 3.2)
    bins = np.histogram_bin_edges(np.concatenate([*draws.values()]), 50)
    for i, (name, values) in enumerate(draws.items()):
        (low, high), colour = np.percentile(values, [2.5, 97.5]), SERIES_COLOURS[i]
        key = f"{name}: {low:.1f} to {high:.1f}"
        sns.histplot(values, bins=bins, color=colour, alpha=0.4, linewidth=0, label=key, ax=axes)
        axes.plot([low, high], 2 * [-(i + 1) * len(values) / 150], "|-", color=colour, linewidth=3)
    axes.set(xlabel=label, ylabel="draws", title=title, yticks=[tick for tick in axes.get_yticks() if tick >= 0])
    axes.legend(loc="upper left")
    return figure
