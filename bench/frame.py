"""The frame of all measurements: two ways to one result take turns, and a pair gives one ratio.

A busy machine slows both ways of a pair alike, so ratios can be compared between runs and, with care, between machines.
"""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch

from serlib import paths
from serlib.files import write_whole

SLOWER = 1.15  # a ratio that has fallen by this factor is marked
LIBRARIES = ("torch", "torchaudio", "numpy", "scikit-learn", "librosa", "opensmile", "pytorch-metric-learning")
Way = Callable[[], str | None]  # what it returns is shown as a note


class Skip(Exception):  # noqa: N818, nothing went wrong
    """A measurement cannot be made here; the message says why."""


class Void(Skip):
    """Its two ways do not give the same, so that a row of old is not true either."""


@dataclass(frozen=True)
class Measurement:
    """``make(folder, root)`` returns two ways, ``other`` and ``ours``; it may raise Skip or Void, and so may the ways.

    ``folder`` is an empty one that is removed afterwards, ``root`` that of EMO-DB or None. A turn calls a way ``calls``
    times; ``warm`` pairs come before the ``pairs`` that count. ``threads`` are torch's; None: all cores.
    """

    name: str
    other: str
    ours: str
    make: Callable[[Path, str | None], tuple[Way, Way]]
    pairs: int = 5
    calls: int = 1
    warm: int = 1
    threads: int | None = 1

    def take(self, root: str | None) -> dict[str, Any]:
        """Return the row: medians of ratio (other / ours, over the pairs) and seconds a call, and quartiles."""
        before, pairs, notes = torch.get_num_threads(), [], {}
        torch.set_num_threads(self.threads or os.cpu_count() or 1)
        try:
            with TemporaryDirectory() as folder:
                ways = self.make(Path(folder), root)
                for turn in range(self.warm + self.pairs):
                    pair = [seconds(way, self.calls, notes) for way in ways]
                    pairs += [pair] * (turn >= self.warm)
        finally:
            torch.set_num_threads(before)
        ratios = [other / ours for other, ours in pairs]
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
        other, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        row = {"other": self.other, "ours": self.ours, "ratio": statistics.median(ratios), "low": low, "high": high}
        row |= {"other_seconds": other, "ours_seconds": ours}
        row = {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in row.items()}
        return {**row, "pairs": self.pairs, **({"note": "; ".join(notes)} if notes else {})}


def seconds(way: Way, calls: int, notes: dict[str, None]) -> float:
    """Return the seconds of one call; what it says goes into ``notes``, once."""
    start = time.perf_counter()
    for _ in range(calls):
        said = way()
    took = (time.perf_counter() - start) / calls
    notes.update({said: None} if isinstance(said, str) else {})
    return took


def machine() -> dict[str, Any]:
    """Return what the numbers depend on; it names neither the host nor its user."""
    able = torch.cpu.get_capabilities()
    vectors = sorted(n for n, has in able.items() if has is True and n.startswith(("avx", "amx", "fma", "sve", "neon")))
    return {
        "processor": able.get("cpu_name") or platform.machine(), "cores": os.cpu_count(), "instructions": vectors,
        "system": platform.system(), "python": platform.python_version(), **{n: version(n) for n in LIBRARIES},
    }  # fmt: skip


def committed(path: Path) -> dict[str, Any]:
    """Return what the last commit holds under ``path``; where git does not know it, what lies there; else nothing."""
    command = ["git", "-C", str(path.parent), "show", f"HEAD:./{path.name}"]
    try:
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        text = path.read_text() if path.exists() else "{}"
    return {"measurements": {}, **json.loads(text)}


def table(rows: dict[str, dict], before: dict[str, dict]) -> pd.DataFrame:
    """Return the rows to read, with the ratio that was committed and a mark where it has fallen."""
    shown = {}
    for name, row in rows.items():
        was = before.get(name, {}).get("ratio")
        mark = f"SLOWER ({was / row['ratio'] - 1:.0%})" if was and was > SLOWER * row["ratio"] else ""
        shown[name] = {
            "ours": row["ours"], "instead of": row["other"], "times as fast": f"{row['ratio']:.3g}",
            "quartiles": f"{row['low']:.3g} – {row['high']:.3g}", "ours, ms": f"{1000 * row['ours_seconds']:.4g}",
            "committed": f"{was:.3g}" if was else "–", "": mark,
        }  # fmt: skip
    return pd.DataFrame.from_dict(shown, orient="index")


def run(
    measurements: Iterable[Measurement], *, only: str = "", root: str | None = None, path: Path | None = None
) -> int:
    """Take those measurements whose name contains ``only``, print one table and write it to ``path``.

    Rows that are not taken now stay in the file, unless another machine or other versions made them: one file tells of
    one machine. ``path`` is ``data/results/bench.json``. Returns 0; no such name is a ValueError.
    """
    known = {each.name: each for each in measurements}
    chosen = [each for name, each in known.items() if only in name]
    if not chosen:
        raise ValueError(f"no measurement {only!r}; there are {', '.join(known)}")
    path = path or paths.results_dir() / "bench.json"
    old, here, rows = committed(path), machine(), {}
    kept = json.loads(path.read_text()) if path.exists() else {"measurements": {}}
    for each in chosen:
        print(f"{each.name} ...", flush=True)
        try:
            rows[each.name] = each.take(root)
        except Skip as why:
            print(f"{each.name}: left out, {why}", flush=True)
            if isinstance(why, Void):
                kept["measurements"].pop(each.name, None)
    same = kept.get("machine") == here
    if dropped := [] if same else [name for name in kept["measurements"] if name not in rows]:
        print(f"left out of the file, measured on another machine or with other versions: {', '.join(dropped)}")
    merged = {**(kept["measurements"] if same else {}), **rows}
    merged = {name: merged[name] for name in known if name in merged}
    if merged:
        print("", table(merged, old["measurements"]).to_string(), sep="\n")
        print(*(f"{name}: {row['note']}" for name, row in merged.items() if "note" in row), sep="\n")
    print(f"{here['processor']}, {here['cores']} cores" + "; committed: of others" * (old.get("machine", here) != here))
    if rows or same:
        write_whole(path, json.dumps({"machine": here, "measurements": merged}, indent=1, ensure_ascii=False).encode())
    return 0
