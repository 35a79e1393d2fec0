"""What was chosen was chosen on dev: the committed runs' dev scores name the winner, and no test score is looked at."""

import pandas as pd
import pytest
from scipy import stats

from serlib.methods import center, multidilated
from serlib.runs import stored_scores

KNOWN = {0: "center/mel-softmax", center.CENTER_WEIGHT: "center/mel-center"}
SWEEP = {w: KNOWN.get(w, f"center/mel-sweep-{w:g}") for w in center.SWEEP}
TRIES = {name: f"multidilated/try-{name}" for name in multidilated.TRIES}


def on_dev(history: pd.DataFrame) -> float:
    """Mean UA on dev over the last third of each training, whose weights are averaged; no epoch is picked."""
    runs = [run.sort_values("epoch")["dev_ua"] for _, run in history.groupby(["seed", "fold"])]
    return pd.Series([dev.tail(max(1, len(dev) // 3)).mean() for dev in runs]).mean()


def test_no_candidate_is_left_out():
    assert set(SWEEP) == set(center.SWEEP) and 0 in SWEEP and center.CENTER_WEIGHT in SWEEP
    assert multidilated.BEST in TRIES


def test_a_peak_of_one_epoch_wins_nothing():
    rows = [
        (0, fold, epoch, 0.9 if epoch == 3 else 0.5 + 0.1 * (fold == "b")) for fold in "ab" for epoch in range(1, 10)
    ]
    history = pd.DataFrame(rows, columns=["seed", "fold", "epoch", "dev_ua"])
    assert on_dev(history.sample(frac=1, random_state=0)) == pytest.approx(0.55)


def histories_of(candidates: dict, scheme: str) -> dict[object, pd.DataFrame]:
    """All candidates on the seeds that all have: a winner among some of them would prove nothing."""
    found = {key: stored_scores("emodb", name, profile="study", scheme=scheme) for key, name in candidates.items()}
    missing = [candidates[key] for key, scores in found.items() if scores is None]
    if missing:
        pytest.skip(f"not proven: no committed runs of {', '.join(missing)}")
    common = set.intersection(*(set(scores.history["seed"]) for scores in found.values()))
    assert common, "no seed that all candidates have"
    return {key: scores.history[scores.history["seed"].isin(common)] for key, scores in found.items()}


def test_of_what_was_tried_the_highest_mean_dev_score_was_taken():
    dev = {key: on_dev(history) for key, history in histories_of(TRIES, "speaker-folds-5").items()}
    assert max(dev, key=dev.get) == multidilated.BEST, dev


def test_dev_can_tell_no_lambda_from_that_of_the_recipe_which_says_so():
    """Where it can, the recipe's is to be changed. The family's size is left out, which makes this test the harder."""
    histories = histories_of(SWEEP, "leave-one-speaker-out")
    by_fold = pd.DataFrame({w: {f: on_dev(own) for f, own in h.groupby("fold")} for w, h in histories.items()})
    assert len(by_fold) == 10
    for weight, dev in by_fold.drop(columns=center.CENTER_WEIGHT).items():
        low, high = stats.ttest_rel(dev, by_fold[center.CENTER_WEIGHT]).confidence_interval()
        assert low < 0 < high, (weight, low, high)
    assert "no lambda is told from another: so 0.1 stays" in " ".join(center.__doc__.split())
