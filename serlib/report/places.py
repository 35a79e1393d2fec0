"""What an executed notebook says of the machine that it ran on: nothing, once this has gone over it."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from serlib import paths


def hide_places(found: Any, given: Iterable[str | None] = ()) -> Any:
    """Return strings, or lists and dicts of them at any depth, with this machine's folders left out.

    ``given`` folders, such as a corpus' root, are called by their last part, the project ``.``, the user's home ``~``
    and the folder of temporary files ``TMP``.
    """
    names = {str(paths.PROJECT): ".", str(Path.home()): "~", gettempdir(): "TMP"}
    names = {place: Path(place).name for place in given if place} | names
    places = sorted((place for place in names if len(Path(place).parts) > 1), key=len, reverse=True)
    # what comes before keeps the pattern out of pictures, whose base64 may hold any letters
    pattern = re.compile(rf"(?:(?<=file://)|(?<![\w+/.~-]))({'|'.join(map(re.escape, places))})(?![\w-])")
    return _replaced(found, lambda text: pattern.sub(lambda match: names[match[1]], text))


def _replaced(found: Any, change: Any) -> Any:
    if isinstance(found, str):
        return change(found)
    if isinstance(found, Mapping):
        return type(found)({key: _replaced(value, change) for key, value in found.items()})
    return [_replaced(each, change) for each in found] if isinstance(found, list) else found
