"""Series on folds of their own, from the command line: their runs in order of worth, resumable, inside a time."""

import argparse
from collections.abc import Callable, Iterable, Sequence

from serlib.corpora import load_corpus
from serlib.pairs import pairs
from serlib.runs.engine import Task
from serlib.runs.fill import fill
from serlib.runs.schedule import describe_plan
from serlib.runs.store import RunStore


def options_of(module: str, says: str | None) -> argparse.ArgumentParser:
    """Return a parser with what all series ask for; ``says`` is the module's docstring, whose first line is shown."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=(says or "").partition("\n")[0])
    parser.add_argument("--profile", default="study")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--minutes", type=float, help="start no run after these")
    parser.add_argument("--dry-run", action="store_true", help="say what is open, and for how long")
    return parser


def command(
    parser: argparse.ArgumentParser, planned: Callable[[argparse.Namespace], Iterable[Task]],
    arguments: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Make the runs that are planned for these arguments, or say what is open; return 1 when one failed."""
    options = parser.parse_args(arguments)
    tasks, store = list(planned(options)), RunStore()
    if options.dry_run:
        print(*describe_plan(tasks, store, options.jobs), sep="\n")
        return 0
    return fill(tasks, store, options.jobs, minutes=options.minutes)


def on_one_corpus(
    module: str, says: str | None, methods: Sequence[str], planned: Callable[..., Iterable[Task]],
    arguments: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Make the runs of ``planned(corpus, methods, profile=, seeds=)`` from the command line, as of :func:`command`.

    ``methods`` are asked where none are named.
    """
    parser = options_of(module, says)
    for name, default in {"corpus": "synthetic", "root": None}.items():
        parser.add_argument(f"--{name}", default=default)
    parser.add_argument("--option", nargs="+", action="extend", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of trainings, and of draws if any")
    parser.add_argument("--methods", nargs="+", default=methods)

    def asked(options: argparse.Namespace) -> Iterable[Task]:
        corpus = load_corpus(options.corpus, options.root, **pairs(options.option))
        return planned(corpus, options.methods, profile=options.profile, seeds=options.seeds)

    return command(parser, asked, arguments)
