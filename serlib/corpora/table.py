"""Bring your own corpus: a CSV table, an audformat database, or a folder per emotion."""

import os
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from io import StringIO
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd
from pandas.errors import ParserWarning

from serlib.corpora.corpus import CorpusError
from serlib.corpora.emotions import EMOTIONS, MORE, meanings, ordered, spellings, unknown
from serlib.corpora.scan import SUFFIXES, Survey, counts, files, frame, listed, located, shown

if TYPE_CHECKING:
    import audformat

SEXES = {"female": "female", "f": "female", "male": "male", "m": "male"}
OPTIONAL = ("sex", "session", "sentence", "take", "start", "end")
FORMS = "a CSV file, a folder with an audformat db.yaml, a folder of folders named by emotion"
EMPTY = ("", "nan", "none", "null", "n/a", "<na>")  # how programs write what they do not know


def survey(
    root: str | PathLike | None,
    *,
    speaker_pattern: str | None = None,
    emotions: str | Sequence[str] | Mapping[str, str | None] | None = None,
    scheme: str = "emotion",
) -> Survey:
    r"""Read labels and paths of a corpus of one's own.

    Args:
        root: one of three. A CSV file (commas, semicolons, tabs or bars; UTF-8 or UTF-16) with the columns file,
            emotion, speaker, and if wanted sex (or gender), session, sentence, take, start, end (seconds); files are
            relative to the CSV file. Or the folder of an audformat database (extra ``corpora``). Or a folder that
            holds ``<emotion>/**/*.wav`` (or flac, ogg), links followed.
        speaker_pattern: regular expression that finds the speaker in the file as the table names it: the group
            called ``speaker``, else the first group, else all of the match. Groups called like optional columns
            fill those, as in ``r"(?P<speaker>\d+)(?P<sentence>[ab]\d\d)"``. Columns of the table go first.
        emotions: what other spellings mean, as in ``{"excited": "happiness", "calm": None}``; None leaves them out.
            Or names: those alone; ``"all"``: see ``load_corpus``.
        scheme: the audformat scheme of the emotion.

    Raises:
        CorpusError: for a root that is none of the three, a column that is missing or doubled, a file without a
            speaker, a speaker of both sexes, an unknown emotion or sex, a time that is no number.
    """
    path = located(root or "")
    if root is None or not os.path.exists(path):  # which takes too long a name for one that is not there
        what = "no root is given" if root is None else f"there is no {path}"
        raise CorpusError(f"table: {what}; allowed are {FORMS}")
    try:
        re.compile(speaker_pattern or "")
    except re.error as error:
        raise CorpusError(f"table: speaker_pattern {speaker_pattern!r} is no regular expression ({error})") from error
    means = meanings("table", emotions, spellings(EMOTIONS), spellings(MORE))
    base = path.parent if path.is_file() else path
    read = _csv if path.is_file() else partial(_audformat, scheme) if (path / "db.yaml").is_file() else _folders
    given, note = read(path)
    return surveyed("table", base, given, means, note, speaker_pattern, shown_as=path)


def surveyed(
    name: str, base: Path, given: pd.DataFrame, means: Mapping[str, str | None], note: str, speaker_pattern: str | None,
    *, shown_as: Path | None = None,
) -> Survey:  # fmt: skip
    """Check and complete the rows of a table, whose files are relative to ``base``; ``means``: label to emotion."""
    if "speaker" not in given and speaker_pattern is None:
        needed = r"a column speaker, or the option speaker_pattern, such as r'spk(\d+)'"
        raise CorpusError(f"{name}: {shown_as or base} names no speakers; needed is {needed}")
    table = frame([_row(name, base, row, speaker_pattern) for row in given.to_dict("records")])
    labels = table["raw_label"].str.lower()
    if len(strange := table[~labels.isin(list(means))]):
        raise CorpusError(f"{name}: {unknown(strange, base)}")
    table = table.assign(emotion=labels.map(means)).dropna(subset="emotion")
    both = table.groupby("speaker")["sex"].nunique().loc[lambda sexes: sexes > 1].index.tolist()
    if both:
        raise CorpusError(f"{name}: {shown_as or base} gives both sexes to the speakers {listed(both, len(both))}")
    found = counts(table, "speaker" if table["session"].isna().any() else "session", "emotion")
    return Survey(name, base, table, ordered(table["emotion"]), found, notes=(note,) if note else ())


def _csv(path: Path) -> tuple[pd.DataFrame, str]:
    """Return a table and a note of what is left out, as the two below do."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        separator = max(",;\t|", key=text.lstrip().partition("\n")[0].count)
        how = {"sep": separator, "dtype": str, "keep_default_na": False, "skipinitialspace": True}
        names = pd.read_csv(StringIO(text), header=None, nrows=1, **how).iloc[0].str.strip().str.lower().tolist()
        with warnings.catch_warnings(record=True) as wide:
            warnings.simplefilter("always", ParserWarning)
            table = pd.read_csv(StringIO(text), index_col=False, **how)
    except ValueError as error:  # pandas' parser errors and bad UTF
        raise CorpusError(f"table: {path} is no CSV in UTF-8 or UTF-16 ({error}); allowed are {FORMS}") from error
    names = ["sex" if name == "gender" and "sex" not in names else name for name in names]
    needed = f"needed are file, emotion, speaker; allowed besides are {', '.join(OPTIONAL)}, each once"
    if not {"file", "emotion"} <= set(names) or len(set(names)) < len(names):
        raise CorpusError(f"table: {path} has the columns {', '.join(names)}; {needed}")
    more = [name for name in names if name not in ("", "file", "emotion", "speaker", *OPTIONAL)]
    notes = [f"columns that are not read: {', '.join(more)}"] * bool(more)
    notes += ["rows with more cells than the first: these are not read (a comma in a name needs quotes)"] * bool(wide)
    return table.set_axis(names, axis=1), "; ".join(notes)


def _folders(path: Path) -> tuple[pd.DataFrame, str]:
    found, others = [], Counter()
    for file in (each.relative_to(path) for each in files(path)):
        if str(file) != str(file).encode(errors="replace").decode():
            others["of names that are not UTF-8"] += 1
        elif file.suffix.lower() in SUFFIXES:
            found.append({"file": file.as_posix(), "emotion": file.parts[0]})
        else:
            others[file.suffix.lower() or "without a suffix"] += 1
    if not found:
        raise CorpusError(f"table: {path} holds no {', '.join(SUFFIXES)} files; allowed are {FORMS}")
    said = ", ".join(f"{count} {what}" for what, count in sorted(others.items()))
    return pd.DataFrame(found), f"files left out: {said}; read are {', '.join(SUFFIXES)}" if others else ""


def _audformat(scheme: str, path: Path) -> tuple[pd.DataFrame, str]:
    # audformat prefers a table's pickled copy, and reading a pickle can run code: show it the other files only.
    with TemporaryDirectory() as copy:
        for file in [path / "db.yaml", *path.glob("db.*.csv"), *path.glob("db.*.parquet")]:
            shutil.copy(file, copy)
        try:
            import audformat

            database = audformat.Database.load(copy, load_data=True)
            table = labelled(database, scheme)
        except ImportError as error:
            raise CorpusError(f"table: {path} needs pip install -e '.[corpora]'; allowed are {FORMS}") from error
        except Exception as error:
            raise CorpusError(f"table: audformat cannot read {path} ({error}); allowed are {FORMS}") from error
    if not len(table):
        raise CorpusError(f"table: {path} has no scheme {scheme!r}; allowed are {', '.join(database.schemes)}")
    return table, ""


def labelled(database: "audformat.Database", scheme: str, tables: Sequence[str] | None = None) -> pd.DataFrame:
    """Return file, start, end, emotion, speaker (if there are any), sex and session of what a database labels."""
    import audformat

    found = database.get(scheme, ["speaker", "sex", "gender", "session"], tables=tables)
    found.index = audformat.utils.to_segmented_index(found.index)
    table = found.astype(object).rename(columns={scheme: "emotion"}).reset_index()
    table["sex"] = table["sex"].fillna(table.pop("gender"))
    table["start"], table["end"] = (pd.to_timedelta(table[c]).dt.total_seconds() for c in ("start", "end"))
    return table if table["speaker"].notna().any() else table.drop(columns="speaker")


def _row(name: str, base: Path, given: dict, pattern: str | None) -> dict:
    """Complete and check one line of a table; its emotion is not yet known."""
    file = str(given["file"]).strip()
    given = {key: str(value).strip() for key, value in given.items() if pd.notna(value)}
    given = _matched(name, file, pattern) | {key: value for key, value in given.items() if value.lower() not in EMPTY}
    if "speaker" not in given:
        raise CorpusError(f"{name}: {file} has no speaker; every utterance needs one")
    sex = given.get("sex")
    if sex is not None and sex.lower() not in SEXES:
        raise CorpusError(f"{name}: {file} has the unknown sex {sex!r}; allowed are {', '.join(SEXES)}, or none")
    try:
        times = {c: float(given[c]) for c in ("start", "end") if c in given}
    except ValueError as error:
        raise CorpusError(f"{name}: {file}: start and end must be seconds, or none ({error})") from error
    segment = f"#{given.get('start', '0')}-{given.get('end', '')}" if times.get("start") or "end" in times else ""
    labels = {"raw_label": given.get("emotion", ""), "sex": sex and SEXES[sex.lower()]}
    file = base / os.path.expanduser(file)
    return given | times | labels | {"utterance": shown(file, base) + segment, "file": str(file)}


def _matched(name: str, file: str, pattern: str | None) -> dict[str, str]:
    """Return what the pattern tells of a file: the speaker, and the optional columns that it names."""
    if pattern is None:
        return {}
    match = re.search(pattern, file)
    named = {key: value for key, value in match.groupdict().items() if value} if match else {}
    if match and "speaker" not in match.re.groupindex:
        named["speaker"] = match[1] if match.re.groups else match[0]
    if not named.get("speaker"):
        raise CorpusError(f"{name}: speaker_pattern {pattern!r} finds no speaker in {file}; it must match every file")
    return named
