"""What records have in common, stored once."""

import json
from collections.abc import Sequence


def split(records: Sequence[dict]) -> tuple[dict, list[dict]]:
    """Return what all records share, at any depth, and what is left of each; :func:`join` undoes it."""
    shared, rest = {}, [{} for _ in records]
    for key in sorted(set().union(*records)):
        values = [record.get(key, ...) for record in records]
        if ... not in values and len({json.dumps(value, sort_keys=True) for value in values}) == 1:
            shared[key] = values[0]
            continue
        inside, left = split(values) if all(isinstance(v, dict) for v in values) else ({}, [])
        if inside:
            shared[key] = inside
        for each, value in zip(rest, left if inside else values, strict=True):
            if value is not ... and (value or not inside):
                each[key] = value
    return shared, rest


def join(shared: dict, rest: dict) -> dict:
    """Return a record of :func:`split`."""
    both = {k: join(shared[k], v) if k in shared and isinstance(v, dict) else v for k, v in rest.items()}
    return shared | both
