"""Bring your own corpus: a CSV table, an audformat database, or a folder per emotion."""

import re
import shutil
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from serlib.corpora.corpus import CorpusError
from serlib.corpora.scan import Survey, counts, frame, shown

# The names that the project shows, each with other spellings of it.
EMOTIONS = {
    "anger": "angry ang", "boredom": "bored bor", "disgust": "disgusted dis", "fear": "fearful afraid anxiety fea",
    "happiness": "happy hap joy joyful", "neutral": "neu", "sadness": "sad",
}  # fmt: skip
SPELLINGS = {spelling: emotion for emotion, others in EMOTIONS.items() for spelling in [emotion, *others.split()]}
SEXES = {"female": "female", "f": "female", "male": "male", "m": "male"}
SUFFIXES = (".wav", ".flac", ".ogg")
OPTIONAL = ("sex", "session", "sentence", "take", "start", "end")
FORMS = "a CSV file, a folder with an audformat db.yaml, a folder of folders named by emotion"


def survey(
    root: str | PathLike | None,
    *,
    speaker_pattern: str | None = None,
    emotions: Mapping[str, str | None] | None = None,
    scheme: str = "emotion",
) -> Survey:
    r"""Read labels and paths of a corpus of one's own.

    Args:
        root: one of three. A CSV file with the columns file, emotion, speaker, and if wanted sex, session, sentence,
            take, start, end (seconds); files are relative to the CSV file. Or the folder of an audformat database
            (extra ``corpora``). Or a folder that holds ``<emotion>/**/*.wav`` (or flac, ogg).
        speaker_pattern: regular expression that finds the speaker in the file as the table names it: the group
            called ``speaker``, else the first group, else all of the match. Groups called like optional columns
            fill those, as in ``r"(?P<speaker>\d+)(?P<sentence>[ab]\d\d)"``. Columns of the table go first.
        emotions: what other spellings mean, as in ``{"excited": "happiness", "calm": None}``; None leaves them out.
        scheme: the audformat scheme of the emotion.

    Returns:
        Classes are the emotions that occur: the project's in alphabetical order, then others from ``emotions``.

    Raises:
        CorpusError: for a missing column or speaker, an unknown emotion or sex, a time that is no number.
    """
    path = Path(root or "").expanduser().resolve()
    if root is None or not path.exists():
        what = "no root is given" if root is None else f"there is no {path}"
        raise CorpusError(f"table: {what}; allowed are {FORMS}")
    try:
        re.compile(speaker_pattern or "")
    except re.error as error:
        raise CorpusError(f"table: speaker_pattern {speaker_pattern!r} is no regular expression ({error})") from error
    base = path.parent if path.is_file() else path
    database = (path / "db.yaml").is_file()
    given = _csv(path) if path.is_file() else _audformat(path, scheme) if database else _folders(path)
    if "speaker" not in given and speaker_pattern is None:
        needed = r"a column speaker, or the option speaker_pattern, such as r'spk(\d+)'"
        raise CorpusError(f"table: {path} names no speakers; needed is {needed}")
    spellings = SPELLINGS | {spelling.lower(): emotion for spelling, emotion in (emotions or {}).items()}
    rows = [_row(base, row, speaker_pattern, spellings) for row in given.to_dict("records")]
    table = frame([row for row in rows if row["emotion"] is not None])
    classes = sorted(set(table["emotion"]), key=lambda emotion: (emotion not in EMOTIONS, emotion))
    group = "speaker" if table["session"].isna().any() else "session"
    return Survey("table", base, table, tuple(classes), counts(table, group, "emotion"))


def _csv(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig")
    except ValueError as error:  # pandas' parser errors and bad UTF-8
        raise CorpusError(f"table: {path} is no CSV in UTF-8 ({error}); allowed are {FORMS}") from error
    if not {"file", "emotion"} <= set(table):
        needed = f"needed are file, emotion, speaker; allowed besides are {', '.join(OPTIONAL)}"
        raise CorpusError(f"table: {path} has the columns {', '.join(table)}; {needed}")
    return table


def _folders(path: Path) -> pd.DataFrame:
    found = [p.relative_to(path) for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES]
    found = [p for p in found if not any(part.startswith(".") for part in p.parts)]
    if not found:
        raise CorpusError(f"table: {path} holds no {', '.join(SUFFIXES)} files; allowed are {FORMS}")
    return pd.DataFrame({"file": [p.as_posix() for p in found], "emotion": [p.parts[0] for p in found]})


def _audformat(path: Path, scheme: str) -> pd.DataFrame:
    # audformat prefers a table's pickled copy, and reading a pickle can run code: show it the other files only.
    with TemporaryDirectory() as copy:
        for file in [path / "db.yaml", *path.glob("db.*.csv"), *path.glob("db.*.parquet")]:
            shutil.copy(file, copy)
        try:
            import audformat

            database = audformat.Database.load(copy, load_data=True)
            found = database.get(scheme, ["speaker", "sex", "gender", "session"])
            found.index = audformat.utils.to_segmented_index(found.index)
        except ImportError as error:
            raise CorpusError(f"table: {path} needs pip install -e '.[corpora]'; allowed are {FORMS}") from error
        except Exception as error:
            raise CorpusError(f"table: audformat cannot read {path} ({error}); allowed are {FORMS}") from error
    if not len(found):
        raise CorpusError(f"table: {path} has no scheme {scheme!r}; allowed are {', '.join(database.schemes)}")
    table = found.astype(object).rename(columns={scheme: "emotion"}).reset_index()
    table["sex"] = table["sex"].fillna(table.pop("gender"))
    table["start"], table["end"] = (pd.to_timedelta(table[c]).dt.total_seconds() for c in ("start", "end"))
    return table if table["speaker"].notna().any() else table.drop(columns="speaker")


def _row(base: Path, given: dict, pattern: str | None, spellings: Mapping[str, str | None]) -> dict:
    """Complete and check one line of a table."""
    file = str(given["file"])
    given = {key: str(value).strip() for key, value in given.items() if pd.notna(value) and str(value).strip()}
    given = _matched(file, pattern) | given
    if "speaker" not in given:
        raise CorpusError(f"table: {file} has no speaker; every utterance needs one")
    raw, sex = given.get("emotion", ""), given.get("sex")
    if raw.lower() not in spellings:
        allowed = f"{', '.join(EMOTIONS)}, their usual spellings, and those of the option emotions"
        raise CorpusError(f"table: {file} has the unknown emotion {raw!r}; allowed are {allowed}")
    if sex is not None and sex.lower() not in SEXES:
        raise CorpusError(f"table: {file} has the unknown sex {sex!r}; allowed are {', '.join(SEXES)}, or none")
    try:
        times = {c: float(given[c]) for c in ("start", "end") if c in given}
    except ValueError as error:
        raise CorpusError(f"table: {file}: start and end must be seconds, or none ({error})") from error
    segment = f"#{given.get('start', '0')}-{given.get('end', '')}" if times.get("start") or "end" in times else ""
    labels = {"emotion": spellings[raw.lower()], "raw_label": raw, "sex": sex and SEXES[sex.lower()]}
    return given | times | labels | {"utterance": shown(base / file, base) + segment, "file": str(base / file)}


def _matched(file: str, pattern: str | None) -> dict[str, str]:
    """Return what the pattern tells of a file: the speaker, and the optional columns that it names."""
    if pattern is None:
        return {}
    match = re.search(pattern, file)
    if match is None:
        raise CorpusError(f"table: speaker_pattern {pattern!r} finds no speaker in {file}; it must match every file")
    named = {key: value for key, value in match.groupdict().items() if value}
    return named if "speaker" in named else named | {"speaker": match[1] if match.re.groups else match[0]}
