"""Cross-validation: every fold and seed is a run; finished runs are loaded, the others are made."""

import datetime
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import joblib
import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from serlib import methods
from serlib.corpora.corpus import Corpus
from serlib.methods import Method
from serlib.protocol import Fold, Scores, default_scheme
from serlib.protocol import folds as make_folds
from serlib.runs.code import digest
from serlib.runs.scores import assemble
from serlib.runs.store import Run, RunStore, run_key
from serlib.training import Hardware

LIBRARIES = (
    "torch",
    "torchaudio",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "librosa",
    "opensmile",
    "soundfile",
    "pytorch-metric-learning",
    "serlib",
)


@dataclass(frozen=True)
class Task:
    """One run still to be made or already made: what it is, and under which key it is stored."""

    corpus: Corpus
    method: Method
    profile: str
    scheme: str
    fold: Fold
    seed: int

    @property
    def identity(self) -> dict:
        """Everything that makes the run itself."""
        return {
            "corpus": self.corpus.fingerprint,
            "fold": [self.scheme, self.fold.name, self.fold.digest(self.corpus)],  # two schemes may give equal folds
            "method": self.method.name,
            "profile": self.profile,
            "recipe": self.method.recipe(self.profile).to_dict(),
            "seed": self.seed,
        }


def _versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that are there."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _manifest(task: Task, hardware: Hardware, code: str, seconds: float, notes: dict) -> dict:
    """Bind a result to data, fold, recipe, seed, code, versions and machine."""
    corpus, fold = task.corpus, task.fold
    return {
        **task.identity,
        "corpus": {
            "name": corpus.name, "fingerprint": corpus.fingerprint, "classes": list(corpus.classes),
            "utterances": len(corpus), "synthetic": corpus.synthetic,
        },
        "fold": {
            "scheme": task.scheme, "name": fold.name, "digest": fold.digest(corpus),
            "train": len(fold.train), "dev": len(fold.dev), "test": len(fold.test),
        },
        "paper": task.method.paper, "code": code, "notes": notes, "versions": _versions(),
        "device": hardware.device, "precision": hardware.autocast, "threads": torch.get_num_threads(),
        "seconds": round(seconds, 2), "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def perform(
    task: Task, store: RunStore, *, code: str, device: str, threads: int | None, keep_weights: bool = False
) -> None:
    """Make one run and store it under ``code``, the digest that its caller will look for."""
    if threads:
        torch.set_num_threads(threads)
    hardware, start = Hardware.choose(device), time.perf_counter()
    outcome = task.method.run(task.corpus, task.fold, profile=task.profile, seed=task.seed, hardware=hardware)
    rows = task.corpus.table.iloc[task.fold.test]
    decided = outcome.logits.argmax(1) if outcome.predicted is None else outcome.predicted
    predicted = np.asarray(task.corpus.classes)[decided]
    predictions = pd.DataFrame(
        {"utterance": rows.index, "speaker": rows["speaker"].to_numpy(), "emotion": rows["emotion"].to_numpy(),
         "predicted": predicted}
    )  # fmt: skip
    arrays = {"logits": outcome.logits, **outcome.arrays}
    if outcome.embeddings is not None:
        arrays["embeddings"] = outcome.embeddings
    manifest = _manifest(task, hardware, code, time.perf_counter() - start, outcome.notes)
    run = Run(manifest, predictions, pd.DataFrame(outcome.history), arrays)
    store.save(run_key(task.identity), code, run, state=outcome.state if keep_weights else None)


def plan(
    corpus: Corpus, method: str | Method, *, profile: str, folds: str | Sequence[Fold] | None, seeds: Sequence[int]
) -> list[Task]:
    """Return every run of a cross-validation, in order of seeds, then folds."""
    chosen = methods.get(method) if isinstance(method, str) else method
    scheme = folds if isinstance(folds, str) else default_scheme(corpus) if folds is None else "own folds"
    parts = make_folds(corpus, scheme) if folds is None or isinstance(folds, str) else list(folds)
    return [Task(corpus, chosen, profile, scheme, fold, int(seed)) for seed in seeds for fold in parts]


def cross_validate(
    corpus: Corpus,
    method: str | Method,
    *,
    profile: str = "quick",
    folds: str | Sequence[Fold] | None = None,
    seeds: Sequence[int] = (0,),
    n_jobs: int = 1,
    device: str = "auto",
    store: RunStore | None = None,
    retrain: bool = False,
    keep_weights: bool = False,
    progress: bool = True,
) -> Scores:
    """Score a method on every fold and seed; finished runs are loaded, never trained again.

    Runs are made by joblib with ``n_jobs`` processes, or by whatever ``joblib.parallel_config`` names, such as Ray's
    backend for many machines (which must share the store's folder). Each run is stored the moment it ends.

    Args:
        corpus: what to learn from.
        method: a name of ``serlib.methods.names()`` or a Method of one's own.
        profile: ``"quick"`` (proves that it works), ``"study"`` (two CPU cores) or ``"paper"`` (as printed).
        folds: a scheme of ``serlib.protocol.SCHEMES``, folds of one's own, or None for the corpus' default scheme.
        seeds: each repeats all folds.
        n_jobs: runs at once; -1: one per core, one on an accelerator.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        store: None: new runs go to ``serlib.paths.runs_dir()``, committed results are found too.
        retrain: ignore committed results (runs of one's own are still loaded).
        keep_weights: store the trained model beside the result, for ``serlib predict``.
        progress: show a bar over runs.

    Returns:
        The scores of all runs.

    Raises:
        ValueError: for an unknown method, profile, scheme or device, or folds that the corpus cannot give.
    """
    store = store or RunStore(shelves=[] if retrain else None)
    tasks = plan(corpus, method, profile=profile, folds=folds, seeds=seeds)
    if keep_weights and not tasks[0].method.keeps:
        raise ValueError(f"{tasks[0].method.name} leaves no model behind: weights are kept of networks alone")
    code = digest(tasks[0].method.modules(profile))
    hardware = Hardware.choose(device)
    if n_jobs == -1 and hardware.device != "cpu":
        n_jobs = 1  # one accelerator: runs after one another
    keys = [run_key(task.identity) for task in tasks]
    found = [store.find(key, code, weights=keep_weights) for key in keys]
    open_tasks = [task for task, folder in zip(tasks, found, strict=True) if folder is None]
    if open_tasks:
        workers = min(joblib.effective_n_jobs(n_jobs), len(open_tasks))
        open_tasks[0].method.prepare(corpus, profile=profile, n_jobs=-1, progress=progress)
        threads = max(1, (os.cpu_count() or 1) // workers) if workers > 1 else None
        options = {"code": code, "device": device, "threads": threads, "keep_weights": keep_weights}
        jobs = (joblib.delayed(perform)(task, store, **options) for task in open_tasks)
        made = joblib.Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch="all")(jobs)
        _watch(made, tasks[0].method.name, total=len(tasks), to_do=len(open_tasks), workers=workers, progress=progress)
    folders = (folder or store.find(key, code) for folder, key in zip(found, keys, strict=True))
    return assemble([store.load(folder) for folder in folders])


def _watch(made: Iterator, name: str, *, total: int, to_do: int, workers: int, progress: bool) -> None:
    """Wait for the runs, telling how many are done, running and to do."""
    bar = tqdm(total=total, initial=total - to_do, disable=not progress, leave=False, unit="run")
    for finished in range(to_do + 1):
        left = to_do - finished
        running = min(workers, left)
        bar.set_description(f"{name}: {total - left} done, {running} running, {left - running} to do")
        if left:
            next(made)
            bar.update()
    bar.close()
