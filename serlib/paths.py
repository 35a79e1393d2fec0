"""Where things lie on disk: one place, what is made overridable by an environment variable."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def cache_dir() -> Path:
    """Made corpora and features: ``$SERLIB_CACHE`` or ``<project>/.cache``."""
    return Path(os.environ.get("SERLIB_CACHE", PROJECT / ".cache"))


def runs_dir() -> Path:
    """Finished runs: ``$SERLIB_RUNS`` or ``<project>/runs``."""
    return Path(os.environ.get("SERLIB_RUNS", PROJECT / "runs"))


def results_dir() -> Path:
    """Committed, measured runs: ``<project>/data/results``."""
    return PROJECT / "data" / "results"


def published_dir() -> Path:
    """The papers' transcribed tables: ``<project>/data/published``."""
    return PROJECT / "data" / "published"


def plans_dir() -> Path:
    """The project's own plans: ``<project>/data/plans``."""
    return PROJECT / "data" / "plans"
