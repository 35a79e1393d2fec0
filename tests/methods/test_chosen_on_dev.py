"""What was chosen was chosen on dev: the committed runs' dev scores name the winner, and no test score is looked at."""

import pandas as pd
import pytest

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


@pytest.mark.parametrize(
    "candidates,scheme,chosen",
    [
        (SWEEP, "leave-one-speaker-out", center.CENTER_WEIGHT),
        (TRIES, "speaker-folds-5", multidilated.BEST),
    ],
    ids=["lambda", "tries"],
)
def test_the_highest_mean_dev_score_was_taken(candidates, scheme, chosen):
    """Of all candidates, on the seeds that all have: a winner among some of them would prove nothing."""
    found = {key: stored_scores("emodb", name, profile="study", scheme=scheme) for key, name in candidates.items()}
    missing = [candidates[key] for key, scores in found.items() if scores is None]
    if missing:
        pytest.skip(f"not proven: no committed runs of {', '.join(missing)}")
    histories = {key: scores.history for key, scores in found.items()}
    common = set.intersection(*(set(history["seed"]) for history in histories.values()))
    assert common, "no seed that all candidates have"
    dev = {key: on_dev(history[history["seed"].isin(common)]) for key, history in histories.items()}
    assert max(dev, key=dev.get) == chosen, dev
