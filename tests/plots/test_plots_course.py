"""The course of long recordings: a panel each, a curve per emotion, gaps for pauses."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from serlib.plots.course import MOST, plot_course
from serlib.plots.style import EMOTION_COLOURS


def course(files):
    steps = [(f"talk $ {k}.wav", start, start + 3.0) for k in range(files) for start in (0.0, 1.0, 2.0)]
    table = pd.DataFrame(
        {"anger": 0.25, "sadness": 0.75}, pd.MultiIndex.from_tuples(steps, names=["file", "start", "end"])
    )
    table.iloc[1] = np.nan
    table.insert(0, "confidence", table.max(axis=1))
    table.insert(0, "predicted", "sadness")
    return table


def test_each_recording_has_a_panel_with_a_curve_per_emotion():
    figure = plot_course(course(2), 0.5)
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["talk $ 0.wav", "talk $ 1.wav"]
    for k, panel in enumerate(figure.axes):
        anger, sadness, threshold = panel.get_lines()
        np.testing.assert_array_equal(anger.get_xdata(), [1.5, 2.5, 3.5])
        np.testing.assert_array_equal(sadness.get_ydata(), [0.75, 0.75 if k else np.nan, 0.75])
        assert sadness.get_color() == EMOTION_COLOURS["sadness"]
        assert set(threshold.get_ydata()) == {0.5} and panel.get_xlim() == (0, 5)
    plt.close(figure)


def test_of_many_recordings_the_first_are_drawn():
    figure = plot_course(course(MOST + 3), 0.0)
    assert len(figure.axes) == MOST
    plt.close(figure)
