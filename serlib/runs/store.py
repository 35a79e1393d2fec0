"""The run store: one folder per finished run, written whole or not at all, checked when read.

A run is one (corpus fingerprint, method with its full recipe, profile, fold, seed). Its folder is named after a hash of
these and of the code that made it, and holds ``manifest.json``, ``predictions.csv``, ``history.csv`` and
``arrays.safetensors`` (logits, embeddings and class weights in half precision).
"""

import hashlib
import json
import os
import shutil
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from serlib import paths

FORMAT = 1


@dataclass(frozen=True)
class Run:
    """A finished run: its manifest, predictions (utterance, speaker, emotion, predicted), history and arrays."""

    manifest: dict
    predictions: pd.DataFrame
    history: pd.DataFrame
    arrays: dict[str, np.ndarray]


def run_key(identity: dict) -> str:
    """Return 24 hex digits over everything that makes a run itself (its code apart)."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:24]


class RunStore:
    """Finished runs on disk; any number of processes may read and write at once.

    Args:
        root: where new runs go; None: ``serlib.paths.runs_dir()``.
        shelves: read-only folders that are asked too; None: the committed results under ``data/results/*``.
    """

    def __init__(self, root: str | Path | None = None, shelves: list[Path] | None = None) -> None:
        self.root = Path(root) if root is not None else paths.runs_dir()
        committed = sorted(p for p in paths.results_dir().glob("*") if p.is_dir())
        self.shelves = committed if shelves is None else shelves

    def find(self, key: str, code: str, *, weights: bool = False) -> Path | None:
        """Return the folder of a run: made by today's code, or committed and made by other code (which is told).

        Damaged folders are told and passed over, and so are those without a model where ``weights`` are wanted.
        """
        name = f"{key}-{code[:8]}"
        exact = [folder / name for folder in (self.root, *self.shelves)]
        older = [p for shelf in self.shelves for p in sorted(shelf.glob(f"{key}-*")) if p.name != name]
        for folder in (*exact, *older):
            needed = "model.safetensors" if weights else "manifest.json"
            if (folder / needed).is_file() and self._whole(folder):
                if folder in older:
                    warnings.warn(
                        "a committed result was made by other code than today's; retrain to renew it", stacklevel=2
                    )
                return folder
        return None

    def _whole(self, folder: Path) -> bool:
        """Tell whether every file is as the manifest says; say so when it is not."""
        try:
            files = json.loads((folder / "manifest.json").read_text())["files"]
            wrong = [
                n for n, digest in files.items() if hashlib.sha256((folder / n).read_bytes()).hexdigest() != digest
            ]
        except (OSError, ValueError, KeyError) as error:
            wrong = [f"manifest.json ({error})"]
        if wrong:
            warnings.warn(f"run {folder.name} is damaged ({', '.join(wrong)}); it will be made again", stacklevel=3)
        return not wrong

    def load(self, folder: Path) -> Run:
        """Read a run; half-precision arrays come back as float32."""
        arrays = load_tensors((folder / "arrays.safetensors").read_bytes())
        return Run(
            json.loads((folder / "manifest.json").read_text()),
            pd.read_csv(folder / "predictions.csv", dtype=str, keep_default_na=False),
            pd.read_csv(folder / "history.csv") if (folder / "history.csv").stat().st_size > 1 else pd.DataFrame(),
            {name: a.astype(np.float32) if a.dtype == np.float16 else a for name, a in arrays.items()},
        )

    def save(self, key: str, code: str, run: Run, *, state: dict[str, np.ndarray] | None = None) -> Path:
        """Write a run atomically; where another process was faster with the same run, its copy stays."""
        half = {n: a.astype(np.float16) if a.dtype == np.float32 else a for n, a in run.arrays.items()}
        files = {
            "predictions.csv": run.predictions.to_csv(index=False, lineterminator="\n").encode(),
            "history.csv": run.history.to_csv(index=False, lineterminator="\n").encode(),
            "arrays.safetensors": save_tensors({n: np.ascontiguousarray(a) for n, a in half.items()}),
        }
        if state:
            files["model.safetensors"] = save_tensors({n: np.ascontiguousarray(a) for n, a in state.items()})
        manifest = {
            "format": FORMAT, **run.manifest, "files": {n: hashlib.sha256(b).hexdigest() for n, b in files.items()},
        }  # fmt: skip
        files["manifest.json"] = (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()
        folder = self.root / f"{key}-{code[:8]}"
        part = self.root / f".part-{uuid.uuid4().hex}"
        part.mkdir(parents=True)
        for name, data in files.items():
            (part / name).write_bytes(data)
        poorer = bool(state) and not (folder / "model.safetensors").exists()
        if folder.exists() and (poorer or not self._whole(folder)):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            os.rename(part, folder)
        except OSError:
            shutil.rmtree(part)
        return folder
