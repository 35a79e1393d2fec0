"""Committed results, packed: all folds and seeds of one method, corpus, profile and scheme in three files.

``<corpus>/<method>.<profile>.<scheme>`` with

- ``.json``: the true names, ``golden`` (see :mod:`serlib.runs.results`), the sums of the other two files, what all
  manifests share, and one line per run, by seed and fold, with the rest. It is written last: a pack whose sums do not
  agree was damaged, or its writer killed, and counts as not there.
- ``.csv``: the histories of all runs, six significant digits.
- ``.safetensors``: ``utterances`` (zlib over JSON: utterance, speaker and emotion of each row of each test part),
  ``predicted`` (class indices, run after run) and ``<run>/<array>``, half precision: ``logits...`` of every run, all
  other arrays of the first seed only.
"""

import hashlib
import json
import re
import warnings
import zlib
from collections.abc import Mapping
from copy import deepcopy
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from serlib.files import write_whole
from serlib.runs.run import Run, halved, widened
from serlib.runs.sharing import join, split

FORMAT = 1
DATA = ("safetensors", "csv")
NAMED = ["utterance", "speaker", "emotion"]
Stamp = tuple[tuple[int, int], ...]


class PackedRun(NamedTuple):
    """Where a committed run lies: the pack's JSON file, its key, and how many seconds it took."""

    pack: Path
    key: str
    seconds: float


def place(results: Path, corpus: str, method: str, profile: str, scheme: str, *, folder: str | None = None) -> Path:
    """Return the JSON file of a pack under ``results``, there or not; ``folder``: instead of the corpus' own."""
    return results / (folder or slug(corpus)) / f"{slug(method)}.{slug(profile)}.{slug(scheme)}.json"


def slug(name: str) -> str:
    """Return a name as a file name: ``/`` becomes ``_``; anything stranger ``-``, with a hash to tell such names apart.

    >>> slug("center/mel-softmax+strong")
    'center_mel-softmax+strong'
    """
    plain = re.sub(r"[^A-Za-z0-9.+/-]|^\.", "-", name) or "-"
    return (plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}").replace("/", "_")


def position(manifest: dict) -> tuple[int, str]:
    """Return seed and fold name of a run: runs are in this order, which is the schemes' own."""
    return manifest["seed"], manifest["fold"]["name"]


def write(path: Path, runs: Mapping[str, Run], golden: dict[str, float] | None = None) -> None:
    """Write a pack, replacing an older one.

    Args:
        path: of :func:`place`.
        runs: key -> run, at least one, of one method, corpus, profile and scheme; one for each seed and fold.
        golden: values by which a test tells whether today's code would still make these runs.

    Raises:
        ValueError: for a prediction that is no class of the corpus.
    """
    keys = sorted(runs, key=lambda key: position(runs[key].manifest))
    first, tensors, parts = runs[keys[0]].manifest, {}, {}
    predicted, histories, records = [], [pd.DataFrame(columns=["seed", "fold"])], []
    for number, key in enumerate(keys):
        run, (seed, fold) = runs[key], position(runs[key].manifest)
        classes, rows = run.manifest["corpus"]["classes"], run.predictions[NAMED].itertuples(index=False)
        part = parts.setdefault(tuple(map(tuple, rows)), len(parts))
        predicted += map(classes.index, run.predictions["predicted"])
        kept = {n: a for n, a in run.arrays.items() if n.startswith("logits") or seed == first["seed"]}
        tensors |= {f"{number}/{name}": array for name, array in halved(kept).items()}
        histories.append(_rounded(run.history).assign(seed=seed, fold=fold))
        records.append({"columns": list(run.history), "manifest": run.manifest, "part": part})
    tensors["predicted"] = np.array(predicted, np.min_scalar_type(max(predicted, default=0)))
    tensors["utterances"] = np.frombuffer(zlib.compress(json.dumps(list(parts)).encode(), 9), np.uint8)
    # empty histories have no columns; left in, they would make floats of whole numbers
    table = pd.concat([h for h in histories if len(h)] or histories[:1], ignore_index=True)
    table = table[["seed", "fold", *table.columns.drop(["seed", "fold"])]]
    data = {"safetensors": save_tensors(tensors), "csv": table.to_csv(index=False, lineterminator="\n").encode()}
    shared, rest = split(records)
    head = {
        "format": FORMAT, "corpus": first["corpus"]["name"], "method": first["method"], "profile": first["profile"],
        "scheme": first["fold"]["scheme"], "golden": golden, "shared": shared,
        "sha256": {suffix: hashlib.sha256(content).hexdigest() for suffix, content in data.items()},
    }  # fmt: skip
    lines = (json.dumps({"key": key} | each, sort_keys=True) for key, each in zip(keys, rest, strict=True))
    text = json.dumps(head, indent=1, sort_keys=True).removesuffix("\n}") + ',\n "runs": [\n  '
    for suffix, content in (data | {"json": (text + ",\n  ".join(lines) + "\n ]\n}\n").encode()}).items():
        write_whole(path.with_suffix(f".{suffix}"), content)
    _keys.cache_clear()  # a folder's time stamp may be too coarse to tell


def _rounded(history: pd.DataFrame) -> pd.DataFrame:
    floats = history.select_dtypes("floating")
    return history.assign(**{name: [float(f"{value:.6g}") for value in floats[name]] for name in floats})


def head(path: Path) -> dict[str, Any]:
    """Return a pack's JSON, with each run's record whole: ``key``, ``manifest``, ``columns`` and ``part``.

    Raises:
        OSError: when there is none. ValueError: when it is damaged or of another format.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"{path.name} is no pack of format {FORMAT}")
    return found | {"runs": [join(found["shared"], record) for record in found["runs"]]}


def _stamp(path: Path) -> Stamp:
    """Return what changes whenever a pack does."""
    stats = [path.with_suffix(f".{suffix}").stat() for suffix in (*DATA, "json")]
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)


def whole(path: Path) -> bool:
    """Tell whether a pack is there and as it was written; a warning says when it is damaged, once."""
    try:
        return _whole(path, _stamp(path))
    except FileNotFoundError:
        return path.exists() and _told(path, "a file is missing")


def _told(path: Path, why: str) -> bool:
    warnings.warn(f"pack {path.stem} is damaged ({why}) and counts as not there", stacklevel=4)
    return False


@cache
def _whole(path: Path, _: Stamp) -> bool:
    try:
        sums = head(path)["sha256"]
        wrong = [s for s in DATA if hashlib.sha256(path.with_suffix(f".{s}").read_bytes()).hexdigest() != sums[s]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return _told(path, f"{path.name}: {error}")
    return not wrong or _told(path, ", ".join(f"{path.stem}.{suffix}" for suffix in wrong))


def find(shelf: Path, key: str) -> PackedRun | None:
    """Return where a run lies in a folder of packs, or None; quick for many keys, damaged packs are told."""
    if not shelf.is_dir():
        return None
    found = _keys(shelf, shelf.stat().st_mtime_ns).get(key)  # a file that is replaced touches its folder
    return found if found is not None and whole(found.pack) else None


@cache
def _keys(shelf: Path, _: int) -> dict[str, PackedRun]:
    """Return every run of every whole pack of a folder by its key."""
    found = {}
    for path in sorted(shelf.glob("[!.]*.json")):
        for record in head(path)["runs"] if whole(path) else ():
            found[record["key"]] = PackedRun(path, record["key"], record["manifest"].get("seconds", 0.0))
    return found


@lru_cache(maxsize=8)
def _read(path: Path, _: Stamp) -> dict[str, Run]:
    """Return the runs of a whole pack by key, in order; they belong to the cache."""
    tensors, found, start = load_tensors(path.with_suffix(".safetensors").read_bytes()), {}, 0
    parts = json.loads(zlib.decompress(tensors["utterances"].tobytes()))
    # a fold may be called NA
    table = pd.read_csv(path.with_suffix(".csv"), dtype={"fold": str}, keep_default_na=False, na_values=[""])
    histories = dict(list(table.groupby(["seed", "fold"])))
    own: dict[str, dict[str, np.ndarray]] = {}
    for name, array in tensors.items():
        own.setdefault(name.partition("/")[0], {})[name.partition("/")[2]] = array
    for number, record in enumerate(head(path)["runs"]):
        rows, manifest, columns = parts[record["part"]], record["manifest"], record["columns"]
        predictions = pd.DataFrame(rows, columns=NAMED)
        classes, indices = manifest["corpus"]["classes"], tensors["predicted"][start : start + len(rows)]
        predictions["predicted"] = [classes[i] for i in indices]
        history = histories.get(position(manifest), pd.DataFrame(columns=columns or None))
        found[record["key"]] = Run(
            manifest, predictions, history[columns].reset_index(drop=True), widened(own.get(str(number), {}))
        )
        start += len(rows)
    return found


def _own(run: Run) -> Run:
    """Return a copy, which its owner may change."""
    arrays = {name: array.copy() for name, array in run.arrays.items()}
    return Run(deepcopy(run.manifest), run.predictions.copy(), run.history.copy(), arrays)


def read(path: Path) -> dict[str, Run]:
    """Return the runs of a pack by key, in order of seed and fold; none where it is missing or damaged (told)."""
    return {key: _own(run) for key, run in _read(path, _stamp(path)).items()} if whole(path) else {}


def load(found: PackedRun) -> Run:
    """Return one run of a pack.

    Raises:
        OSError: when it is there no more.
    """
    run = _read(found.pack, _stamp(found.pack)).get(found.key) if whole(found.pack) else None
    if run is None:
        raise OSError(f"run {found.key} is no more in {found.pack.name}")
    return _own(run)
