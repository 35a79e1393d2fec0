"""Refusals that losses, networks and training share: each is a ValueError that says what came and what is allowed."""

from collections.abc import Iterable
from math import inf
from numbers import Integral, Real


def check_number(
    name: str, value: object, low: float, high: float = inf, *,
    integer: bool = False, open_low: bool = False, open_high: bool = False,
) -> None:  # fmt: skip
    """Refuse all but a finite number with low <= value <= high, or < at an end that is open. A bool is none."""
    valid = isinstance(value, Integral if integer else Real) and not isinstance(value, bool) and low <= value <= high
    if not valid or value == inf or (open_low and value == low) or (open_high and value == high):
        kind = "an integer" if integer else "a finite number"
        bounds = f"{'above' if open_low else 'of at least'} {low:g}"
        bounds += f", {'below' if open_high else 'at most'} {high:.6g}" if high < inf else ""
        raise ValueError(f"{name} is {value!r}; allowed is {kind} {bounds}")


def check_sizes(low: int = 1, **sizes: object) -> None:
    """Refuse all but whole numbers of at least ``low``."""
    for name, value in sizes.items():
        check_number(name, value, low, integer=True)


def check_dropout(**shares: object) -> None:
    """Refuse all but shares in [0, 1)."""
    for name, value in shares.items():
        check_number(name, value, 0, 1, open_high=True)


def check_row(name: str, values: object, count: int | None = None) -> None:
    """Refuse all but a list or tuple of whole numbers of at least 1, ``count`` of them where it is given."""
    fits = isinstance(values, list | tuple) and count in (None, len(values))
    if not fits or not all(isinstance(v, Integral) and not isinstance(v, bool) and v >= 1 for v in values):
        what = "whole numbers" if count is None else f"{count} whole numbers"
        raise ValueError(f"{name} is {values!r}; allowed is a list or tuple of {what} of at least 1")


def check_choice(name: str, value: object, allowed: Iterable[str]) -> None:
    """Refuse all but one of the ``allowed`` names."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} is {value!r}; allowed are {', '.join(allowed)}")


def check_flags(**flags: object) -> None:
    """Refuse all but True and False."""
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}; allowed are True and False")
