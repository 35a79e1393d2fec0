"""Any database of emotional speech that is published with audb, by its name: https://audeering.github.io/datasets."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serlib.corpora.corpus import CorpusError
from serlib.corpora.emotions import EMOTIONS, MORE, meanings, spellings
from serlib.corpora.scan import Survey
from serlib.corpora.table import SEXES, labelled, surveyed
from serlib.paths import cache_dir

if TYPE_CHECKING:
    import audformat


def survey(
    root: str | PathLike | None,
    *,
    version: str | None = None,
    scheme: str | None = None,
    tables: str | Sequence[str] | None = None,
    speaker_pattern: str | None = None,
    emotions: str | Sequence[str] | Mapping[str, str | None] | None = None,
) -> Survey:
    """Read the labels of a published database, and fetch the recordings that have one into the cache.

    The corpus is called ``audb-`` and its name. Speakers are those of the scheme ``speaker``, sexes those of ``sex`` or
    ``gender`` (others than female and male: unknown), in whatever table they are. What each label is taken for is told.

    Args:
        root: name of the database, such as ``"emodb"``.
        version: such as ``"1.4.1"``; None: the newest.
        scheme: audformat scheme of the emotion; None: ``emotion``, or else the only one with labels that are emotions.
        tables: names, in a list or a text with commas, of those whose labels are read; None: all.
        speaker_pattern: as of ``serlib.corpora.table.survey``.
        emotions: as of ``serlib.corpora.table.survey``.

    Raises:
        CorpusError: without audb; for an unknown database, version or table, or one that cannot be fetched; where no
            scheme is of emotions, or several are; and as of ``serlib.corpora.table.survey``.
    """
    if root is None:
        raise CorpusError("audb: no root is given; needed is the name of a published database, such as emodb")
    name = f"audb-{root}"
    means = meanings(name, emotions, spellings(EMOTIONS), spellings(MORE))
    database = _fetch("load", root, version=version, only_metadata=True, full_path=False, pickle_tables=False)
    version = database.meta["audb"]["version"]
    names = tables.split(",") if isinstance(tables, str) else list(database.tables) if tables is None else tables
    if not isinstance(names, Sequence) or not names or not set(names) <= set(database.tables):
        raise CorpusError(f"{name}: tables is {tables!r}; allowed are some of {', '.join(database.tables)}")
    scheme = _emotional(name, database, names, scheme)
    try:
        given = labelled(database, scheme, names)
    except ValueError as error:
        why = f"its tables disagree ({' '.join(str(error).split())}); tables= chooses some of {', '.join(names)}"
        raise CorpusError(f"{name}: {why}") from error
    empty = int(given["emotion"].isna().sum())
    given = given.dropna(subset="emotion")
    given["sex"] = given["sex"].where(given["sex"].astype(str).str.lower().isin(list(SEXES)), None)
    labels = given["emotion"].value_counts().sort_index().items()
    told = [f"{label} is {means.get(str(label).lower()) or 'left out'} ({n})" for label, n in labels]
    told += [f"{empty} have no label"] * (empty > 0)
    note = f"version {version}, scheme {scheme}: {', '.join(told)}"
    found = surveyed(name, Path(database.root), given, means, note, speaker_pattern)
    files = [Path(file).relative_to(found.root).as_posix() for file in found.rows["file"].unique()]
    _fetch("load_media", root, files, version=version)
    return found


def _emotional(name: str, database: "audformat.Database", tables: Sequence[str], wanted: str | None) -> str:
    """Return the scheme of the emotion among those that the tables use."""
    columns = [column.scheme_id or key for each in tables for key, column in database[each].columns.items()]
    used, words = dict.fromkeys(columns), {*spellings(EMOTIONS), *spellings(MORE)}
    if (wanted or "emotion") in used:
        return wanted or "emotion"
    labels = {each: map(str, database.schemes[each].labels_as_list) for each in used if each in database.schemes}
    likely = [each for each, known in labels.items() if len(words & set(map(str.lower, known))) > 1]
    if wanted is None and len(likely) == 1:
        return likely[0]
    what = f"no scheme {wanted!r}" if wanted else f"{len(likely) or 'no'} schemes look like emotions"
    raise CorpusError(f"{name}: {what}; scheme= chooses one of {', '.join(used)}")


def _fetch(what: str, root: str | PathLike, *arguments: Any, version: str | None, **options: Any) -> Any:
    """Call one of audb's loaders, which fetches what is not yet in the cache."""
    try:
        import audb
    except ImportError as error:
        raise CorpusError(f"audb: {root} needs pip install -e '.[corpora]'") from error
    cache = cache_dir() / "audb"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        found = getattr(audb, what)(
            str(root), *arguments, version=version, cache_root=str(cache), verbose=False, **options
        )
    except Exception as error:  # every server of audb fails in its own way
        there = ", ".join(audb.versions(str(root))) or "none: is the name right, and is this machine online?"
        told = f"{root} {version or ''}".rstrip()
        raise CorpusError(f"audb: cannot fetch {told} ({error}); there are the versions {there}") from error
    if found is None:
        raise CorpusError(f"audb: another process holds {cache / str(root)}; try again")
    return found
