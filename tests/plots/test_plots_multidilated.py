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


@pytest.mark.parametrize(("level", "rows", "steps"), [(5, 0, 0), (6, 4, 3), (8, 4, 7), (1, 0, 0)])
def test_pyramid_marks_each_bins_winner_and_what_is_shared(level, rows, steps):
    values = np.random.default_rng(level).permutation(20 * 45).reshape(20, 45).astype(float)
    axes = pictures.pyramid({"clip": values}, (level,), grid, title="t").axes[0]
    assert axes.get_title("left") == f"{level} × {level}\n{rows} rows, {steps} steps\nshared"
    kept = {values[int(y), int(x)] for line in axes.lines for x, y in line.get_xydata()}
    assert kept == {values[a:b, c:d].max() for _, a, b, c, d in grid((level,), 20, 45)}
    assert len(axes.patches) == level**2 + rows + steps


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
