"""Fill the run store: one process is given many runs, keeps its workers busy across methods, and stops in time."""

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from serlib.runs.cluster import Cluster
from serlib.runs.engine import Task, perform
from serlib.runs.schedule import Survey, kind
from serlib.runs.store import RunStore

PATIENCE = 1.0  # seconds for a run that another process makes; then another run is tried


def fill(
    tasks: Sequence[Task], store: RunStore, jobs: int = 1, device: str = "auto", *, minutes: float | None = None,
    cluster: Cluster | None = None,
) -> int:  # fmt: skip
    """Make the runs that are not finished, in order; each is stored the moment it ends, so call it again to go on.

    Features are extracted before the first run of a method on a corpus. A run that fails, or whose process is killed,
    is told, and the others go on. Several processes may fill one store: a run is made by one of them, and by another
    when that is killed. Prints a line a run: done, running, to do, and how long that will take.

    Args:
        tasks: of ``plan`` or ``read_plan``, the most wanted first.
        store: where finished runs are looked for and new ones go.
        jobs: processes, each with one run at a time and one thread; less than one is refused with a ValueError.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        minutes: after these no run is started; those that run are waited for. None: all are made.
        cluster: machines that make the runs, so many ``jobs`` at once, in place of processes.

    Returns:
        Exit code: 0, or 1 when a run failed.
    """
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}; allowed are 1 and more")
    end = float("inf") if minutes is None else time.monotonic() + 60 * minutes
    work = _Work(tasks, store, jobs, device, end, cluster)
    try:
        while work.start():
            work.finish()
    finally:
        work.close()
    if work.queue:
        print(f"time is up, {len(work.queue)} to do: {work.survey.forecast(work.queue, jobs)}", flush=True)
    return int(work.failed > 0)


class _Work:
    """The queue, the runs in flight, and a process for each of them, so that one which dies takes no other along.

    A run in a cluster has a thread here, which waits for it.
    """

    def __init__(
        self, tasks: Sequence[Task], store: RunStore, jobs: int, device: str, end: float, cluster: Cluster | None
    ) -> None:
        self.survey, self.store, self.jobs, self.end = Survey(tasks, store), store, jobs, end
        self.options = {"cluster": cluster, "device": device, "threads": 1, "patience": PATIENCE}
        self.queue, self.total, self.failed = deque(self.survey.open), len(tasks), 0
        self.idle = [ThreadPoolExecutor(1) if cluster else _worker() for _ in range(min(jobs, len(self.queue)))]
        self.running: dict[Future, tuple[Executor, Task]] = {}
        self.prepared: set[tuple] = set()

    def start(self) -> bool:
        """Start runs while there are time and idle workers; return whether any is running."""
        while self.queue and self.idle and time.monotonic() < self.end:
            task = self.queue.popleft()
            # what is there by now another process has made meanwhile
            if self._prepare(task) and self.store.find(task.key, task.code) is None:
                worker = self.idle.pop()
                self.running[worker.submit(perform, task, self.store, **self.options)] = worker, task
        return bool(self.running)

    def _prepare(self, task: Task) -> bool:
        """Extract the features of a run, if no run before it has; where that fails drop all runs that need them."""

        def needed(each: Task) -> tuple[str, str, str]:
            return each.method.name, each.corpus.fingerprint, each.profile

        if needed(task) in self.prepared:
            return True
        try:
            jobs = -1 if self.options["cluster"] else self.jobs
            task.method.prepare(task.corpus, profile=task.profile, n_jobs=jobs, progress=False)
        except Exception as error:  # whatever stops one method must not stop the others
            others = [other for other in self.queue if needed(other) != needed(task)]
            alike, self.queue = len(self.queue) - len(others), deque(others)
            self.failed += 1 + alike
            self._tell(task, f"FAILED, like {alike} more, for want of features: {_words(error)}")
            return False
        self.prepared.add(needed(task))
        return True

    def finish(self) -> None:
        """Wait until a run ends and tell how; one that another process is making is tried again, after the others."""
        for future in wait(self.running, return_when=FIRST_COMPLETED).done:
            worker, task = self.running.pop(future)
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                worker.shutdown()
                worker = _worker()
            self.idle.append(worker)
            if error is not None:
                self.failed += 1
                self._tell(task, f"FAILED: {_words(error)}")
            elif future.result():
                self._tell(task, f"{self.survey.note(task):.1f} s")
            else:
                self.queue.append(task)

    def _tell(self, task: Task, outcome: str) -> None:
        left = [*(each for _, each in self.running.values()), *self.queue]
        running = min(self.jobs, len(left)) if time.monotonic() < self.end else len(self.running)
        counts = f"{self.total - len(left) - self.failed} done, {running} running, {len(left) - running} to do"
        counts += f", {self.failed} failed" * (self.failed > 0)
        name = f"{' · '.join(kind(task))} · {task.fold.name} · seed {task.seed}"
        print(f"[{counts}: {self.survey.forecast(left, self.jobs)}] {name}: {outcome}", flush=True)

    def close(self) -> None:
        """End the workers; runs in flight, which only an interruption leaves, are waited for."""
        for worker in [*self.idle, *(worker for worker, _ in self.running.values())]:
            worker.shutdown(cancel_futures=True)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _worker() -> ProcessPoolExecutor:
    """Return a process for runs, not yet started; a fork would inherit locks of libraries that have threads."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_follow)


def _follow() -> None:
    """End with the parent, even when that is killed: an idle worker would wait for ever."""
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
