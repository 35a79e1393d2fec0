"""What a corpus on disk holds, against what is known of it."""

from dataclasses import dataclass

import pandas as pd

from serlib.corpora.scan import NAMED, Survey, listed, measure


@dataclass(frozen=True, eq=False)
class CheckReport(Survey):
    """Found against expected, and what is wrong; ``str()`` is a readable table.

    Attributes:
        faults: one line for each recording that is there and cannot be used.
    """

    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, survey: Survey) -> "CheckReport":
        """Read the audio that a survey has found."""
        return cls(**vars(survey), faults=tuple(measure(survey)[1]))

    @property
    def ok(self) -> bool:
        """True when nothing is missing and everything can be used."""
        return not self.absent and not self.faults

    def __str__(self) -> str:
        known = self.found if self.expected is None else self.expected
        table = _sums(self.found).astype(str)
        table = table.where(_sums(self.found) == _sums(known), table + "/" + _sums(known).astype(str))
        lines = [f"{self.name} at {self.root}: found, or found/expected where they differ", table.to_string()]
        if self.absent:
            lines.append(f"{self.absent} missing: {listed(self.missing, self.absent)}")
        if self.faults:
            faults = [*self.faults[:NAMED], *([f"and {len(self.faults) - NAMED} more"] if self.faults[NAMED:] else [])]
            lines.append("\n  ".join([f"{len(self.faults)} cannot be used:", *faults]))
        return "\n".join([*lines, "ok" if self.ok else "not ok"])


def _sums(table: pd.DataFrame) -> pd.DataFrame:
    table = table.assign(all=table.sum(axis=1))
    return pd.concat([table, table.sum().to_frame("all").T]).rename_axis(table.index.name)
