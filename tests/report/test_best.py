"""The best that a league reaches together: who is a member, on which seeds, and that none is made up."""

import numpy as np
import pandas as pd
import pytest

from serlib.protocol import Scores
from serlib.report import best as module
from serlib.report.best import LEAGUES, best

LEAGUE = "each speaker's own statistics"
FIRST, SECOND, *OTHERS = LEAGUES[LEAGUE].values()
CLASSES = ("anger", "neutral")


def made(method, share, seeds=(0, 1), rest=True) -> Scores:
    """Three folds of 20 utterances, of which a share is right."""
    rows = [(f, s, f"{f}{i}", f, CLASSES[i % 2], i // 2 < 10 * share) for s in seeds for f in "abc" for i in range(20)]
    table = pd.DataFrame(rows, columns=["fold", "seed", "utterance", "speaker", "emotion", "right"])
    true = table["emotion"].map(CLASSES.index).to_numpy()
    said = np.where(table.pop("right"), true, 1 - true)
    notes = {"converged": rest, "slope": 0.0 if rest else 9.0, "train_ua": 0.9}
    manifests = [{"seed": s, "fold": {"name": f}, "notes": notes} for s in seeds for f in "abc"]
    answers = table.assign(predicted=np.take(CLASSES, said))
    scheme = "leave-one-speaker-out"
    return Scores(method, "c", "study", scheme, CLASSES, answers, 2.0 * np.eye(2)[said], manifests=manifests)


@pytest.fixture
def stored(monkeypatch):
    there = {}
    monkeypatch.setattr(module, "held", lambda corpus, names, **_: ({n: there[n] for n in names if n in there}, ""))
    return there


def found():
    return best("c", LEAGUE, profile="study", scheme="leave-one-speaker-out")


def test_below_two_members_there_is_no_committee(stored):
    assert found() is None
    stored[FIRST] = made(FIRST, 0.8)
    assert found() is None
    stored[SECOND] = made(SECOND, 0.6, rest=False)  # had not come to rest
    assert found() is None
    stored[SECOND] = made(SECOND, 0.6, seeds=(2,))  # shares no seed
    assert found() is None


def test_members_are_cut_to_the_seeds_that_all_have_and_the_best_is_chosen(stored):
    stored |= {FIRST: made(FIRST, 0.9, seeds=(0, 1, 2)), SECOND: made(SECOND, 0.6, seeds=(1, 2))}
    top = found()
    assert [*top.members] == ["emobase2010", "eGeMAPS"] and top.many == 3
    assert {*top.scores.predictions["seed"]} == {1, 2} and {*top.whole.predictions["seed"]} == {0}
    assert top.asked.eq("emobase2010").all()  # where both disagree they tie, and the first class is said
    assert top.scores.summary().at["UA", "pooled"] == pytest.approx(90)


def test_all_members_may_be_asked(stored):
    stored |= {name: made(name, 0.9) for name in (FIRST, SECOND, *OTHERS)}
    assert found().many == 2 ** len(LEAGUES[LEAGUE]) - 1 and len(found().members) == len(LEAGUES[LEAGUE])
