"""What all corpora on disk share: a survey of what is there, and one pass over the audio that collects every fault."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import file_digest
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from serlib.corpora.corpus import COLUMNS, Corpus, CorpusError

NAMED = 10  # names that a message lists before it only counts


@dataclass(frozen=True, eq=False)
class Survey:
    """A corpus as its folders and label files tell it, before any audio is read.

    Attributes:
        name: of the corpus; ``root``: the folder that paths in messages are relative to.
        rows: utterances that are there, by name; ``COLUMNS`` without duration and audio_sha256.
        classes: emotions in the order of the class indices.
        found: utterances of the whole corpus by group (session or speaker) and label.
        expected: the same as published; None for a corpus that nobody has counted.
        missing: files that should be there, relative to the root, as far as their names are known.
        once: whether the same recording under two names is a fault.
    """

    name: str
    root: Path
    rows: pd.DataFrame
    classes: tuple[str, ...]
    found: pd.DataFrame
    expected: pd.DataFrame | None = None
    missing: tuple[str, ...] = ()
    once: bool = True

    @property
    def absent(self) -> int:
        """How many utterances are missing, with and without a known name."""
        short = 0 if self.expected is None else (self.expected - self.found).clip(lower=0).to_numpy().sum()
        return max(int(short), len(self.missing))


def folder(name: str, root: str | PathLike | None, holds: str) -> Path:
    """Return ``root`` as an absolute path, or say what it should be and what it ``holds`` when it is right."""
    path = Path(root or "").expanduser().resolve()
    if root is None or not path.is_dir():
        what = "no root is given" if root is None else f"there is no folder {path}"
        raise CorpusError(f"{name}: {what}; needed is the folder that holds {holds}")
    return path


def frame(rows: Sequence[dict]) -> pd.DataFrame:
    """Make a survey's rows from dicts with the key ``utterance``; what they leave out is unknown."""
    return pd.DataFrame(rows, columns=["utterance", *COLUMNS[:3], *COLUMNS[4:-1]]).set_index("utterance")


def counts(rows: pd.DataFrame, group: str, label: str, *, like: pd.DataFrame | None = None) -> pd.DataFrame:
    """Count utterances by group and label, with the rows and columns of ``like`` where it is given."""
    table = pd.crosstab(rows[group], rows[label])
    table = table if like is None else table.reindex(index=like.index, columns=like.columns, fill_value=0)
    return table.rename_axis(index=group, columns=None)


def listed(names: Sequence[str], total: int) -> str:
    """Name up to ten and count the rest."""
    rest = total - len(names[:NAMED])
    more = f"{rest} {'more' if names else 'without a known name'}"
    return ", ".join([*names[:NAMED], *([more] if rest else [])])


def shown(file: str | Path, root: Path) -> str:
    """Return a path as messages and utterance names show it: relative to ``root`` where it lies inside."""
    return (Path(file).relative_to(root) if Path(file).is_relative_to(root) else Path(file)).as_posix()


def build(survey: Survey, *, partial: bool = False) -> Corpus:
    """Read all audio and make the corpus, or raise one CorpusError about all recordings missing or faulty."""
    (table, faults), wrong = measure(survey), []
    if survey.absent and not partial:
        missing = listed(survey.missing, survey.absent)
        wrong.append(f"{survey.absent} recordings are missing: {missing}; partial=True goes on without them")
    if faults:
        needed = "needed is audio that soundfile can read, at least one sample, each recording once"
        wrong.append("\n  ".join([f"{len(faults)} recordings cannot be used; {needed}:", *faults]))
    if wrong or not len(table):
        raise CorpusError(f"{survey.name} at {survey.root}: " + ("\n".join(wrong) or "there are no recordings"))
    return Corpus(survey.name, table, survey.classes)


def measure(survey: Survey) -> tuple[pd.DataFrame, list[str]]:
    """Return the usable rows with all ``COLUMNS``, and a line for each recording that cannot be used."""
    from tqdm.auto import tqdm

    good, faults, heard, first = [], [], {}, {}
    rows = survey.rows.reset_index().to_dict("records")
    for row in tqdm(rows, f"reading {survey.name}", leave=False, disable=None if len(rows) > 1000 else True):
        file = row["file"]
        try:
            seconds, digest = heard[file] if file in heard else heard.setdefault(file, _hear(Path(file)))
            start, end = _cut(row["start"], row["end"], seconds)
            came = first.setdefault(f"{digest} {start} {end}", len(good))
            if survey.once and came < len(good):
                raise CorpusError(f"the recording has come before, as {shown(good[came]['file'], survey.root)}")
            duration = seconds if np.isnan(end) else end - start
            good.append(row | {"start": start, "end": end, "duration": duration, "audio_sha256": digest})
        except CorpusError as error:
            faults.append(f"{shown(file, survey.root)}: {error}")
    return pd.DataFrame(good, columns=["utterance", *COLUMNS]).set_index("utterance"), list(dict.fromkeys(faults))


def _cut(start: float | None, end: float | None, seconds: float) -> tuple[float, float]:
    """Return both ends of a segment in seconds, NaN and NaN for a whole file, so that nobody need look for one."""
    start = 0.0 if pd.isna(start) else start
    if pd.isna(end) and not start:
        return np.nan, np.nan
    end = seconds if pd.isna(end) else end
    if not 0 <= start < end <= seconds + 0.01:  # tables give times rounded to some digits
        raise CorpusError(f"{start:g} to {end:g} s is no part of its {seconds:g} s")
    return start, min(end, seconds)


def _hear(path: Path) -> tuple[float, str]:
    """Return a file's duration in seconds and the SHA-256 of its bytes."""
    try:
        size = path.stat().st_size
        info = soundfile.info(path) if size else None
        with path.open("rb") as stream:
            digest = file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise CorpusError(f"cannot be opened ({error.strerror})") from error
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: soundfile takes *.raw for headerless samples
        raise CorpusError("no audio") from error
    if info is None or not info.frames:
        raise CorpusError("empty file" if info is None else "audio without a sample")
    return info.frames / info.samplerate, digest
