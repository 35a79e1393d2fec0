"""The run store: one folder per finished run, written whole or not at all, checked when read.

A run is one (corpus fingerprint, method with its full recipe, profile, fold, seed). Its folder is named after a hash of
these and of the code that made it, and holds ``manifest.json``, ``predictions.csv``, ``history.csv`` and
``arrays.safetensors`` (logits, embeddings and class weights in half precision). Committed runs lie on shelves, packed
(:mod:`serlib.runs.pack`), and are found whatever code made them: their golden values are tested instead.
"""

import json
import os
import shutil
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from serlib import paths
from serlib.files import named, placed
from serlib.runs import pack, shelf
from serlib.runs.pack import PackedRun
from serlib.runs.run import Run, as_csv, halved, sha256, widened

FORMAT = 1


class RunStore:
    """Finished runs on disk; any number of processes may read and write at once.

    Args:
        root: where new runs go; None: ``serlib.paths.runs_dir()``.
        shelves: read-only folders of packs that are asked too; None: the committed results, ``data/results/*``.
    """

    def __init__(self, root: str | Path | None = None, shelves: list[Path] | None = None) -> None:
        self.root = placed(root, paths.runs_dir())
        self.shelves = sorted(paths.results_dir().glob("*/")) if shelves is None else shelves

    def _folder(self, key: str, code: str) -> Path:
        return self.root / f"{key}-{code[:8]}"

    def find(self, key: str, code: str, *, weights: bool = False) -> Path | PackedRun | None:
        """Return what ``load`` takes: the folder of a run that today's ``code`` made, or a committed run, or None.

        What is damaged is told and passed over, and so are runs without a model where ``weights`` are wanted.
        """
        folder = self._folder(key, code)
        needed = "model.safetensors" if weights else "manifest.json"
        if (folder / needed).is_file() and self._whole(folder):
            return folder
        shelves = () if weights else self.shelves
        return next((found for folder in shelves if (found := shelf.find(folder, key)) is not None), None)

    @contextmanager
    def claim(self, key: str, code: str, patience: float = -1) -> Iterator[bool]:
        """Hold a run for this process while it is made, so that no other makes it too; yield whether it is held.

        Another's claim is waited for, ``patience`` seconds long (-1: for ever). The system ends the claim of a process
        that ends, however it ends. Who holds one looks with ``find`` first: the other may have finished the run.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder("." + key, code).with_suffix(".claim"))
        try:
            lock.acquire(patience)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            with suppress(PermissionError):  # of Windows, which deletes no open file; there the release does
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def _whole(self, folder: Path) -> bool:
        """Tell whether every file is as the manifest says; say so when it is not."""
        try:
            files = json.loads((folder / "manifest.json").read_text())["files"]
            wrong = [name for name, digest in files.items() if sha256((folder / name).read_bytes()) != digest]
        except (OSError, ValueError, KeyError) as error:
            wrong = [f"manifest.json ({error})"]
        if wrong:
            warnings.warn(f"run {folder.name} is damaged ({', '.join(wrong)}); it will be made again", stacklevel=3)
        return not wrong

    def finished(self) -> Iterator[tuple[str, Path, dict]]:
        """Yield key, folder and manifest of every whole run in ``root``, whatever code made it; damaged ones are told.

        A run that is being written at this moment is left out.
        """
        for folder in sorted(p.parent for p in self.root.glob("[!.]*/manifest.json")):
            if self._whole(folder):
                yield folder.name.split("-")[0], folder, _manifest(folder)

    def seconds(self, found: Path | PackedRun) -> float:
        """Return how many seconds a run took that ``find`` has found."""
        return found.seconds if isinstance(found, PackedRun) else _manifest(found).get("seconds", 0.0)

    def load(self, found: Path | PackedRun) -> Run:
        """Read a run that ``find`` has found; half-precision arrays come back as float32.

        Packed runs beyond the pack's first seed have of their arrays only those whose name begins with ``logits``. An
        OSError tells that the run is there no more.
        """
        if isinstance(found, PackedRun):
            return pack.load(found)
        history = found / "history.csv"
        return Run(
            _manifest(found),
            pd.read_csv(found / "predictions.csv", dtype=str, keep_default_na=False),
            pd.read_csv(history) if history.stat().st_size > 1 else pd.DataFrame(),
            widened(load_tensors((found / "arrays.safetensors").read_bytes())),
        )

    def save(self, key: str, code: str, run: Run, *, state: dict[str, np.ndarray] | None = None) -> Path:
        """Write a run atomically and return its folder; where another process was faster, its copy stays.

        ``code``: digest of the code that made it, hex. Float32 arrays are stored in half precision; ``state``, name ->
        tensor of the trained model, as it is, and such a run replaces one without. An OSError tells that the run cannot
        be written; nothing of it is left.
        """
        files = {
            "predictions.csv": as_csv(run.predictions),
            "history.csv": as_csv(run.history),
            "arrays.safetensors": save_tensors(halved(run.arrays)),
        }
        if state:
            files["model.safetensors"] = save_tensors({n: np.ascontiguousarray(a) for n, a in state.items()})
        manifest = {"format": FORMAT, **run.manifest, "files": {name: sha256(data) for name, data in files.items()}}
        files["manifest.json"] = (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()
        folder, part = self._folder(key, code), self.root / f".part-{uuid.uuid4().hex}"
        part.mkdir(parents=True)
        try:
            for name, data in files.items():
                with named(part / name):
                    (part / name).write_bytes(data)
            poorer = bool(state) and not (folder / "model.safetensors").exists()
            if folder.exists() and (poorer or not self._whole(folder)):
                shutil.rmtree(folder, ignore_errors=True)
            os.rename(part, folder)
        except OSError:
            shutil.rmtree(part, ignore_errors=True)
            if not folder.exists():
                raise
        return folder


def _manifest(folder: Path) -> dict:
    """Return the manifest of a run's folder without the sums of its files, which are the store's business."""
    return {n: v for n, v in json.loads((folder / "manifest.json").read_text()).items() if n != "files"}
