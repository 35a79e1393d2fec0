"""A method that trains nothing and does what a test asks for; worker processes import it from here."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_info

from serlib.methods import Method, Outcome


@dataclass
class Recipe:
    features: None = None

    def to_dict(self) -> dict:
        return {}


@dataclass
class Fake(Method):
    """Notes in ``log`` what is asked of it. ``ill``: (fold, seed) -> "fails" or "dies"."""

    log: str = os.devnull
    name: str = "test/fake"
    paper: str = "baseline"
    title: str = "fake"
    ill: tuple = ()
    prepares: bool = True
    seconds: float = 0.0

    def note(self, *what: object) -> None:
        with open(self.log, "a") as log:  # one short write: processes do not mix their lines
            log.write(" ".join(map(str, (self.name, *what))) + "\n")

    def recipe(self, profile):
        return Recipe()

    def modules(self, profile):
        return ["serlib.runs.run"]

    def prepare(self, corpus, *, profile, n_jobs=-1, progress=True):
        self.note("prepare", profile)
        if not self.prepares:
            raise OSError("no such\nrecording")

    def run(self, corpus, fold, *, profile, seed, hardware):
        threads = [torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())]
        self.note("run", fold.name, seed, max(threads))
        time.sleep(self.seconds)
        kind = dict(self.ill).get((fold.name, seed))
        if kind == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "fails":
            raise RuntimeError("loss is not finite")
        return Outcome(np.eye(len(corpus.classes), dtype=np.float32)[corpus.labels[fold.test]])


def log_of(path: Path, what: str) -> list[str]:
    """The lines of a log about ``"prepare"`` or ``"run"``, without that word."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.replace(f" {what} ", " ") for line in lines if line.split()[1] == what]
