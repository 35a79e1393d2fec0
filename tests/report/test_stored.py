"""What can be answered today: methods whose runs are all there, and contrasts of committed results."""

import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import IPython.display
import pandas as pd
import pytest

from serlib import load_corpus
from serlib.protocol import compare
from serlib.report import affordable
from serlib.report.publish import MIME
from serlib.report.stored import (
    alike,
    at_full_size,
    at_rest,
    by_seed,
    contrasts,
    family,
    finished,
    further_seeds,
    gathered,
    late_dev,
    levels,
    spoken,
)
from serlib.report.told import held, measured, verdict
from serlib.runs import RunStore, cross_validate, pack_results, plan, stored_scores

pytestmark = pytest.mark.xdist_group("stored")
SVC, OWN = "baselines/egemaps-svm", "baselines/egemaps-svm-speakernorm"
NETWORKS = ("dcaen/ftr-eg", "equal/eg-softmax-r2", "equal/eg-focal-g2")
GROUND = {"profile": "study", "scheme": "leave-one-speaker-out"}


@pytest.fixture
def shown(monkeypatch) -> list:
    seen = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **_: seen.append(getattr(data, "data", data)))
    return seen


@pytest.fixture(scope="module")
def made(tiny_corpus, tmp_path_factory) -> Path:
    """A folder with all runs of one method for seeds 0 and 1, and of another for seed 1; all are committed too."""
    folder = tmp_path_factory.mktemp("stored")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERLIB_CACHE", str(folder / "cache"))
        for name, seeds in ((SVC, (0, 1)), (OWN, (1,))):
            options = {"profile": "study", "folds": GROUND["scheme"], "seeds": seeds, "progress": False}
            cross_validate(tiny_corpus, name, **options, store=RunStore(folder / "runs", shelves=[]))
        assert pack_results(folder / "runs", folder / "results") == 0
    return folder


@pytest.fixture
def store(made, cache, monkeypatch) -> RunStore:
    """A copy of it for one test, and its results where committed ones lie."""
    shutil.copytree(made, cache, dirs_exist_ok=True)
    monkeypatch.setattr("serlib.paths.results_dir", lambda: cache / "results")
    return RunStore(cache / "runs", shelves=[])


def tasks_of(corpus, profile: str) -> list:
    options = {"profile": profile, "folds": GROUND["scheme"], "seeds": (0,)}
    return [task for name in (OWN, SVC) for task in plan(corpus, name, **options)]


def test_methods_with_all_runs_are_named_and_the_others_told(tiny_corpus, store, shown):
    assert finished(tasks_of(tiny_corpus, "study"), store) == [SVC]
    command = "serlib run --corpus tiny --root DIR --profile study --folds leave-one-speaker-out --seeds 0"
    told = f"**1 of 2 results are not there yet** (tiny, study profile): `{command} --method {OWN}` makes them."
    assert shown == [told]
    assert finished(tasks_of(tiny_corpus, "study")[-10:], store) == [SVC] and len(shown) == 1


def test_what_may_be_trained_at_once_counts_as_there(tiny_corpus, store, shown):
    assert finished(tasks_of(tiny_corpus, "quick"), store) == [OWN, SVC]
    assert finished(tasks_of(tiny_corpus, "study"), store, retrain=True) == [OWN, SVC]
    assert finished([], store) == [] and not shown


def test_pairs_are_judged_on_the_seeds_that_both_have(store):
    pairs = {("own", "all"): (OWN, SVC), ("own", "none"): (OWN, "baselines/compare-svm")}
    table = contrasts(pairs, "tiny", **GROUND)
    assert list(table.index) == [("own", "all")] and list(table["seeds"]) == [0]  # two SVCs
    ua = [stored_scores("tiny", name, **GROUND, seeds=[1]).summary().at["UA", "pooled"] for name in (OWN, SVC)]
    assert table["effect"].iloc[0] == pytest.approx(ua[0] - ua[1])
    assert spoken(table) == verdict(table.iloc[0], "own", "all") and "a single seed" not in spoken(table)
    assert (
        spoken(table, seeds=True) == f"{spoken(table)} Seeds: none matters."
        and spoken(table.iloc[:0], seeds=True) == ""
    )


def test_what_no_seed_changes_is_judged_beside_networks_that_share_folds(tiny_corpus, cache):
    """Two SVCs have folds for units, networks folds and seeds: they cannot be swapped together."""
    options = {"profile": "quick", "folds": "speaker-folds-5", "store": RunStore(cache / "own"), "progress": False}
    svc, own = (cross_validate(tiny_corpus, name, **options) for name in (SVC, OWN))
    learned, other = (cross_validate(tiny_corpus, name, seeds=(0, 1), **options) for name in NETWORKS[:2])
    pairs = {"networks": (learned, other), "SVCs": (svc, own), "network - SVC": (learned, svc)}
    table = family(pairs)
    assert list(table.index) == [*pairs] and list(table["seeds"]) == [2, 0, 2]
    assert table.at["SVCs", "effect"] == compare(svc, own).effect and table.at["SVCs", "p"] == compare(svc, own).p
    apart = by_seed(pairs)
    assert apart.loc["SVCs"].isna().tolist() == [False, True] and apart.loc["networks"].mean() == pytest.approx(
        table.at["networks", "effect"]
    )
    compared, climbing = at_rest(pairs)
    assert list(compared) == ["SVCs"] and climbing == ["networks", "network - SVC"]  # quick networks are never at rest
    alone = family({name: pairs[name] for name in ("networks", "network - SVC")})
    pd.testing.assert_frame_equal(table.loc[alone.index].convert_dtypes(), alone.convert_dtypes())


def test_no_pair_gives_no_row_and_no_sentence(store):
    table = contrasts({("a", "b"): ("baselines/compare-svm", SVC)}, "tiny", **GROUND)
    assert len(table) == 0 and spoken(table) == "" and list(table["verdict"]) == []


def test_a_pair_is_told_at_full_size_where_both_are_stored(tiny_corpus, store, cache):
    asked = ("Own statistics", "those of training"), (OWN, SVC), tiny_corpus
    assert at_full_size(*asked) == ""  # the study profile is another
    for name in (OWN, SVC):
        cross_validate(tiny_corpus, name, profile="paper", folds=GROUND["scheme"], store=store, progress=False)
    assert pack_results(store.root, cache / "results") == 0
    own, usual = (stored_scores("tiny", name, profile="paper", scheme=GROUND["scheme"]) for name in (OWN, SVC))
    row = compare(own, usual)
    told, where = at_full_size(*asked), "At full size ([notebook 07](07_losses_on_equal_terms.ipynb))"
    assert told.startswith(f"{where}, UA: {levels({OWN: own, SVC: usual})}. ")
    assert f"{row.effect:+.1f} points of UA" in told and "Own statistics against those of training" in told


def test_a_filtered_corpus_gets_none_of_the_whole_ones_numbers(tiny_corpus, store):
    """Same name, same method, same folds: but not the same utterances, or not the same classes."""
    three = tiny_corpus.relabel({e: e for e in tiny_corpus.classes[:3]})
    some = tiny_corpus.subset(tiny_corpus.table["speaker"] < "05")
    renamed = replace(tiny_corpus, table=tiny_corpus.table.assign(file="moved.wav"))  # elsewhere, but the same
    pairs = {("own", "all"): (OWN, SVC)}
    for corpus, there in ((tiny_corpus, True), (renamed, True), (three, False), (some, False)):
        assert (stored_scores(corpus, SVC, **GROUND) is not None) == there
        assert len(held(corpus, [SVC, OWN], **GROUND)[0]) == 2 * there
        assert len(contrasts(pairs, corpus, **GROUND)) == there
    made = cross_validate(three, OWN, profile="study", folds=GROUND["scheme"], store=store, progress=False)
    assert "no baseline is stored" in measured(made)
    assert f"strongest baseline {SVC.removeprefix('baselines/')}, " in measured(stored_scores("tiny", OWN, **GROUND))


def test_what_is_missing_of_a_filtered_corpus_is_asked_for_with_its_options(tiny_corpus, cache):
    tiny_corpus.table.reset_index()[["file", "emotion", "speaker"]].to_csv(cache / "mine.csv", index=False)
    asked = {"emotions": "anger, neutral", "partial": True, "speaker_pattern": r"(\d\d)_"}
    some = load_corpus("table", cache / "mine.csv", on_bad="error", **asked)
    told = held(some, [SVC], **GROUND)[1]
    command = shlex.split(told.partition("`")[2].partition("`")[0])
    assert [command[k + 1] for k, word in enumerate(command) if word == "--option"] == [
        r"speaker_pattern=(\d\d)_", "partial=true", "emotions=anger, neutral",
    ]  # fmt: skip


def test_levels_say_interval_and_seeds(store):
    scores = stored_scores("tiny", SVC, **GROUND)
    row = scores.summary().loc["UA"]
    assert levels({SVC: scores}) == (
        f"`egemaps-svm` {row['pooled']:.1f} % ({row['low']:.1f} to {row['high']:.1f}, 2 seeds)"
    )
    assert levels({}) == ""


def test_an_svc_stands_for_all_seeds_of_a_network(tiny_corpus, store, cache):
    network = "dcaen/ftr-eg"
    options = {"profile": "quick", "folds": GROUND["scheme"], "store": store, "progress": False}
    learned = cross_validate(tiny_corpus, network, seeds=(0, 1, 2), **options)
    svc = cross_validate(tiny_corpus, SVC, seeds=(0,), **options)
    both = alike([learned, svc])
    assert [sorted(set(each.predictions["seed"])) for each in both] == [[0, 1, 2]] * 2
    assert both[1].summary().at["UA", "pooled"] == pytest.approx(svc.summary().at["UA", "pooled"])
    found = family({"network - SVC": (learned, svc)}).iloc[0]
    for metric in ("UA", "WA"):
        effect = family({"network - SVC": (learned, svc)}, metric=metric.lower())["effect"].iloc[0]
        means = [each.summary().at[metric, "pooled"] for each in (learned, svc)]
        assert effect == pytest.approx(means[0] - means[1])
    assert found["seeds"] == 3
    again = cross_validate(tiny_corpus, SVC, seeds=(2,), **options)
    assert alike([svc, again])[0].predictions["seed"].unique().tolist() == [0]  # any of its seeds is as good
    with pytest.raises(ValueError, match="has 3 seeds; only one can be repeated"):
        learned.repeated([5])


@pytest.mark.slow
def test_pairs_keep_their_own_seeds_where_speakers_are_units_and_share_them_elsewhere(tiny_corpus, store):
    def scored(name, seeds, folds):
        options = {"profile": "quick", "folds": folds, "store": store, "progress": False}
        return cross_validate(tiny_corpus, name, seeds=seeds, **options)

    for folds, counts in ((GROUND["scheme"], [2, 1]), ("speaker-folds-5", [1, 1])):
        one, other, third = (scored(n, s, folds) for n, s in zip(NETWORKS, ((0, 1), (0, 1), (1,)), strict=True))
        assert list(family({"a": (one, other), "b": (one, third)})["seeds"]) == counts
    assert family({"a": (one.on_seeds([0]), third)}).empty


@pytest.mark.slow
def test_further_seeds_are_those_with_all_runs(tiny_corpus, store, shown):
    ground = {"profile": "study", "folds": GROUND["scheme"]}
    options = ground | {"store": store}
    tiny_corpus = tiny_corpus.subset(tiny_corpus.table["speaker"] < "04")  # three or four voices train soonest
    for name, seeds in ((SVC, (0, 1)), (OWN, (1,))):
        cross_validate(tiny_corpus, name, seeds=seeds, **options, progress=False)
    assert further_seeds(tiny_corpus, OWN, seeds=[1], **options) == [1]
    assert further_seeds(tiny_corpus, SVC, seeds=[0], **options) == [0]  # no seed changes it, though 1 is stored
    assert further_seeds(tiny_corpus, SVC, seeds=[0, 5], **options) == [0]
    network, made = "dcaen/ftr-eg", {"folds": GROUND["scheme"], "store": store, "progress": False}
    assert further_seeds(tiny_corpus, network, seeds=[0], **options) == [0]
    cross_validate(tiny_corpus, network, profile="study", seeds=(0, 1), **made)
    assert further_seeds(tiny_corpus, network, seeds=[0], **options) == [0, 1]  # 2 is missing
    found = gathered(tiny_corpus, [network, OWN, SVC], seeds=[0], **options)  # OWN lacks seed 0
    assert {name: sorted(set(each.predictions["seed"])) for name, each in found.items()} == {network: [0, 1], SVC: [0]}
    assert len(shown) == 1 and "**1 of 3 results are not there yet**" in shown[0]
    assert list(gathered(tiny_corpus, [SVC], seeds=[0, 5], **options)) == [SVC] and len(shown) == 1
    tasks = [task for name in (network, OWN) for task in plan(tiny_corpus, name, seeds=[0], **ground)]
    assert not affordable(tasks, store)  # and shows what is there, with all its seeds
    (row,), columns = shown[-1][MIME]["data"], shown[-1][MIME]["columns"]
    assert row[columns.index("UA %")] == pytest.approx(found[network].summary().at["UA", "pooled"])
    cross_validate(tiny_corpus, network, profile="quick", seeds=(0, 1), **made)
    assert further_seeds(tiny_corpus, network, seeds=[0], **options | {"profile": "quick"}) == [0]
    quick = gathered(tiny_corpus, [network, OWN], seeds=[0], **options | {"profile": "quick"})  # OWN is made
    assert {name: sorted(set(each.predictions["seed"])) for name, each in quick.items()} == {network: [0], OWN: [0]}


def test_dev_is_read_from_the_last_third_of_each_training():
    """Of six epochs the last two, of two the last one; by run, in percent."""
    courses = {("a", 0): [0.1, 0.9, 0.9, 0.9, 0.4, 0.6], ("b", 3): [0.2, 0.3]}
    rows = [(fold, seed, ua) for (fold, seed), course in courses.items() for ua in course]
    history = pd.DataFrame(rows, columns=["fold", "seed", "dev_ua"])
    assert late_dev(SimpleNamespace(history=history)).round(9).to_dict() == {("a", 0): 50.0, ("b", 3): 30.0}
