"""The command line: ``serlib report | run | results | corpus | predict | bench``."""

import argparse
import contextlib
import json
import runpy
import sys
from collections.abc import Callable, Sequence
from typing import Any

from serlib import paths


def _report(**options: Any) -> int:
    from serlib.report import run_report

    return run_report(**options)


def _run(
    *, corpus: str, root: str | None, option: Sequence[str], method: Sequence[str], list_: bool, plan: str | None,
    minutes: float | None, dry_run: bool, jobs: int, device: str, out: str | None, **options: Any,
) -> int:  # fmt: skip
    from serlib import methods
    from serlib.corpora import load_corpus
    from serlib.protocol import folds, leakage
    from serlib.runs import RunStore, cross_validate, describe_plan, fill, processes, read_plan

    store = RunStore(out, shelves=None if out is None else [])
    if plan:
        tasks = read_plan(plan, root=root)
        jobs = processes(jobs, tasks, device)
        if not dry_run:
            return fill(tasks, store, jobs, device, minutes=minutes)
        print("\n".join(describe_plan(tasks, store, jobs)))
        return 0
    if dry_run or minutes is not None:
        raise ValueError("--minutes and --dry-run belong to --plan FILE")
    if list_ or not method:
        print("\n".join(f"{name:40} {methods.get(name).title}" for name in methods.names()))
        return 0
    chosen = [methods.get(name) for name in method]  # a wrong name is told before anything trains
    speech = load_corpus(corpus, root, **_pairs(option))
    for each in chosen:
        scores = cross_validate(speech, each, n_jobs=jobs, device=device, store=store, **options)
        verdict = leakage(folds(speech, scores.scheme), speech).attrs["verdict"]
        print(f"{scores.label}\n{verdict}\n{scores.summary().round(1).to_string()}\n", flush=True)
    return 0


def _pairs(texts: Sequence[str]) -> dict[str, Any]:
    """Turn ``key=value`` texts into loader options; values are JSON (``partial=true``) or else plain text."""
    if wrong := [text for text in texts if "=" not in text]:
        raise ValueError(f"option {wrong[0]!r} is not key=value, such as scenario=improvised")
    options: dict[str, Any] = dict(text.split("=", 1) for text in texts)
    for key, value in options.items():
        with contextlib.suppress(ValueError):
            options[key] = json.loads(value)
    return options


def _pack(**options: Any) -> int:
    from serlib.runs import pack_results

    return pack_results(**options, measured=True)


def _results(folder: str) -> int:
    from serlib.runs import describe_results

    for line in describe_results(folder):
        print(line, flush=True)
    return 0


def _check(name: str, root: str | None, option: Sequence[str]) -> int:
    from serlib.corpora import check

    found = check(name, root, **_pairs(option))
    print(found)
    return 0 if found.ok else 1


def _predict(**options: Any) -> int:
    from serlib.runs.predict import predict_files

    print(predict_files(**options).round(3).to_string())
    return 0


def _bench(only: str) -> int:
    for script in sorted((paths.PROJECT / "bench").glob(f"*{only}*.py")):
        print(f"== {script.stem}", flush=True)
        runpy.run_path(str(script), run_name="__main__")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; a command's options are the arguments of its function above."""
    top = argparse.ArgumentParser(prog="serlib", description=__doc__.splitlines()[0])
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    results = commands.add_parser("results", help="committed results").add_subparsers(required=True, metavar="ACTION")
    corpora = commands.add_parser("corpus", help="look after corpora").add_subparsers(required=True, metavar="ACTION")
    flag, many = {"action": "store_true"}, {"nargs": "+", "action": "extend", "default": []}

    def command(group: Any, name: str, call: Callable[..., int], **settings: Any) -> Callable:
        made = group.add_parser(name, **settings)
        made.set_defaults(call=call)
        return made.add_argument

    shared = argparse.ArgumentParser(add_help=False)
    option = shared.add_argument
    option("--corpus", default="synthetic", help="synthetic | emodb | ravdess | iemocap | table (default: synthetic)")
    option("--root", help="folder (or CSV) of the corpus; synthetic needs none")
    option("--profile", choices=("quick", "study", "paper"), default="quick")
    option("--seeds", type=int, nargs="+", default=[0])
    option("--device", default="auto")

    option = command(commands, "report", _report, parents=[shared], help="execute the notebooks and write HTML pages")
    option("--out", default="reports")
    option("--only", help="notebooks whose name begins so, such as 03")
    option("--jobs", type=int, default=1, help="notebooks at once")
    option("--retrain", **flag, help="do not show committed results: train again")

    option = command(commands, "run", _run, parents=[shared], help="fill the run store")
    option("--list", dest="list_", **flag, help="show the methods")
    option("--method", **many, metavar="M")
    option("--option", **many, metavar="KEY=VALUE", help="options of the corpus' loader")
    option("--folds", help="scheme; default: what fits the corpus")
    at_once = "runs at once; -1: one per core, but one alone in the quick profile and on an accelerator, where starting"
    option("--jobs", type=int, default=-1, help=f"{at_once} processes costs more than it saves")
    option("--out", help="folder for the runs (default: runs/)")
    option("--keep-weights", **flag, help="store the models too, for serlib predict")
    option("--plan", metavar="FILE", help="TOML: rows of corpus, methods, profile, folds, seeds, best first")
    option("--minutes", type=float, help="with --plan: after these no run is started")
    option("--dry-run", **flag, help="with --plan: only say what is done and how long the rest is")

    option = command(results, "pack", _pack, help="put finished runs into packs; exit 1 when one is refused")
    option("--from", dest="source", metavar="RUNS", default=paths.runs_dir(), help="runs (default: runs/)")
    option("--to", dest="results", metavar="RESULTS", default=paths.results_dir(), help="default: data/results/")
    option("--method", dest="methods", **many, metavar="M", help="default: all")

    option = command(results, "list", _results, help="show a line a pack")
    option("--in", dest="folder", default=paths.results_dir(), help="default: data/results/")

    option = command(corpora, "check", _check, help="compare what is there with what should be; exit 1 if it is not")
    option("name")
    option("--root")
    option("--option", **many, metavar="KEY=VALUE")

    option = command(commands, "predict", _predict, help="score recordings of your own with a kept model")
    option("--run", required=True, help="folder of a run made with --keep-weights")
    option("--device", default="cpu")
    option("--by-speaker", **flag, help="the files are all one speaker's: some models need it")
    option("files", nargs="+")

    option = command(commands, "bench", _bench, help="print speed ratios")
    option("--only", default="", help="scripts of bench/ whose name contains this")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; expected errors become one line on standard error and exit code 2."""
    options = vars(parser().parse_args(arguments))
    try:
        return options.pop("call")(**options)
    except (ValueError, OSError) as error:
        print(f"serlib: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
