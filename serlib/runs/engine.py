"""Cross-validation: every fold and seed is a run; finished runs are loaded, the others are made."""

import datetime
import os
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import distributions
from numbers import Integral
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from serlib import methods
from serlib.corpora.corpus import Corpus, check_corpus
from serlib.methods import Method
from serlib.protocol import Fold, Scores, default_scheme
from serlib.protocol import folds as make_folds
from serlib.runs.cluster import Cluster
from serlib.runs.code import digest
from serlib.runs.run import Run, labelled, run_key
from serlib.runs.store import RunStore
from serlib.training import Hardware

LIBRARIES = (
    "torch", "torchaudio", "numpy", "pandas", "scikit-learn", "scipy", "librosa", "opensmile", "soundfile",
    "pytorch-metric-learning", "serlib",
)  # fmt: skip
OWN = "own folds"  # the scheme of folds that no scheme made


@dataclass(frozen=True)
class Task:
    """One run, made or still to be made: what it is, and ``key`` and ``code`` under which it is stored."""

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

    @cached_property
    def key(self) -> str:
        """Hex digits over the identity."""
        return run_key(self.identity)

    @cached_property
    def code(self) -> str:
        """Hex digits over the code that makes the run, as it was when first asked for; a worker process is told."""
        return digest(self.method.modules(self.profile))


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that make runs, as far as they are installed."""
    there = {each.name: each.version for each in distributions()}
    return {"python": platform.python_version()} | {name: there[name] for name in LIBRARIES if name in there}


def manifest(task: Task, hardware: Hardware, seconds: float, notes: dict) -> dict:
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
        "paper": task.method.paper, "code": task.code, "notes": notes, "versions": versions(),
        "device": hardware.device, "precision": hardware.autocast, "threads": torch.get_num_threads(),
        "seconds": round(seconds, 2), "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def make(task: Task, *, device: str, threads: int | None, keep_weights: bool = False) -> tuple[Run, dict | None]:
    """Make one run, with so many ``threads`` (None: as it is); return it, and its model's state if that is kept."""
    if threads:
        torch.set_num_threads(threads)
    with threadpool_limits(threads):  # of numpy's libraries; torch has threads of its own
        hardware, start = Hardware.choose(device), time.perf_counter()
        outcome = task.method.run(task.corpus, task.fold, profile=task.profile, seed=task.seed, hardware=hardware)
        facts = manifest(task, hardware, time.perf_counter() - start, outcome.notes)
    predictions = task.corpus.table.iloc[task.fold.test][["speaker", "emotion"]]
    decided = outcome.logits.argmax(1) if outcome.predicted is None else outcome.predicted
    predictions = predictions.assign(predicted=np.asarray(task.corpus.classes)[decided])
    arrays = {"logits": outcome.logits, **outcome.arrays}
    if outcome.embeddings is not None:
        arrays["embeddings"] = outcome.embeddings
    run = Run(facts, predictions.rename_axis("utterance").reset_index(), pd.DataFrame(outcome.history), arrays)
    return run, outcome.state if keep_weights else None


def make_elsewhere(task: Task, **options: Any) -> tuple[Run, dict | None]:
    """Make one run on a machine that has the code of the plan; a RuntimeError tells that it has another."""
    if digest(task.method.modules(task.profile)) != task.code:
        raise RuntimeError("the code here is not that of the plan: it was changed, or this machine has another serlib")
    return make(task, **options)


def perform(
    task: Task, store: RunStore, *, cluster: Cluster | None = None, patience: float = -1, keep_weights: bool = False,
    **options: Any,
) -> bool:  # fmt: skip
    """Make one run and store it, unless another process has; return whether it is there now.

    It is not where another process makes it for longer than ``patience`` seconds (-1: that is waited for). It is made,
    with ``options``, in the ``cluster`` or here; and stored by this process.
    """
    with store.claim(task.key, task.code, patience) as mine:
        if mine and store.find(task.key, task.code, weights=keep_weights) is None:
            options |= {"keep_weights": keep_weights}
            run, state = cluster(make_elsewhere, task, **options) if cluster else make(task, **options)
            store.save(task.key, task.code, run, state=state)
        return mine


def plan(
    corpus: Corpus, method: str | Method, *, profile: str, folds: str | Sequence[Fold] | None, seeds: Sequence[int]
) -> list[Task]:
    """Return every run of a cross-validation, in order of seeds, then folds; ValueErrors as of ``cross_validate``."""
    check_corpus(corpus)
    numbers = list(seeds) if isinstance(seeds, Iterable) else []
    if not numbers or not all(isinstance(s, Integral) and not isinstance(s, bool) and s >= 0 for s in numbers):
        raise ValueError(f"seeds are {seeds!r}; allowed are one or more whole numbers from 0 on, such as (0, 1, 2)")
    if folds is not None and not isinstance(folds, str) and not (folds and all(isinstance(f, Fold) for f in folds)):
        raise ValueError(f"folds are {folds!r}; allowed are a scheme's name, one or more Folds, and None")
    chosen = methods.get(method) if isinstance(method, str) else method
    own = folds is not None and not isinstance(folds, str)
    scheme = OWN if own else default_scheme(corpus) if folds is None else folds
    parts = folds if own else make_folds(corpus, scheme)
    return [Task(corpus, chosen, profile, scheme, fold, int(seed)) for seed in numbers for fold in parts]


def processes(n_jobs: int, tasks: Sequence[Task], device: str, cluster: Cluster | None = None) -> int:
    """Return how many processes make runs: ``n_jobs``, and no more than there are runs.

    -1 is what a cluster has room for; without one, one per core, but a single one on an accelerator, which they would
    share, and in the quick profile, whose runs are over before a new process has imported what it needs.
    """
    if cluster:
        return max(1, min(cluster.slots if n_jobs == -1 else n_jobs, len(tasks)))
    alone = Hardware.choose(device).device != "cpu" or all(task.profile == "quick" for task in tasks)
    return max(1, min(1 if n_jobs == -1 and alone else joblib.effective_n_jobs(n_jobs), len(tasks)))


def finish(
    tasks: Sequence[Task], store: RunStore, *, n_jobs: int = 1, device: str = "auto", keep_weights: bool = False,
    progress: bool = True, cluster: Cluster | None = None,
) -> list[Run]:  # fmt: skip
    """Return the runs of one method on one corpus, in order; see :func:`cross_validate`."""
    method, corpus, profile = tasks[0].method, tasks[0].corpus, tasks[0].profile
    if keep_weights and not method.keeps:
        raise ValueError(f"{method.name} leaves no model behind: weights are kept of networks alone")
    found = [store.find(task.key, task.code, weights=keep_weights) for task in tasks]
    to_do = [task for task, folder in zip(tasks, found, strict=True) if folder is None]
    workers = processes(n_jobs, to_do, device, cluster)
    if to_do:
        method.prepare(corpus, profile=profile, n_jobs=-1, progress=progress)
        threads = max(1, (os.cpu_count() or 1) // workers) if workers > 1 else None
        options = {"device": device, "threads": 1 if cluster else threads, "keep_weights": keep_weights}
        jobs = (joblib.delayed(perform)(task, store, cluster=cluster, **options) for task in to_do)
        how = {"return_as": "generator_unordered", "pre_dispatch": "all", "prefer": "threads" if cluster else None}
        made = joblib.Parallel(workers, **how)(jobs)
        name, done = f"{method.name}, {workers} at once", len(tasks) - len(to_do)
        list(tqdm(made, name, len(tasks), initial=done, disable=not progress, leave=False, unit="run"))
    folders = [folder or store.find(task.key, task.code) for folder, task in zip(found, tasks, strict=True)]
    if gone := folders.count(None):
        raise OSError(f"{gone} of {len(tasks)} runs that were there are gone from {store.root}; start again")
    return [store.load(folder) for folder in folders]


def assemble(runs: Sequence[Run]) -> Scores:
    """Join the runs of one cross-validation into Scores, in the order given.

    Embeddings are kept when every run has them; of committed runs only those of the first seed do.
    """
    first = runs[0].manifest
    arrays = [run.arrays for run in runs]
    embedded = all("embeddings" in a for a in arrays)
    return Scores(
        method=first["method"], corpus=first["corpus"]["name"], profile=first["profile"],
        scheme=first["fold"]["scheme"],
        classes=tuple(first["corpus"]["classes"]),
        predictions=labelled(runs, [run.predictions for run in runs]),
        logits=np.concatenate([a["logits"] for a in arrays]),
        embeddings=np.concatenate([a["embeddings"] for a in arrays]) if embedded else None,
        history=labelled(runs, [run.history for run in runs]),
        manifests=[run.manifest for run in runs],
        arrays=[{n: a for n, a in each.items() if n not in {"logits", "embeddings"}} for each in arrays],
        synthetic=first["corpus"]["synthetic"],
    )  # fmt: skip


def cross_validate(
    corpus: Corpus, method: str | Method, *, profile: str = "quick", folds: str | Sequence[Fold] | None = None,
    seeds: Sequence[int] = (0,), n_jobs: int = 1, device: str = "auto", store: RunStore | None = None,
    retrain: bool = False, keep_weights: bool = False, progress: bool = True, cluster: Cluster | None = None,
) -> Scores:  # fmt: skip
    """Score a method on every fold and seed; finished runs are loaded, never trained again.

    Runs are made by ``n_jobs`` processes, or by the machines of a cluster. Each is stored the moment it ends.

    Args:
        corpus: what to learn from.
        method: a name of ``serlib.methods.names()`` or a Method of one's own.
        profile: ``"quick"`` (proves that it works), ``"study"`` (two CPU cores) or ``"paper"`` (full size).
        folds: a scheme of ``serlib.protocol.SCHEMES``, folds of one's own, or None for the corpus' default scheme.
        seeds: each repeats all folds.
        n_jobs: runs at once; -1: see :func:`processes`.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        store: None: new runs go to ``serlib.paths.runs_dir()``, committed results are found too.
        retrain: ignore committed results (runs of one's own are still loaded).
        keep_weights: store the trained model beside the result, for ``serlib predict``.
        progress: show a bar over runs.
        cluster: machines that make the runs.

    Raises:
        ValueError: for an unknown method, profile, scheme or device, or folds that the corpus cannot give.
    """
    store = store or RunStore(shelves=[] if retrain else None)
    tasks = plan(corpus, method, profile=profile, folds=folds, seeds=seeds)
    options = {"n_jobs": n_jobs, "device": device, "keep_weights": keep_weights, "progress": progress}
    return assemble(finish(tasks, store, cluster=cluster, **options))
