"""A shelf is a folder of packs: in which of them a run lies."""

import os
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

from serlib.runs import pack
from serlib.runs.pack import PackedRun


def find(shelf: Path, key: str) -> PackedRun | None:
    """Return where a run lies in a folder of packs, or None; a damaged pack that lists it, or lists none, is told."""
    if not shelf.is_dir():
        return None
    with os.scandir(shelf) as there:
        heads = [file for file in there if file.name.endswith(".json") and not file.name.startswith(".")]
        stamps = sorted((file.name, (stat := file.stat()).st_mtime_ns, stat.st_size) for file in heads)
    for name in _holders(shelf, tuple(stamps)).get(key, ()):
        if key in (known := pack.records(shelf / name)):
            return PackedRun(shelf / name, key, known[key]["manifest"].get("seconds", 0.0))
    return None


@lru_cache(maxsize=64)
def _holders(shelf: Path, heads: tuple[tuple[str, int, int], ...]) -> dict[str, list[str]]:
    """Return by its key the JSON files, by name, that list a run; those that cannot be read are told."""
    found = defaultdict(list)
    for name, *_ in heads:
        for key in pack.listed(shelf / name) or pack.records(shelf / name):  # the latter says what is wrong
            found[key].append(name)
    return dict(found)
