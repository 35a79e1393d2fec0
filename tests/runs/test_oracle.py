"""Watched on test: folds that peek and change nothing else, and what the peeking is worth, by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from serlib.protocol import folds
from serlib.runs import RunStore, cross_validate, oracle, pack_results

METHOD = "dcaen/ftr-eg"


@pytest.fixture(scope="module")
def watched(tiny_corpus, tmp_path_factory):
    """The same trainings watched on test, and as usual: two seeds, ten speakers."""
    store = RunStore(tmp_path_factory.mktemp("oracle"), shelves=[])
    options = {"profile": "quick", "seeds": (0, 1), "store": store, "progress": False, "device": "cpu"}
    both, parts = oracle.watched_on_test(tiny_corpus)
    seen = cross_validate(both, METHOD, folds=parts, **options)
    usual = cross_validate(tiny_corpus, METHOD, folds=oracle.SCHEME, **options)
    return seen, usual, store


def test_dev_doubles_test_and_nothing_else_moves(tiny_corpus):
    both, parts = oracle.watched_on_test(tiny_corpus)
    assert both.name == "tiny watched on test" and len(both) == 2 * len(tiny_corpus)
    for fold, before in zip(parts, folds(tiny_corpus, oracle.SCHEME), strict=True):
        assert fold.name == before.name
        assert fold.train.tolist() == before.train.tolist() and fold.test.tolist() == before.test.tolist()
        dev, test = (both.table.iloc[part] for part in (fold.dev, fold.test))
        assert dev["file"].tolist() == test["file"].tolist() and dev["emotion"].tolist() == test["emotion"].tolist()
        assert not set(dev.index) & set(test.index)
        assert not set(dev["speaker"]) & set(both.table.iloc[fold.train]["speaker"])


def test_what_is_watched_does_not_train(watched):
    seen, usual, _ = watched
    assert seen.predictions["utterance"].tolist() == usual.predictions["utterance"].tolist()
    np.testing.assert_array_equal(seen.logits, usual.logits)
    assert seen.history["train_loss"].tolist() == usual.history["train_loss"].tolist()
    assert seen.history["dev_ua"].tolist() != usual.history["dev_ua"].tolist()


def test_what_was_watched_is_the_score_on_test(watched):
    """The last and the best epoch, told by the network's answers that are kept beside each run."""
    seen, usual, _ = watched
    table, runs = oracle.looked_up(seen), list(zip(seen.manifests, seen.arrays, strict=True))
    for rule, column in {"last": "last", "best_dev": "best"}.items():
        logits = np.concatenate([run[f"logits_{rule}"] for _, run in runs])
        answers = seen.predictions.assign(predicted=np.array(seen.classes)[logits.argmax(1)])
        again = replace(seen, predictions=answers).per_fold()["UA"]
        pd.testing.assert_series_equal(table[column], again, check_names=False)
    assert (table["best"] >= table["last"]).all() and (table["epochs"] > 1).all()
    pd.testing.assert_series_equal(table["averaged"], usual.per_fold()["UA"], check_names=False)


def test_the_promise_is_a_mean_over_folds_with_students_interval(watched):
    """Folds are drawn: near Student's own interval, which the bootstrap's standard error stands for."""
    seen, _, _ = watched
    table = oracle.looked_up(seen)
    gains = (table["best"] - table["averaged"]).unstack("seed").mean(axis=1)
    mean, low, high = oracle.promise(seen)
    assert mean == pytest.approx(gains.mean()) and len(gains) == 10
    half = gains.sem() * stats.t.ppf(0.975, 9)
    assert [low, high] == pytest.approx([mean - half, mean + half], abs=0.06 * half)


def test_committed_ones_are_found_by_name_and_by_corpus(watched, tiny_corpus, cache, monkeypatch):
    seen, _, store = watched
    pack_results(store.root, cache / "results", lean=True)
    monkeypatch.setattr("serlib.paths.results_dir", lambda: cache / "results")
    for known in ("tiny", tiny_corpus):
        stored = oracle.stored_watched(known, [METHOD], profile="quick")[METHOD]
        pd.testing.assert_frame_equal(oracle.looked_up(stored), oracle.looked_up(seen))
    fewer = tiny_corpus.subset(tiny_corpus.table["speaker"] > "01")
    assert oracle.stored_watched(fewer, [METHOD], profile="quick") == {}
    assert oracle.stored_watched("tiny", [METHOD], profile="study") == {}


def test_planned_by_seed_then_method(tiny_corpus):
    tasks = list(oracle.planned(tiny_corpus, [METHOD, "dcaen/ftr-em"], profile="quick", seeds=(0, 3)))
    assert [(t.seed, t.method.name) for t in tasks[::10]] == [
        (0, METHOD), (0, "dcaen/ftr-em"), (3, METHOD), (3, "dcaen/ftr-em"),
    ]  # fmt: skip
    assert len(tasks) == 40 and {t.scheme for t in tasks} == {"own folds"}


def test_the_command_says_what_is_open(cache, capsys):
    fewer = ["--option", "emotions=anger, sadness"]
    assert oracle.main(["--profile", "quick", "--methods", METHOD, "--dry-run", *fewer]) == 0
    assert "watched on test" in capsys.readouterr().out
    assert oracle.main(["--corpus", "synthetic", "--profile", "quick", "--methods", METHOD, "--dry-run"]) == 0
    assert "watched on test" in capsys.readouterr().out
