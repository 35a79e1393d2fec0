"""Plans: their order, what is told of them before anything runs, and what is refused."""

import pytest
from fakes import Fake

from serlib import paths
from serlib.runs import RunStore, cross_validate, describe_plan, plan, read_plan, schedule
from serlib.runs.schedule import Survey, kind

PLAN = """
[[rows]]
corpus = "emodb"
root = "corpora/emodb"
methods = ["baselines/egemaps-svm", "baselines/compare-svm"]
folds = "speaker-folds-5"
seeds = [3, 1]

[[rows]]
corpus = "ravdess"
methods = ["baselines/egemaps-svm"]
profile = "quick"
options = { partial = true }
"""


@pytest.fixture
def loaded(tiny_corpus, monkeypatch):
    """Every corpus is the tiny one; returns which were asked for."""
    asked = []
    monkeypatch.setattr(
        schedule, "load_corpus", lambda name, root, **options: asked.append((name, root, options)) or tiny_corpus
    )
    return asked


def test_rows_come_in_order_and_in_them_seeds_then_methods_then_folds(loaded, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    tasks = read_plan(tmp_path / "plan.toml")
    svm, large = "baselines/egemaps-svm", "baselines/compare-svm"
    folds = [f"fold-{k}" for k in range(1, 6)]
    first = [("study", seed, name, fold) for seed in (3, 1) for name in (svm, large) for fold in folds]
    second = [("quick", 0, svm, f"session-S{k}") for k in range(1, 6)]
    assert [(t.profile, t.seed, t.method.name, t.fold.name) for t in tasks] == first + second
    assert loaded == [("emodb", "corpora/emodb", {}), ("ravdess", None, {"partial": True})]


def test_a_root_on_the_command_line_replaces_those_of_the_plan(loaded, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    read_plan(tmp_path / "plan.toml", root="elsewhere")
    assert [root for _, root, _ in loaded] == ["elsewhere"] * 2


@pytest.mark.parametrize("name", ["study", "equal", "paper", "ravdess"])
def test_the_project_s_own_plans_are_known_by_name(loaded, name):
    tasks = read_plan(name, root="somewhere")
    assert {task.profile for task in tasks} == {"paper" if name == "paper" else "study"}
    schemes = {"leave-one-speaker-out", *["speaker-folds-6"] * (name == "ravdess")}
    assert {task.scheme for task in tasks} == schemes and len(tasks) > 300
    assert [(task.key, task.seed) for task in read_plan(paths.plans_dir() / f"{name}.toml")] == [
        (t.key, t.seed) for t in tasks
    ]


def test_another_name_is_told_which_there_are(loaded, tmp_path):
    with pytest.raises(
        FileNotFoundError, match="no plan stduy; allowed are a file and deep, equal, paper, ravdess, study"
    ):
        read_plan("stduy")


def test_a_corpus_is_loaded_once(loaded, tmp_path):
    row = '[[rows]]\ncorpus = "emodb"\nmethods = ["baselines/egemaps-svm"]\n'
    (tmp_path / "plan.toml").write_text(row + row.replace("egemaps", "compare"))
    assert len(read_plan(tmp_path / "plan.toml")) == 10 and len(loaded) == 1


def test_a_pattern_stands_for_all_names_that_it_matches_and_a_name_for_itself(loaded, tmp_path):
    asked = ["baselines/egemaps-svm", "baselines/*-svm", "focal/mel-softmax+strong"]
    (tmp_path / "plan.toml").write_text(f'[[rows]]\ncorpus = "emodb"\nmethods = {asked}\n')
    named = list(dict.fromkeys(task.method.name for task in read_plan(tmp_path / "plan.toml")))
    assert named == ["baselines/egemaps-svm", "baselines/compare-svm", "focal/mel-softmax+strong"]


def test_a_run_of_several_rows_is_asked_for_once_and_early(loaded, tmp_path):
    row = '[[rows]]\ncorpus = "emodb"\nfolds = "speaker-folds-5"\n'
    svm, large = "baselines/egemaps-svm", "baselines/compare-svm"
    (tmp_path / "plan.toml").write_text(f'{row}methods = ["{svm}"]\n{row}methods = ["{large}", "{svm}"]')
    asked = [(task.method.name, task.fold.name) for task in read_plan(tmp_path / "plan.toml")]
    assert asked == [(name, f"fold-{k}") for name in (svm, large) for k in range(1, 6)]


def test_a_row_may_ask_for_some_folds_alone(loaded, tmp_path):
    row = '[[rows]]\ncorpus = "emodb"\nmethods = ["baselines/egemaps-svm"]\nseeds = [0, 1]\n'
    row += 'only = ["session-S4", "session-S2"]\n'
    (tmp_path / "plan.toml").write_text(row)
    found = [(task.seed, task.fold.name) for task in read_plan(tmp_path / "plan.toml")]
    assert found == [(seed, fold) for seed in (0, 1) for fold in ("session-S2", "session-S4")]
    (tmp_path / "plan.toml").write_text(row.replace("S4", "S7"))
    with pytest.raises(ValueError, match="no fold 'session-S7'; there are session-S1, session-S2, "):
        read_plan(tmp_path / "plan.toml")


@pytest.mark.parametrize(
    "text,message",
    [
        ("", r"plan.toml: no \[\[rows\]\]; each needs a corpus and methods"),
        ("rows = 3", r"no \[\[rows\]\]"),
        ("[[rows]]\ncorpus = 'emodb'", "row 1 has no methods; allowed are corpus"),
        ("[[rows]]\nmethods = ['a/b']", "row 1 has no corpus"),
        ("[[rows]]\ncorpus = 'emodb'\nmethods = 'a/b'", "row 1 has methods = 'a/b'; allowed are .*methods \\(list\\)"),
        ("[[rows]]\ncorpus = 'emodb'\nmethod = ['a/b']", "row 1 has method = \\['a/b'\\]"),
        ("[[rows]]\ncorpus = 'emodb'\nmethods = ['a/b']", "unknown method 'a/b'"),
        ("[[rows]]\ncorpus = 'emodb'\nmethods = ['equal/none-*']", r"unknown method 'equal/none-\*'"),
        ("[[rows]]\ncorpus = 'x'\nmethods = ['baselines/egemaps-svm']\nprofile = 'huge'", "profile is 'huge'"),
        ("[[rows]]\ncorpus = 'emodb'\nseeds = [", "(?i)invalid|unclosed|unexpected"),
    ],
)
def test_what_is_no_plan_is_refused_before_a_corpus_is_read(loaded, tmp_path, text, message):
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_plan(tmp_path / "plan.toml")
    assert not loaded


def test_what_is_done_and_how_long_the_rest_takes_is_told(tiny_corpus, cache):
    store, known, new = RunStore(cache / "runs", shelves=[]), Fake(name="test/known"), Fake(name="test/new")
    cross_validate(tiny_corpus, known, folds="speaker-folds-5", store=store, progress=False)
    tasks = [
        task
        for scheme in ("speaker-folds-5", "leave-one-speaker-out")
        for method in (known, new)
        for task in plan(tiny_corpus, method, profile="quick", folds=scheme, seeds=(0, 1))
    ]
    store.seconds = lambda found: 90.0
    where = "tiny · quick"
    assert list(describe_plan(tasks, store, 3)) == [
        f"test/known · {where} · speaker-folds-5: 5 of 10 done, 5 to do: 8 min",
        f"test/new · {where} · speaker-folds-5: 0 of 10 done, 10 to do: 10 runs of unknown length",
        f"test/known · {where} · leave-one-speaker-out: 0 of 20 done, 20 to do: 30 min",
        f"test/new · {where} · leave-one-speaker-out: 0 of 20 done, 20 to do: 20 runs of unknown length",
        "all: 5 of 60 done, 55 to do, 3 at once: 12 min + 30 runs of unknown length",
    ]
    done = [task for task in tasks if task.scheme == "speaker-folds-5" and task.seed == 0 and task.method is known]
    assert list(describe_plan(done, store)) == [
        f"test/known · {where} · speaker-folds-5: 5 of 5 done",
        "all: 5 of 5 done, 0 to do, 1 at once: 0 s",
    ]


@pytest.mark.parametrize("seconds,words", [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")])
def test_lengths_are_said_in_a_fitting_unit(tiny_corpus, cache, seconds, words):
    (task, *_) = plan(tiny_corpus, Fake(), profile="quick", folds=None, seeds=(0,))
    survey = Survey([], RunStore(cache / "runs", shelves=[]))
    survey.seconds[kind(task)] = [seconds]
    assert survey.forecast([task]) == words
