"""Pictures of a corpus: who says how much in which emotion, how it sounds, and how folds and draws divide it."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from serlib.corpora.corpus import Corpus
from serlib.plots.style import MARKERS, SERIES_COLOURS, emotion_colour, titled
from serlib.protocol import Fold

_SEXES = {"female": MARKERS[0], "male": MARKERS[1], "unknown": MARKERS[2]}


def _title(corpus: Corpus, text: str) -> str:
    return titled(f"{corpus.name}: {text}", corpus.synthetic)


def class_shares(corpus: Corpus) -> Figure:
    """Draw how many utterances each emotion has, in all and by speaker (F or M behind the name where known)."""
    table, classes = corpus.table, list(corpus.classes)
    counts = pd.crosstab(table["speaker"], table["emotion"]).reindex(columns=classes, fill_value=0)
    sexes = table.groupby("speaker")["sex"].first().fillna("")
    names = [f"{speaker} {sex[:1].upper()}".strip() for speaker, sex in sexes.loc[counts.index].items()]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 1.4 + 0.26 * max(counts.shape)))
    before = np.zeros(len(counts))
    for i, (emotion, column) in enumerate(counts.items()):
        colour, total = emotion_colour(emotion, i), column.sum()
        left.barh(emotion, total, color=colour)
        left.text(total, i, f" {total} ({100 * total / len(corpus):.0f} %)", va="center", fontsize=10)
        right.barh(names, column, left=before, color=colour, edgecolor="white", linewidth=0.5)
        before += column.to_numpy()
    left.set(xlim=(0, 1.35 * counts.sum().max()), xlabel="utterances", title=_title(corpus, "emotions"))
    right.set(xlabel="utterances", ylabel="speaker", title="same colours, by speaker")
    for axes in (left, right):
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
    return figure


def cues(corpus: Corpus, values: pd.DataFrame) -> Figure:
    """Draw measured cues by emotion: a point per utterance, another marker for each sex, a bar at the median.

    Args:
        corpus: whose utterances.
        values: (N, cues), rows as in ``corpus.table``; the columns' names label the axes and carry the unit.

    Raises:
        ValueError: when there is not one row per utterance.
    """
    if len(values) != len(corpus):
        raise ValueError(f"values have {len(values)} rows; needed is one for each of {len(corpus)} utterances")
    heights = corpus.labels + np.random.default_rng(0).uniform(-0.14, 0.14, len(corpus))  # keeps points apart
    sexes = corpus.table["sex"].fillna("unknown").to_numpy()
    present = [sex for sex in _SEXES if sex in sexes]
    size = (9, 1.7 + 0.36 * len(corpus.classes))
    figure, axes = plt.subplots(1, values.shape[1], figsize=size, sharey=True, squeeze=False)
    for panel, (label, column) in zip(axes[0], values.items(), strict=True):
        for i, emotion in enumerate(corpus.classes):
            colour, own = emotion_colour(emotion, i), corpus.labels == i
            for lane, sex in enumerate(present):
                rows, shift = own & (sexes == sex), 0.2 * (lane - (len(present) - 1) / 2)
                panel.scatter(column[rows], heights[rows] + shift, 9, colour, _SEXES[sex], alpha=0.55, linewidths=0)
            panel.vlines(column[own].median(), i - 0.38, i + 0.38, color="black", linewidth=2)
        panel.set(xlabel=label)
        panel.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(range(len(corpus.classes)), corpus.classes)
    axes[0, 0].invert_yaxis()
    axes[0, 0].set_title(_title(corpus, "a point per utterance"))
    keys = [plt.Line2D([], [], color="black", marker=_SEXES[sex], linestyle="", label=sex) for sex in present]
    figure.legend(handles=keys, loc="outside lower center", ncols=3)
    return figure


def utterance(signal: np.ndarray, log_mel: np.ndarray, *, rate_hz: int, title: str, colour: str) -> Figure:
    """Draw a waveform (samples,) beside its log-mel spectrogram (bands, frames) in dB, at most 0.

    Bands lie on Slaney's mel scale from 0 Hz to half of ``rate_hz``, as ``LogMel`` makes them by default.
    """
    from librosa import hz_to_mel

    seconds, top_hz = len(signal) / rate_hz, rate_hz / 2
    figure, (wave, picture) = plt.subplots(1, 2, figsize=(9, 2.2))
    wave.plot(np.arange(len(signal)) / rate_hz, signal, color=colour, linewidth=0.6)
    wave.set(xlabel="time (s)", ylabel="amplitude", xlim=(0, seconds), ylim=(-1, 1), title=title)
    extent = (0, seconds, 0, float(hz_to_mel(top_hz)))
    image = picture.imshow(log_mel, "magma", aspect="auto", vmin=-80, vmax=0, origin="lower", extent=extent)
    ticks = [hz for hz in (500, 1000, 2000, 4000, 8000) if hz <= top_hz]
    picture.set_yticks(hz_to_mel(ticks), [f"{hz / 1000:g}" for hz in ticks])
    picture.set(xlabel="time (s)", ylabel="frequency (kHz)")
    picture.grid(False)
    figure.colorbar(image, ax=picture, label="dB")
    return figure


def fold_map(corpus: Corpus, schemes: Mapping[str, Sequence[Fold]]) -> Figure:
    """Draw, per scheme, what share (%) of each speaker's utterances every fold tests; "dev": all of them are dev."""
    codes, speakers = pd.factorize(corpus.table["speaker"], sort=True)
    heard, size = np.bincount(codes), (9, 1.6 + 0.26 * len(speakers))
    widths = [len(parts) + 2 for parts in schemes.values()]
    figure, axes = plt.subplots(1, len(schemes), figsize=size, squeeze=False, width_ratios=widths)
    for panel, (scheme, parts) in zip(axes[0], schemes.items(), strict=True):
        counts = [[np.bincount(codes[p], minlength=len(heard)) for p in (fold.test, fold.dev)] for fold in parts]
        tested, dev = 100 * (np.array(counts) / heard).transpose(1, 2, 0)  # each (speakers, folds)
        panel.imshow(tested, "Blues", aspect="auto", vmin=0, vmax=100)
        for (row, column), share in np.ndenumerate(tested):
            text = f"{share:.0f}" if share else "dev" if dev[row, column] == 100 else ""
            panel.text(column, row, text, ha="center", va="center", fontsize=8, color="kw"[int(share > 55)])
        panel.set_xticks(range(len(parts)), [fold.name.rpartition("-")[2] for fold in parts])
        panel.set_yticks(range(len(speakers)), speakers)
        panel.set(xlabel="fold", title=titled(scheme, corpus.synthetic))
        panel.grid(False)
    axes[0, 0].set_ylabel("speaker")
    return figure


def bootstrap(draws: Mapping[str, np.ndarray], *, label: str, title: str) -> Figure:
    """Draw how bootstrap draws (name -> (n,) scores) scatter, with 95 % percentile intervals; ``label``: with unit."""
    figure, axes = plt.subplots(figsize=(7.5, 3.2))
    bins = np.histogram_bin_edges(np.concatenate([*draws.values()]), 50)
    for i, (name, values) in enumerate(draws.items()):
        (low, high), colour = np.percentile(values, [2.5, 97.5]), SERIES_COLOURS[i]
        axes.hist(values, bins, color=colour, alpha=0.4, label=f"{name}: {low:.1f} to {high:.1f}")
        axes.plot([low, high], 2 * [-(i + 1) * len(values) / 150], "|-", color=colour, linewidth=3)
    axes.set(xlabel=label, ylabel="draws", title=title, yticks=[tick for tick in axes.get_yticks() if tick >= 0])
    axes.legend(loc="upper left")
    return figure
