"""Does a large corpus fit? ``python tests/load/many.py 500 1000 2000`` makes corpora of so many clips and measures.

Every stage has a process of its own, so that its peak of memory is its own: the check, loading, eGeMAPS, spectrograms,
one fold of a network on either, a page of the report. Printed are seconds of processor time (children included), per
clip too, and the peak in MB of the largest process; a stage is marked where
the last clips took 1.5 times as long as the first. ``--seconds`` is the length of a clip, ``--only`` names stages.
"""

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import numpy as np

STAGES = ("check", "load", "egemaps", "log-mel", "fold: functionals", "fold: spectrograms", "report")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
NOTEBOOK = """
import serlib
from serlib.plots import corpus as pictures
from serlib.protocol import folds, leakage
data = serlib.load_corpus(corpus, root)
display(data.table, leakage(folds(data, "speaker-folds-5"), data))
pictures.class_shares(data), pictures.fold_map(data, {"folds": folds(data, "speaker-folds-5")})
"""


def fill(folder: Path, clips: int, seconds: float) -> Path:
    """Write a table of noises, each of its own colour, by 20 speakers in four emotions."""
    import soundfile

    lines, size = ["file,emotion,speaker,sex"], round(16000 * seconds)
    for k in range(clips):
        generator = np.random.default_rng(k)
        noise = generator.standard_normal(size)
        signal = 0.1 * (noise + generator.uniform(-0.9, 0.9) * np.roll(noise, 1))
        (folder / f"{k // 1000}").mkdir(exist_ok=True)
        soundfile.write(folder / f"{k // 1000}" / f"{k}.wav", signal.clip(-1, 1), 16000, subtype="PCM_16")
        emotion = ("anger", "happiness", "neutral", "sadness")[k // 20 % 4]
        lines.append(f"{k // 1000}/{k}.wav,{emotion},s{k % 20:02d},{('female', 'male')[k % 2]}")
    (folder / "many.csv").write_text("\n".join(lines) + "\n")
    return folder / "many.csv"


def perform(stage: str, table: str) -> None:
    """Do one stage in this process."""
    from serlib.corpora import check, load_corpus

    if stage == "check":
        assert check("table", table).ok
        return
    if stage == "report":
        from serlib.report import run_report

        folder = Path(table).parent / "notebooks"
        folder.mkdir(exist_ok=True)
        declared = nbformat.v4.new_code_cell("corpus = None\nroot = None", metadata={"tags": ["parameters"]})
        notebook = nbformat.v4.new_notebook(
            cells=[declared, nbformat.v4.new_code_cell(NOTEBOOK)], metadata={"kernelspec": KERNEL}
        )
        nbformat.write(notebook, folder / "00_many.ipynb")
        assert run_report("table", table, notebooks=folder, out=Path(table).parent / "out") == 0
        return
    corpus = load_corpus("table", table)
    if stage in ("egemaps", "log-mel"):
        from serlib.features import FeatureStore, Functionals, LogMel

        # in this process alone: what workers use is not counted
        FeatureStore().get(corpus, Functionals() if stage == "egemaps" else LogMel(), n_jobs=1, progress=False)
    if stage.startswith("fold"):
        from serlib import methods
        from serlib.protocol import folds
        from serlib.training import Hardware

        method = methods.get("dcaen/ftr-eg" if stage.endswith("functionals") else "center/mel-softmax")
        fold = folds(corpus, "speaker-folds-5")[0]
        method.run(corpus, fold, profile="quick", seed=0, hardware=Hardware.choose("cpu", "float32"))


def measured(stage: str, table: Path, cache: Path) -> tuple[float, float]:
    """Return the processor's seconds and the peak of memory in MB of a stage."""
    places = {"SERLIB_CACHE": str(cache), "SERLIB_RUNS": str(cache / "runs"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--perform", stage, "--table", str(table)]
    found = subprocess.run(command, env={**os.environ, **places}, stdout=subprocess.PIPE, text=True, check=True)
    return tuple(json.loads(found.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=int, nargs="*", default=[500, 1000, 2000])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--perform", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--table", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.perform:
        with contextlib.redirect_stdout(io.StringIO()):
            perform(given.perform, given.table)
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        peak = max(each.ru_maxrss for each in used) / (1 << 20 if sys.platform == "darwin" else 1 << 10)
        print(json.dumps([sum(each.ru_utime + each.ru_stime for each in used), peak]))
        return
    found: dict[str, list] = {}
    for clips in sorted(given.clips):
        with tempfile.TemporaryDirectory() as folder:
            table = fill(Path(folder), clips, given.seconds)
            for stage in STAGES[1:2] * (STAGES[1] not in given.only) + tuple(given.only):
                seconds, peak = measured(stage, table, Path(folder) / "cache")
                found.setdefault(stage, []).append((clips, seconds, peak))
                each = 1000 * seconds / clips
                print(f"{stage:20} {clips:6} clips {seconds:8.1f} s {each:8.1f} ms each {peak:7.0f} MB", flush=True)
    for stage, rows in found.items():
        (few, start, small), (many, end, large) = rows[0], rows[-1]
        if many > few:
            slope, growth = 1000 * (end - start) / (many - few), 1000 * (large - small) / (many - few)
            first = 1000 * (rows[1][1] - start) / (rows[1][0] - few)
            bad = "; GROWS FASTER THAN THE CORPUS" * (slope > 1.5 * first)
            print(f"{stage:20} every clip more: {slope:6.1f} ms, {growth:6.0f} kB{bad}")


if __name__ == "__main__":
    main()
