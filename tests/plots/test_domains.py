"""Pictures of angles and petals: the artists and labels a reader relies on are there, and show the numbers given."""

import re
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Wedge

from serlib.geometry import domains, simplex, train
from serlib.losses import AngularSoftmaxLoss
from serlib.plots import domains as angles
from serlib.plots import petals as spaces

NAMES = ("anger", "happiness", "neutral", "sadness")


@pytest.fixture(scope="module")
def course():
    return train(partial(AngularSoftmaxLoss, margin=4, annealing=None), np.repeat(np.arange(4), 10), epochs=3)


def texts(figure: Figure) -> str:
    labels = [text.get_text() for axes in figure.axes for text in axes.texts]
    return " | ".join([*labels, *(axes.get_title("left") for axes in figure.axes)])


def test_dot_product_writes_the_sum_out():
    figure = angles.dot_product(np.array([0.0, 2.0]), np.array([[0, 1.0], [3.0, 0], [0, -5]]), NAMES[:3])
    assert "2.00 · cos 0° = 2.00" in texts(figure)
    assert "2.00 · cos 90° = 0.00" in texts(figure)
    assert "2.00 · cos 180° = -2.00" in texts(figure)
    assert [bar.get_width() for bar in figure.axes[1].patches] == pytest.approx([2, 0, -2])


def test_two_class_domain_shows_the_cones_at_their_angles():
    shown = domains("angular", 4, 6, angle_deg=109.47)
    figure = angles.two_class_domain(shown, title="4 and 6")
    for label in (
        "w₁",
        "w₂",
        "u₁",
        "u₂",
        "x",
        "y",
        "z",
        "D₁",
        "D₂",
        "bisector",
        "x = 21.9°",
        "y = 15.6°",
        "D₁ = 54.7°",
    ):
        assert label in texts(figure)
    spans = {round(w.theta2 - w.theta1, 3) for w in figure.axes[0].patches if isinstance(w, Wedge)}
    assert {round(shown.x_deg, 3), round(shown.y_deg, 3), round(shown.z_deg, 3)} <= spans


def test_effective_margins_names_where_each_ends():
    steps = np.array([1, 10, 100])
    figure = angles.effective_margins(
        steps, 1000 / steps, {3: np.array([1.0, 1.2, 1.37]), 4: np.array([1.0, 1.3, 1.45])}
    )
    labels = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert labels == ["m = 3: ends at 1.37", "m = 4: ends at 1.45"]
    assert figure.axes[0].get_ylabel() == "λ" and figure.axes[0].get_yscale() == "log"


def test_petals_show_every_embedding_and_sectors_that_fill_the_circle(course):
    figure = spaces.petals(course, NAMES, epoch=1, title="epoch 1")
    axes = figure.axes[0]
    points = np.concatenate([dots.get_offsets() for dots in axes.collections])
    np.testing.assert_array_equal(points, course.embeddings[1])
    assert len({dots.get_paths()[0].vertices.tobytes() for dots in axes.collections}) == 4  # told apart without colour
    corners = [patch.get_xy()[:-1].T for patch in axes.patches]
    areas = [abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2 for x, y in corners]
    reach = axes.get_xlim()[1]
    assert sum(areas) == pytest.approx(np.pi * (1.5 * reach) ** 2, rel=0.02)
    np.testing.assert_allclose(
        reach, 1.15 * np.quantile(np.linalg.norm(course.embeddings[-1], axis=1), 0.98), rtol=1e-6
    )


def test_petal_grid_has_one_legend(course):
    figure = spaces.petal_grid({"first": course, "second": course}, NAMES)
    assert [axes.get_title("left") for axes in figure.axes] == ["first", "second"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(NAMES)


def test_sphere_colours_what_each_weight_owns():
    figure = spaces.sphere(simplex(4), NAMES, title="even", outlines=[np.eye(3)])
    seen = [axes.images[0].get_array() for axes in figure.axes]
    visible = sum((image[..., 3] > 0).mean() for image in seen) / 2
    assert visible == pytest.approx(np.pi / 4, abs=0.01)  # a disc in a square
    assert sorted(text.get_text() for axes in figure.axes for text in axes.texts) == sorted(NAMES)  # each on one side
    assert texts(figure).count("even (") == 2


def test_interval_lines_draws_the_given_means_and_shares_on_one_scale():
    rows = [
        {"loss": loss, "ratio": r, "quantity": q, "mean": r / 10, "low": r / 10 - 0.05, "high": r / 10 + scale}
        for loss in "ab" for r in (1, 3) for q, scale in (("recall", 0.1), ("a_share", 0.1), ("b_share", 0.6))
    ]  # fmt: skip
    labels = {"recall": "recall of small classes", "a_share": "a", "b_share": "b"}
    recall, first, second = spaces.interval_lines(pd.DataFrame(rows), labels).axes
    assert recall.get_ylabel() == "recall of small classes"
    np.testing.assert_allclose(recall.containers[0].lines[0].get_ydata().astype(float), [0.1, 0.3])
    segments = recall.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([segment[:, 1] for segment in segments], [[0.05, 0.2], [0.25, 0.4]])
    assert [label.get_text() for label in recall.get_xticklabels()] == ["1 : 1", "3 : 1"]
    assert first.get_ylim() == second.get_ylim() == pytest.approx((0.03, 0.92))
    assert [0.5, 0.5] in [list(line.get_ydata()) for line in second.lines]


def test_player_stands_alone(course):
    html = spaces.player(lambda axes, i: spaces.petals(course, NAMES, epoch=i, axes=axes), 3, alt='petals "open"')
    assert len(re.findall(r'frames\[\d+\] = "data:image/png', html)) == 3
    assert not re.search(r'(src|href)="(?!data:)', html) and "fa-" not in html
    assert 'alt="petals &quot;open&quot;"' in html and "▶" in html
    assert not plt.get_fignums()  # nothing left open to be shown twice
