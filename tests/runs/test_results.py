"""Committed results: made from runs, merged, refused where old and new would be mixed, safe against kills."""

import json
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from made import key_of, made_run, same

from serlib.protocol import Scores
from serlib.runs import RunStore, describe_results, pack, pack_results, results, stored_scores
from serlib.runs.results import whole_seeds

CODE, OTHER = "c" * 64, "d" * 64
FOLDS = ("speaker-03", "speaker-08")


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A run store, and a folder of committed results in place of the project's."""
    monkeypatch.setattr("serlib.paths.results_dir", lambda: tmp_path / "results")
    monkeypatch.setattr(results, "golden_values", lambda method, profile: None)
    return RunStore(tmp_path / "runs", shelves=[]), tmp_path / "results"


def save(store, *runs, code=CODE):
    return [store.save(key_of(run), code, run) for run in runs]


def held(folder: Path) -> dict:
    (path,) = folder.glob("*/*.json")
    return pack.read(path)


def scores_of(**options) -> Scores | None:
    return stored_scores("tiny", "test/guess", profile="study", scheme="leave-one-speaker-out", **options)


def test_runs_become_packs_and_stay_where_they_are(places, capsys):
    store, folder = places
    save(store, *(made_run(seed, fold) for seed in (0, 1) for fold in FOLDS), made_run(0, method="test/other"))
    assert pack_results(store.root, folder) == 0
    assert sorted(file.name for file in folder.rglob("*.*")) == [
        f"{method}.study.leave-one-speaker-out.{kind}"
        for method in ("test_guess", "test_other") for kind in ("csv.gz", "json", "safetensors.gz")
    ]  # fmt: skip
    assert len(list(store.finished())) == 5
    told = capsys.readouterr().out
    assert "tiny/test_guess.study.leave-one-speaker-out: written, 4 runs, 4 of them new" in told
    assert "packs: 2 written, 0 unchanged, 0 REFUSED" in told and "holds 6 files, 0.0 MB" in told
    assert pack_results(store.root, folder) == 0 and "0 written, 2 unchanged" in capsys.readouterr().out


def test_only_wanted_methods_are_packed(places):
    store, folder = places
    save(store, made_run(0), made_run(0, method="test/other"))
    pack_results(store.root, folder, ["test/other"])
    assert [path.name for path in folder.glob("*/*.json")] == ["test_other.study.leave-one-speaker-out.json"]


def test_packing_again_merges_and_the_later_run_wins(places, tmp_path):
    store, folder = places
    save(store, made_run(1, value=1.0, finished="2026-01-02"), made_run(1, "speaker-08", value=1.0))
    pack_results(store.root, folder)
    elsewhere = RunStore(tmp_path / "elsewhere", shelves=[])
    save(elsewhere, made_run(1, value=2.0, finished="2026-01-01"), made_run(0, value=2.0))
    save(elsewhere, made_run(1, "speaker-08", value=2.0, finished="2026-01-03"))
    pack_results(elsewhere.root, folder)
    runs = list(held(folder).values())
    assert [pack.position(run.manifest) for run in runs] == [(0, FOLDS[0]), (1, FOLDS[0]), (1, FOLDS[1])]
    assert [run.arrays["logits"][0, 0] for run in runs] == [2.0, 1.0, 2.0]
    assert ["embeddings" in run.arrays for run in runs] == [True, False, False]  # of what is now the first seed
    pack_results(store.root, folder)
    assert [run.arrays["logits"][0, 0] for run in held(folder).values()] == [2.0, 1.0, 2.0]


def test_of_the_same_run_made_by_two_codes_the_later_is_packed(places):
    store, folder = places
    save(store, made_run(0, value=1.0, finished="2026-01-01"))
    save(store, made_run(0, value=2.0, finished="2026-01-02"), code=OTHER)
    pack_results(store.root, folder)
    assert [run.arrays["logits"][0, 0] for run in held(folder).values()] == [2.0]


def test_runs_of_an_older_recipe_are_left_out_and_told(places, capsys):
    store, folder = places
    save(store, *(made_run(seed, finished="2026-01-01") for seed in (0, 1)))
    pack_results(store.root, folder)
    save(store, made_run(0, recipe={"rate": 0.2}, finished="2026-01-02"))
    pack_results(store.root, folder)
    assert "written, 1 runs, 1 of them new, 2 stale left out" in capsys.readouterr().out
    assert [run.manifest["recipe"] for run in held(folder).values()] == [{"rate": 0.2}]
    pack_results(store.root, folder)
    assert "1 unchanged" in capsys.readouterr().out


def test_golden_values_are_kept_and_old_runs_are_not_mixed_with_those_of_other_behaviour(places, monkeypatch, capsys):
    store, folder = places

    def golden(values):
        monkeypatch.setattr(results, "golden_values", lambda method, profile: values)

    save(store, made_run(0))
    pack_results(store.root, folder)
    golden({"loss": 1.0})
    assert pack_results(store.root, folder) == 0
    (path,) = folder.glob("*/*.json")
    assert json.loads(path.read_text())["golden"] == {"loss": 1.0}  # where there were none they are added
    golden({"loss": 1.0 + 1e-8})
    save(store, made_run(1))
    assert pack_results(store.root, folder) == 0 and len(held(folder)) == 2
    golden({"loss": 1.001})
    save(store, made_run(2))
    assert pack_results(store.root, folder) == 1 and len(held(folder)) == 2
    told = capsys.readouterr().out
    assert "REFUSED, the code makes other runs now; delete the pack to start anew: loss was 1" in told
    save(store, *(made_run(s, finished="2027") for s in (0, 1)), code=OTHER)  # all made again
    assert pack_results(store.root, folder) == 0 and len(held(folder)) == 3
    assert json.loads(path.read_text())["golden"] == {"loss": 1.001}


def test_golden_values_are_those_of_the_method_and_of_ones_own_method_none():
    assert results.golden_values("nobody/knows", "study") is None
    values = results.golden_values("baselines/egemaps-svm", "study")
    assert values and all(isinstance(value, float) for value in values.values())


def test_a_damaged_pack_is_made_again_only_when_nothing_is_lost(places, capsys, tmp_path):
    store, folder = places
    save(store, made_run(0), made_run(1))
    pack_results(store.root, folder)
    (path,) = folder.glob("*/*.json")
    path.with_suffix(".csv.gz").write_text("nonsense")
    fewer = RunStore(tmp_path / "fewer", shelves=[])
    save(fewer, made_run(1))
    with pytest.warns(UserWarning, match="damaged"):
        assert pack_results(fewer.root, folder) == 1
    assert "REFUSED, damaged, and 1 of its runs are not in" in capsys.readouterr().out
    assert pack_results(store.root, folder) == 0 and len(held(folder)) == 2
    path.write_text("{ half")
    with pytest.warns(UserWarning, match="damaged"):
        assert pack_results(store.root, folder) == 1
    path.unlink()
    assert pack_results(store.root, folder) == 0 and len(held(folder)) == 2


KILLED = """
import os, signal, sys
from serlib.runs import pack_results, results
results.golden_values = lambda method, profile: None
done, replace = [], os.replace
def killed(source, target):
    if len(done) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(target)
    replace(source, target)
os.replace = killed
pack_results(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("replaced", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 2))])
@pytest.mark.filterwarnings("ignore:pack .* is damaged")
def test_kill_minus_nine_while_packing_loses_nothing(places, replaced):
    store, folder = places
    runs = [made_run(seed, fold) for seed in (0, 1) for fold in FOLDS]
    save(store, *runs[:2])
    pack_results(store.root, folder)
    save(store, *runs[2:])
    command = [sys.executable, "-c", KILLED, str(store.root), str(folder), str(replaced)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    both = RunStore(store.root, shelves=[folder / "tiny"])
    for run in runs:  # in the middle: from their folders; where those are gone, the old pack or none, never a mixture
        assert same(run, both.load(both.find(key_of(run), CODE)), arrays=set(run.arrays), exact=False)
    assert len(held(folder)) == (2 if replaced == 0 else 0)
    assert pack_results(store.root, folder) == 0 and len(held(folder)) == 4


def test_stored_scores_are_joined_by_seed_and_fold(places):
    store, folder = places
    save(store, *(made_run(seed, fold) for seed in (10, 2) for fold in reversed(FOLDS)))
    pack_results(store.root, folder)
    scores = scores_of()
    assert [pack.position(m) for m in scores.manifests] == [(seed, fold) for seed in (2, 10) for fold in FOLDS]
    assert scores.embeddings is None and len(scores.logits) == len(scores.predictions) == 16
    assert [set(each) for each in scores.arrays] == [{"logits_last", "count"}] * 2 + [{"logits_last"}] * 2
    first = scores_of(seeds=[2])
    assert first.embeddings.shape == (8, 5) and set(first.predictions["seed"]) == {2}
    assert scores_of(seeds=[2, 3]) is None


def test_seeds_that_lack_a_fold_are_left_out_and_told(places):
    store, folder = places
    save(store, *(made_run(0, fold) for fold in FOLDS), made_run(1))
    save(store, *(made_run(seed, fold, method="test/tried") for seed, fold in enumerate(FOLDS)))
    pack_results(store.root, folder)
    with pytest.warns(UserWarning, match="1 runs of unfinished seeds are left out"):
        assert set(scores_of().predictions["seed"]) == {0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a setting that was tried on a fold nothing more was to be there
        assert stored_scores("tiny", "test/tried", profile="study", scheme="leave-one-speaker-out") is None


@pytest.mark.filterwarnings("ignore:pack .* unfinished seeds")
def test_the_list_says_what_there_is(places):
    store, folder = places
    save(store, *(made_run(seed, fold, slope=0.6) for seed in (0, 1) for fold in FOLDS), made_run(2, slope=0.0))
    slopes = zip(FOLDS, (0.0, 0.9), strict=True)  # one seems to climb, on average they rest
    save(store, *(made_run(0, fold, method="test/resting", slope=slope) for fold, slope in slopes))
    save(store, *(made_run(0, fold, method="test/svm", epochs=0) for fold in FOLDS))
    save(store, made_run(0, method="test/parts"), made_run(1, "speaker-08", method="test/parts"))
    save(store, made_run(0, method="test/torn"))
    pack_results(store.root, folder)
    (folder / "tiny" / "test_torn.study.leave-one-speaker-out.csv.gz").write_text("")
    with pytest.warns(UserWarning, match="damaged"):
        guess, parts, resting, svm, torn = describe_results(folder)
    ua = scores_of(seeds=[0, 1]).summary().at["UA", "pooled"]
    where = "tiny · study · leave-one-speaker-out"
    assert guess == f"test/guess · {where} · unconverged: 2 folds x 2 seeds + 1 runs, UA {ua:.1f} %, unconverged"
    assert resting.startswith(f"test/resting · {where}: 2 folds x 1 seeds, UA ") and resting.endswith("%, converged")
    assert svm.startswith(f"test/svm · {where}: 2 folds x 1 seeds, UA ") and svm.endswith("no epochs")
    assert parts == "tiny/test_parts.study.leave-one-speaker-out: 2 runs, no whole seed"
    assert torn == "tiny/test_torn.study.leave-one-speaker-out: damaged"


@pytest.mark.parametrize(("utterances", "whole"), [(12, 0), (8, 2)])
def test_a_seed_that_does_not_test_the_whole_corpus_is_not_whole(utterances, whole):
    """Two folds of the only seed are there: no other seed tells whether one is missing, but the corpus does."""
    runs = [made_run(0, f"speaker-0{k}") for k in (1, 2)]
    for run in runs:
        run.manifest["corpus"]["utterances"] = utterances
    assert len(whole_seeds(runs)) == whole


def test_what_measures_nothing_is_not_packed(tmp_path):
    store = RunStore(tmp_path / "runs", shelves=[])
    for kind in ("quick", "synthetic", "study"):
        run = made_run(0, corpus=kind)
        run.manifest["profile"] = "quick" if kind == "quick" else "study"
        run.manifest["corpus"]["synthetic"] = kind == "synthetic"
        store.save(key_of(run), "c" * 64, run)
    assert pack_results(store.root, tmp_path / "results", measured=True) == 0
    assert [path.name for path in (tmp_path / "results").glob("*")] == ["study"]
