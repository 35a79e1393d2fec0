"""Several corpora as one, to train on some of them and be tested on another."""

from collections.abc import Sequence

import pandas as pd

from serlib.corpora.corpus import Corpus, CorpusError
from serlib.corpora.emotions import ordered

TOLD_APART = ("speaker", "session", "sentence")  # two corpora may number them alike


def join(corpora: Sequence[Corpus], emotions: Sequence[str] | None = None) -> Corpus:
    """Return two or more corpora as one, in the order of their names, with the emotions that all of them have.

    Utterances, speakers, sessions and sentences are called after where they come from, such as ``"emodb/03a01Fa"``; the
    table has one column more, ``corpus``. The name is ``"emodb+ravdess"``, and ``"emodb+ravdess-4"`` where only four of
    the shared ``emotions`` are asked for.

    Raises:
        CorpusError: for fewer than two corpora, equal names, fewer than two shared emotions, ``emotions`` that are not
            shared, or a recording that lies in two of the corpora.
    """
    if len(corpora) < 2 or len({corpus.name for corpus in corpora}) < len(corpora):
        names = [corpus.name for corpus in corpora]
        raise CorpusError(f"cannot join {names}; allowed are two or more corpora of different names")
    corpora = sorted(corpora, key=lambda corpus: corpus.name)
    name = "+".join(corpus.name for corpus in corpora)
    shared = ordered(set.intersection(*(set(corpus.classes) for corpus in corpora)))
    chosen = shared if emotions is None else ordered(emotions)
    if len(chosen) < 2 or not set(chosen) <= set(shared):
        asked = "" if emotions is None else f"emotions {list(emotions)}; "
        raise CorpusError(f"{name}: {asked}shared are {list(shared)}; needed are two or more of them")
    table = pd.concat([_called(corpus.relabel({c: c for c in chosen})) for corpus in corpora])
    twice = table.groupby("audio_sha256")["corpus"].transform("nunique") > 1
    for _, rows in table[twice].groupby("audio_sha256"):
        raise CorpusError(f"{name}: one recording is in two corpora, as {' and '.join(map(repr, rows.index))}")
    name += f"-{len(chosen)}" * (len(chosen) < len(shared))
    return Corpus(name, table, chosen, synthetic=any(corpus.synthetic for corpus in corpora))


def _called(corpus: Corpus) -> pd.DataFrame:
    """Return a corpus' table with names that tell where they come from."""
    prefix = f"{corpus.name}/"
    names = {column: prefix + corpus.table[column] for column in TOLD_APART}  # None stays None
    return corpus.table.assign(**names, corpus=corpus.name).set_axis(prefix + corpus.table.index)
