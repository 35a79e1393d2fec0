"""Pictures of DCaEN show the numbers given, and mark what a reader relies on."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from serlib.plots import dcaen as pictures
from serlib.plots.style import EMOTION_COLOURS, save

NAMES = ("anger", "neutral", "sadness")
LABELS = np.array([0, 0, 1, 1, 2])
FIRST = np.array([[1.0, 0], [0, 2], [3, 0], [0, 1], [2, 0]])


def test_contours_show_points_over_time_and_the_whole_as_a_line():
    frames = pd.DataFrame({"f0": [np.nan, 20, 21], "loudness": [0.1, 0.5, 0.4]}, index=[0.0, 0.01, 0.02])
    whole = pd.Series({"f0": 20.5, "loudness": 0.3})
    clips = {"one": (frames, whole), "two": (frames + 1, whole + 1)}
    figure = pictures.contours(clips, {"f0": "F0, semitones", "loudness": "loudness"})
    axes = np.array(figure.axes).reshape(2, 2)
    np.testing.assert_array_equal(axes[0, 1].lines[0].get_ydata(), frames["f0"] + 1)
    np.testing.assert_array_equal(axes[1, 0].lines[0].get_xdata(), frames.index)
    assert list(axes[1, 1].lines[1].get_ydata()) == [1.3, 1.3]
    assert axes[0, 0].get_ylim() == axes[0, 1].get_ylim() and axes[0, 0].get_ylabel() == "F0, semitones"


def test_profile_writes_every_mean_and_places_every_share():
    means = pd.DataFrame({"anger": [1.25, -0.5], "neutral": [0.0, 0.75]}, index=["F0", "slope"])
    explained = pd.DataFrame({"emotion": [0.6, 0.3], "speaker": [0.1, 0.9]}, index=means.index)
    figure = pictures.profile(means, explained, title="class means · synthetic")
    left, right = figure.axes[:2]
    assert [t.get_text() for t in left.texts] == ["+1.2", "+0.0", "-0.5", "+0.8"]
    assert [list(line.get_xdata()) for line in right.lines] == [[0.6, 0.3], [0.1, 0.9]]
    assert left.get_ylim() == right.get_ylim()
    assert [t.get_text() for t in figure.legends[0].texts] == ["emotion", "speaker"]


def test_filters_are_sorted_by_their_peak():
    time = np.arange(20) / 16000
    bank = np.stack([np.sin(2 * np.pi * hertz * time) for hertz in (6000, 1000, 3000)])
    before, after = pictures.filters(bank, bank[::-1], rate_hz=16000, synthetic=True).axes[:2]
    shown = after.images[0].get_array()
    assert (np.diff(shown.argmax(1)) > 0).all() and shown.max(1).tolist() == [1, 1, 1]
    np.testing.assert_array_equal(before.images[0].get_array(), shown)
    assert after.images[0].get_extent() == [0, 8, 0, 3] and "synthetic" in after.get_title("left")


def test_terms_are_means_over_runs_and_leave_out_what_is_missing():
    history = pd.DataFrame({
        "fold": ["a", "a", "b", "b", "b"], "seed": 0, "epoch": [1, 2, 1, 2, 3],  # beyond 2 there is one run alone
        "train_cos": [0.0, -0.4, 0.2, -0.6, -0.9], "dev_cos": [0.0, -0.2, 0.0, -0.4, -0.9],
        "train_ce": [1.4, 1.0, 1.2, 0.8, 0.1],
    })  # fmt: skip
    figure = pictures.terms({"dcaen": history})
    cosine, entropy = ([line for line in axes.lines if len(line.get_xdata())] for axes in figure.axes)  # not the keys
    np.testing.assert_allclose(cosine[0].get_ydata(), [0.1, -0.5])
    np.testing.assert_allclose(cosine[1].get_ydata(), [0.0, -0.3])
    assert cosine[0].get_linestyle() == "-" and cosine[1].get_linestyle() == "--"
    np.testing.assert_allclose(entropy[0].get_ydata(), [1.3, 0.9])
    assert len(entropy) == 1


def test_cosine_and_length_of_an_exact_mirror():
    second = -FIRST * np.array([1, 1, 2, 2, 4])[:, None]
    figure = pictures.cosine_and_length({"mirror": (FIRST, second, LABELS)}, NAMES)
    upper, lower = figure.axes
    heights = [patch.get_height() for patch in upper.patches]
    assert heights[0] == pytest.approx(100) and sum(heights) == pytest.approx(100)
    ratios = [c.get_offsets()[:, 1] for c in lower.collections if len(c.get_offsets()) and hasattr(c, "get_sizes")]
    shown = np.concatenate([np.asarray(r) for r in ratios if len(r)])
    assert set(np.round(shown, 6)) >= {0.5, 1.0, 2.0}
    assert [t.get_text() for t in lower.get_xticklabels()] == list(NAMES)


def test_cosine_and_length_bear_an_embedding_of_zeros_and_an_absent_class():
    second = np.array([[0.0, 0], [1, 1]])
    figure = pictures.cosine_and_length({"zero": (FIRST[:2], second, LABELS[:2])}, NAMES)
    assert len(figure.axes) == 2
    figure.canvas.draw()


def test_mirrors_are_hollow_and_filled_with_threads_between_pairs():
    figure = pictures.mirrors({"a": (FIRST, -FIRST, LABELS), "b": (FIRST, FIRST, LABELS)}, NAMES)
    panel = figure.axes[0]
    filled, hollow = panel.collections[0], panel.collections[len(NAMES)]
    assert len(hollow.get_facecolor()) == 0
    assert to_rgb(filled.get_facecolor()[0, :3]) == to_rgb(EMOTION_COLOURS["anger"])
    np.testing.assert_array_equal(filled.get_offsets(), -FIRST[:2])
    assert len(panel.lines) == 5
    for line in panel.lines:
        np.testing.assert_allclose(line.get_xydata().sum(0), 0)
    assert [t.get_text() for t in figure.legends[0].texts] == list(NAMES)


@pytest.mark.parametrize(("panels", "shape"), [(5, (2, 3)), (2, (1, 2)), (4, (2, 2)), (1, (1, 1)), (3, (1, 3))])
def test_mirrors_fill_rows(panels, shape):
    figure = pictures.mirrors({str(k): (FIRST, -FIRST, LABELS) for k in range(panels)}, NAMES)
    assert len(figure.axes) == panels
    assert figure.axes[0].get_gridspec().get_geometry() == shape


def test_a_mirror_has_its_ghosts_in_the_hollow_marks_and_threads_through_the_cross():
    matrix = np.array([[-1.0, 0.2], [0.1, -0.5]])
    left, right = pictures.mirror((FIRST, -FIRST), LABELS, NAMES, matrix, title="exact").axes[:2]
    ghosts, cross = left.lines[-2:]
    np.testing.assert_array_equal(ghosts.get_xydata(), FIRST)
    np.testing.assert_array_equal(cross.get_xydata(), [[0, 0]])
    for thread in left.lines[:-2]:
        np.testing.assert_allclose(thread.get_xydata().sum(0), 0)
    assert left.get_xlim()[0] == -left.get_xlim()[1] and left.get_xlim() == left.get_ylim()
    np.testing.assert_array_equal(right.images[0].get_array(), matrix)
    assert right.images[0].get_clim() == (-1, 1) and right.get_title("left") == "mean of the diagonal -0.75"


def test_ridges_show_where_cosines_lie_and_what_was_asked_for():
    rows = {
        "none": (np.array([0.01, 0.02, 0.9]), {"train": 0.1, "dev": 0.2}, None),
        "eq. 3": (np.full(4, -0.99), {"train": -0.95, "dev": -0.9}, -1.0),
    }
    figure = pictures.ridges(rows, xlabel="cosine", title="test")
    (axes,) = figure.axes
    tops = [-(hill.get_paths()[0].vertices[:, 1].min() - height) for height, hill in enumerate(axes.collections)]
    np.testing.assert_allclose(tops, 0.8)
    peak = axes.collections[1].get_paths()[0].vertices
    assert peak[peak[:, 1].argmin(), 0] == -1  # the bin from -1 to -0.96
    assert [line.get_xdata()[0] for line in axes.lines] == [0.1, 0.2, -1, -0.95, -0.9]
    heights = [y for line in axes.lines for y in line.get_ydata()]
    lowest, highest = axes.get_ylim()
    assert min(heights) - highest >= 0.1 and lowest - max(heights) >= 0.2  # a mark is wider than its point
    told = ["mean, train", "mean, dev", "asked for"]
    assert sorted(t.get_text() for t in figure.legends[0].texts) == sorted(told)
    assert [t.get_text() for t in axes.get_yticklabels()] == [*rows] and axes.yaxis_inverted()


def test_files_are_equal_for_equal_figures(tmp_path):
    for folder in ("a", "b"):
        figure = pictures.cosine_and_length({"x": (FIRST, -FIRST, LABELS)}, NAMES)
        save(figure, "lengths", tmp_path / folder)
    assert (tmp_path / "a/lengths.svg").read_bytes() == (tmp_path / "b/lengths.svg").read_bytes()
