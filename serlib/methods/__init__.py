"""Methods: one file per paper; each says which features, network, loss and recipe, with the three profiles."""

from functools import cache
from importlib import import_module
from pathlib import Path

from serlib.methods.base import PROFILES, Method, Outcome

_FRAMES = {
    "__init__", "base", "dual", "model", "neural", "probes", "reading", "recipe", "resolve", "scaling", "variants",
}  # fmt: skip
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
    """Return a method by name; ``+strong`` and ``+speaker`` behind it ask for its variants (also both, in any order).

    Raises:
        ValueError: for an unknown name, listing those of the same file, or the files, and for a doubled variant.
    """
    plain, *suffixes = name.split("+")
    if plain not in _all():
        family = plain.split("/")[0]
        near = [n for n in _all() if n.startswith(family + "/")] or sorted({n.split("/")[0] + "/..." for n in _all()})
        raise ValueError(f"unknown method {name!r}; known are {', '.join(near)}")
    if len(set(suffixes)) < len(suffixes):
        raise ValueError(f"{name!r} names a variant twice; allowed is each once")
    method = _all()[plain]
    for suffix in sorted(suffixes, reverse=True):  # one name for one recipe: strong before speaker
        method = method.variant(suffix)
    return method
