"""Networks asked together: by hand, in any order of rows, and refused on other ground."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax

from serlib.protocol import Scores
from serlib.protocol.fused import averaged, fused

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
