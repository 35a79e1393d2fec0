"""A finished run in memory, the key by which it is found, and the bytes as which it is stored."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        manifest: what binds it to corpus, fold, method, recipe, seed, code and versions; ``seconds`` and ``finished``.
        predictions: a row per test utterance: utterance, speaker, emotion (true), predicted; all text.
        history: a row per epoch; empty for methods without epochs.
        arrays: ``logits`` (test utterances, classes), and what else it left, such as ``embeddings`` (utterances, E).
    """

    manifest: dict
    predictions: pd.DataFrame
    history: pd.DataFrame
    arrays: dict[str, np.ndarray]


def run_key(identity: dict) -> str:
    """Return 24 hex digits over everything that makes a run itself (its code apart)."""
    return sha256(json.dumps(identity, sort_keys=True).encode())[:24]


def sha256(data: bytes) -> str:
    """Return 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def as_csv(table: pd.DataFrame) -> bytes:
    """Return a table as it is stored, the same on every system."""
    return table.to_csv(index=False, lineterminator="\n").encode()


def halved(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays as they are stored: float32 in half precision, each in one piece of memory."""
    return {n: np.ascontiguousarray(a, np.float16 if a.dtype == np.float32 else None) for n, a in arrays.items()}


def widened(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays as they are used: half precision as float32."""
    return {n: a.astype(np.float32) if a.dtype == np.float16 else a for n, a in arrays.items()}


def labelled(runs: Sequence[Run], tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join a table of each run, and say in two columns behind which fold and seed a row is of."""
    rows = [len(table) for table in tables]
    where = {"fold": [run.manifest["fold"]["name"] for run in runs], "seed": [run.manifest["seed"] for run in runs]}
    return pd.concat(tables, ignore_index=True).assign(**{name: np.repeat(of, rows) for name, of in where.items()})
