"""Features on disk: each array is computed once and can never be stale."""

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from serlib.audio import AudioError, decode, is_number, require, tell_resampled
from serlib.corpora.corpus import Corpus, check_corpus
from serlib.features.audio import Recipe
from serlib.files import placed, write_whole
from serlib.paths import cache_dir

READERS = ("soundfile", "soxr")
ENTRIES_PER_WORKER = 8  # with fewer to make, one more process costs more than it saves


class FeatureStore:
    """One file per utterance and recipe in ``root`` (None: ``features`` in the cache), named by the content of both.

    The name is a hash over the audio's content, which part of it, the recipe with its version, and the versions of the
    libraries that compute it: when any of them changes, another file is asked for. Files appear whole or not at all,
    so several processes may share a store, and an extraction that was cut off goes on where it was. Every file ends
    with a checksum; a damaged one is made again, with a warning.
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = placed(root, cache_dir() / "features")

    def get(self, corpus: Corpus, recipe: Recipe, *, n_jobs: int = -1, progress: bool = True) -> list[np.ndarray]:
        """Return the features of every utterance, computing what is not there yet.

        Args:
            corpus: whose utterances; a file must be what it was when the corpus was loaded.
            recipe: which features.
            n_jobs: how many utterances are worked on at once, counted as joblib does: -1 is one per core.
            progress: whether a bar is shown while something is computed.

        Returns:
            One array per row of ``corpus.table``, in its order.

        Raises:
            AudioError: naming every file that cannot be used; the features of the others are kept.
            ValueError: for a corpus, a recipe or a number of jobs that is none.
        """
        fits = is_number(n_jobs, whole=True) and n_jobs != 0
        require(fits, f"n_jobs is {n_jobs!r}; allowed are whole numbers but 0, -1 for one per core")
        paths = self.paths(corpus, recipe)
        arrays = [_load(path) for path in paths]
        rows = corpus.table[["file", "start", "end", "audio_sha256"]].assign(checked=not corpus.synthetic)
        jobs = {p: row for p, row, a in zip(paths, rows.to_dict("records"), arrays, strict=True) if a is None}
        if jobs:
            _make_all(jobs, recipe, n_jobs, progress, len(set(paths)))
        return [_load(path) if array is None else array for path, array in zip(paths, arrays, strict=True)]

    def paths(self, corpus: Corpus, recipe: Recipe) -> list[Path]:
        """Return where the features of each utterance lie, made or not yet made."""
        check_corpus(corpus)
        require(isinstance(recipe, Recipe), f"recipe is {recipe!r}; allowed are those of serlib.features")
        libraries = {name: _version(name) for name in (*READERS, *recipe.libraries)}
        what = hashlib.sha256(json.dumps([recipe.to_dict(), libraries], sort_keys=True).encode()).hexdigest()
        parts = zip(*(corpus.table[column] for column in ("audio_sha256", "start", "end")), strict=True)
        keys = (f"{what} {sha256} {float(start)!r} {float(end)!r}" for sha256, start, end in parts)
        return [self.root / what[:16] / f"{hashlib.sha256(key.encode()).hexdigest()}.npy" for key in keys]


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _make_all(jobs: Mapping[Path, dict[str, Any]], recipe: Recipe, n_jobs: int, progress: bool, total: int) -> None:
    """Compute the missing entries ``jobs``, path -> row of the corpus, of ``total``."""
    from joblib import Parallel, delayed, effective_n_jobs
    from tqdm.auto import tqdm

    workers = max(1, min(effective_n_jobs(n_jobs), len(jobs) // ENTRIES_PER_WORKER))
    parallel = Parallel(workers, prefer=recipe.prefer, return_as="generator_unordered")
    results = parallel(delayed(_make)(path, row, recipe) for path, row in jobs.items())
    done, name, errors = total - len(jobs), type(recipe).__name__, []
    with _one_core_each(recipe):
        for rate_hz, error in tqdm(results, name, total, initial=done, unit="file", disable=not progress):
            tell_resampled(rate_hz, recipe.sample_rate_hz)
            errors += [error] * (error is not None)
    told = [f"{len(errors)} of {total} recordings cannot be used:", *sorted(errors)]
    require(not errors, "\n  ".join(told), AudioError)


@contextmanager
def _one_core_each(recipe: Recipe) -> Iterator[None]:
    """Keep torch from sharing out every small job among the cores, which have jobs of their own to do."""
    if "torch" not in recipe.libraries:
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _make(path: Path, row: Mapping[str, Any], recipe: Recipe) -> tuple[int, str | None]:
    """Compute and write one entry; return the rate of the file, and what is wrong with it."""
    file, rate_hz = row["file"], recipe.sample_rate_hz
    if _load(path, tell=False) is not None:  # another process was faster
        return rate_hz, None
    try:
        signal, rate_hz = decode(file, rate_hz, row["start"], row["end"])
        same = not row["checked"] or hashlib.sha256(Path(file).read_bytes()).hexdigest() == row["audio_sha256"]
        require(same, "changed since the corpus was loaded; load it again", AudioError)
        features = recipe.extract(signal)
    except AudioError as error:
        return rate_hz, str(error) if str(error).startswith(f"{file}: ") else f"{file}: {error}"
    _write(path, features)
    return rate_hz, None


def _write(path: Path, features: np.ndarray) -> None:
    """Write an array and its checksum, whole or not at all; ``np.load`` reads the file too."""
    buffer = BytesIO()
    np.save(buffer, features, allow_pickle=False)
    write_whole(path, buffer.getvalue() + hashlib.sha256(buffer.getvalue()).digest())


def _load(path: Path, *, tell: bool = True) -> np.ndarray | None:
    """Return the array of an entry, or None when it is not there or damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    body, checksum = content[:-32], content[-32:]
    if hashlib.sha256(body).digest() == checksum:
        return np.load(BytesIO(body), allow_pickle=False)
    if tell:
        warnings.warn(f"{path}: these features are damaged and are made again", stacklevel=3)
    return None
