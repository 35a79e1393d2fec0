"""The picture across corpora puts marks and intervals where the tables say."""

import numpy as np
import pandas as pd

from serlib.plots.across import places

OWN = "each speaker's own statistics"
ROWS = pd.MultiIndex.from_tuples([(OWN, "within"), (OWN, "across"), ("plain", "across")])
TABLE = pd.DataFrame([[80.0, 70.0, 90.0], [45.0, 40.0, 50.0], [30.0, 20.0, 40.0]], ROWS, ["pooled", "low", "high"])


def test_marks_intervals_and_chance():
    figure = places({"emodb": TABLE, "made": TABLE.iloc[:1]}, chance=25.0, title="both", synthetic=True)
    first, second = figure.axes
    marks = {line.get_label(): line for line in first.lines}
    assert marks["within"].get_xdata().tolist() == [80] and marks["across"].get_xdata().tolist() == [45, 30]
    assert [round(y) for y in marks["across"].get_ydata()] == [0, 1] and marks["within"].get_ydata()[0] < 0
    assert marks["chance"].get_xdata() == [25.0, 25.0]
    ends = [segment[:, 0].tolist() for bars in first.collections for segment in bars.get_segments()]
    np.testing.assert_array_equal(ends, TABLE[["low", "high"]])
    assert [len(line.get_xdata()) for line in second.lines] == [1, 0, 2]
    assert [t.get_text() for t in first.get_yticklabels()] == ["each speaker's\nown statistics", "plain"]
    assert first.get_title(loc="left") == "tested on emodb" and figure.get_suptitle() == "both · synthetic"
