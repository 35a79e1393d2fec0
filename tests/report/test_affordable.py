"""What a reader is told before a notebook asks for runs, and when it may."""

import IPython.display
import pytest

from serlib.report import affordable
from serlib.report.publish import MIME
from serlib.runs import RunStore, cross_validate, imbalance, plan

NAMES = ("baselines/egemaps-svm", "baselines/egemaps-svm-speakernorm")


@pytest.fixture
def shown(monkeypatch) -> list:
    seen = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **_: seen.append(data))
    return seen


def tasks_of(corpus, profile: str) -> list:
    return [
        task for scheme in ("speaker-folds-5", "stratified-5") for name in NAMES
        for task in plan(corpus, name, profile=profile, folds=scheme, seeds=(0,))
    ]  # fmt: skip


def test_missing_runs_are_told_with_their_command_and_whole_results_are_shown(tiny_corpus, cache, shown):
    store, tasks = RunStore(cache / "runs", shelves=[]), tasks_of(tiny_corpus, "study")
    cross_validate(tiny_corpus, NAMES[1], profile="study", folds="stratified-5", store=store, progress=False)
    assert not affordable(tasks, store)
    told, table = shown
    assert "**15 of 20 runs are missing** (tiny, study profile)" in told.data
    assert "serlib run --corpus tiny --root DIR --profile study --folds stratified-5 --seeds 0" in told.data
    assert told.data.count(NAMES[1]) == 1  # of one scheme alone
    columns = table[MIME]["columns"]
    (row,) = (dict(zip(columns, each, strict=True)) for each in table[MIME]["data"])
    assert (row["method"], row["scheme"]) == (NAMES[1], "stratified-5 (speaker-dependent)")


def test_results_on_folds_of_their_own_are_shown_too(tiny_corpus, cache, shown):
    """No scheme's name brings such folds back: a series whose first method is whole and whose second is missing."""
    store, asked = RunStore(cache / "runs", shelves=[]), {"profile": "study", "conditions": ("1:2",)}
    imbalance.imbalance_series(tiny_corpus, methods=NAMES[:1], store=store, progress=False, **asked)
    assert not affordable(list(imbalance.planned(tiny_corpus, NAMES, **asked)), store, command="make series")
    told, table = shown
    assert "**5 of 10 runs are missing** (tiny 1:2, study profile)" in told.data
    (row,) = (dict(zip(table[MIME]["columns"], each, strict=True)) for each in table[MIME]["data"])
    assert (row["method"], row["scheme"]) == (NAMES[0], "own folds")


def test_nothing_is_said_where_nothing_is_missing_or_all_is_quick(tiny_corpus, cache, shown):
    store = RunStore(cache / "runs", shelves=[])
    assert affordable(tasks_of(tiny_corpus, "quick"), store)
    cross_validate(tiny_corpus, NAMES[0], profile="study", folds="stratified-5", store=store, progress=False)
    assert affordable(plan(tiny_corpus, NAMES[0], profile="study", folds="stratified-5", seeds=(0,)), store)
    assert not shown


def test_who_asks_for_training_gets_it_and_is_told_how_much(tiny_corpus, cache, shown):
    store, tasks = RunStore(cache / "runs", shelves=[]), tasks_of(tiny_corpus, "study")
    assert affordable(tasks, store, retrain=True)
    assert [each.data for each in shown] == [
        "**20 of 20 runs are missing** (tiny, study profile); they are trained now."
    ]
    assert not affordable(tasks, store, command="make series")
    assert "`make series` makes them" in shown[1].data and len(shown) == 2
