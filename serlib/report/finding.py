"""What a study has learned: a headline, a sentence with its numbers, what else there is, and the words they share."""

from dataclasses import dataclass

import pandas as pd

GAIN = 3.0  # points: between what papers 000 to 003 print for their losses, of which three lie about there


@dataclass(frozen=True)
class Finding:
    """A headline, a first sentence with its numbers, the notebook (file name) that shows them, and what else there is.

    Sentences are Markdown.
    """

    headline: str
    lead: str
    notebook: str
    more: str = ""

    @property
    def sentence(self) -> str:
        """All that is said under the headline."""
        return f"{self.lead} {self.more}".rstrip()

    @property
    def text(self) -> str:
        """The headline in bold, the first sentence plain, in Markdown."""
        return f"**{self.headline}** {self.rest(self.lead)}"

    @staticmethod
    def rest(words: str) -> str:
        """Return words without bold ones, for a headline is the one thing in bold."""
        return words.replace("**", "")


def excluded(table: pd.DataFrame) -> str:
    """Return of how many contrasts of a judged family the interval ends below the gain that papers print."""
    return f"a gain of {GAIN:g} points is excluded for {(table['high'] < GAIN).sum()} of {len(table)}"


def undecided(table: pd.DataFrame) -> str:
    """Return how many contrasts of a judged family no exchange could tell from zero; nothing where there are none."""
    blind = table["verdict"].str.startswith("undecidable").sum()
    of = f"{blind} of the {len(table)} {'is' if blind == 1 else 'are'}"
    return f"{of} undecidable (no exchange of units reaches 5 %)" * bool(blind)


def beat(better: int, what: str = "loss", plural: str = "losses") -> str:
    """Return how many are surely better, as the beginning of a sentence."""
    if not better:
        return f"no {what} surely beats"
    return f"1 {what} surely beats" if better == 1 else f"{better} {plural} surely beat"


def sides(table: pd.DataFrame) -> tuple[int, int]:
    """Return how many contrasts of a judged family are surely better and surely worse."""
    return int((table["verdict"] == "better").sum()), int((table["verdict"] == "worse").sum())
