"""Pictures of paper 000 show the numbers given, and the closed form behind the first one is what it says."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from scipy.integrate import quad
from scipy.stats import norm

from serlib.geometry import own_and_nearest
from serlib.plots import angular as pictures
from serlib.plots.style import EMOTION_COLOURS, save

NAMES = ("anger", "neutral", "own class")


@pytest.mark.parametrize(("gap", "ratio"), [(2.0, 8.0), (1.0, 3.0), (3.0, 1.0)])
def test_the_best_cut_beats_every_other_one(gap, ratio):
    cut, large, small = pictures.best_cut(gap, ratio)
    assert large == pytest.approx(quad(lambda x: norm.pdf(x, -gap / 2), -np.inf, cut)[0])
    assert small == pytest.approx(quad(lambda x: norm.pdf(x, gap / 2), cut, np.inf)[0])
    tried = np.linspace(-4, 4, 1601)
    right = ratio * norm.cdf(tried + gap / 2) + norm.sf(tried - gap / 2)
    assert tried[right.argmax()] == pytest.approx(cut, abs=0.006)
    assert ratio * large + small >= right.max() - 1e-12


def test_equal_classes_are_cut_in_the_middle():
    cut, large, small = pictures.best_cut(2.0, 1)
    assert cut == 0 and large == small == pytest.approx(norm.cdf(1))


def test_every_segment_is_a_bar_where_it_starts():
    starts = {"training": [0.0, 1.0], "scoring": [0.0, 0.4, 0.8]}
    figure = pictures.segments(np.zeros(300), starts, rate_hz=100, seconds=2.0, title="anger", colour="red")
    wave, bars = figure.axes
    drawn = [(p.get_x(), p.get_width()) for p in bars.patches]
    np.testing.assert_allclose(drawn, [(s, 2.0) for each in starts.values() for s in each])
    assert len({p.get_y() for p in bars.patches}) == 5 and wave.get_title("left") == "anger"
    assert [t.get_text() for t in bars.get_yticklabels()] == ["training: 2", "scoring: 3"]
    assert bars.lines[0].get_xdata()[0] == 3.0


def test_shapes_draw_every_step_with_its_numbers():
    steps = [("input", (1, 400, 200)), ("conv", (16, 200, 100)), ("along time", (25, 1600)), ("mean", (64,))]
    (axes,) = pictures.shapes({"net": steps}).axes
    texts = [t.get_text() for t in axes.texts if t.get_text()]
    assert texts == ["input\n1×400×200", "conv\n16×200×100", "along time\n25×1600", "mean\n64"]
    assert len(axes.patches) - sum(hasattr(p, "get_arrowstyle") for p in axes.patches) == 1 + 5 + 1 + 1
    heights = [p.get_height() for p in axes.patches if hasattr(p, "get_height")]
    assert heights[0] == pytest.approx(np.sqrt(2) * heights[1])  # half as many bins


def test_slopes_go_from_mean_to_mean_with_the_seeds_beside_them():
    before = pd.DataFrame([[10.0, 50, 30], [30, 70, 30]], columns=NAMES)
    (axes,) = pictures.slopes({"softmax": before, "m = 5": before + 20}, thick=["anger"], title="t").axes
    lines = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert {name: list(line.get_ydata()) for name, line in lines.items()} == {
        "anger": [20, 40], "neutral": [60, 80], "own class": [30, 50]
    }  # fmt: skip
    assert {name: line.get_linewidth() for name, line in lines.items()} == {
        "anger": 4,
        "neutral": 1.4,
        "own class": 1.4,
    }
    assert to_rgb(lines["anger"].get_color()) == to_rgb(EMOTION_COLOURS["anger"])
    seeds = [list(line.get_ydata()) for line in axes.lines if line.get_marker() == "."]
    assert seeds == [[10, 30], [30, 50], [50, 70], [70, 90], [30, 30], [50, 50]]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["softmax", "m = 5"]


def test_angle_grid_counts_in_percent_of_the_class():
    table = pd.DataFrame({"label": [0, 0, 0, 1], "own_deg": [3, 9, 10, 50], "nearest_other_deg": [90, 91, 95, 100]})
    figure = pictures.angle_grid({"softmax": table, "m = 5": table}, NAMES, synthetic=True)
    assert len(figure.axes) == 6
    panel = figure.axes[0]
    filled = [p for p in panel.patches if p.get_facecolor()[:3] == to_rgb(EMOTION_COLOURS["anger"])]
    assert [p.get_height() for p in filled[:2]] == pytest.approx([100 / 3, 200 / 3])
    assert sum(p.get_height() for p in filled[:30]) == pytest.approx(100)
    assert [axes.get_title("left") for axes in figure.axes[:2]] == ["softmax · synthetic", "m = 5 · synthetic"]
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == list(NAMES)


def test_angle_grid_counts_every_embedding_and_marks_the_cones():
    embeddings, labels = np.random.default_rng(0).standard_normal((60, 3)), np.repeat([0, 1, 2], [10, 20, 30])
    measured = own_and_nearest(embeddings, labels, np.eye(3))
    for axes, label, cone in zip(
        pictures.angle_grid({"": measured}, NAMES, cones_deg=[18, 18, 15]).axes, range(3), (18, 18, 15), strict=True
    ):
        counts = np.histogram(measured.loc[measured["label"] == label, "own_deg"], np.arange(0, 181, 6))[0]
        np.testing.assert_allclose([bar.get_height() for bar in axes.containers[0]], 100 * counts / counts.sum())
        assert axes.lines[-1].get_xdata()[0] == cone
        low, middle, high = axes.transAxes.inverted().transform(axes.transData.transform([[0, 0], [0, 25], [0, 100]]))
        assert high[1] == pytest.approx(2 * middle[1]) and low[1] == pytest.approx(0)  # a square root


def test_owned_shows_mean_lowest_and_highest():
    shares = pd.DataFrame([[0.2, 0.3, 0.5], [0.4, 0.3, 0.3]])
    (axes,) = pictures.owned({"softmax": shares, "m = 5": shares}, NAMES).axes
    points, _, bars = axes.containers[0]
    assert list(points.get_ydata()) == pytest.approx([30, 30, 40])
    ends = [segment[:, 1] for segment in bars[0].get_segments()]
    np.testing.assert_allclose(ends, [[20, 40], [30, 30], [30, 50]])
    assert axes.lines[0].get_ydata()[0] == pytest.approx(100 / 3)


def test_files_are_equal_for_equal_figures(tmp_path):
    for folder in ("a", "b"):
        save(pictures.shapes({"net": [("input", (1, 40, 20))]}), "shapes", tmp_path / folder)
    assert (tmp_path / "a/shapes.svg").read_bytes() == (tmp_path / "b/shapes.svg").read_bytes()
