"""Committed results, packed: all folds and seeds of one method, corpus, profile and scheme in three files.

``<corpus>/<method>.<profile>.<scheme>`` with

- ``.json``: the true names, ``golden`` (see :mod:`serlib.runs.results`), the sums of the other two files, what all
  manifests share, and the runs' keys, by seed and fold. It is written last: a pack whose sums do not agree was damaged,
  or its writer killed, and counts as not there.
- ``.csv.gz``: the histories of the first three seeds; six significant digits.
- ``.safetensors.gz``: ``runs`` (zlib over JSON: what the manifests do not share, run after run), ``utterances`` (the
  same: utterance, speaker and emotion of each row of each test part), ``predicted`` (class indices, run after run) and
  ``<run>/<array>``, half precision: ``logits`` of every run, what other endings would have said (``logits_...``) of the
  first three seeds, all other arrays of the first; of a *lean* pack ``logits`` alone.
"""

import gzip
import json
import re
import warnings
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from serlib.files import write_whole
from serlib.runs.run import Run, as_csv, halved, sha256, widened

FORMAT = 3
DATA = ("safetensors.gz", "csv.gz")
NAMED = ["utterance", "speaker", "emotion"]
SEVERAL = 3  # seeds of which more is kept than what they said
Stamp = tuple[tuple[int, int], ...]


class PackedRun(NamedTuple):
    """Where a committed run lies: the pack's JSON file, its key, and how many seconds it took."""

    pack: Path
    key: str
    seconds: float


def place(results: Path, corpus: str, method: str, profile: str, scheme: str) -> Path:
    """Return the JSON file of a pack under ``results``, there or not."""
    return results / slug(corpus) / f"{slug(method)}.{slug(profile)}.{slug(scheme)}.json"


def slug(name: str) -> str:
    """Return a name as a file name: ``/`` becomes ``_``; anything stranger ``-``, with a hash to tell such names apart.

    >>> slug("center/mel-softmax+strong")
    'center_mel-softmax+strong'
    """
    plain = re.sub(r"[^A-Za-z0-9.+/-]|^\.", "-", name) or "-"
    return (plain if plain == name else f"{plain}-{sha256(name.encode())[:6]}").replace("/", "_")


def position(manifest: dict) -> tuple[int, str]:
    """Return seed and fold name of a run: runs are in this order, which is the schemes' own."""
    return manifest["seed"], manifest["fold"]["name"]


def write(
    path: Path, runs: Mapping[str, Run], golden: dict[str, float] | None = None, *, lean: bool = False
) -> None:  # fmt: skip
    """Write a pack of runs by key, one for each seed and fold, at least one, replacing an older pack.

    ``golden``: by which a test tells whether today's code would still make them. ``lean``: of arrays the logits alone.
    A prediction that is no class of the corpus is a ValueError.
    """
    keys = sorted(runs, key=lambda key: position(runs[key].manifest))
    first, tensors, parts = runs[keys[0]].manifest, {}, {}
    predicted, histories, facts = [], [pd.DataFrame(columns=["seed", "fold"])], []
    seeds = sorted({run.manifest["seed"] for run in runs.values()})
    for number, key in enumerate(keys):
        run, (seed, fold) = runs[key], position(runs[key].manifest)
        classes, rows = run.manifest["corpus"]["classes"], run.predictions[NAMED].itertuples(index=False)
        part = parts.setdefault(tuple(map(tuple, rows)), len(parts))
        predicted += map(classes.index, run.predictions["predicted"])
        of_seeds = {name: 0 if lean else SEVERAL if name.startswith("logits_") else 1 for name in run.arrays}
        kept = {n: a for n, a in run.arrays.items() if n == "logits" or seed in seeds[: of_seeds[n]]}
        tensors |= {f"{number}/{name}": array for name, array in halved(kept).items()}
        if seed in seeds[:SEVERAL]:
            rounded = run.history.select_dtypes("floating").map(lambda value: float(f"{value:.6g}"))
            histories.append(run.history.assign(**rounded, seed=seed, fold=fold))
        facts.append({"columns": list(run.history), "manifest": run.manifest, "part": part})
    tensors["predicted"] = np.array(predicted, np.min_scalar_type(max(predicted, default=0)))
    shared, rest = split(facts)
    tensors |= {"utterances": _squeezed(list(parts)), "runs": _squeezed(rest)}
    # empty histories have no columns; left in, they would make floats of whole numbers
    table = pd.concat([h for h in histories if len(h)] or histories[:1], ignore_index=True)
    table = table[["seed", "fold", *table.columns.drop(["seed", "fold"])]]
    data = {DATA[0]: gzip.compress(save_tensors(tensors), mtime=0), DATA[1]: gzip.compress(as_csv(table), mtime=0)}
    head = {
        "format": FORMAT, "corpus": first["corpus"]["name"], "method": first["method"], "profile": first["profile"],
        "scheme": first["fold"]["scheme"], "golden": golden, "shared": shared,
        "sha256": {suffix: sha256(content) for suffix, content in data.items()}, "keys": keys,
    }  # fmt: skip
    for suffix, content in (data | {"json": (json.dumps(head, indent=1, sort_keys=True) + "\n").encode()}).items():
        write_whole(path.with_suffix(f".{suffix}"), content)


def _squeezed(records: list) -> np.ndarray:
    """Return records as an array of bytes: zlib over JSON."""
    return np.frombuffer(zlib.compress(json.dumps(records, sort_keys=True).encode(), 9), np.uint8)


def _unsqueezed(array: np.ndarray) -> list:
    return json.loads(zlib.decompress(array.tobytes()))


def split(records: Sequence[dict]) -> tuple[dict, list[dict]]:
    """Return what all records share, at any depth, and what is left of each; :func:`join` undoes it."""
    shared, rest = {}, [{} for _ in records]
    for key in sorted(set().union(*records)):
        values = [record.get(key, ...) for record in records]
        if ... not in values and len({json.dumps(value, sort_keys=True) for value in values}) == 1:
            shared[key] = values[0]
            continue
        inside, left = split(values) if all(isinstance(v, dict) for v in values) else ({}, [])
        if inside:
            shared[key] = inside
        for each, value in zip(rest, left if inside else values, strict=True):
            if value is not ... and (value or not inside):
                each[key] = value
    return shared, rest


def join(shared: dict, rest: dict) -> dict:
    """Return a record of :func:`split`."""
    both = {k: join(shared[k], v) if k in shared and isinstance(v, dict) else v for k, v in rest.items()}
    return shared | both


def head(path: Path) -> dict[str, Any]:
    """Return a pack's JSON: names, golden values, sums, what the manifests share, and the runs' keys.

    Raises:
        ValueError: when it is damaged or of another format; an OSError when there is none.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"{path.name} is no pack of format {FORMAT}")
    return found


def _stamp(path: Path) -> Stamp:
    """Return what changes whenever a pack does."""
    files = [path.with_suffix(f".{suffix}") for suffix in (*DATA, "json")]
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in (file.stat() for file in files if file.exists()))


def records(path: Path) -> dict[str, dict]:
    """Return by its key each run's ``manifest``, ``columns`` and ``part``; none where the pack is missing or damaged.

    A warning tells of damage, once.
    """
    return _records(path, _stamp(path)) if path.exists() else {}


@cache
def _records(path: Path, _: Stamp) -> dict[str, dict]:
    try:
        found, rest = head(path), []
        files = {suffix: path.with_suffix(f".{suffix}") for suffix in DATA}
        wrong = [file.name for suffix, file in files.items() if sha256(file.read_bytes()) != found["sha256"][suffix]]
        if not wrong:
            rest = _unsqueezed(_tensors(path)["runs"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        wrong = [f"{path.name}: {error}"]
    if wrong:
        warnings.warn(f"pack {path.stem} is damaged ({', '.join(wrong)}) and counts as not there", stacklevel=4)
    return {} if wrong else {k: join(found["shared"], each) for k, each in zip(found["keys"], rest, strict=True)}


def _tensors(path: Path) -> dict[str, np.ndarray]:
    return load_tensors(gzip.decompress(path.with_suffix(f".{DATA[0]}").read_bytes()))


def listed(path: Path) -> set[str]:
    """Return the keys that a pack says it holds, damaged or not; none where not even its JSON can be read."""
    try:
        return {*head(path)["keys"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


@lru_cache(maxsize=8)
def _read(path: Path, _: Stamp) -> dict[str, Run]:
    """Return the runs of a whole pack by key, in order; they belong to the cache."""
    tensors, found, start = _tensors(path), {}, 0
    parts, predicted = _unsqueezed(tensors.pop("utterances")), tensors.pop("predicted")
    # a fold may be called NA
    table = pd.read_csv(path.with_suffix(".csv.gz"), dtype={"fold": str}, keep_default_na=False, na_values=[""])
    of = [table.pop(name) for name in ("seed", "fold")]
    histories = {at: history.reset_index(drop=True) for at, history in table.groupby(of)}
    empty = cache(lambda *names: pd.DataFrame(columns=[*names] or None))
    # pandas puts values into a column that is there in a third of the time in which it adds one
    named = [pd.DataFrame(part, columns=NAMED).assign(predicted="") for part in parts]
    own = defaultdict(dict)  # by a run's number
    del tensors["runs"]
    for name, array in tensors.items():
        number, _, what = name.partition("/")
        own[int(number)][what] = array
    for number, (key, record) in enumerate(records(path).items()):
        rows, manifest, columns = named[record["part"]], record["manifest"], record["columns"]
        said = pd.array(manifest["corpus"]["classes"], "str").take(predicted[start : start + len(rows)])
        history = histories.get(position(manifest))
        history = empty(*columns) if history is None else history if [*history] == columns else history[columns]
        found[key] = Run(manifest, rows.assign(predicted=said), history, widened(own[number]))
        start += len(rows)
    return found


def read(path: Path) -> dict[str, Run]:
    """Return the runs of a pack by key, in order of seed and fold; none where it is missing or damaged (told)."""
    return deepcopy(_read(path, _stamp(path))) if records(path) else {}


def load(found: PackedRun) -> Run:
    """Return one run of a pack; an OSError tells that it is there no more."""
    if found.key not in records(found.pack):
        raise OSError(f"run {found.key} is no more in {found.pack.name}")
    return deepcopy(_read(found.pack, _stamp(found.pack))[found.key])
