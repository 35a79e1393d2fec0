"""Runs: the store of finished ones, the engine that makes the others, and the packs of those that are committed."""

from serlib.runs.cluster import Cluster
from serlib.runs.engine import Task, assemble, cross_validate, plan, processes
from serlib.runs.fill import fill
from serlib.runs.results import describe_results, pack_results, stored_scores
from serlib.runs.run import Run, run_key
from serlib.runs.schedule import describe_plan, read_plan
from serlib.runs.store import RunStore

__all__ = [
    "Cluster", "Run", "RunStore", "Task", "assemble", "cross_validate", "describe_plan", "describe_results", "fill",
    "pack_results", "plan", "processes", "read_plan", "run_key", "stored_scores",
]  # fmt: skip
