"""Runs: the store of finished ones and the engine that makes the others."""

from serlib.runs.engine import assemble, cross_validate, plan, stored_scores
from serlib.runs.store import Run, RunStore, run_key

__all__ = ["Run", "RunStore", "assemble", "cross_validate", "plan", "run_key", "stored_scores"]
