"""The command line: ``serlib report | run | results | corpus | train | models | predict | export | bench``."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from serlib import paths
from serlib.pairs import pairs


def _report(option: Sequence[str], **options: Any) -> int:
    from serlib.report import run_report

    return run_report(options=pairs(option), **options)


def _run(*, engine: str | None, address: str | None, gpus_per_run: float | None, device: str, **options: Any) -> int:
    if engine is None:
        if address is not None or gpus_per_run is not None:
            raise ValueError("--address and --gpus-per-run belong to --engine ray")
        return _made(device=device, cluster=None, **options)
    if gpus_per_run is None and device not in ("auto", "cpu"):
        raise ValueError(f"--device {device} with --engine ray needs --gpus-per-run, such as 0.25: four runs share one")
    from serlib.runs.cluster import Cluster

    with Cluster(address, gpus_per_run) as cluster:
        return _made(device="cpu" if gpus_per_run is None else device, cluster=cluster, **options)


def _made(
    *, corpus: str, root: str | None, option: Sequence[str], method: Sequence[str], list_: bool, plan: str | None,
    minutes: float | None, dry_run: bool, jobs: int, out: str | None, **options: Any,
) -> int:  # fmt: skip
    from serlib import methods
    from serlib.corpora import load_corpus
    from serlib.protocol import folds, leakage
    from serlib.runs import RunStore, cross_validate, describe_plan, fill, processes, read_plan
    from serlib.runs import plan as make_plan

    store = RunStore(out, shelves=None if out is None else [])
    if plan is not None:
        where = {key: options.pop(key) for key in ("device", "cluster")}
        asked = {"corpus": corpus, "option": option, "method": method, **options}
        usual = vars(parser().parse_args(["run"]))
        if wrong := ["--" + name.replace("_", "-") for name in asked if asked[name] != usual[name]]:
            raise ValueError(f"{', '.join(wrong)}: the rows of --plan FILE say this")
        jobs = processes(jobs, tasks := read_plan(plan, root=root), **where)
        if not dry_run:
            return fill(tasks, store, jobs, minutes=minutes, **where)
        print("\n".join(describe_plan(tasks, store, jobs)))
        return 0
    if dry_run or minutes is not None:
        raise ValueError("--minutes and --dry-run belong to --plan FILE")
    if list_ or not method:
        print("\n".join(f"{name:40} {methods.get(name).title}" for name in methods.names()))
        return 0
    chosen = [methods.get(name) for name in method]  # a wrong name is told before anything trains
    speech = load_corpus(corpus, root, **pairs(option))
    for each in chosen:
        scores = cross_validate(speech, each, n_jobs=jobs, store=store, **options)
        verdict = leakage(folds(speech, scores.scheme), speech).attrs["verdict"]
        print(f"{scores.label}\n{verdict}\n{scores.summary().round(1).to_string()}\n", flush=True)
        if options["keep_weights"]:
            asked = {key: options[key] for key in ("profile", "folds", "seeds")}
            for task in make_plan(speech, each, **asked):
                folder = store.find(task.key, task.code, weights=True)
                print(f"{task.fold.name}, seed {task.seed}: serlib predict --model {folder} ...", flush=True)
    return 0


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

    found = check(name, root, **pairs(option))
    print(found)
    return 0 if found.ok else 1


def _train(*, corpus: str, root: str | None, option: Sequence[str], out: str, **options: Any) -> int:
    from serlib.corpora import load_corpus
    from serlib.runs.kept import described
    from serlib.runs.train import train_model

    made = train_model(load_corpus(corpus, root, **pairs(option)), out=out, **options)
    print(f"{out}: {described(made)}")
    if "to_fill" in made:
        print(f"to fill the card: {made['to_fill']}")
    return 0


def _models() -> int:
    from serlib.runs.kept import describe_models

    print("\n".join(describe_models()))
    return 0


def _predict(**options: Any) -> int:
    from serlib.answers import answer

    return answer(**options)


def _export(model: str, onnx: str) -> int:
    from serlib.runs.export import export_onnx

    print(f"{onnx}: {export_onnx(model, onnx):.1g} from torch's probabilities at most")
    return 0


def _bench(**options: Any) -> int:
    if not (paths.PROJECT / "bench").is_dir():
        raise ValueError("the benchmark comes with a clone of the project, not with an installed package")
    sys.path.insert(0, str(paths.PROJECT))
    from bench import MEASUREMENTS
    from bench.frame import run

    return run(MEASUREMENTS, **options)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; a command's options are the arguments of its function above."""
    top = argparse.ArgumentParser(prog="serlib", description=__doc__.splitlines()[0])
    top.add_argument("--debug", action="store_true", help="show the traceback of an error")
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
    option("--corpus", default="synthetic", help="emodb | ravdess | iemocap | audb | table (default: synthetic)")
    option("--root", help="folder, CSV or (audb) name of the corpus; synthetic needs none")
    option("--option", **many, metavar="KEY=VALUE", help="options of the corpus' loader")
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
    option("--folds", help="scheme; default: what fits the corpus")
    at_once = "runs at once; -1: one per core, but one alone in the quick profile and on an accelerator, where starting"
    option("--jobs", type=int, default=-1, help=f"{at_once} processes costs more than it saves")
    option("--engine", choices=("ray",), help="make the runs on the machines of a Ray cluster (extra cluster)")
    option("--address", help="with --engine: HOST:PORT or auto (default: $RAY_ADDRESS, or start one here)")
    option("--gpus-per-run", type=float, metavar="SHARE", help="with --engine: 0.25: four share a GPU (default: none)")
    option("--out", help="folder for the runs (default: runs/)")
    option("--keep-weights", **flag, help="store the models too, for serlib predict")
    plans = "TOML: rows of corpus, methods, profile, folds, seeds, best first; or study, equal, deep, paper or ravdess"
    option("--plan", metavar="FILE", help=plans)
    option("--minutes", type=float, help="with --plan: after these no run is started")
    option("--dry-run", **flag, help="with --plan: only say what is done and how long the rest is")

    option = command(results, "pack", _pack, help="put finished runs into packs; exit 1 when one is refused")
    option("--from", dest="source", metavar="RUNS", default=paths.runs_dir(), help="runs (default: runs/)")
    option("--to", dest="results", metavar="RESULTS", default=paths.results_dir(), help="default: data/results/")
    option("--method", dest="methods", **many, metavar="M", help="default: all")
    option("--lean", **flag, help="keep no array but the logits, where runs are many")

    option = command(results, "list", _results, help="show a line a pack")
    option("--in", dest="folder", default=paths.results_dir(), help="default: data/results/")

    option = command(corpora, "check", _check, help="compare what is there with what should be; exit 1 if it is not")
    option("name")
    option("--root")
    option("--option", **many, metavar="KEY=VALUE")

    option = command(commands, "train", _train, help="train one model of a whole corpus, to be asked")
    option("--method", required=True, metavar="M")
    option("--corpus", default="synthetic")
    option("--root")
    option("--option", **many, metavar="KEY=VALUE", help="options of the corpus' loader")
    option("--out", required=True, metavar="FOLDER", help="for model.safetensors and card.json")
    option("--profile", choices=("quick", "study", "paper"), default="study")
    option("--seed", type=int, default=0)
    option("--folds", dest="scheme", default="leave-one-speaker-out", help="cross-validation that the card tells of")
    option("--device", default="auto")

    command(commands, "models", _models, help="show the models that come with the project, and where they are")

    option = command(commands, "predict", _predict, help="say what recordings of your own sound like; 1: not all")
    option("--model", "--run", default="emodb-spectrogram", help="name (see serlib models), folder of serlib train, or "
           "run made with --keep-weights (default: emodb-spectrogram)")  # fmt: skip
    option("--csv", metavar="OUT", help="write a row a file; windows of recordings over 6 s go beside, to OUT-course")
    option("--plot", metavar="OUT.svg", help="draw the course of recordings over 6 s")
    option("--threshold", type=float, help="confidence below which it is none of these (default: the model's)")
    option("--by-speaker", **flag, help="the files are all one speaker's, and scaled together: some models need it")
    option("--device", default="cpu")
    option("files", nargs="+", help="recordings and folders of them")

    option = command(commands, "export", _export, help="write a model as an ONNX file")
    option("--model", required=True)
    option("--onnx", required=True, metavar="OUT")

    option = command(commands, "bench", _bench, help="measure speed, as ratios, into data/results/bench.json")
    option("--only", default="", help="measurements whose name contains this; an unknown one shows the names")
    option("--root", help="folder of EMO-DB, for what is measured on it")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what goes wrong is told on standard error, with exit code 2, and traced under ``--debug``."""
    options = vars(parser().parse_args(arguments))
    debug = options.pop("debug")
    try:
        code = options.pop("call")(**options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # who reads has read enough, as in serlib run --list | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if debug:
            raise
        expected = isinstance(error, ValueError | OSError | ImportError)
        told = error if expected else f"{type(error).__name__}: {error}; serlib --debug ... shows where"
        print(f"serlib: {told}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
