"""What was chosen was chosen on dev: the committed runs' dev scores name the winner, and no test score is looked at."""

import pytest

from serlib.methods import center, multidilated
from serlib.runs import stored_scores

SWEEP = {w: f"center/mel-sweep-{w:g}" for w in center.SWEEP[1:]}
TRIES = {name: f"multidilated/try-{name}" for name in multidilated.TRIES}


@pytest.mark.parametrize(
    ("candidates", "scheme", "chosen"),
    [
        (SWEEP, "leave-one-speaker-out", center.CENTER_WEIGHT),
        (TRIES, "speaker-folds-5", multidilated.BEST),
    ],
)
def test_the_highest_mean_dev_score_was_taken(candidates, scheme, chosen):
    dev = {}
    for key, method in candidates.items():
        scores = stored_scores("emodb", method, profile="study", scheme=scheme)
        assert scores is not None, f"{method} has no committed runs"
        dev[key] = scores.history.groupby(["seed", "fold"])["dev_ua"].max().mean()
    assert max(dev, key=dev.get) == chosen
