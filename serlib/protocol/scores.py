"""The result of a cross-validation, and what it may be held against."""

import pandas as pd

from serlib.protocol.paired import Comparison, compare
from serlib.protocol.published import table_beside
from serlib.protocol.result import Result


class Scores(Result):
    """A ``Result`` that can be compared; apart from it, so that what compares may import results without a circle."""

    def beside_published(self, table: str) -> pd.DataFrame:
        """Put what was measured beside this method's numbers in a paper's table; see ``table_beside``."""
        beside = table_beside([self], table)
        if (own := beside[beside["scores"].notna()]).empty:
            known = ", ".join(sorted(set(beside["method"].dropna())))
            raise ValueError(f"{self.method} has no row in {table}; methods there are {known}")
        return own.reset_index(drop=True)

    def compare(self, other: Result, *, metric: str = "ua", permutations: int = 20000, seed: int = 0) -> Comparison:
        """Compare with another method on the same folds and seeds; see ``serlib.protocol.compare``."""
        return compare(self, other, metric=metric, permutations=permutations, seed=seed)
