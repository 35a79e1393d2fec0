"""Corpora of emotional speech: the embedded synthetic one, EMO-DB, IEMOCAP, and one's own."""

from importlib import import_module
from inspect import signature
from os import PathLike
from pathlib import Path
from typing import Any

from serlib.corpora.check import CheckReport
from serlib.corpora.corpus import COLUMNS, Corpus, CorpusError
from serlib.corpora.scan import build, counts

SOURCES = ("synthetic", "emodb", "iemocap", "table")
__all__ = ["COLUMNS", "SOURCES", "CheckReport", "Corpus", "CorpusError", "check", "load_corpus"]


def load_corpus(name: str, root: str | PathLike | None = None, *, partial: bool = False, **options: Any) -> Corpus:
    """Load a corpus: its table of utterances, its classes and its fingerprint.

    Args:
        name: ``"synthetic"``, ``"emodb"``, ``"iemocap"`` or ``"table"``.
        root: where it lies; ``synthetic`` needs none, ``emodb`` is fetched when it has none.
        partial: accept that recordings which EMO-DB or IEMOCAP should have are missing.
        **options: of ``serlib.corpora.synthetic.load`` or ``serlib.corpora.<name>.survey``; others are refused.

    Raises:
        CorpusError: one for all that is wrong; nothing is half-loaded.
    """
    if not isinstance(partial, bool):
        raise CorpusError(f"{name}: partial is {partial!r}; allowed are True, False")
    asked = _ask(name, root, options)
    return asked if isinstance(asked, Corpus) else build(asked, partial=partial)


def check(name: str, root: str | PathLike | None = None, **options: Any) -> CheckReport:
    """Compare what is under ``root`` with what is known of the corpus, and read all audio.

    The arguments are those of ``load_corpus``; IEMOCAP is checked as a whole unless the options say otherwise.

    Raises:
        CorpusError: when there is nothing to report on.
    """
    asked = _ask(name, root, ({"scenario": "all", "happiness": "hap+exc"} if name == "iemocap" else {}) | options)
    if isinstance(asked, Corpus):
        folder, found = Path(asked.table["file"].iloc[0]).parent, counts(asked.table, "session", "emotion")
        return CheckReport(name, folder, asked.table, asked.classes, found)
    return CheckReport.of(asked)


def _ask(name: str, root: str | PathLike | None, options: dict[str, Any]) -> Any:
    """Return a survey, or the synthetic corpus itself."""
    if name not in SOURCES:
        raise CorpusError(f"unknown corpus {name!r}; allowed are {', '.join(SOURCES)}")
    source = import_module(f"serlib.corpora.{name}")
    function = source.load if name == "synthetic" else source.survey
    known = [option for option in signature(function).parameters if option != "root"]
    for option in options:
        if option not in known:
            raise CorpusError(f"{name}: unknown option {option!r}; allowed are {', '.join(known) or 'none'}")
    return function(root, **options)
