"""The command line: ``serlib report | run | results | corpus | predict | bench``."""

import argparse
import contextlib
import json
import runpy
import sys
from collections.abc import Sequence
from typing import Any

from serlib import paths


def _corpus_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which corpus."""
    parser.add_argument(
        "--corpus", default="synthetic", help="synthetic | emodb | iemocap | table (default: synthetic)"
    )
    parser.add_argument("--root", help="folder (or CSV) of the corpus; synthetic needs none")


def _pairs(texts: Sequence[str]) -> dict[str, Any]:
    """Turn ``key=value`` texts into loader options; values are JSON (``partial=true``) or else plain text."""
    wrong = [t for t in texts if "=" not in t]
    if wrong:
        raise ValueError(f"option {wrong[0]!r} is not key=value, such as scenario=improvised")
    options: dict[str, Any] = dict(t.split("=", 1) for t in texts)
    for key, value in options.items():
        with contextlib.suppress(ValueError):
            options[key] = json.loads(value)
    return options


def _report(options: argparse.Namespace) -> int:
    from serlib.report import run_report

    return run_report(
        corpus=options.corpus, root=options.root, profile=options.profile, seeds=tuple(options.seeds),
        device=options.device, out=options.out, only=options.only, jobs=options.jobs, retrain=options.retrain,
    )  # fmt: skip


def _run(options: argparse.Namespace) -> int:
    from serlib import methods
    from serlib.corpora import load_corpus
    from serlib.protocol import folds, leakage
    from serlib.runs import RunStore, cross_validate

    if options.plan:
        return _run_plan(options)
    if options.dry_run or options.minutes is not None:
        raise ValueError("--minutes and --dry-run belong to --plan FILE")
    if options.list or not options.method:
        print("\n".join(f"{name:40} {methods.get(name).title}" for name in methods.names()))
        return 0
    for name in options.method:
        methods.get(name)  # a wrong name is told before anything trains
    corpus = load_corpus(options.corpus, options.root, **_pairs(options.option))
    store = RunStore(options.out, shelves=None if options.out is None else [])
    for name in options.method:
        scores = cross_validate(
            corpus, name, profile=options.profile, folds=options.folds, seeds=options.seeds, n_jobs=options.jobs,
            device=options.device, store=store, keep_weights=options.keep_weights,
        )  # fmt: skip
        verdict = leakage(folds(corpus, scores.scheme), corpus).attrs["verdict"]
        print(f"{scores.label}\n{verdict}\n{scores.summary().round(1).to_string()}\n", flush=True)
    return 0


def _run_plan(options: argparse.Namespace) -> int:
    from joblib import effective_n_jobs

    from serlib.runs import RunStore, describe_plan, fill, read_plan

    tasks, jobs = read_plan(options.plan, root=options.root), effective_n_jobs(options.jobs)
    store = RunStore(options.out, shelves=None if options.out is None else [])
    if options.dry_run:
        print("\n".join(describe_plan(tasks, store, jobs)))
        return 0
    return fill(tasks, store, jobs, options.device, minutes=options.minutes)


def _pack(options: argparse.Namespace) -> int:
    from serlib.runs import pack_results

    source, to = options.source or paths.runs_dir(), options.to or paths.results_dir()
    return pack_results(source, to, options.method, measured=True)


def _results(options: argparse.Namespace) -> int:
    from serlib.runs import describe_results

    for line in describe_results(options.folder or paths.results_dir()):
        print(line, flush=True)
    return 0


def _check(options: argparse.Namespace) -> int:
    from serlib.corpora import check

    found = check(options.name, options.root, **_pairs(options.option))
    print(found)
    return 0 if found.ok else 1


def _predict(options: argparse.Namespace) -> int:
    from serlib.runs.predict import predict_files

    table = predict_files(options.run, options.files, by_speaker=options.by_speaker, device=options.device)
    print(table.round(3).to_string())
    return 0


def _bench(options: argparse.Namespace) -> int:
    for script in sorted((paths.PROJECT / "bench").glob("*.py")):
        if options.only is None or options.only in script.stem:
            print(f"== {script.stem}", flush=True)
            runpy.run_path(str(script), run_name="__main__")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(prog="serlib", description=__doc__.splitlines()[0])
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    report = commands.add_parser("report", help="execute the notebooks and write HTML pages")
    _corpus_options(report)
    report.add_argument("--profile", choices=("quick", "study", "paper"), default="quick")
    report.add_argument("--seeds", type=int, nargs="+", default=[0])
    report.add_argument("--device", default="auto")
    report.add_argument("--out", default="reports")
    report.add_argument("--only", help="notebooks whose name begins so, such as 03")
    report.add_argument("--jobs", type=int, default=1, help="notebooks at once")
    report.add_argument("--retrain", action="store_true", help="do not show committed results: train again")
    report.set_defaults(call=_report)

    run = commands.add_parser("run", help="fill the run store")
    _corpus_options(run)
    run.add_argument("--list", action="store_true", help="show the methods")
    run.add_argument("--method", nargs="+", action="extend", default=[], metavar="M")
    run.add_argument("--profile", choices=("quick", "study", "paper"), default="quick")
    run.add_argument("--folds", help="scheme; default: what fits the corpus")
    run.add_argument("--seeds", type=int, nargs="+", default=[0])
    run.add_argument("--jobs", type=int, default=-1, help="runs at once (-1: one per core)")
    run.add_argument("--device", default="auto")
    run.add_argument(
        "--option", nargs="*", action="extend", default=[], metavar="KEY=VALUE", help="options of the corpus' loader"
    )
    run.add_argument("--out", help="folder for the runs (default: runs/)")
    run.add_argument("--keep-weights", action="store_true", help="store the models too, for serlib predict")
    run.add_argument("--plan", metavar="FILE", help="TOML: rows of corpus, methods, profile, folds, seeds, best first")
    run.add_argument("--minutes", type=float, help="with --plan: after these no run is started")
    run.add_argument(
        "--dry-run", action="store_true", help="with --plan: only say what is done and how long the rest is"
    )
    run.set_defaults(call=_run)

    results = commands.add_parser("results", help="committed results").add_subparsers(required=True, metavar="ACTION")
    pack = results.add_parser("pack", help="put finished runs into packs; exit 1 when one is refused")
    pack.add_argument("--from", dest="source", metavar="RUNS", help="folder of runs (default: runs/)")
    pack.add_argument("--to", metavar="RESULTS", help="folder of the packs' folders (default: data/results/)")
    pack.add_argument("--method", nargs="+", action="extend", default=[], metavar="M", help="default: all")
    pack.set_defaults(call=_pack)
    listed = results.add_parser("list", help="show a line a pack")
    listed.add_argument("--in", dest="folder", metavar="RESULTS", help="default: data/results/")
    listed.set_defaults(call=_results)

    corpus = commands.add_parser("corpus", help="look after corpora").add_subparsers(required=True, metavar="ACTION")
    check = corpus.add_parser(
        "check", help="compare what is there with what should be; exit 1 when something is missing"
    )
    check.add_argument("name")
    check.add_argument("--root")
    check.add_argument("--option", nargs="*", action="extend", default=[], metavar="KEY=VALUE")
    check.set_defaults(call=_check)

    predict = commands.add_parser("predict", help="score recordings of your own with a kept model")
    predict.add_argument("--run", required=True, help="folder of a run made with --keep-weights")
    predict.add_argument("--device", default="cpu")
    predict.add_argument(
        "--by-speaker", action="store_true", help="the files are all one speaker's: some models need it"
    )
    predict.add_argument("files", nargs="+")
    predict.set_defaults(call=_predict)

    bench = commands.add_parser("bench", help="print speed ratios")
    bench.add_argument("--only", help="scripts of bench/ whose name contains this")
    bench.set_defaults(call=_bench)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; expected errors become one line on standard error and exit code 2."""
    options = parser().parse_args(arguments)
    try:
        return options.call(options)
    except (ValueError, OSError) as error:
        print(f"serlib: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
