"""serlib: the thin library behind the notebooks on discriminative losses for speech emotion recognition.

The two doors that most readers need are re-exported here lazily, so that ``import serlib`` costs nothing
and training runs where only torch, numpy, pandas, scikit-learn and soundfile exist.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
_DOORS = {"load_corpus": "serlib.corpora", "cross_validate": "serlib.runs"}
_ROOMS = (
    "corpora", "features", "losses", "models", "geometry", "training", "methods", "protocol", "runs", "plots", "report",
)  # fmt: skip
__all__ = [*_DOORS, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _DOORS:
        return getattr(import_module(_DOORS[name]), name)
    if name in _ROOMS:
        return import_module(f"serlib.{name}")
    raise AttributeError(f"module 'serlib' has no attribute {name!r}; it has {', '.join(__all__)}")
