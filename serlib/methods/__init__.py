"""Methods: one file per paper; each says which features, network, loss and recipe, with the three profiles."""

from functools import cache
from importlib import import_module

from serlib.methods.base import PROFILES, Method, Outcome
from serlib.methods.settings import UNDER

FILES = ("angular", "baselines", "center", "dcaen", "equal", "focal", "multidilated")
__all__ = ["PROFILES", "Method", "Outcome", "get", "names"]


@cache
def _all() -> dict[str, Method]:
    return {m.name: m for file in FILES for m in import_module(f"{__name__}.{file}").METHODS}


def names() -> list[str]:
    """Return the names of all methods, ``<file>/<variant>``."""
    return list(_all())


def get(name: str) -> Method:
    """Return a method by name; behind it ``+`` and a name of ``VARIANTS`` ask for its variants (in any order).

    An unknown name, a doubled variant and two losses are ValueErrors.
    """
    plain, *suffixes = name.split("+") if isinstance(name, str) else [""]
    if plain not in _all():
        near = [n for n in _all() if n.startswith(plain.split("/")[0] + "/")] or [f"{file}/..." for file in FILES]
        raise ValueError(f"unknown method {name!r}; known are {', '.join(near)}")
    if len(set(suffixes)) < len(suffixes):
        raise ValueError(f"{name!r} names a variant twice; allowed is each once")
    if (losses := sum(suffix in UNDER for suffix in suffixes)) > 1:
        raise ValueError(f"{name!r} names {losses} losses; allowed is one")
    method = _all()[plain]
    for suffix in sorted(suffixes, key=lambda each: (each in UNDER, each), reverse=True):  # one name for one recipe:
        method = method.variant(suffix)  # the loss, strong, speaker
    return method
