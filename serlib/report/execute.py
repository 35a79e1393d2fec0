"""Execute notebooks by papermill, one kernel each, and write their pages and the index."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from serlib import paths
from serlib.files import write_whole

PATTERN = "[0-9][0-9]_*.ipynb"


def run_report(
    corpus: str = "synthetic", root: str | Path | None = None, profile: str = "quick", *, seeds: Sequence[int] = (0,),
    device: str = "auto", out: str | Path = "reports", only: str | None = None, jobs: int = 1, retrain: bool = False,
    notebooks: str | Path | None = None, options: Mapping[str, Any] | None = None,
) -> int:  # fmt: skip
    """Write ``out/index.html``, ``out/NN_name.html`` and the executed ``out/notebooks/NN_name.ipynb``.

    A notebook that fails does not stop the rest: it is kept as far as it came and shown as failed. Files of an earlier
    report are replaced whole; a notebook that is not run now keeps its page of then. Figures go to ``out/figures``.

    ``corpus``, ``root`` and ``options`` are those of ``load_corpus``, ``notebooks`` is a folder (None: the project's
    own). ``only`` is what the file names of the wanted ones start with, such as ``"03"``; ``jobs`` run at a time and
    share the cores.

    Returns:
        Exit code: 0, or 1 when a notebook failed.

    Raises:
        ValueError: when there is no notebook to run, or ``jobs`` is below 1.
    """
    from joblib import Parallel, delayed

    from serlib.report.index import render_index

    folder, out, start = Path(notebooks or paths.PROJECT / "notebooks").resolve(), Path(out).resolve(), time.monotonic()
    found = sorted(folder.glob(PATTERN))
    chosen = [path for path in found if path.name.startswith(only or "")]
    if not chosen:
        raise ValueError(f"no notebook {only or PATTERN} in {folder}; there are {[path.stem for path in found]}")
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}; allowed are 1 and more")
    asked = {"corpus": corpus, "profile": profile, "seeds": [int(seed) for seed in seeds], "device": device}
    places = {"root": root, "figures_dir": out / "figures", "runs_dir": paths.runs_dir()}
    places = {name: str(Path(place).resolve()) if place else None for name, place in places.items()}
    if corpus == "audb":  # a database's name, which is no folder
        places["root"] = str(root) if root else None
    (out / "notebooks").mkdir(parents=True, exist_ok=True)
    given = {**asked, **places, "options": dict(options or {}), "retrain": retrain}
    loader = {"options": ", ".join(f"{key}={value}" for key, value in given["options"].items()) or None}
    facts, failed, bar = {**asked, **loader, **_made_with()}, 0, jobs == 1 and sys.stderr.isatty()
    results = Parallel(n_jobs=min(jobs, len(chosen)), return_as="generator_unordered")(
        delayed(execute)(path, out, given, facts, bar=bar) for path in chosen
    )
    for done, (name, seconds, error) in enumerate(results, 1):
        failed += error is not None
        state = f"FAILED: {error.splitlines()[-1]}" if error else "ok"
        print(f"[{done}/{len(chosen)}] {name} … {seconds:.0f} s {state}", flush=True)
    facts["time"] = f"{time.monotonic() - start:.0f} s"
    write_whole(out / "index.html", render_index(out, [path.stem for path in found], facts).encode())
    print(f"report: {out / 'index.html'}" + f" ({failed} of {len(chosen)} failed)" * (failed > 0))
    return int(failed > 0)


def execute(path: Path, out: Path, given: dict, facts: dict, *, bar: bool = False) -> tuple[str, float, str | None]:
    """Run one notebook with those parameters of ``given`` that it declares; write it, with ``facts``, and its page.

    Returns:
        Name, seconds, and the last lines of what went wrong (None: nothing did).
    """
    import nbformat
    import papermill

    part, error, start = out / "notebooks" / f".{os.getpid()}.{path.name}", None, time.monotonic()
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # else every kernel start remarks on frozen modules
    try:
        declared = {name: given[name] for name in papermill.inspect_notebook(path) if name in given}
        papermill.execute_notebook(
            path, part, declared, kernel_name="python3", cwd=path.parent, start_timeout=300,
            progress_bar=bar and {"desc": path.stem, "leave": False}, extra_arguments=["--log-level=ERROR"],
            iopub_timeout=120,
        )  # fmt: skip
    except Exception as caught:  # whatever stops one notebook must not stop the rest
        error = _last_lines(caught)
    facts = {**facts, "seconds": time.monotonic() - start, "error": error}
    try:
        _keep(nbformat.read(part if part.exists() else path, as_version=4), path, out, facts, given)
    except Exception as caught:  # no notebook at all, or one that no page can be made of
        facts["error"] = error or _last_lines(caught)
        bare = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# {path.stem}")])
        _keep(bare, path, out, facts, given)
    part.unlink(missing_ok=True)
    return path.stem, facts["seconds"], facts["error"]


def _keep(notebook: Any, path: Path, out: Path, facts: dict, given: dict) -> None:
    from nbformat import writes

    from serlib.report.page import render_page
    from serlib.report.places import hide_places

    notebook.metadata["serlib"] = facts
    notebook = hide_places(notebook, [given.get(name) for name in ("root", "figures_dir", "runs_dir")])
    page = render_page(notebook, folder=path.parent, out=out)
    write_whole(out / "notebooks" / path.name, writes(notebook).encode())
    write_whole(out / f"{path.stem}.html", page.encode())


def _made_with() -> dict[str, Any]:
    """Return what the notebooks run on and when; no paths of this machine."""
    from serlib.runs.engine import versions

    commit, date = None, datetime.now().isoformat(sep=" ", timespec="seconds")
    with suppress(OSError, subprocess.SubprocessError):
        command = ["git", "-C", str(paths.PROJECT), "describe", "--always", "--dirty"]
        commit = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    return {name: versions()[name] for name in ("serlib", "python", "torch")} | {"commit": commit, "date": date}


def _last_lines(error: Exception, count: int = 4) -> str:
    """Return the end of an error's text without terminal colours; papermill's begins with a whole traceback."""
    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines() if line.strip()][-count:]
    named = type(error).__name__ == "PapermillExecutionError"
    return "\n".join(lines) if named else f"{type(error).__name__}: " + "\n".join(lines)
