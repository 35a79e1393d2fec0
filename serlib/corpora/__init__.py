"""Corpora of emotional speech: the embedded synthetic one, EMO-DB, RAVDESS, IEMOCAP, and one's own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from inspect import signature
from os import PathLike
from pathlib import Path
from typing import Any

from serlib.corpora.check import CheckReport
from serlib.corpora.corpus import COLUMNS, Corpus, CorpusError
from serlib.corpora.emotions import meanings
from serlib.corpora.joined import join
from serlib.corpora.measure import build, measure
from serlib.corpora.scan import Survey, counts

SOURCES = ("synthetic", "emodb", "ravdess", "iemocap", "audb", "table")
LABELLED = ("audb", "table")  # of these ``emotions`` maps the labels
TEXTS = {  # options that are any text, each with an example
    "speaker_pattern": r"r'spk(\d+)'", "scheme": "'emotion'", "version": "'1.4.1'",
}  # fmt: skip
__all__ = ["COLUMNS", "SOURCES", "CheckReport", "Corpus", "CorpusError", "check", "join", "load_corpus"]


def load_corpus(
    name: str,
    root: str | PathLike | None = None,
    *,
    partial: bool = False,
    on_bad: str = "error",
    emotions: str | Sequence[str] | Mapping[str, str | None] | None = None,
    **options: Any,
) -> Corpus:
    """Load a corpus: its table of utterances, its classes and its fingerprint.

    Args:
        name: ``"synthetic"``, ``"emodb"``, ``"ravdess"``, ``"iemocap"``, ``"audb"`` or ``"table"``.
        root: where it lies; ``synthetic`` needs none, ``emodb`` is fetched when it has none; of ``audb`` the name of a
            published database.
        partial: accept that recordings which the corpus should have are missing.
        on_bad: ``"error"``, or ``"drop"``: all samples are read, and what is unreadable, silent, cut off, or too short
            for some network is left out, which is logged.
        emotions: names of those to keep, in a list or a text with commas; or a mapping that renames, merges, and
            leaves out what it maps to None. In audb and table it maps the labels, and ``"all"`` takes in calm,
            contempt, excitement, frustration and surprise besides the seven. None: the corpus as it is.
        **options: ``duplicates``, what becomes of a recording that came before under another name: ``"error"``,
            ``"drop"`` (usual for ravdess) or ``"keep"`` (usual for iemocap); others are those of
            ``serlib.corpora.synthetic.load`` or ``serlib.corpora.<name>.survey``.

    Raises:
        CorpusError: one for all that is wrong; nothing is half-loaded.
    """
    asked, means = _ask(name, root, emotions, options | {"partial": partial, "on_bad": on_bad})
    corpus = asked if isinstance(asked, Corpus) else build(asked, partial=partial, on_bad=on_bad)
    corpus = corpus.relabel({old: new for old, new in means.items() if new}) if means else corpus
    usual = {"partial": False, "on_bad": "error", "emotions": None}
    asked = options | {"partial": partial, "on_bad": on_bad, "emotions": emotions}
    return replace(corpus, asked={key: value for key, value in asked.items() if value != usual.get(key, ...)})


def check(name: str, root: str | PathLike | None = None, *, emotions: Any = None, **options: Any) -> CheckReport:
    """Compare what is under ``root`` with what is known of the corpus, and read all samples as features do.

    The arguments are those of ``load_corpus``; IEMOCAP is checked as a whole unless the options say otherwise.

    Raises:
        CorpusError: when there is nothing to report on.
    """
    whole = {"scenario": "all", "happiness": "hap+exc"} if name == "iemocap" else {}
    asked, _ = _ask(name, root, emotions, whole | options)
    if isinstance(asked, Corpus):
        folder, found = Path(asked.table["file"].iloc[0]).parent, counts(asked.table, "session", "emotion")
        return CheckReport(name, folder, asked.table, asked.classes, found)
    return measure(asked, samples=True)


def _choose(name: str, option: str, value: Any, allowed: Sequence) -> None:
    if not any(value is each or (isinstance(each, str) and value == each) for each in allowed):
        raise CorpusError(f"{name}: {option} is {value!r}; allowed are {', '.join(map(str, allowed))}")


def _ask(
    name: str, root: str | PathLike | None, emotions: Any, options: dict[str, Any]
) -> tuple[Survey | Corpus, dict[str, str | None]]:
    """Return a survey, or the synthetic corpus itself, and what is then still to be done to its emotions."""
    if name not in SOURCES:
        raise CorpusError(f"unknown corpus {name!r}; allowed are {', '.join(SOURCES)}")
    if not isinstance(root, str | PathLike | None) or root == "" or "\0" in str(root):  # "" would mean: here
        raise CorpusError(f"{name}: root is {root!r}; allowed is a path, such as 'corpora/{name}'")
    source = import_module(f"serlib.corpora.{name}")
    function = source.load if name == "synthetic" else source.survey
    known = {"partial", "on_bad", "emotions", "duplicates"} | {*signature(function).parameters} - {"root"}
    for option, value in options.items():
        if option not in known:
            raise CorpusError(f"{name}: unknown option {option!r}; allowed are {', '.join(sorted(known))}")
        if option in TEXTS and not isinstance(value, str):
            raise CorpusError(f"{name}: {option} is {value!r}; allowed is text, such as {TEXTS[option]}")
    _choose(name, "partial", options.pop("partial", False), (True, False))
    _choose(name, "on_bad", options.pop("on_bad", "error"), ("error", "drop"))
    duplicates = options.pop("duplicates", None)
    _choose(name, "duplicates", duplicates, (None, "error", "drop", "keep"))
    asked = function(root, **options, **({"emotions": emotions} if name in LABELLED else {}))
    asked = replace(asked, duplicates=duplicates) if duplicates and isinstance(asked, Survey) else asked
    if name in LABELLED or emotions is None:
        return asked, {}
    return asked, meanings(name, emotions, {each: each for each in asked.classes}, {})
