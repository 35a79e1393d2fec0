"""What a model hears over time: a curve per emotion for each long recording."""

import pandas as pd
from matplotlib.figure import Figure

from serlib.plots.style import apply_style, emotion_colour, grid, key_below

MOST = 12  # panels; recordings beyond are in the table alone


def plot_course(course: pd.DataFrame, threshold: float) -> Figure:
    """Draw probabilities over the middles of windows, a panel per recording, in order; a pause is a gap.

    ``course`` is as of ``serlib.runs.predict.Answers``, at least one row; below ``threshold``, dotted, nothing is said.
    """
    apply_style()
    files = course.index.get_level_values("file").unique()[:MOST]
    figure, axes = grid(len(files), 1, 0.6 + 2.0 * len(files))
    for panel, file in zip(axes.flat, files, strict=True):
        windows = course.loc[file]
        middles = [(start + end) / 2 for start, end in windows.index]
        for i, emotion in enumerate(course.columns.drop(["predicted", "confidence"])):
            panel.plot(middles, windows[emotion], marker=".", color=emotion_colour(emotion, i), label=emotion)
        panel.axhline(threshold, color="black", linewidth=1, linestyle=":")
        panel.set(title=file, ylim=(0, 1), ylabel="probability", xlim=(0, windows.index[-1][1]))
        panel.title.set_parse_math(False)  # a name may hold a dollar sign
    axes.flat[-1].set_xlabel("middle of the window (s)")
    key_below(figure)
    return figure
