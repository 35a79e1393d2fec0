"""Curves of the moved cut stand where the points are; what is as trained is filled, what was moved hollow."""

import numpy as np

from serlib.plots.imbalance import trade_offs

CURVES = {
    "1:4": {"softmax": np.array([[80.0, 20.0], [70.0, 40.0]]), "angular": np.array([[75.0, 30.0], [60.0, 50.0]])},
    "1:8": {"softmax": np.array([[90.0, 5.0], [60.0, 45.0]])},
}


def test_a_panel_per_condition_and_marks_at_the_ends():
    figure = trade_offs(CURVES, moved=1, synthetic=True)
    for panel, (condition, lines) in zip(figure.axes, CURVES.items(), strict=True):
        assert panel.get_title(loc="left") == f"{condition} · synthetic"
        drawn = [line.get_xydata() for line in panel.lines if len(line.get_xdata()) > 1]
        np.testing.assert_allclose(drawn, list(lines.values()))
        alone = [
            (line.get_xydata()[0], line.get_markerfacecolor()) for line in panel.lines if len(line.get_xdata()) == 1
        ]
        np.testing.assert_allclose([at for at, _ in alone], [p[k] for p in lines.values() for k in (0, 1)])
        assert [face == "white" for _, face in alone] == [False, True] * len(lines)
    assert [text.get_text() for text in figure.legends[0].texts] == ["softmax", "angular"]
    short = trade_offs({"1:8": {"softmax": CURVES["1:8"]["softmax"][:1]}}, moved=1)  # which tau 1 is not part of
    assert [line.get_markerfacecolor() == "white" for line in short.axes[0].lines] == [False, False]
    bare = trade_offs({"1:8": CURVES["1:8"]})
    assert [len(line.get_xdata()) for line in bare.axes[0].lines] == [2, 1]
