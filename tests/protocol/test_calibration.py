"""Calibration against what can be worked out by hand, and against predictions whose probabilities are known."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from serlib.protocol.calibration import (
    TEMPERATURES,
    believed,
    calibration,
    calibration_error,
    reliability,
    temperatures,
)

CONFIDENCE = np.array([0.95, 0.91, 0.91, 0.55, 0.5, 1.0])
RIGHT = np.array([1, 0, 1, 1, 0, 1])


def drawn(draw: int, rows: int, classes: int = 4, scale: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the true probability of each class, and labels drawn from it."""
    generator = np.random.default_rng(draw)
    logits = scale * generator.standard_normal((rows, classes))
    chances = softmax(logits, axis=1).cumsum(axis=1)
    return logits, (generator.random((rows, 1)) > chances).sum(axis=1)


def test_bins_and_error_by_hand():
    """Ten bins: 0.5 and 0.55 share one, so do 0.91, 0.91, 0.95 and 1, which belongs to the last."""
    table = reliability(CONFIDENCE, RIGHT, 10)
    assert table["predictions"].tolist() == [2, 4]
    np.testing.assert_allclose(table["confidence"], [0.525, 0.9425])
    np.testing.assert_allclose(table["right"], [0.5, 0.75])
    assert calibration_error(CONFIDENCE, RIGHT, 10) == pytest.approx((2 * 0.025 + 4 * 0.1925) / 6)


@pytest.mark.parametrize(
    ("confidence", "right", "came"),
    [
        ([0.5, 1.1], [1, 0], r"confidence (2,), right (2,)"),
        ([0.5, np.nan], [1, 0], r"confidence (2,), right (2,)"),
        ([0.5], [1, 0], r"confidence (1,), right (2,)"),
        ([[0.5]], [[1]], r"confidence (1, 1), right (1, 1)"),
    ],
)
def test_what_is_no_confidence_is_refused(confidence, right, came):
    with pytest.raises(ValueError) as error:
        reliability(confidence, right)
    assert str(error.value) == f"{came}; needed are (N,), confidence from 0 to 1"


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_the_temperature_that_spoilt_true_probabilities_is_found(factor):
    logits, labels = drawn(0, 40000)
    found = temperatures(factor * logits, labels, np.arange(40000) % 5)
    assert np.abs(np.log(found / factor)).max() < 0.05 and set(found) <= set(TEMPERATURES)


def test_a_temperature_is_fitted_on_the_others_alone():
    """The odd speaker is sure and always wrong: it heats all others, and is judged by their temperature."""
    logits, labels = drawn(1, 3000)
    odd = np.arange(3000) % 3 == 0
    logits[odd], labels[odd] = [9.0, 0, 0, 0], 1
    found = temperatures(logits, labels, np.arange(3000) % 3)
    assert found[odd].max() < 1.2 and found[~odd].min() > 1.8
    assert len(set(found[odd])) == 1


def test_a_single_group_has_no_others():
    with pytest.raises(ValueError, match=r"^1 group; needed are two: a temperature is fitted on the others$"):
        temperatures(np.zeros((3, 2)), np.zeros(3, int), ["a", "a", "a"])


def with_logits(make_scores, factor: float, seeds: tuple[int, ...]):
    made = make_scores(seeds=seeds, speakers=8, per_speaker=100, per_fold=1)
    logits, labels = drawn(2, len(made.predictions))
    table = made.predictions.assign(
        emotion=np.take(made.classes, labels), predicted=np.take(made.classes, logits.argmax(1))
    )
    return make_scores(predictions=table, logits=factor * logits)


def test_believed_reads_probabilities_of_scores(make_scores):
    scores = with_logits(make_scores, 1.0, (0,))
    table, chances = believed(scores), softmax(scores.logits, axis=1)
    truth = pd.Categorical(scores.predictions["emotion"], scores.classes).codes
    np.testing.assert_allclose(table["confidence"], chances.max(1))
    np.testing.assert_allclose(table["nll"], -np.log(chances[np.arange(len(truth)), truth]))
    assert (table["right"] == (scores.predictions["predicted"] == scores.predictions["emotion"])).all()
    halved = believed(scores, np.full(len(truth), 2.0))
    np.testing.assert_allclose(halved["confidence"], softmax(scores.logits / 2, axis=1).max(1))


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_overconfidence_is_measured_and_mended_with_one_seed_and_with_three(make_scores, seeds):
    found = calibration(with_logits(make_scores, 3.0, seeds))
    true = calibration(with_logits(make_scores, 1.0, seeds))
    assert found["temperature"] == pytest.approx(3, rel=0.15) and true["temperature"] == pytest.approx(1, rel=0.15)
    assert found["ece"] > 15 and found["nll"] > 1.3 * found["nll_after"]
    assert max(found["ece_after"], true["ece"]) < 6 and abs(found["ece_after"] - found["floor"]) < 2.5
    assert found["nll_after"] == pytest.approx(true["nll_after"], rel=0.01)
