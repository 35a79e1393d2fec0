"""Filling the store: in order, each run once, whatever fails or dies, until the time is up."""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from fakes import Fake, log_of

from serlib.runs import RunStore, cross_validate, fill, plan

SCHEME = "speaker-folds-5"


def tasks_of(corpus, *methods, seeds=(0,)):
    found = [task for m in methods for task in plan(corpus, m, profile="quick", folds=SCHEME, seeds=seeds)]
    return sorted(found, key=lambda task: task.seed)


@pytest.mark.slow
def test_all_runs_but_those_that_fail_or_die_are_made_and_a_second_call_makes_the_rest(tiny_corpus, cache, capsys):
    log, store = cache / "log", RunStore(cache / "runs", shelves=[])
    one = Fake(str(log), name="test/one", ill=((("fold-2", 0), "fails"), (("fold-3", 0), "dies")))
    two = Fake(str(log), name="test/two")
    tasks = tasks_of(tiny_corpus, one, two)
    assert fill(tasks, store, 2, "cpu") == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and len(list(store.finished())) == 8
    (failed,) = [line for line in lines if "loss is not finite" in line]
    assert failed.endswith("test/one · tiny · quick · fold-2 · seed 0: FAILED: RuntimeError: loss is not finite")
    assert len([line for line in lines if "fold-3 · seed 0: FAILED: BrokenProcessPool" in line]) == 1
    assert lines[-1].startswith("[8 done, 0 running, 0 to do, 2 failed: 0 s] ")
    assert re.match(r"\[(1 done, 2 running, 7 to do|0 done, 2 running, 7 to do, 1 failed): ", lines[0])
    assert log_of(log, "prepare") == ["test/one quick", "test/two quick"]
    every = [f"{method} fold-{k} 0 1" for method in ("test/one", "test/two") for k in range(1, 6)]
    assert sorted(log_of(log, "run")) == every  # each once, with one thread

    log.unlink()
    cured = tasks_of(tiny_corpus, Fake(str(log), name="test/one"), two)
    assert fill(cured, store, 1, "cpu") == 0
    assert log_of(log, "run") == ["test/one fold-2 0 1", "test/one fold-3 0 1"]
    log.unlink()
    assert fill(cured, store, 2, "cpu") == 0 and not log.exists()
    scores = cross_validate(tiny_corpus, two, folds=SCHEME, store=store, progress=False)
    assert scores.summary().at["UA", "pooled"] == 100 and not log.exists()


def test_no_run_is_started_when_the_time_is_up(tiny_corpus, cache, capsys):
    log, store = cache / "log", RunStore(cache / "runs", shelves=[])
    tasks = tasks_of(tiny_corpus, Fake(str(log), seconds=1.5))
    assert fill(tasks, store, 1, "cpu", minutes=0) == 0 and not log.exists()
    assert capsys.readouterr().out == "time is up, 5 to do: 5 runs of unknown length\n"
    assert fill(tasks, store, 1, "cpu", minutes=1.2 / 60) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[1 done, 0 running, 4 to do: ") and lines[1].startswith("time is up, 4 to do: ")
    assert len(list(store.finished())) == 1  # the one that was running was waited for


def test_a_method_without_features_is_told_once_and_the_others_go_on(tiny_corpus, cache, capsys):
    log, store = cache / "log", RunStore(cache / "runs", shelves=[])
    tasks = tasks_of(tiny_corpus, Fake(str(log), name="test/deaf", prepares=False), Fake(str(log), name="test/fine"))
    assert fill(tasks, store, 1, "cpu") == 1
    told = capsys.readouterr().out.splitlines()
    assert "fold-1 · seed 0: FAILED, like 4 more, for want of features: OSError: no such recording" in told[0]
    assert len(told) == 6 and told[-1].startswith("[5 done, 0 running, 0 to do, 5 failed: ")
    assert log_of(log, "prepare") == ["test/deaf quick", "test/fine quick"]


def test_less_than_one_job_is_refused(tiny_corpus, cache):
    with pytest.raises(ValueError, match="jobs is 0; allowed are 1 and more"):
        fill([], RunStore(cache / "runs", shelves=[]), 0)
    assert fill([], RunStore(cache / "runs", shelves=[]), 2) == 0


SCRIPT = """
import sys
sys.path[:0] = [sys.argv[1]]
if __name__ == "__main__":
    import pandas as pd
    from fakes import Fake
    from test_fill import tasks_of
    from serlib.corpora.corpus import Corpus
    from serlib.runs import RunStore, fill
    table = pd.read_csv(sys.argv[2], index_col="utterance", dtype={"speaker": str, "take": str})
    corpus = Corpus("tiny", table, ("anger", "happiness", "neutral", "sadness"))
    fake = Fake(*sys.argv[4:], seconds=0.4)
    sys.exit(fill(tasks_of(corpus, fake, seeds=range(4)), RunStore(sys.argv[3], shelves=[]), 2, "cpu"))
"""


def started(corpus, cache, *log):
    """A process that fills the store ``shared`` with 20 runs."""
    corpus.table.to_csv(cache / "table.csv")
    (cache / "script.py").write_text(SCRIPT)
    arguments = [os.path.dirname(__file__), cache / "table.csv", cache / "shared", *log]
    return subprocess.Popen([sys.executable, cache / "script.py", *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_share_the_runs_of_one_store(tiny_corpus, cache):
    log, store = cache / "log", RunStore(cache / "shared", shelves=[])
    fillers = [started(tiny_corpus, cache, log) for _ in range(2)]
    told = [filler.communicate()[0] for filler in fillers]
    assert [filler.returncode for filler in fillers] == [0, 0] and all(each.count("fold-") for each in told)
    assert len(set(log_of(log, "run"))) == len(log_of(log, "run")) == 20
    assert len(list(store.finished())) == len(list(store.root.iterdir())) == 20  # and no claim is left


def test_a_run_whose_maker_is_killed_is_made_by_the_other_process(tiny_corpus, cache):
    log, store = cache / "log", RunStore(cache / "shared", shelves=[])
    tasks = tasks_of(tiny_corpus, Fake(str(log)))
    held = "import sys, time\nfrom serlib.runs import RunStore\nstore = RunStore(sys.argv[1], shelves=[])\n"
    held += "with store.claim(*sys.argv[2:]):\n    print(1, flush=True)\n    time.sleep(600)"
    command = [sys.executable, "-c", held, str(store.root), tasks[0].key, tasks[0].code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder, ThreadPoolExecutor(1) as pool:
        try:
            assert holder.stdout.readline()
            filled = pool.submit(fill, tasks, store, 1, "cpu")
            while not filled.done() and len(log_of(log, "run")) < 4:
                time.sleep(0.05)
            assert not filled.done() and "test/fake fold-1 0 1" not in log_of(log, "run")
        finally:
            holder.kill()
    assert filled.result() == 0 and log_of(log, "run")[4:] == ["test/fake fold-1 0 1"]
    assert len(list(store.finished())) == 5


def test_after_kill_minus_nine_no_worker_stays_and_finished_runs_do(tiny_corpus, cache):
    store, process = RunStore(cache / "shared", shelves=[]), started(tiny_corpus, cache)
    deadline = time.monotonic() + 120
    while len(list(store.root.glob("[!.]*/manifest.json"))) < 3 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(workers) >= 2 and not psutil.wait_procs(workers, timeout=20)[1]
    finished = {folder.name for _, folder, _ in store.finished()}
    assert 3 <= len(finished) < 20
    log = cache / "log"
    assert fill(tasks_of(tiny_corpus, Fake(str(log)), seeds=range(4)), store, 2, "cpu") == 0
    assert len(log_of(log, "run")) == 20 - len(finished) and len(list(store.finished())) == 20
