"""Whole jobs, each a process of its own: leave one speaker out against nkululeko, and a notebook's page made again."""

import os
import re
import shutil
import subprocess
import sys
from functools import partial
from importlib.metadata import version
from itertools import count
from pathlib import Path
from venv import EnvBuilder

from bench.frame import Measurement, Skip, Void, Way
from serlib import load_corpus, paths

NKULULEKO = "1.14.1"
# What this job imports of what nkululeko asks for; all of it would bring torch and 5 GB. Features and classifier are to
# be the same, so their libraries are of our versions.
NEEDED = (
    "audformat", "audinterface", "audmetric", "audplot", "confidence-intervals", "matplotlib", "pandas<3", "seaborn",
    *(f"{name}=={version(name)}" for name in ("opensmile", "scikit-learn")),
)  # fmt: skip
EXPERIMENT = """
[EXP]
root = {folder}
name = {name}
[DATA]
databases = ['emodb']
emodb = {table}
emodb.type = csv
emodb.split_strategy = ['s03']
target = emotion
[FEATS]
type = ['os']
set = eGeMAPSv02
scale = standard
[MODEL]
type = svm
kernel = rbf
C_val = 1
logo = {folds}
n_jobs = {cores}
"""
NOTEBOOK = "00"
FAR = 2.0  # points of UA: nkululeko scales by the statistics of one split in all folds, which moves UA a little


def told(command: list, **environment: Path) -> str:
    """Run a command and return all that it printed; where it fails, Skip with its last line."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if done.returncode:
        raise Skip(
            f"{Path(command[0]).name} {command[2]} fails: {(done.stderr or done.stdout).strip().splitlines()[-1]}"
        )
    return done.stdout + done.stderr


def nkululeko() -> Path:
    """Return the interpreter of nkululeko's own environment in the cache, made when it is missing."""
    folder = paths.cache_dir() / "bench" / f"nkululeko-{NKULULEKO}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (folder / "installed").exists():
        EnvBuilder(clear=True, with_pip=True).create(folder)
        install = [python, "-m", "pip", "install", "--quiet"]
        told([*install, "--no-deps", f"nkululeko=={NKULULEKO}"])
        told([*install, *NEEDED])
        (folder / "installed").touch()
    return python


def leave_one_speaker_out(folder: Path, root: str | None) -> tuple[Way, Way]:
    """EMO-DB's files to UA with nothing stored: eGeMAPS, an RBF SVC of penalty 1, one fold a speaker."""
    if root is None:
        raise Skip("it needs EMO-DB: --root DIR")
    corpus, python, fresh, found = load_corpus("emodb", root), nkululeko(), count(), {}
    table = corpus.table[["file", "emotion"]].assign(speaker="s" + corpus.table["speaker"])
    table.assign(fold=table["speaker"]).to_csv(folder / "emodb.csv", index=False)
    folds = table["speaker"].nunique()

    def ua(name: str, text: str, pattern: str, factor: int) -> str:
        if not (said := re.search(pattern, text, re.M)):
            raise Skip(f"{name} tells no UA")
        found[name] = factor * float(said[1])
        if len(found) == 2 and abs(found["nkululeko"] - found["serlib"]) > FAR:
            raise Void(f"for the two do not the same: UA {found}")
        return f"UA of {name} {found[name]:.1f}"

    def theirs() -> str:
        name = f"turn{next(fresh)}"
        facts = {"folder": folder, "name": name, "table": folder / "emodb.csv", "folds": folds, "cores": os.cpu_count()}
        (folder / "experiment.ini").write_text(EXPERIMENT.format(**facts))
        text = told([python, "-m", "nkululeko.nkululeko", "--config", folder / "experiment.ini"])
        return ua("nkululeko", text, r"Confusion matrix result .* UAR: ([\d.]+)", 100)

    def ours() -> str:
        place = folder / f"turn{next(fresh)}"
        command = ["run", "--corpus", "emodb", "--root", root, "--method", "baselines/egemaps-svm",
                   "--folds", "leave-one-speaker-out", "--out", place / "runs"]  # fmt: skip
        text = told([sys.executable, "-m", "serlib.cli", *command], SERLIB_CACHE=place / "cache")
        return ua("serlib", text, r"^UA +([\d.]+)", 1)

    return theirs, ours


def report(folder: Path, _: str | None) -> tuple[Way, Way]:
    """A notebook's page with nothing stored (no corpus, features or runs), and made again."""
    stores = {"SERLIB_CACHE": folder / "cache", "SERLIB_RUNS": folder / "runs"}
    command = [sys.executable, "-m", "serlib.cli", "report", "--only", NOTEBOOK, "--out", folder / "pages"]

    def make(*, cold: bool) -> None:
        for place in stores.values() if cold else ():
            shutil.rmtree(place, ignore_errors=True)
        told(command, **stores)

    return partial(make, cold=True), partial(make, cold=False)


MEASUREMENTS = [
    Measurement("whole/report", "a notebook's page, cold", "warm", report, pairs=2, warm=0),
    Measurement("whole/nkululeko", f"nkululeko {NKULULEKO}", "serlib run", leave_one_speaker_out, pairs=3),
]
