"""Cross-validation: every run once, stored the moment it ends, found again, never mistaken for another."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from fakes import Fake, log_of

from serlib.methods import Method, Outcome
from serlib.protocol import folds
from serlib.runs import RunStore, cross_validate, pack_results, plan, processes, run_key, stored_scores


@dataclass
class Recipe:
    """A recipe that a test can vary."""

    features: None = None
    strength: float = 1.0

    def to_dict(self) -> dict:
        return {"strength": self.strength}


@dataclass
class Guess(Method):
    """Guesses by a seeded generator and notes each run that it makes."""

    name: str = "test/guess"
    paper: str = "baseline"
    title: str = "guess"
    strength: float = 1.0
    made: list = field(default_factory=list)

    def recipe(self, profile):
        return Recipe(strength=self.strength)

    def modules(self, profile):
        return ["serlib.training.recipe"]

    def prepare(self, corpus, **_options):
        pass

    def run(self, corpus, fold, *, profile, seed, hardware):
        self.made.append((fold.name, seed))
        generator = np.random.default_rng([seed, len(fold.test), int(fold.test.sum())])
        logits = generator.standard_normal((len(fold.test), len(corpus.classes))).astype(np.float32)
        logits[np.arange(len(logits)), corpus.labels[fold.test]] += self.strength
        history = [{"epoch": 1, "dev_ua": 0.5}]
        return Outcome(
            logits, logits[:, :2], history, {"weight": np.eye(4, dtype=np.float32)}, {"chosen_epoch": 1}, {"w": logits}
        )


def test_every_utterance_is_scored_once_per_seed_and_a_second_call_only_loads(tiny_corpus, cache):
    method = Guess()
    first = cross_validate(tiny_corpus, method, folds="speaker-folds-5", seeds=(0, 1), progress=False)
    assert len(method.made) == 10
    counts = first.predictions.groupby("seed")["utterance"].agg(["size", "nunique"])
    assert counts.to_numpy().tolist() == [[120, 120], [120, 120]]
    second = cross_validate(tiny_corpus, method, folds="speaker-folds-5", seeds=(0, 1), progress=False)
    assert len(method.made) == 10
    assert first.predictions.equals(second.predictions) and np.array_equal(first.logits, second.logits)
    assert [m["fold"]["name"] for m in first.manifests] == [f.name for f in folds(tiny_corpus, "speaker-folds-5")] * 2


def test_predictions_agree_with_the_stored_logits_and_the_corpus(tiny_corpus, cache):
    scores = cross_validate(tiny_corpus, Guess(), folds="speaker-folds-5", progress=False)
    guessed = np.asarray(scores.classes)[scores.logits.argmax(1)]
    assert (scores.predictions["predicted"] == guessed).mean() > 0.99  # half precision may flip a tie
    truth = tiny_corpus.table.loc[scores.predictions["utterance"], "emotion"].to_numpy()
    assert (scores.predictions["emotion"].to_numpy() == truth).all()
    assert scores.scheme == "speaker-folds-5" and scores.arrays[0]["weight"].shape == (4, 4)


def test_only_what_is_missing_is_made(tiny_corpus, cache):
    method = Guess()
    cross_validate(tiny_corpus, method, folds="speaker-folds-5", progress=False)
    victim = sorted(RunStore().root.iterdir())[2]
    gone = json.loads((victim / "manifest.json").read_text())["fold"]["name"]
    for file in victim.iterdir():
        file.unlink()
    victim.rmdir()
    method.made.clear()
    cross_validate(tiny_corpus, method, folds="speaker-folds-5", seeds=(0, 7), progress=False)
    assert (gone, 0) in method.made and len(method.made) == 6


@pytest.mark.parametrize("change", ["recipe", "corpus", "seed", "profile", "fold"])
def test_nothing_stale_is_ever_loaded(tiny_corpus, cache, change):
    def identity(method, corpus, profile, seed, scheme):
        return run_key(plan(corpus, method, profile=profile, folds=scheme, seeds=[seed])[0].identity)

    relabelled = tiny_corpus.relabel({c: c for c in tiny_corpus.classes[:3]})
    base = [Guess(), tiny_corpus, "quick", 0, "speaker-folds-5"]
    other = {
        "recipe": [Guess(strength=2.0), *base[1:]],
        "corpus": [base[0], relabelled, *base[2:]],
        "profile": [*base[:2], "study", *base[3:]],
        "seed": [*base[:3], 1, base[4]],
        "fold": [*base[:4], "leave-one-speaker-out"],
    }[change]
    assert identity(*base) == identity(*base) != identity(*other)


def test_schemes_that_give_equal_folds_keep_their_own_runs(tiny_corpus, cache):
    """Ten speakers in five sessions: leave-one-speaker-out and session-speaker-10 share every fold's members."""
    first, second = (
        cross_validate(tiny_corpus, Guess(), folds=scheme, progress=False)
        for scheme in ("leave-one-speaker-out", "session-speaker-10")
    )
    assert (first.scheme, second.scheme) == ("leave-one-speaker-out", "session-speaker-10")


def test_other_code_makes_the_run_again(tiny_corpus, cache, monkeypatch):
    method = Guess()
    cross_validate(tiny_corpus, method, folds="speaker-folds-5", progress=False)
    monkeypatch.setattr("serlib.runs.engine.digest", lambda _modules: "f" * 64)
    method.made.clear()
    cross_validate(tiny_corpus, method, folds="speaker-folds-5", progress=False)
    assert len(method.made) == 5


def test_committed_results_are_found_by_any_code_and_passed_over_on_demand(tiny_corpus, cache, monkeypatch):
    method, mine = Guess(), cache / "mine"
    options = {"folds": "speaker-folds-5", "seeds": (0, 1), "progress": False}
    made = cross_validate(tiny_corpus, method, store=RunStore(cache / "first", shelves=[]), **options)
    pack_results(cache / "first", cache / "results")
    monkeypatch.setattr("serlib.runs.engine.digest", lambda _modules: "f" * 64)
    method.made.clear()
    store = RunStore(mine, shelves=[cache / "results" / "tiny"])
    found = cross_validate(tiny_corpus, method, store=store, **options)
    assert not method.made and found.predictions.equals(made.predictions) and np.array_equal(found.logits, made.logits)
    assert found.embeddings is None and made.embeddings is not None  # the pack has those of the first seed
    first = cross_validate(tiny_corpus, method, store=store, **options | {"seeds": (0,)})
    assert np.array_equal(first.embeddings, made.embeddings[: len(first.logits)])
    cross_validate(tiny_corpus, method, store=RunStore(mine, shelves=[]), **options)
    assert len(method.made) == 10


def test_committed_scores_are_read_without_the_corpus(tiny_corpus, cache, monkeypatch):
    monkeypatch.setattr("serlib.paths.results_dir", lambda: cache / "results")
    made = cross_validate(tiny_corpus, Guess(), folds="speaker-folds-5", progress=False)
    pack_results(RunStore().root, cache / "results")
    read = stored_scores("tiny", "test/guess", profile="quick", scheme="speaker-folds-5")
    assert read.summary().equals(made.summary())
    assert stored_scores("tiny", "test/guess", profile="paper", scheme="speaker-folds-5") is None
    assert stored_scores("nowhere", "test/guess", profile="quick", scheme="speaker-folds-5") is None


def test_manifest_binds_the_result(tiny_corpus, cache):
    manifest = cross_validate(tiny_corpus, Guess(), folds="speaker-folds-5", progress=False).manifests[0]
    assert manifest["corpus"]["fingerprint"] == tiny_corpus.fingerprint
    assert manifest["fold"]["train"] + manifest["fold"]["dev"] + manifest["fold"]["test"] == 120
    assert manifest["recipe"] == {"strength": 1.0} and manifest["seed"] == 0 and manifest["device"] == "cpu"
    assert {"python", "torch", "numpy"} <= set(manifest["versions"]) and manifest["seconds"] >= 0
    text = json.dumps(manifest)
    assert str(cache) not in text and os.path.expanduser("~") not in text


def _cross_validate(corpus, root, log):
    fake = Fake(str(log), seconds=0.1)
    cross_validate(corpus, fake, folds="leave-one-speaker-out", store=RunStore(root), progress=False)


def test_two_processes_on_one_store_make_each_run_once(tiny_corpus, cache):
    arguments = tiny_corpus, cache / "shared", cache / "log"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_cross_validate, args=arguments) for _ in range(2)]
    [w.start() for w in workers], [w.join() for w in workers]
    assert [w.exitcode for w in workers] == [0, 0]
    assert len(list((cache / "shared").iterdir())) == len(log_of(cache / "log", "run")) == 10
    _cross_validate(*arguments)
    assert len(log_of(cache / "log", "run")) == 10


@pytest.mark.parametrize(
    ("n_jobs", "profile", "device", "runs", "wanted"),
    [
        (-1, "quick", "cpu", 10, 1), (-1, "study", "cpu", 10, 3), (-1, "study", "cpu", 2, 2),
        (2, "quick", "cpu", 10, 2), (2, "quick", "cpu", 1, 1),
        (-1, "study", "cuda", 10, 1), (4, "study", "cuda:1", 10, 4),
    ],
)  # fmt: skip
def test_processes_are_started_where_they_save_time(tiny_corpus, monkeypatch, n_jobs, profile, device, runs, wanted):
    monkeypatch.setattr("joblib.effective_n_jobs", lambda n_jobs: 3 if n_jobs == -1 else n_jobs)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda **_options: True)
    tasks = plan(tiny_corpus, Guess(), profile=profile, folds="leave-one-speaker-out", seeds=(0,))
    assert processes(n_jobs, tasks[:runs], device) == wanted


KILLED = """
import sys, time
sys.path.insert(0, sys.argv[1])
import test_engine
from serlib.corpora.corpus import Corpus
from serlib.runs import RunStore, cross_validate
import pandas as pd
table = pd.read_csv(sys.argv[2], index_col="utterance", dtype={"speaker": str, "take": str})
class Slow(test_engine.Guess):
    def run(self, *arguments, **options):
        time.sleep(0.3)
        return super().run(*arguments, **options)
corpus = Corpus("tiny", table, ("anger", "happiness", "neutral", "sadness"))
cross_validate(corpus, Slow(), folds="leave-one-speaker-out", store=RunStore(sys.argv[3]), progress=False)
"""


def test_after_kill_minus_nine_only_the_run_in_flight_is_lost(tiny_corpus, cache):
    tiny_corpus.table.to_csv(cache / "table.csv")
    root = cache / "killed"
    script = [sys.executable, "-c", KILLED, os.path.dirname(__file__), str(cache / "table.csv"), str(root)]
    process = subprocess.Popen(script)
    while len(list(root.glob("*/manifest.json"))) < 4 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = len([p for p in root.glob("*/manifest.json") if not p.parent.name.startswith(".part")])
    assert 4 <= finished < 10
    method = Guess()
    scores = cross_validate(tiny_corpus, method, folds="leave-one-speaker-out", store=RunStore(root), progress=False)
    assert len(method.made) == 10 - finished and len(scores.predictions) == 120


@pytest.mark.slow
def test_worker_processes_give_what_one_process_gives(tiny_corpus, cache):
    one = cross_validate(tiny_corpus, "baselines/egemaps-svm", folds="speaker-folds-5", progress=False)
    two = cross_validate(
        tiny_corpus,
        "baselines/egemaps-svm",
        folds="speaker-folds-5",
        n_jobs=2,
        store=RunStore(cache / "two"),
        progress=True,
    )
    assert one.predictions.equals(two.predictions) and np.array_equal(one.logits, two.logits)


@pytest.mark.parametrize(
    "options,message",
    [
        ({"method": "focal/mel"}, "unknown method 'focal/mel'; known are focal/mel-softmax, focal/mel-focal"),
        ({"method": "nothing"}, r"unknown method 'nothing'; known are .*baselines/\.\.\., .*focal/\.\.\."),
        ({"profile": "huge"}, "profile is 'huge'; allowed are quick, study, paper"),
        ({"device": "tpu"}, "device is 'tpu'; this machine has cpu"),
    ],
)
def test_bad_requests_are_refused_before_anything_runs(tiny_corpus, cache, options, message):
    with pytest.raises(ValueError, match=message):
        cross_validate(tiny_corpus, **{"method": "baselines/egemaps-svm", "progress": False, **options})
    assert not RunStore().root.exists()
