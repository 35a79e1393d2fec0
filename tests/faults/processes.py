"""Work in processes that may be killed or kept from writing: started by a server that has imported what they need."""

import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from serlib.corpora.corpus import Corpus
from serlib.features import FeatureStore, LogMel
from serlib.runs import RunStore, cross_validate

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["serlib.runs", "serlib.methods.dcaen", "opensmile"])
METHOD, FOLDS = "dcaen/ftr-eg", "speaker-folds-5"
PLACES = ("SERLIB_CACHE", "SERLIB_RUNS", "LOKY_MAX_CPU_COUNT")


def started(work: Callable, *arguments: object, told: Path) -> multiprocessing.Process:
    """Start ``work`` in a process of its own, with this one's caches; what it says on standard error goes to a file."""
    places = {name: os.environ[name] for name in PLACES if name in os.environ}
    process = CONTEXT.Process(target=_at_work, args=(work, arguments, places, str(told)))
    process.start()
    return process


def _at_work(work: Callable, arguments: tuple, places: dict[str, str], told: str) -> None:
    os.environ.update(places)
    sys.stderr, code = StringIO(), 1
    try:
        code = work(*arguments) or 0
    except Exception:
        traceback.print_exc()
    Path(told).write_text(sys.stderr.getvalue())
    sys.exit(code)


def cross_validated(corpus: Corpus, folder: Path) -> None:
    """Train the five networks of the quick profile that are not there yet."""
    cross_validate(corpus, METHOD, folds=FOLDS, device="cpu", store=RunStore(folder, shelves=[]), progress=False)


def extracted(corpus: Corpus, folder: Path) -> None:
    """Compute the spectrograms that are not there yet, two at a time."""
    FeatureStore(folder).get(corpus, LogMel(), n_jobs=2, progress=False)
