"""Pictures of losses on equal terms put marks where the tables say, and colour them by the verdict."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy.stats import ttest_1samp

from serlib.plots import equal
from serlib.plots.style import PALE, SERIES_COLOURS, save
from serlib.protocol import Scores

ROWS = pd.DataFrame(
    [
        [2.0, 1.0, 3.0, "better"], [-1.0, -2.0, -0.2, "worse"], [0.5, -1.0, 2.0, "open: 2.1 points would be seen"],
        [9.0, 8.0, 10.0, "not compared: unconverged"],
    ],
    ["focal loss", "center loss", "ArcFace", "angular"], ["effect", "low", "high", "verdict"],
)  # fmt: skip
SEEDS = pd.DataFrame([[1.5, 2.5], [-1.5, -0.5], [0.0, 1.0]], ROWS.index[:3])


def marks(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker and len(line.get_xdata())]


def test_a_forest_shows_effects_intervals_seeds_and_verdicts():
    figure = equal.forest({"one": ROWS, "two": ROWS.iloc[:2]}, {"one": SEEDS}, title="emodb", synthetic=True)
    first, second = figure.axes
    dots = marks(first, "o")
    assert [float(dot.get_xdata()[0]) for dot in dots] == ROWS["effect"].tolist()
    assert [dot.get_color() for dot in dots] == [*SERIES_COLOURS[:2], equal.VERDICTS["open"], PALE]
    assert [dot.get_markerfacecolor() != "white" for dot in dots] == [True, True, False, False]
    bars = [segment for collection in first.collections for segment in collection.get_segments()]
    np.testing.assert_allclose([bar[:, 0] for bar in bars], ROWS[["low", "high"]])
    shown = [line.get_xdata() for line in first.lines if line.get_marker() == "." and len(line.get_xdata())]
    np.testing.assert_allclose(shown, SEEDS)
    assert len(marks(second, "o")) == 2 and not marks(second, ".")
    assert [t.get_text() for t in first.get_yticklabels()] == [*ROWS.index]
    assert figure.get_suptitle() == "emodb · synthetic" and first.get_xlim() == second.get_xlim()
    apart = equal.forest({"one": ROWS, "two": ROWS.iloc[:2]}, {}, title="emodb", sharex=False)
    assert "a single seed" not in [t.get_text() for t in apart.legends[0].texts]
    assert apart.axes[0].get_xlim() != apart.axes[1].get_xlim()
    assert [t.get_text() for t in figure.legends[0].texts] == [
        "better",
        "worse",
        "open",
        "undecidable or not compared",
        "a single seed",
    ]


def test_a_contrast_that_one_ground_lacks_leaves_its_row_empty():
    figure = equal.forest({"one": ROWS.iloc[:1], "two": ROWS.iloc[1:2]}, {}, title="", part="center loss")
    parting = [line.get_ydata()[0] for axes in figure.axes for line in axes.lines if line.get_linestyle() == ":"]
    assert parting == [0.6, 0.6]
    assert [float(marks(axes, "o")[0].get_ydata()[0]) for axes in figure.axes] == [0, 1]


def test_power_is_what_a_thousand_t_tests_find():
    generator = np.random.default_rng(0)
    studies = generator.normal(1.5, 2.0, (4000, 10))  # standard error 2 / sqrt(10)
    found = (ttest_1samp(studies, 0, axis=1).pvalue < 0.05).mean()
    assert equal.power(1.5, 2 / np.sqrt(10), 10) == pytest.approx(found, abs=0.025)
    assert equal.power(np.array([0.0, -50.0]), 1.0, 10) == pytest.approx([0.05, 1.0])


def test_the_smallest_effect_seen_is_seen_in_four_of_five_studies():
    error = equal.standard_error(-1.0, 3.0, 10)
    assert error == pytest.approx(2 / 2.2622, rel=1e-4)
    assert equal.power((2.2622 + 0.8834) * error, error, 10) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("error", "units"), [(0.0, 10), (float("nan"), 10), (1.0, 1)])
def test_power_needs_units_and_noise(error, units):
    with pytest.raises(ValueError) as caught:
        equal.power(1.0, error, units)
    expected = f"{units} units and a standard error of {error}; needed are at least 2, and one above 0"
    assert str(caught.value) == expected


def test_power_curves_rise_from_5_to_100_percent():
    figure = equal.power_curves({"one seed": (1.0, 10), "twenty": (0.5, 10)}, synthetic=True)
    one, twenty = (line.get_ydata() for line in figure.axes[0].lines[:2])
    assert one[0] == twenty[0] == pytest.approx(5) and (np.diff(one) > 0).all() and (twenty[1:] > one[1:]).all()
    assert [t.get_text() for t in figure.axes[0].get_legend().get_texts()] == ["one seed", "twenty"]
    assert "synthetic" in figure.axes[0].get_title(loc="left")


def test_reliability_leaves_out_bins_of_a_few():
    table = pd.DataFrame({"confidence": [0.2, 0.5, 0.9], "right": [0.1, 0.6, 0.8], "predictions": [4, 5, 91]})
    figure = equal.reliabilities({"softmax": {"as trained": table, "after": table}, "focal": {"as trained": table}})
    first, second = figure.axes
    np.testing.assert_allclose(first.lines[1].get_xydata(), [[50, 60], [90, 80]])
    assert len(first.lines) == 3 and len(second.lines) == 2
    sizes = first.collections[0].get_sizes()
    assert sizes[1] - 8 == pytest.approx(91 / 5 * (sizes[0] - 8))
    assert [t.get_text() for t in figure.legends[0].texts] == ["as trained", "after"]


def test_angles_put_right_above_wrong_and_marks_at_medians():
    values = {("softmax", True): [10, 20, 60], ("softmax", False): [50, 70, 71], ("focal", True): [30, 40, 50]}
    table = pd.DataFrame(
        [(loss, right, degrees) for (loss, right), each in values.items() for degrees in each],
        columns=["loss", "right", "degrees"],
    )
    axes = equal.angles(table, title="emodb").axes[0]
    right, wrong = (dict(zip(line.get_ydata().round(2), line.get_xdata(), strict=True)) for line in axes.lines)
    assert right == {-0.17: 20, 0.83: 40} and wrong == {0.17: 70}
    assert [to_hex(line.get_color()) for line in axes.lines] == [to_hex(c) for c in SERIES_COLOURS[:2]]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["softmax", "focal"]


def test_files_are_equal_for_equal_figures(tmp_path):
    for name in ("one", "two"):
        save(equal.forest({"ground": ROWS}, {"ground": SEEDS}, title="emodb"), name, tmp_path)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def scored(skill, seeds):
    """Scores of five speakers, each a fold, whose predictions are right with probability ``skill``."""
    generator, rows = np.random.default_rng(int(100 * skill)), []
    for seed, speaker, k in itertools.product(seeds, "vwxyz", range(20)):
        said = "ab"[k % 2] if generator.random() < skill else "ab"[generator.integers(2)]
        rows.append((f"speaker-{speaker}", seed, f"{speaker}-{k}", speaker, "ab"[k % 2], said))
    table = pd.DataFrame(rows, columns=["fold", "seed", "utterance", "speaker", "emotion", "predicted"])
    return Scores("a", "made", "study", "leave-one-speaker-out", ("a", "b"), table, np.zeros((len(rows), 2)))


def test_widths_are_drawn_with_their_intervals_their_seeds_and_the_papers_own():
    found = {n: scored(skill, seeds=(0, 1)) for n, skill in ((8, 0.4), (16, 0.5), (64, 0.6))}
    networks = {
        "CNN": {"as printed": found, "regularised": dict([*found.items()][:2])},
        "ResNet": {"as printed": found},
    }
    figure = equal.widths(
        networks, {"CNN": (128, scored(0.7, (0,))), "ResNet": (64, None)}, title="emodb", synthetic=True
    )
    first, second = figure.axes
    ua = [s.summary().loc["UA"] for s in found.values()]
    line, fewer, full = (box.lines[0] for box in first.containers)
    assert line.get_xydata() == pytest.approx(np.column_stack([[8, 16, 64], [row["pooled"] for row in ua]]))
    assert len(fewer.get_xdata()) == 2 and fewer.get_xdata()[0] > 8
    assert full.get_xdata() == [128] and full.get_markerfacecolor() == "white"
    bars = first.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [[row["low"], row["high"]] for row in ua])
    dots = marks(first, ".")
    assert [len(dot.get_ydata()) for dot in dots] == [2] * 5
    assert [t.get_text() for t in first.get_xticklabels()] == ["8", "16", "64", "128"]
    assert len(second.containers) == 1 and len(marks(second, ".")) == 3
    assert figure.get_suptitle() == "emodb · synthetic"
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "as printed",
        "regularised",
        "full size",
    ]


def test_full_size_stands_beside_a_network_that_has_as_many_filters():
    found = {n: scored(skill, seeds=(0,)) for n, skill in ((8, 0.4), (64, 0.6))}
    (panel,) = equal.widths({"CNN": {"as printed": found}}, {"CNN": (64, scored(0.6, (0,)))}, title="emodb").axes
    line, full = (box.lines[0] for box in panel.containers)
    assert 8 < full.get_xdata()[0] < line.get_xdata()[1] == 64
