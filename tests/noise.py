"""Stand-ins for EMO-DB: all its names, with noise in them."""

import hashlib
import io
import wave
from collections.abc import Iterable
from pathlib import Path

from serlib.corpora import emodb


def recording(name: str) -> bytes:
    """A wav file of 0.64 s with noise of its own, in few bytes: 160 samples at 250 Hz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(250)
        out.writeframes(hashlib.shake_256(name.encode()).digest(320))
    return file.getvalue()


def fill(folder: Path, names: Iterable[str] = emodb.NAMES) -> None:
    """Write a recording of its own for every name."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.wav").write_bytes(recording(name))
