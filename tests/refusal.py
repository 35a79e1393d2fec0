"""What tests of bad input share: an error whose message begins as told, and a corpus with one clip cut short."""

import re

import pytest

from serlib.corpora.corpus import Corpus


def refused(message: str, error: type[Exception] = ValueError) -> pytest.RaisesExc:
    """Expect an error whose message begins with ``message``."""
    return pytest.raises(error, match=f"^{re.escape(message)}")


def with_a_clip_cut(corpus: Corpus, row: int, start: float, end: float) -> Corpus:
    """Return the corpus with the clip at ``row`` read from ``start`` to ``end`` seconds."""
    table = corpus.table.copy()
    table.iloc[row, table.columns.get_loc("start")], table.iloc[row, table.columns.get_loc("end")] = start, end
    return Corpus(corpus.name, table, corpus.classes)
