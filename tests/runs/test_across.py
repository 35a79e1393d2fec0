"""Across corpora: the same voices tested under every condition, by networks that learned elsewhere."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from serlib import methods
from serlib.corpora import CorpusError, join
from serlib.runs import RunStore, across, cross_validate, pack_results

ONE, SPEAKER = "equal/eg-softmax-r2", "equal/eg-weighted-r2"


@pytest.fixture(scope="module")
def halves(tiny_corpus):
    """The hums of five women and five men, which share all four emotions."""
    sex = tiny_corpus.table["sex"]
    return [replace(tiny_corpus.subset(sex == each), name=f"{each}s") for each in ("female", "male")]


@pytest.fixture(scope="module")
def joined(halves):
    return join(halves)


@pytest.fixture(scope="module")
def mixed(tiny_corpus):
    """Two corpora of ten speakers each, women and men."""
    again = tiny_corpus.table.assign(audio_sha256="x" + tiny_corpus.table["audio_sha256"])
    return join([replace(tiny_corpus, name="a"), replace(tiny_corpus, name="b", table=again)])


@pytest.mark.parametrize("scheme,count", [(across.ALONE, 20), (across.GROUPS, 10)])
def test_all_conditions_test_the_same_and_train_elsewhere(mixed, scheme, count):
    table = mixed.table
    found = {condition: across.divided(mixed, condition, scheme) for condition in across.CONDITIONS}
    for condition, (named, parts) in found.items():
        assert named.name == f"a+b {condition}" and named.fingerprint == mixed.fingerprint
        assert len(parts) == count and [f.name for f in parts] == [f.name for f in found["within"][1]]
        assert sorted(np.concatenate([f.test for f in parts])) == list(range(len(mixed)))
        for fold, home in zip(parts, found["within"][1], strict=True):
            own = fold.name.split("/")[0]
            train, dev, test = (table.iloc[part] for part in (fold.train, fold.dev, fold.test))
            assert set(test["corpus"]) == {own} and fold.test.tolist() == home.test.tolist()
            assert not set(test["speaker"]) & {*train["speaker"], *dev["speaker"]}
            assert not set(train["speaker"]) & set(dev["speaker"])
            sources = {"within": {own}, "across": {"a", "b"} - {own}, "both": {"a", "b"}}[condition]
            assert set(train["corpus"]) == set(dev["corpus"]) == sources
            strange = dev[dev["corpus"] != own]
            assert strange.groupby("sex")["speaker"].nunique().to_dict() == (
                {} if condition == "within" else {"female": 1, "male": 1}
            )
            assert train["speaker"].nunique() + dev["speaker"].nunique() + test["speaker"].nunique() == {
                "within": 10, "across": 10 + test["speaker"].nunique(), "both": 20
            }[condition]  # fmt: skip
    both, home, away = (found[condition][1][3] for condition in ("both", "within", "across"))
    assert both.train.tolist() == sorted([*home.train, *away.train]) and {*both.dev} == {*home.dev, *away.dev}
    assert found["both"][1][0].name == {across.ALONE: "a/speaker-00", across.GROUPS: "a/fold-1"}[scheme]
    assert len({tuple(f.dev) for f in found["across"][1]}) == 10  # five pairs of each corpus, in turn


def test_what_cannot_be_divided(tiny_corpus, joined, halves):
    with pytest.raises(ValueError, match="unknown condition 'abroad'; allowed are within, across, both"):
        across.divided(joined, "abroad")
    with pytest.raises(CorpusError, match=r"tiny: a corpus by itself; allowed is what serlib\.corpora\.join returns"):
        across.divided(tiny_corpus, "within")
    few = halves[1].subset(halves[1].table["speaker"].isin(["01", "03", "05"]))
    with pytest.raises(CorpusError, match="speaker-folds-5 on all but females: needs at least 5 speakers"):
        across.divided(join([halves[0], few]), "across")


def test_a_series_is_made_once_split_by_target_and_found_again_by_name(joined, cache, monkeypatch):
    store = RunStore(cache / "series", shelves=[])
    options = {"profile": "quick", "seeds": (0, 1), "store": store, "progress": False, "device": "cpu"}
    divided = [across.divided(joined, condition) for condition in ("within", "across")]
    home, away = (cross_validate(named, ONE, folds=parts, **options) for named, parts in divided)
    assert away.corpus == "females+males across" and away.scheme == "own folds" and len(away.manifests) == 20
    assert away.compare(home).unit == "speakers" and away.compare(home).units == 10
    women = across.tested_on(away, "females")
    assert set(women.predictions["speaker"]) == {f"females/0{n}" for n in range(0, 10, 2)}
    assert women.compare(across.tested_on(home, "females")).units == 5 and len(women.manifests) == 10
    rows = away.predictions["utterance"].str.startswith("females/").to_numpy()
    np.testing.assert_array_equal(women.logits, away.logits[rows])
    assert women.corpus == "females+males across, on females" and women.converged is away.converged
    with pytest.raises(ValueError, match="was tested on 'children'; allowed are females, males"):
        across.tested_on(away, "children")

    pack_results(store.root, cache / "results")
    monkeypatch.setattr("serlib.paths.results_dir", lambda: cache / "results")
    monkeypatch.setattr("serlib.runs.engine.perform", None)  # nothing may be trained from here on
    for asked in (joined, "females+males"):
        found = across.stored_series(asked, [ONE, SPEAKER], profile="quick")
        assert list(found) == [("within", ONE), ("across", ONE)]
        pd.testing.assert_frame_equal(found["across", ONE].summary(), away.summary())
    assert across.stored_series(joined.subset(range(100)), [ONE], profile="quick") == {}


def test_settings_follow_what_was_chosen_on_dev(monkeypatch):
    monkeypatch.setattr("serlib.methods.equal.CHOSEN", {"em-speaker": {"arcface": "m0.5-s2", "softmax": "r1"}})
    assert across.method() == "equal/em-speaker-softmax-r1"
    assert across.method("arcface", "em", "+corpus") == "equal/em-arcface-m0.5-s2+corpus"
    monkeypatch.setitem(across.equal.CHOSEN, "em", {"arcface": "m0.25-s8"})
    assert across.method("arcface", "em") == "equal/em-arcface-m0.25-s8"


def test_the_plan_goes_by_worth_and_whole_seeds(halves):
    tasks = list(across.planned(halves, "quick"))
    rows = across.worth()
    wanted = sum(len(names) * len(conditions) * seeds * 10 for names, conditions, seeds, *_ in rows)
    assert len(tasks) == wanted and {t.method.name for t in tasks} == {n for names, *_ in rows for n in names}
    assert [t.seed for t in tasks[:150]] == np.repeat(np.arange(5), 30).tolist()
    assert [t.corpus.name for t in tasks[:30]] == np.repeat(
        [f"females+males {c}" for c in across.CONDITIONS], 10
    ).tolist()
    assert all(methods.get(t.method.name).recipe("study") for t in tasks[::50])
    three = [half.relabel({c: c for c in ("anger", "neutral", "sadness")}) for half in halves]
    assert len(list(across.planned(three, "quick"))) == wanted - 3 * 5 * 10  # without the row of four emotions


def test_from_the_command_line(halves, cache, monkeypatch, capsys):
    monkeypatch.setattr(across, "worth", lambda: [((ONE,), ("across",), 1, across.GROUPS, None)])
    monkeypatch.setattr(across, "load_corpus", lambda name, root: {half.name: half for half in halves}[name])
    command = ["--corpora", "males", "females=", "--profile", "quick", "--dry-run"]
    assert across.main(command) == 0
    label = f"{ONE} · females+males across · quick · own folds"
    assert capsys.readouterr().out.startswith(f"{label}: 0 of 10 done, 10 to do: 10 runs of unknown length\n")
    assert across.main([*command[:-1], "--minutes", "0"]) == 0  # no time: nothing is started
    assert capsys.readouterr().out == "time is up, 10 to do: 10 runs of unknown length\n"
