"""What shall be run: plans of many methods, corpora and seeds in order of their worth, and how far they are.

A plan is a TOML file of rows, the most wanted first; what is not said is as here, apart from corpus and methods::

    [[rows]]
    corpus = "emodb"
    root = "corpora/emodb"  # none
    methods = ["focal/mel-softmax", "equal/eg-*"]  # a pattern stands for all names that it matches
    profile = "study"
    folds = "leave-one-speaker-out"  # the corpus' default scheme
    only = []  # names of folds; none: all
    seeds = [0]
    options = {}  # of the corpus' loader
"""

import json
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from serlib import methods, paths
from serlib.corpora import load_corpus
from serlib.runs.engine import Task, plan
from serlib.runs.store import RunStore

ROW = {
    "corpus": str, "root": str, "methods": list, "profile": str, "folds": str, "only": list, "seeds": list,
    "options": dict,
}  # fmt: skip
USUAL = {"root": None, "profile": "study", "folds": None, "only": [], "seeds": [0], "options": {}}


def read_plan(path: str | Path, *, root: str | None = None) -> list[Task]:
    """Return the runs of a plan: row by row, in each by seed, then method, then fold; ``root`` replaces every row's.

    ``path`` is a file, or the name of a plan of the project's own, such as ``"study"``. A run that several rows ask for
    has the place of the first.

    Raises:
        ValueError: for a file that is no such plan, an unknown method, profile, scheme or fold, or a corpus that is
            damaged.
        OSError: when the file or a corpus is not there.
    """
    own = {each.stem: each for each in sorted(paths.plans_dir().glob("*.toml"))}
    if not (path := own.get(str(path), Path(path))).exists():
        raise FileNotFoundError(f"no plan {path}; allowed are a file and {', '.join(own)}")
    try:
        rows = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("rows")
    except ValueError as error:  # no TOML, or no text
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path}: no [[rows]]; each needs a corpus and methods")
    for number, row in enumerate(rows, 1):
        wrong = [f"{k} = {v!r}" for k, v in row.items() if not isinstance(v, ROW.get(k, ()))]
        wrong += [f"no {k}" for k in ("corpus", "methods") if not row.get(k)]
        if wrong:
            allowed = ", ".join(f"{k} ({kind.__name__})" for k, kind in ROW.items())
            raise ValueError(f"{path}: row {number} has {wrong[0]}; allowed are {allowed}")
        matched = [[n for n in methods.names() if fnmatchcase(n, f"{each}")] or [each] for each in row["methods"]]
        row["methods"] = list(dict.fromkeys(name for names in matched for name in names))
        for name in row["methods"]:
            methods.get(name).recipe(row.get("profile", "study"))  # told before a corpus is read
    corpora, tasks = {}, []
    for row in (USUAL | row for row in rows):
        where = json.dumps([row["corpus"], root or row["root"], row["options"]])
        if where not in corpora:
            corpora[where] = load_corpus(row["corpus"], root or row["root"], **row["options"])
        options = {what: row[what] for what in ("profile", "folds")}
        for seed in row["seeds"]:
            made = [task for m in row["methods"] for task in plan(corpora[where], m, seeds=[seed], **options)]
            there = dict.fromkeys(task.fold.name for task in made)
            if absent := [name for name in row["only"] if name not in there]:
                raise ValueError(f"{path}: no fold {absent[0]!r}; there are {', '.join(there)}")
            tasks += [task for task in made if not row["only"] or task.fold.name in row["only"]]
    return list({task.key: task for task in tasks}.values())


class Survey:
    """Which of many runs are finished, and how long such runs take.

    Attributes:
        open: the others, in order.
        seconds: of finished runs, by method, corpus and profile.
    """

    def __init__(self, tasks: Sequence[Task], store: RunStore) -> None:
        self.store, self.seconds = store, defaultdict(list)
        self.open = [task for task in tasks if self.note(task) is None]

    def note(self, task: Task) -> float | None:
        """Learn how many seconds a finished run took, and return it; None where it is not finished."""
        found = self.store.find(task.key, task.code)
        if found is None:
            return None
        self.seconds[kind(task)].append(self.store.seconds(found))
        return self.seconds[kind(task)][-1]

    def forecast(self, tasks: Sequence[Task], jobs: int = 1) -> str:
        """Say how long runs will take, ``jobs`` at once, by the mean of finished ones of the same kind."""
        known = [sum(each) / len(each) for task in tasks if (each := self.seconds.get(kind(task)))]
        words = [_span(sum(known) / jobs)] * bool(known or not tasks)
        words += [f"{len(tasks) - len(known)} runs of unknown length"] * (len(known) < len(tasks))
        return " + ".join(words)


def kind(task: Task) -> tuple[str, str, str]:
    """Return what the length of a run depends on: method, corpus and profile."""
    return task.method.name, task.corpus.name, task.profile


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def describe_plan(tasks: Sequence[Task], store: RunStore, jobs: int = 1) -> Iterator[str]:
    """Yield a line per method, corpus, profile and scheme in the order of their first runs, and one about all.

    Each says how many runs are done, and how long the others will take one after another; the last, ``jobs`` at once.
    """
    survey, left = Survey(tasks, store), defaultdict(list)
    for task in survey.open:
        left[*kind(task), task.scheme].append(task)
    for which, count in Counter((*kind(task), task.scheme) for task in tasks).items():
        rest = left[which]
        to_do = f", {len(rest)} to do: {survey.forecast(rest)}" * bool(rest)
        yield f"{' · '.join(which)}: {count - len(rest)} of {count} done{to_do}"
    counts = f"{len(tasks) - len(survey.open)} of {len(tasks)} done, {len(survey.open)} to do"
    yield f"all: {counts}, {jobs} at once: {survey.forecast(survey.open, jobs)}"
