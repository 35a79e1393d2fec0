"""Pictures of paper 002 show what can be counted: paths, bins, winners, weights, published and measured scores."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from serlib.plots import multidilated as pictures
from serlib.plots.scores import ladder, recalls
from serlib.plots.style import save


def edges(size, n):
    """Where bins lie, by exact fractions: a cell belongs to every bin that it touches."""
    bins = [[c for c in range(size) if c * n < (i + 1) * size and (c + 1) * n > i * size] for i in range(n)]
    return [(cells[0], cells[-1] + 1) for cells in bins]


def grid(levels, bins, frames):
    return np.array([(n, *f, *t) for n in levels for f in edges(bins, n) for t in edges(frames, n)])


def test_channels_are_drawn_one_above_the_other_and_slopes_evenly_around_zero():
    picture = np.random.default_rng(0).normal(size=(3, 4, 6)).astype(np.float32)
    figure = pictures.channels(picture, seconds=0.5, title="x · synthetic")
    panels = [axes for axes in figure.axes if axes.get_ylabel() == "mel band"]
    for axes, channel in zip(panels, picture, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), channel)
        assert axes.images[0].get_extent() == [0, 0.5, 0, 4]
    for axes in panels[1:]:
        low, high = axes.images[0].get_clim()
        assert low == -high
    assert panels[0].get_title("left") == "x · synthetic"


@pytest.mark.parametrize(("dilations", "seen"), [((2, 2, 2), 7), ((1, 2, 3), 13), ((3,), 3), ((2, 4), 7)])
def test_gridding_counts_the_paths_to_every_input(dilations, seen):
    figure = pictures.gridding({"a": dilations})
    (axes,) = figure.axes
    sums = [sum(steps) for steps in product(*[(-d, 0, d) for d in dilations])]  # every path, one by one
    reach = sum(dilations)
    expected = [sums.count(place) for place in range(-reach, reach + 1)]
    assert [int(text.get_text()) for text in axes.texts] == expected
    assert axes.get_title("left") == f"a: {seen} of {2 * reach + 1} inputs"
    red = [to_rgb(text.get_color()) != (0, 0, 0) for text in axes.texts]
    assert red == [count == 0 for count in expected]


def test_receptive_fields_show_dependence_and_what_is_claimed():
    dependence = np.array([0, 0, 1.0, 2, 1, 0, 0])
    axes = pictures.receptive_fields({"a": (dependence, {"standard": 3, "printed": 5})}, xlabel="input").axes[0]
    assert [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in axes.patches] == [(-1, 1), (0, 2), (1, 1)]
    claimed = {text.get_text(): np.ptp(line.get_xdata()) for text, line in zip(axes.texts, axes.lines[1:], strict=True)}
    assert claimed == {"standard: 3": 3, "printed: 5": 5}


@pytest.mark.parametrize(("inputs", "width"), [(41, 1), (39, 0.85)])
def test_bars_of_many_inputs_touch(inputs, width):
    axes = pictures.receptive_fields({"a": (np.ones(inputs), {"can see": 3})}, xlabel="frame").axes[0]
    assert {round(bar.get_width(), 9) for bar in axes.patches} == {width}


@pytest.mark.parametrize(("level", "rows", "steps"), [(5, 0, 0), (6, 4, 3), (8, 4, 7), (1, 0, 0)])
def test_pyramid_marks_what_each_bin_keeps_and_what_is_shared_and_rebuilds_the_map(level, rows, steps):
    values = np.random.default_rng(level).permutation(20 * 45).reshape(20, 45).astype(float)
    figure = pictures.pyramid({"clip": (values, 4.5)}, level, grid, title="t")  # a step is 0.1 s
    left, right = figure.axes[:2]
    kept = {values[int(y), int(10 * x)] for line in left.lines for x, y in line.get_xydata()}
    assert kept == {values[a:b, c:d].max() for _, a, b, c, d in grid((level,), 20, 45)}
    assert len(left.patches) == level**2 + rows + steps
    rebuilt = np.array([[max(values[a:b, c:d].max() for _, a, b, c, d in grid((level,), 20, 45)
                             if a <= y < b and c <= x < d) for x in range(45)] for y in range(20)])  # fmt: skip
    np.testing.assert_array_equal(right.images[0].get_array(), rebuilt)
    assert right.images[0].get_extent() == [0, 4.5, 0, 20] and right.images[0].get_clim() == left.images[0].get_clim()
    assert [t.get_text() for t in left.get_yticklabels()] == ["0.25", "0.5", "1", "2", "4", "8"]
    mel = 2595 * np.log10(1 + np.array([250, 500, 1000, 2000, 4000, 8000]) / 700)
    np.testing.assert_allclose(left.get_yticks(), 20 * mel / mel[-1])


def test_attention_takes_every_weight_to_its_place():
    levels = (1, 2, 3)
    weights = {name: np.arange(1.0, 15) + i for i, name in enumerate(("anger", "sadness"))}
    weights = {name: w / w.sum() for name, w in weights.items()}
    figure = pictures.attention(weights, levels, title="where · synthetic")
    shown = [axes.collections[0].get_array() for axes in figure.axes[:4]]
    np.testing.assert_allclose(shown[0], 14 * weights["anger"][1:5].reshape(2, 2))
    np.testing.assert_allclose(shown[3], 14 * weights["sadness"][5:].reshape(3, 3))
    assert not figure.axes[0].yaxis_inverted()  # frequency grows upwards
    assert [axes.get_title("left") for axes in figure.axes[:2]] == ["anger", "sadness"]
    assert figure.axes[0].collections[0].norm.vcenter == 1 and "synthetic" in figure.get_suptitle()


def test_attention_that_learned_nothing_can_be_drawn():
    figure = pictures.attention({"anger": np.full(5, 0.2)}, (1, 2), title="even")
    np.testing.assert_allclose(figure.axes[0].collections[0].get_array(), 1)


def test_heats_part_colours_at_the_middle_and_keep_every_map():
    maps = {"anger": [np.array([[-0.1, 0.4], [0.0, 0.2]])], "fear": [np.full((2, 2), 0.1)]}
    first, second = (axes.collections[0] for axes in pictures.heats(maps, middle=0, label="nats", title="t").axes[:2])
    np.testing.assert_allclose(first.get_array(), maps["anger"][0])
    assert (first.norm.vmin, first.norm.vcenter, first.norm.vmax) == (-0.1, 0, 0.4)
    assert second.norm.vmax == 0.4


def test_heats_say_where_time_runs_below_the_last_row():
    maps = {"anger": [np.ones((2, 2)), np.ones((3, 3))], "fear": [np.ones((2, 2)), np.ones((3, 3))]}
    figure = pictures.heats(maps, middle=0, label="nats", title="t")
    assert [axes.get_xlabel() for axes in figure.axes[:4]] == ["", "", "time →", "time →"]


def test_waterfall_stands_each_recipe_on_the_one_before_and_hollows_what_is_open():
    columns = ["effect", "low", "high", "verdict"]
    rows = [[8.0, 2, 14, "better"], [-3.0, -7, 1, "open"], [5.0, np.nan, np.nan, "not compared: x"]]
    steps = pd.DataFrame(rows, ["strong", "own", "best"], columns)
    levels = {"printed": 60.0, "strong": 68.0, "own": 65.0, "best": 70.0}
    (axes,) = pictures.waterfall(levels, steps, title="emodb").axes
    assert [(bar.get_x(), bar.get_width()) for bar in axes.patches] == [(0, 60), (60, 8), (68, -3), (65, 5)]
    assert [bar.get_facecolor()[3] for bar in axes.patches] == [1, 1, 0, 0]
    told = ["60.0 %", "68.0 %  (+8.0; +2.0 to +14.0)", "65.0 %  (-3.0; -7.0 to +1.0)", "70.0 %"]
    assert [text.get_text() for text in axes.texts] == told
    assert axes.yaxis_inverted() and [t.get_text() for t in axes.get_yticklabels()] == [*levels]


@pytest.fixture
def beside():
    rows = [("a", "emodb", "ua", 70.0, 66.0, 60, 71), ("a", "iemocap", "ua", 60.0, np.nan, np.nan, np.nan)]
    rows += [("b", "emodb", "ua", 77.0, 75.0, 70, 80), ("b", "emodb", "wa", 10.0, 99.0, 98, 99)]
    rows += [("c", "emodb", "ua", 72.0, np.nan, np.nan, np.nan)]
    return pd.DataFrame(rows, columns=["method", "corpus", "metric", "published", "measured", "low", "high"])


def test_ladder_puts_published_and_measured_on_their_rungs(beside):
    figure = ladder(beside, names={"a": "plain", "b": "pyramid", "c": "more"}, measured="emodb, study", synthetic=True)
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines["published, emodb"].get_xdata()) == [70, 77, 72]
    assert list(lines["published, iemocap"].get_xdata()) == [60]
    assert list(lines["measured, emodb, study"].get_xdata()) == [66, 75]
    assert [round(y) for y in lines["measured, emodb, study"].get_ydata()] == [0, 1]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["plain", "pyramid", "more"]
    assert "synthetic" in axes.get_title("left") and axes.yaxis_inverted()
    assert [ends[:, 0].tolist() for ends in axes.collections[0].get_segments()] == [[60, 71], [70, 80]]


def test_ladder_of_nothing_measured_shows_the_paper_alone(beside):
    figure = ladder(beside.assign(measured=np.nan), names={"a": "a", "b": "b", "c": "c"}, measured="none")
    assert not len({line.get_label(): line for line in figure.axes[0].lines}["measured, none"].get_xdata())


def test_recalls_follow_the_first_methods_order():
    first = pd.DataFrame({"recall": [90.0, 30, 60], "utterances": [5, 6, 7]}, index=["anger", "fear", "neutral"])
    figure = recalls({"one": first, "two": first.assign(recall=[1.0, 2, 3])}, title="emodb")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["fear\n(6)", "neutral\n(7)", "anger\n(5)"]
    assert [list(line.get_ydata()) for line in axes.lines] == [[30, 60, 90], [2, 3, 1]]
    assert [round(x) for x in axes.lines[1].get_xdata()] == [0, 1, 2]


def test_files_are_equal_for_equal_figures(tmp_path):
    for folder in ("a", "b"):
        save(pictures.gridding({"x": (1, 2)}), "gridding", tmp_path / folder)
    assert (tmp_path / "a/gridding.svg").read_bytes() == (tmp_path / "b/gridding.svg").read_bytes()
