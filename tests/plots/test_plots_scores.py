"""Pictures of scores and of focal loss say what the numbers say."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from serlib.plots import focal, scores, style
from serlib.protocol import Scores

CLASSES = ("anger", "neutral")


def _scores(method: str, *, right: float, synthetic: bool = False, manifests: Sequence[dict] = ()) -> Scores:
    generator = np.random.default_rng(0)
    table = pd.DataFrame(
        [
            {"fold": f"f{s % 2}", "seed": 0, "utterance": f"{s}-{c}-{k}", "speaker": f"s{s}", "emotion": c}
            for s in range(4) for c in CLASSES for k in range(6)
        ]
    )  # fmt: skip
    wrong = generator.random(len(table)) > right
    table["predicted"] = np.where(
        wrong, table["emotion"].map({"anger": "neutral", "neutral": "anger"}), table["emotion"]
    )
    history = pd.DataFrame(
        [
            {"fold": f, "seed": 0, "epoch": e, "train_loss": 1 / e, "train_ua": e / 5, "dev_ua": e / 10}
            for f in "ab"
            for e in (1, 2, 3)
        ]
    )
    return Scores(
        method=method, corpus="emodb", profile="study", scheme="speaker-folds-5", classes=CLASSES, predictions=table,
        logits=np.zeros((len(table), 2)), history=history, synthetic=synthetic, manifests=manifests,
    )  # fmt: skip


def _texts(figure) -> list[str]:
    return [t.get_text() for axes in figure.axes for t in (*axes.texts, axes.title, axes.get_xaxis().label)] + [
        axes.get_title(loc="left") for axes in figure.axes
    ]


def test_confusions_show_every_number_and_a_dash_for_what_never_occurs():
    table = pd.DataFrame([[75.0, 25.0], [np.nan, np.nan]], CLASSES, CLASSES)
    figure = scores.confusions({"one": table, "two": table}, synthetic=True)
    texts = _texts(figure)
    assert texts.count("75") == 2 and texts.count("25") == 2 and texts.count("–") == 4
    assert {"one · synthetic", "two · synthetic"} <= set(texts)


def test_intervals_put_dot_and_bar_where_the_summary_says():
    each = [_scores("a", right=0.9), _scores("b", right=0.6)]
    axes = scores.intervals(each, chance=50.0).axes[0]
    for index, result in enumerate(each):
        row = result.summary().loc["UA"]
        bar, dot = axes.lines[2 * index], axes.lines[2 * index + 1]
        np.testing.assert_allclose(bar.get_xdata(), [row["low"], row["high"]])
        np.testing.assert_allclose(dot.get_xdata(), row["pooled"])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"]
    assert "chance" in [t.get_text() for t in axes.texts]


def test_intervals_say_what_is_drawn_and_mark_what_was_not_trained_to_the_end():
    resting = _scores("a", right=0.9, manifests=[{"notes": {"converged": True}}])
    climbing = _scores("b", right=0.6, manifests=[{"notes": {"converged": False}}])
    axes = scores.intervals([resting, climbing]).axes[0]
    assert axes.figure.get_suptitle().endswith("95 % interval over 2 folds")
    assert [axes.lines[k].get_markerfacecolor() for k in (1, 3)] == [style.SERIES_COLOURS[0], "white"]
    assert "unconverged" in axes.get_xlabel()
    assert "unconverged" not in scores.intervals([resting]).axes[0].get_xlabel()
    alone = replace(resting, predictions=resting.predictions.assign(fold="f"))
    assert scores.intervals([alone]).get_suptitle().endswith("profile: one unit each, so no interval")


def test_speakers_stand_in_the_order_of_the_first_method():
    each = [_scores("a", right=0.7), _scores("b", right=0.7)]
    axes = scores.per_speaker(each).axes[0]
    shown = axes.lines[0].get_ydata()
    assert (np.diff(shown) >= 0).all() and len(axes.get_xticklabels()) == 4


def test_learning_curves_show_mean_loss_and_both_uas_in_percent():
    figure = scores.learning_curves([_scores("a", right=0.9, synthetic=True)])
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [1, 1 / 2, 1 / 3])
    dev, train = (line for line in figure.axes[1].lines if len(line.get_xdata()))
    np.testing.assert_allclose(dev.get_ydata(), [10, 20, 30])
    np.testing.assert_allclose(train.get_ydata(), [20, 40, 60])
    assert "synthetic" in figure.axes[0].get_title(loc="left")


def test_a_learning_curve_ends_where_its_first_run_ends():
    """Else its last points were means over other folds: here the run that goes on is far worse."""
    short, long = _scores("a", right=0.9), _scores("b", right=0.9)
    more = pd.concat([long.history.assign(fold="2", dev_ua=0.0), long.history.tail(1).assign(fold="2", epoch=4)])
    figure = scores.learning_curves([replace(short, history=pd.concat([short.history, more]))])
    dev = next(line for line in figure.axes[1].lines if len(line.get_xdata()))
    np.testing.assert_allclose(dev.get_ydata(), [5, 10, 15])
    assert len(figure.axes[0].lines[0].get_xdata()) == 3


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_the_gradient_that_is_drawn_integrates_to_the_loss_that_is_drawn(gamma):
    """dFL/dp = -(1 - p) ratio / (p (1 - p)), so the loss at p is the integral of ratio / t from p to 1."""
    for p in (0.05, 0.3, 0.8):
        integral, _ = quad(lambda t: focal.gradient_ratio(t, gamma) / t, p, 1 - 1e-12)
        assert integral == pytest.approx(focal.focal_value(p, gamma), rel=1e-5)


def test_known_values_of_focal_loss():
    assert focal.focal_value(0.8, 2) == pytest.approx(0.0089257, abs=1e-7)
    ratios = [focal.gradient_ratio(p, 2) for p in (0.2, 0.3, 0.5, 0.9)]
    assert ratios == pytest.approx([1.16, 1.00, 0.60, 0.03], abs=0.01)


def test_focal_pictures_carry_their_series():
    figure = focal.modulating_factor((0, 2))
    assert [line.get_label() for line in figure.axes[0].lines] == ["γ = 0 (cross-entropy)", "γ = 2"]
    np.testing.assert_allclose(figure.axes[2].lines[0].get_ydata(), 1)
    shares = focal.loss_shares(np.linspace(0.1, 0.99, 50), (0, 2), synthetic=True).axes[0]
    plain, focused = (line.get_ydata() for line in shares.lines[:2])
    assert plain[-1] == focused[-1] == pytest.approx(100) and (focused[:-1] < plain[:-1]).all()
    assert "synthetic" in shares.get_title(loc="left")


def test_figures_are_saved_the_same_twice_and_only_into_a_folder(tmp_path):
    for name in ("one", "two"):
        style.save(focal.modulating_factor((0, 2)), name, tmp_path)
    for kind in ("svg", "png"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.png", "one.svg", "two.png", "two.svg"]
    style.save(focal.modulating_factor((0,)), "three", None)
    assert not (tmp_path / "three.png").exists()


def test_a_title_says_synthetic_once():
    assert style.titled("anger", True) == "anger · synthetic" and style.titled("anger", False) == "anger"
    assert style.titled("synthetic: anger", True) == "synthetic: anger"
