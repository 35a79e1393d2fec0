"""What a corpus on disk holds, against what is known of it."""

from dataclasses import dataclass, field

import pandas as pd

from serlib.corpora.scan import Survey, lines, listed


@dataclass(frozen=True, eq=False)
class CheckReport(Survey):
    """Found against expected, and what a pass over the audio found; ``str()`` is a readable table.

    Attributes:
        table: the utterances that can be used, with all ``COLUMNS``.
        faults: a line for each recording that is there and cannot be used.
        doubled: a line for each that is left out because it came before under another name.
        doubtful: utterance -> line, for each in ``table`` that some methods refuse.
    """

    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    faults: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    doubtful: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True when there are recordings, none is missing, and all can be used; some methods may refuse some."""
        return len(self.rows) > 0 and not self.absent and not self.faults

    def __str__(self) -> str:
        known = self.found if self.expected is None else self.expected
        table = _sums(self.found).astype(str)
        table = table.where(_sums(self.found) == _sums(known), table + "/" + _sums(known).astype(str))
        said = [f"{self.name} at {self.root}: found, or found/expected where they differ", table.to_string()]
        said += [*self.notes, "" if len(self.rows) else "there are no recordings"]
        said += [f"{self.absent} missing: {listed(self.missing, self.absent)}"] * (self.absent > 0)
        said += [lines("cannot be used", self.faults), lines("left out", self.doubled)]
        said += [lines("refused by some methods", list(self.doubtful.values()))]
        return "\n".join(filter(None, [*said, "ok" if self.ok else "not ok"]))


def _sums(table: pd.DataFrame) -> pd.DataFrame:
    table = table.assign(all=table.sum(axis=1))
    return pd.concat([table, table.sum().to_frame("all").T]).rename_axis(table.index.name)
