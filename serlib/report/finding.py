"""What a study has learned, in one headline and one sentence, and the words that both share."""

from dataclasses import dataclass

import pandas as pd

GAIN = 3.0  # points: about what papers 000 to 003 report for their losses


@dataclass(frozen=True)
class Finding:
    """A headline, the sentence with its numbers in Markdown, and the notebook (file name) that shows them."""

    headline: str
    sentence: str
    notebook: str

    @property
    def text(self) -> str:
        """The headline in bold, the rest plain, in Markdown."""
        return f"**{self.headline}** {self.sentence.replace('**', '')}"


def beat(better: int, what: str = "loss", plural: str = "losses") -> str:
    """Return how many are surely better, as the beginning of a sentence."""
    if not better:
        return f"no {what} surely beats"
    return f"1 {what} surely beats" if better == 1 else f"{better} {plural} surely beat"


def sides(table: pd.DataFrame) -> tuple[int, int]:
    """Return how many contrasts of a judged family are surely better and surely worse."""
    return int((table["verdict"] == "better").sum()), int((table["verdict"] == "worse").sum())
