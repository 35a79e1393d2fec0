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


def test_cost_shows_recalls_and_both_accuracies():
    bells, lines = pictures.cost_of_imbalance(2.0, (1, 8)).axes
    assert bells.get_title("left") == "large : small = 8 : 1"
    hatched = next(patch for patch in bells.collections if patch.get_hatch())
    assert hatched.get_paths()[0].vertices[:, 0].max() == pytest.approx(np.log(8) / 2, abs=0.03)
    shown = {bars.get_label(): bars.lines[0].get_ydata() for bars in lines.containers}
    _, large, small = pictures.best_cut(2.0, 8)
    expected = {
        "recall, large": large,
        "recall, small": small,
        "UA": (large + small) / 2,
        "WA": (8 * large + small) / 9,
    }
    assert {name: values[1] for name, values in shown.items()} == pytest.approx(
        {name: 100 * value for name, value in expected.items()}
    )
    assert len({round(values[0], 9) for values in shown.values()}) == 1  # without imbalance all are one
    assert [line.get_xdata()[0] for line in bells.lines[2:]] == pytest.approx([0, np.log(8) / 2])


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


def test_gains_put_published_and_measured_on_one_line_per_variant():
    rows = {"network": ["A", "A", "B"], "variant": ["m = 3", "m = 4", "m = 3"], "published": [1.0, 2, 3]}
    table = pd.DataFrame(rows | {"measured": [0.5, np.nan, -1], "low": [-1, np.nan, -2], "high": [2, np.nan, 0.5]})
    figure = pictures.gains(table, corpus="emodb", unit="points", synthetic=True)
    first, second = figure.axes
    published, measured = (line for line in first.lines if line.get_marker() in "Do")
    assert list(published.get_xdata()) == [1, 2] and measured.get_xdata()[0] == 0.5
    assert [t.get_text() for t in first.get_yticklabels()] == ["m = 3", "m = 4"]
    assert first.get_title("left") == "A · synthetic" and second.get_title("left") == "B · synthetic"
    assert [t.get_text() for t in figure.legends[0].texts] == ["published, IEMOCAP", "measured, emodb"]
    np.testing.assert_array_equal(second.collections[0].get_segments()[0][:, 0], [-2, 0.5])


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
        save(pictures.cost_of_imbalance(2.0, (1, 4)), "cost", tmp_path / folder)
    assert (tmp_path / "a/cost.svg").read_bytes() == (tmp_path / "b/cost.svg").read_bytes()
