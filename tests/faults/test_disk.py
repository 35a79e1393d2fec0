"""A disk that is full, a folder that nobody may write to or that is gone, a clock that was set back."""

import os
import resource
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from processes import cross_validated, extracted, started

from serlib.cli import main
from serlib.methods import Method, Outcome
from serlib.runs import RunStore, cross_validate


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Features are extracted without worker processes, which take longer to start than so few clips do."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")


@pytest.fixture
def corpus(tiny_corpus):
    return tiny_corpus.subset(range(0, 120, 3))


@pytest.fixture
def table(corpus, cache) -> str:
    corpus.table.reset_index()[["file", "emotion", "speaker"]].to_csv(cache / "mine.csv", index=False)
    return str(cache / "mine.csv")


def full_after(size: int, work, *arguments) -> int | None:
    """Let no file grow beyond ``size`` bytes, as a full disk would not."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        return work(*arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.mark.parametrize(("size", "what"), [(100, "cache/features"), (600, "runs/.part-")])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(corpus, table, cache, size, what):
    arguments = ["run", "--corpus", "table", "--root", table, "--method", "baselines/egemaps-svm"]
    process = started(full_after, size, main, arguments, told=cache / "told")
    process.join()
    (line,) = [each for each in (cache / "told").read_text().splitlines() if each.startswith("serlib: ")]
    assert process.exitcode == 2 and line.startswith(f"serlib: [Errno 27] File too large: '{cache}/{what}")
    left = [path for path in cache.rglob("*") if path.is_file() and path.name not in ("mine.csv", "told")]
    assert all(path.suffix == ".npy" for path in left) and main([*arguments, "--jobs", "1"]) == 0


def as_nobody(work, corpus, folder, warm) -> str:
    """Run as a user who may not write, which root may always; ``warm``: a folder for what is imported before."""
    work(corpus, warm)
    if os.geteuid() == 0:
        os.setegid(65534), os.seteuid(65534)
    try:
        return work(corpus, folder)
    finally:
        if os.getuid() == 0:
            os.seteuid(0), os.setegid(0)


@pytest.mark.skipif(any(p.stat().st_mode & 5 != 5 for p in Path(__file__).resolve().parents), reason="closed to others")
def test_a_folder_of_runs_that_is_read_only(corpus, cache, monkeypatch):
    """Finished runs are read where none can be written; one that is missing is an error that names the folder."""
    place = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    monkeypatch.setenv("SERLIB_CACHE", str(place / "cache"))
    try:
        cross_validated(corpus, place / "runs")
        shutil.copytree(place / "runs", cache / "warm")
        for path in [place, *place.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        process = started(as_nobody, cross_validated, corpus, place / "runs", cache / "warm", told=cache / "told")
        process.join()
        assert process.exitcode == 0, (cache / "told").read_text()
        next((place / "runs").glob("*/manifest.json")).unlink()
        process = started(as_nobody, cross_validated, corpus, place / "runs", cache / "warm", told=cache / "told")
        process.join()
        last = (cache / "told").read_text().splitlines()[-1]
        assert process.exitcode == 1 and "Permission denied" in last and str(place / "runs") in last
    finally:
        for path in [place, *place.rglob("*")]:
            path.chmod(0o755)
        shutil.rmtree(place)


class Recipe:
    features = None

    def to_dict(self) -> dict:
        return {}


class Removes(Method):
    """Removes the folder of runs while it makes the third."""

    def __init__(self, root: Path) -> None:
        self.name, self.paper, self.title, self.recipes = "test/removes", "baseline", "removes", lambda _: Recipe()
        self.root, self.made = root, 0

    def modules(self, profile):
        return ["serlib.runs.run"]

    def prepare(self, corpus, **_options):
        pass

    def run(self, corpus, fold, *, profile, seed, hardware):
        self.made += 1
        if self.made == 3:
            shutil.rmtree(self.root)
        return Outcome(np.eye(len(corpus.classes), dtype=np.float32)[corpus.labels[fold.test]])


def test_a_folder_of_runs_that_is_removed_meanwhile(corpus, cache):
    store = RunStore(cache / "runs", shelves=[])
    method, asked = Removes(store.root), {"folds": "leave-one-speaker-out", "store": store, "progress": False}
    with pytest.raises(OSError, match=f"2 of 10 runs that were there are gone from {store.root}; start again"):
        cross_validate(corpus, method, **asked)
    assert len(cross_validate(corpus, method, **asked).predictions) == 40 and method.made == 12


def test_a_clock_that_was_set_back(corpus, cache, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1.0)
    cross_validated(corpus, cache / "runs")
    store = RunStore(cache / "runs", shelves=[])
    assert all(manifest["seconds"] >= 0 for *_, manifest in store.finished())
    for path in (cache / "runs").rglob("*"):
        os.utime(path, (4e9, 4e9))  # in the year 2096
    before = {path: path.read_bytes() for path in (cache / "runs").rglob("*.json")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cross_validated(corpus, cache / "runs")
    assert {path: path.read_bytes() for path in (cache / "runs").rglob("*.json")} == before and len(before) == 5


@pytest.mark.parametrize("processes", [2, 4])
def test_several_processes_on_one_store(corpus, cache, processes):
    cross_validated(corpus, cache / "alone")
    shared = [started(cross_validated, corpus, cache / "shared", told=cache / f"told{k}") for k in range(processes)]
    shared += [started(extracted, corpus, cache / "arrays", told=cache / f"heard{k}") for k in range(processes)]
    [process.join() for process in shared]
    assert [process.exitcode for process in shared] == [0] * len(shared)
    assert not [told for told in cache.glob("told*") if "damaged" in told.read_text()]
    for name in ("predictions.csv", "history.csv", "arrays.safetensors"):
        ways = [{p.parent.name: p.read_bytes() for p in (cache / way).glob(f"*/{name}")} for way in ("alone", "shared")]
        assert ways[0] == ways[1] and len(ways[0]) == 5
    assert len(list((cache / "shared").iterdir())) == 5 and len(list((cache / "arrays").rglob("*.npy"))) == 40
    assert not list((cache / "arrays").rglob(".*"))
