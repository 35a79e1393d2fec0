"""Methods: one file per paper; each says which features, network, loss and recipe, with the three profiles."""

from functools import cache
from importlib import import_module
from pathlib import Path

from serlib.methods.base import PROFILES, Method, Outcome

_FRAMES = {"__init__", "adapted", "attentive", "base", "dual", "neural", "segmented", "stages"}
__all__ = ["PROFILES", "Method", "Outcome", "get", "names"]


@cache
def _all() -> dict[str, Method]:
    """Return every method by name, from every file in this folder that is not part of the frame."""
    files = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in _FRAMES)
    return {m.name: m for stem in files for m in import_module(f"{__name__}.{stem}").METHODS}


def names() -> list[str]:
    """Return the names of all methods, ``<file>/<variant>``."""
    return list(_all())


def get(name: str) -> Method:
    """Return a method by name.

    Raises:
        ValueError: for an unknown name; the message lists those of the same file, or the files.
    """
    if name not in _all():
        family = name.split("/")[0]
        near = [n for n in _all() if n.startswith(family + "/")] or sorted({n.split("/")[0] + "/..." for n in _all()})
        raise ValueError(f"unknown method {name!r}; known are {', '.join(near)}")
    return _all()[name]
