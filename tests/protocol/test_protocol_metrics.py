"""UA, WA and macro-F1 against scikit-learn and against loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

from serlib.protocol import METRICS

pytestmark = pytest.mark.filterwarnings("ignore:y_pred contains classes", "ignore:A single label")
labels = st.integers(0, 4)
pairs = st.lists(st.tuples(labels, labels), min_size=1, max_size=60)


def score(metric: str, true, predicted) -> float:
    return METRICS[metric](confusion_matrix(true, predicted))


@settings(max_examples=150, deadline=None)
@given(pairs)
def test_they_agree_with_scikit_learn(rows):
    true, predicted = (np.array(column) for column in zip(*rows, strict=True))
    assert score("ua", true, predicted) == pytest.approx(balanced_accuracy_score(true, predicted), abs=1e-12)
    assert score("wa", true, predicted) == pytest.approx(accuracy_score(true, predicted), abs=1e-12)
    occurring = f1_score(true, predicted, labels=np.unique(true), average="macro", zero_division=0)
    assert score("macro_f1", true, predicted) == pytest.approx(occurring, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(pairs, min_size=1, max_size=4))
def test_stacked_confusions_are_scored_one_by_one(stacks):
    tables = np.stack([confusion_matrix(*zip(*rows, strict=True), labels=range(5)) for rows in stacks])
    for name in METRICS:
        alone = [score(name, *zip(*rows, strict=True)) for rows in stacks]
        assert METRICS[name](tables) == pytest.approx(alone, abs=1e-12)


def test_known_values():
    true = ["neutral"] * 8 + ["anger"] * 2
    assert score("wa", true, ["neutral"] * 10) == 0.8
    assert score("ua", true, ["neutral"] * 10) == 0.5
    assert score("macro_f1", true, ["neutral"] * 10) == pytest.approx((2 * 8 / 18 + 0) / 2)
    assert score("ua", ["a", "a"], ["a", "b"]) == 0.5  # b does not occur in the truth
