"""Pictures of center loss show the numbers given, in the colours and marks that a reader relies on."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from serlib.plots import center as pictures
from serlib.plots.petals import player
from serlib.plots.style import EMOTION_COLOURS, save

NAMES = ("anger", "neutral", "own class")
LABELS = np.array([0, 0, 1, 2, 2])
POINTS = np.arange(10.0).reshape(5, 2)
CENTERS = np.array([[1.0, 1], [2, 3], [5, 5]])


def offsets(axes):
    return [np.asarray(c.get_offsets()) for c in axes.collections]


def test_cloud_shows_every_point_in_its_class_colour():
    _, axes = plt.subplots()
    pictures.cloud(axes, POINTS, LABELS, NAMES)
    for i, shown in enumerate(offsets(axes)):
        np.testing.assert_array_equal(shown, POINTS[i == LABELS])
    assert to_rgb(axes.collections[0].get_facecolor()[0, :3]) == to_rgb(EMOTION_COLOURS["anger"])
    assert [c.get_label() for c in axes.collections] == list(NAMES)


def test_clouds_put_centres_on_top_and_one_legend_below():
    figure = pictures.clouds({"a": (POINTS, LABELS, CENTERS), "b": (2 * POINTS, LABELS)}, NAMES)
    first, second = figure.axes
    np.testing.assert_array_equal(np.concatenate(offsets(first)[1::2]), CENTERS)
    assert first.collections[1].get_zorder() > first.collections[0].get_zorder()
    assert len(second.collections) == 3 and second.get_title("left") == "b"
    assert [text.get_text() for text in figure.legends[0].texts] == list(NAMES)


@pytest.mark.parametrize("shared", [False, True])
def test_one_scale_only_when_asked_for_and_always_the_same_on_both_axes(shared):
    figure = pictures.clouds({"a": (POINTS, LABELS), "b": (20 * POINTS, LABELS)}, NAMES, shared=shared)
    limits = [(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes]
    assert (limits[0] == limits[1]) is shared
    for axes, (x, y) in zip(figure.axes, limits, strict=True):
        assert np.ptp(x) == pytest.approx(np.ptp(y)) and axes.get_aspect() == 1
    (x, y), points = limits[1], 20 * POINTS
    assert (points.min(0) > [x[0], y[0]]).all() and (points.max(0) < [x[1], y[1]]).all()


def test_maps_without_units_have_no_numbers():
    figure = pictures.clouds({"a": (POINTS, LABELS)}, NAMES, ticks=False)
    assert not len(figure.axes[0].get_xticks()) and not len(figure.axes[0].get_yticks())


def test_heard_are_pale_unheard_dark_and_ellipses_hold_one_deviation():
    generator = np.random.default_rng(0)
    train = generator.normal(size=(300, 2)) @ np.array([[0.4, 0.2], [0, 0.1]]), np.repeat([0, 1], 150)
    test = np.array([[0.0, 0], [3, 0], [0.5, 0.5]]), np.array([0, 1, 1])
    figure = pictures.heard_unheard({"heard": train, "unheard": test}, NAMES[:2], CENTERS[:2], title="t")
    heard, unheard = figure.axes
    assert [c.get_alpha() for c in heard.collections[::2]] == [0.3] * 2
    assert [c.get_alpha() for c in unheard.collections[::2]] == [0.85] * 2
    assert (heard.get_title("left"), unheard.get_title("left")) == ("heard", "unheard (1 of 3 lie outside)")
    for k, ellipse in enumerate(heard.patches):
        own = train[0][train[1] == k]
        assert ellipse.center == pytest.approx(own.mean(0))
        turn = np.radians(ellipse.angle)
        along = (own - own.mean(0)) @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        assert (ellipse.width, ellipse.height) == pytest.approx(2 * along.std(0, ddof=1))
        assert np.cov(along.T)[0, 1] == pytest.approx(0, abs=1e-12)
    assert not unheard.patches  # two points have no shape


def test_ratios_show_every_fold_and_the_means():
    table = pd.DataFrame({"fold-1": [1.0, 0.4], "fold-2": [2.0, 0.6]}, index=[0.0, 0.1])
    (axes,) = pictures.ratios({"train": table, "test": table + 1}, title="t").axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker() != "."]
    assert [list(line.get_ydata()) for line in lines[:2]] == [[1.5, 0.5], [2.5, 1.5]]
    dots = [list(line.get_ydata()) for line in axes.lines if line.get_marker() == "."]
    assert dots == [[1, 0.4], [2, 0.6], [2, 1.4], [3, 1.6]]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "0.1"]


@pytest.fixture
def tables():
    weights = pd.Index([0.0, 0.01, 1.0], name="lambda")
    dev = pd.DataFrame({"fold-1": [50.0, 60, 40], "fold-2": [30.0, 50, 40]}, index=weights)
    return dev, pd.DataFrame({"ratio": [1.0, 0.5, 0.2], "silhouette": [0.1, 0.2, 0.3]}, index=weights)


def test_sweep_shows_folds_mean_clusters_and_the_chosen(tables):
    figure = pictures.sweep(*tables, 0.01, synthetic=True)
    left, ratio, silhouette = figure.axes
    assert [list(line.get_ydata()) for line in left.lines[:3]] == [[50, 60, 40], [30, 50, 40], [40, 55, 40]]
    assert list(ratio.lines[0].get_ydata()) == [1.0, 0.5, 0.2]
    assert list(silhouette.lines[0].get_ydata()) == [0.1, 0.2, 0.3]
    assert (ratio.get_ylabel(), silhouette.get_ylabel()) == ("intra / inter, test part", "silhouette, test part")
    for axes in figure.axes:
        assert axes.lines[-1].get_xdata() == [1, 1]
        assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "0.01", "1"]
    assert "synthetic" in left.get_title("left") and "synthetic" in ratio.get_title("left")
    with pytest.raises(KeyError):
        pictures.sweep(*tables, 0.5)


def test_sweep_shows_single_runs_of_a_measure_where_they_are_given(tables):
    dev, clusters = tables
    single = pd.DataFrame({"fold-1": [1.2, 0.6, 0.1], "fold-2": [0.8, 0.4, 0.3]}, index=clusters.index)
    _, ratio, silhouette = pictures.sweep(dev, clusters, 0.01, runs={"ratio": single}).axes
    assert [list(line.get_ydata()) for line in ratio.lines[:3]] == [[1.2, 0.6, 0.1], [0.8, 0.4, 0.3], [1.0, 0.5, 0.2]]
    assert len(silhouette.lines) == 2


def test_courses_show_every_measure_of_every_run():
    table = pd.DataFrame({"intra": [3.0, 1], "silhouette": [0.0, 0.4]}, index=[0, 5.2])
    figure = pictures.courses({"softmax": table, "center": table + 1}, synthetic=True)
    assert [axes.get_ylabel() for axes in figure.axes] == ["distance to the own mean", "silhouette"]
    assert list(figure.axes[0].lines[1].get_ydata()) == [4.0, 2.0]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["0", "5"]
    assert "synthetic" in figure.axes[0].get_title("left")
    assert [text.get_text() for text in figure.legends[0].texts] == ["softmax", "center"]


def test_courses_of_many_snapshots_name_a_few_shares():
    table = pd.DataFrame({"ratio": np.arange(7.0)}, index=np.linspace(0, 87, 7))
    (axes,) = pictures.courses({"softmax": table}).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "29", "58", "87"]
    assert list(axes.get_xticks()) == [0, 2, 4, 6] and axes.get_xlabel() == "share of the training, %"


def test_clouds_move_in_a_player_that_needs_no_network():
    html = player(lambda axes, k: pictures.cloud(axes, k * POINTS, LABELS, NAMES, CENTERS), 3, alt="clouds move")
    assert html.count("data:image/png;base64,") == 3 and "http" not in html.replace("http://www.w3.org", "")
    assert 'alt="clouds move"' in html


def test_files_are_equal_for_equal_figures(tables, tmp_path):
    for folder in ("a", "b"):
        save(pictures.sweep(*tables, 1.0), "sweep", tmp_path / folder)
    assert (tmp_path / "a/sweep.svg").read_bytes() == (tmp_path / "b/sweep.svg").read_bytes()
