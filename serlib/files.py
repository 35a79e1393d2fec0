"""Files that appear whole or not at all."""

import os
from pathlib import Path
from uuid import uuid4


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file so that a reader finds the old one or the new one, never half of it; folders above it are made.

    Any number of processes may write the same file: the last one wins. A killed one leaves at most a hidden ``.tmp``.
    Where the file cannot be written, an OSError tells, and the old one stays.
    """
    path = Path(path)
    part = path.with_name(f".{uuid4().hex}.tmp")  # in the same folder: between file systems nothing is replaced at once
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
