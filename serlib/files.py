"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def placed(root: str | Path | None, usual: Path) -> Path:
    """Return a folder as a path, ``~`` followed; None is the ``usual`` one, what is no path a ValueError."""
    if not isinstance(root, str | Path | None) or root == "" or "\0" in str(root):  # "" would mean: here
        raise ValueError(f"root is {root!r}; allowed are a path and None")
    return usual if root is None else Path(root).expanduser()


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file so that a reader finds the old one or the new one, never half of it; folders above it are made.

    Any number of processes may write the same file: the last one wins. A killed one leaves at most a hidden ``.tmp``.
    Where the file cannot be written, an OSError tells, and the old one stays.
    """
    path = Path(path)
    part = path.with_name(f".{uuid4().hex}.tmp")  # in the same folder: between file systems nothing is replaced at once
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with named(path):
            part.write_bytes(data)
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Have an OSError from inside name the path, where it names none, as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno and error.filename is None:
            error.filename = str(path)
        raise
