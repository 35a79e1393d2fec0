"""Networks asked together: by hand, in any order of rows, and refused on other ground."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax

from serlib.protocol import Scores
from serlib.protocol.fused import averaged, chosen, committees, fused

CLASSES = ("anger", "neutral")


def scores_of(logits, method="m", seeds=(0,)) -> Scores:
    """Two utterances, one of each emotion, for every seed: ``logits`` (2 x seeds, 2)."""
    logits = np.array(logits, float)
    rows = [("f", seed, f"u{i}", "s", emotion) for seed in seeds for i, emotion in enumerate(CLASSES)]
    table = pd.DataFrame(rows, columns=["fold", "seed", "utterance", "speaker", "emotion"])
    said = table.assign(predicted=np.array(CLASSES)[logits.argmax(1)])
    return Scores(method, "c", "study", "own folds", CLASSES, said, logits, manifests=[{"seed": s} for s in seeds])


def test_the_surer_one_decides_whatever_its_logits_scale():
    sure, unsure = scores_of([[3, 0], [3, 0]], "sure"), scores_of([[0, 1], [100, 104]], "unsure")
    both = fused([sure, unsure])
    assert both.predictions["predicted"].tolist() == ["anger", "neutral"]  # 4 nats against 3 on the second
    assert both.logits == pytest.approx((log_softmax(sure.logits, 1) + log_softmax(unsure.logits, 1)) / 2)
    assert both.method == "sure & unsure" and len(both.manifests) == 2


def test_rows_are_joined_by_utterance_not_by_place():
    one, other = scores_of([[2, 0], [0, 2]]), scores_of([[1, 0], [0, 5]])
    turned = replace(other, predictions=other.predictions[::-1].reset_index(drop=True), logits=other.logits[::-1])
    assert fused([one, turned]).logits == pytest.approx(fused([one, other]).logits)
    whole = fused([one, one])
    assert whole.predictions["predicted"].equals(one.predictions["predicted"])


def test_seeds_of_one_method_answer_as_one():
    three = scores_of([[1, 0], [0, 1], [1, 0], [3, 0], [-3, 0], [0, 1]], seeds=(0, 1, 4))
    together = averaged(three)
    assert together.predictions["seed"].tolist() == [0, 0] and together.method == "m, 3 networks"
    logs = log_softmax(three.logits, 1).reshape(3, 2, 2).mean(0)
    assert together.logits == pytest.approx(logs)
    assert averaged(scores_of([[1, 0], [0, 1]])).method == "m"


def test_other_ground_is_refused():
    one = scores_of([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="1 methods; needed are at least two"):
        fused([one])
    for other in (
        scores_of([[1, 0], [0, 1]], seeds=(1,)),
        replace(one, classes=CLASSES[::-1]),
        replace(one, predictions=one.predictions.assign(emotion=list(CLASSES[::-1]))),
    ):
        with pytest.raises(
            ValueError, match=r"cannot fuse m · c · study · own folds .*: they were not scored on the sa"
        ):
            fused([one, other])


def over_folds(right: dict[str, float], method="m") -> Scores:
    """20 utterances of two emotions in each fold, of which a share is right."""
    rows = [
        (fold, 0, f"{fold}{i}", fold, CLASSES[i % 2], i // 2 < 10 * share)
        for fold, share in right.items()
        for i in range(20)
    ]
    table = pd.DataFrame(rows, columns=["fold", "seed", "utterance", "speaker", "emotion", "right"])
    true = table["emotion"].map(CLASSES.index).to_numpy()
    said = np.where(table.pop("right"), true, 1 - true)
    answers = table.assign(predicted=np.take(CLASSES, said))
    return Scores(method, "c", "study", "own folds", CLASSES, answers, np.eye(2)[said], manifests=[{"seed": 0}])


def test_a_fold_has_no_say_in_who_answers_it():
    steady, lucky = over_folds({"a": 0.6, "b": 0.6, "c": 0.6}), over_folds({"a": 1.0, "b": 0.5, "c": 0.5})
    scores, names = chosen({"steady": steady, "lucky": lucky})
    assert names.to_dict() == {"a": "steady", "b": "lucky", "c": "lucky"}  # 0.5 < 0.6 without a; 0.75 > 0.6 with it
    assert scores.per_fold()["UA"].tolist() == pytest.approx([60, 50, 50])
    for share in (0.0, 0.3, 1.0):  # whatever a fold says, its choice stays
        other = chosen({"steady": steady, "lucky": over_folds({"a": share, "b": 0.5, "c": 0.5})})[1]
        assert other["a"] == "steady"


def test_the_best_everywhere_is_chosen_everywhere_in_any_order_of_rows():
    good, bad = over_folds({"b": 0.9, "a": 0.8}), over_folds({"a": 0.4, "b": 0.5})
    scores, names = chosen({"bad": bad, "good": good})
    assert set(names) == {"good"} and scores.summary().equals(good.summary())
    assert chosen({"one": bad, "two": bad})[1].eq("one").all()  # a tie
    rows = scores.predictions
    assert (np.take(CLASSES, scores.logits.argmax(1)) == rows["predicted"]).all()


def test_all_committees_once():
    members = {name: over_folds({"a": 0.5, "b": 0.7}) for name in "xyz"}
    asked = dict(committees(members))
    assert list(asked) == ["x", "y", "z", "x + y", "x + z", "y + z", "x + y + z"]
    assert asked["x + z"].logits == pytest.approx(fused([members["x"], members["z"]]).logits)


def test_no_fair_choice_is_refused():
    one = over_folds({"a": 1.0, "b": 0.5})
    for candidates, told in (
        ({}, "no candidates; needed is at least one"),
        ({"one": over_folds({"a": 1.0})}, "one fold; the choice needs others"),
        (
            {"one": one, "two": over_folds({"a": 1.0, "c": 0.5})},
            "cannot choose among one, two: they were not scored on the same",
        ),
    ):
        with pytest.raises(ValueError, match=f"^{told}$"):
            chosen(candidates)
