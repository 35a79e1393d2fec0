"""What all corpora on disk share: a survey of what is there, before any audio is read."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from serlib.corpora.corpus import COLUMNS, CorpusError

NAMED = 10  # names that a message lists before it only counts
SUFFIXES = (".wav", ".flac", ".ogg")  # of the files that are looked for in folders


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
        duplicates: what becomes of a recording that came before: ``"error"``, ``"drop"`` or ``"keep"``.
        notes: what was passed over, in words.
    """

    name: str
    root: Path
    rows: pd.DataFrame
    classes: tuple[str, ...]
    found: pd.DataFrame
    expected: pd.DataFrame | None = None
    missing: tuple[str, ...] = ()
    duplicates: str = "error"
    notes: tuple[str, ...] = ()

    @property
    def absent(self) -> int:
        """How many utterances are missing, with and without a known name."""
        short = 0 if self.expected is None else (self.expected - self.found).clip(lower=0).to_numpy().sum()
        return max(int(short), len(self.missing))


def located(root: str | PathLike) -> Path:
    """Return an absolute path, with ``~`` and links followed."""
    return Path(os.path.expanduser(root)).resolve()


def folder(name: str, root: str | PathLike | None, holds: str) -> Path:
    """Return ``root`` as an absolute path, or say what it should be and what it ``holds`` when it is right."""
    path = located(root or "")
    if root is None or not os.path.isdir(path):  # which takes too long a name for one that is not there
        what = "no root is given" if root is None else f"there is no folder {path}"
        raise CorpusError(f"{name}: {what}; needed is the folder that holds {holds}")
    return path


def files(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield all files below a folder in order, those behind links too, without hidden ones; ``above`` is our own.

    Raises:
        CorpusError: for a link that leads back to where it was reached from.
    """
    here = folder.resolve()
    if here in above:
        raise CorpusError(f"{folder} leads back to {here}: links that make a loop cannot be followed")
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            yield from files(path, (*above, here)) if path.is_dir() else [path]


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


def lines(title: str, told: Sequence[str]) -> str:
    """Return a count with its title, below it a line for each of up to ten; nothing where there is none."""
    rest = [f"and {len(told) - NAMED} more"] if told[NAMED:] else []
    return "\n  ".join([f"{len(told)} {title}:", *told[:NAMED], *rest]) if told else ""


def shown(file: str | Path, root: Path) -> str:
    """Return a path as messages and utterance names show it: relative to ``root`` where it lies inside."""
    return (Path(file).relative_to(root) if Path(file).is_relative_to(root) else Path(file)).as_posix()
