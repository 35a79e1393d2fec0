"""``key=value`` on the command line."""

import contextlib
import json
from collections.abc import Sequence
from typing import Any


def pairs(texts: Sequence[str]) -> dict[str, Any]:
    """Turn ``key=value`` texts into loader options; values are JSON (``partial=true``) or else plain text."""
    if wrong := [text for text in texts if "=" not in text]:
        raise ValueError(f"option {wrong[0]!r} is not key=value, such as scenario=improvised")
    options: dict[str, Any] = dict(text.split("=", 1) for text in texts)
    if own := {"root", "name"} & set(options):
        raise ValueError(f"option {min(own)!r} is said by --root and the corpus' name, not by --option")
    for key, value in options.items():
        with contextlib.suppress(ValueError):
            options[key] = json.loads(value)
    return options
