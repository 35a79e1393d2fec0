"""What the parts of each fold share: printed above every table of scores."""

from collections.abc import Sequence

import pandas as pd

from serlib.corpora.corpus import Corpus, check_corpus
from serlib.protocol.folds import Fold

_TAKES = "repeated takes"
_KINDS = {"speakers": ["speaker"], "sessions": ["session"], "sentences": ["sentence"]}
_KINDS[_TAKES] = ["speaker", "sentence", "emotion"]
_PAIRS = (("test", "train"), ("dev", "train"), ("dev", "test"))


def _shared(fold: Fold, corpus: Corpus) -> dict[tuple[str, str], set]:
    """Return what each pair of parts shares; of repeated takes, the utterances of the pair's first part."""
    found = {}
    for first, second in _PAIRS:
        for kind, columns in _KINDS.items():
            mine, theirs = (corpus.table.iloc[getattr(fold, part)][columns].dropna() for part in (first, second))
            mine = mine[pd.MultiIndex.from_frame(mine).isin(pd.MultiIndex.from_frame(theirs))]
            found[f"{first} & {second}", kind] = set(mine.index if kind == _TAKES else mine[columns[0]])
    return found


def _verdict(total: dict[tuple[str, str], set], table: pd.DataFrame) -> str:
    """Say in words whether scores on these folds speak of new speakers."""
    words, takes = "speaker-independent: no test speaker is heard in training or dev.", total["test & train", _TAKES]
    if speakers := total["test & train", "speakers"] | total["dev & test", "speakers"]:
        words = (
            f"SPEAKER-DEPENDENT: {len(speakers)} of {table['speaker'].nunique()} speakers are tested after being heard "
            f"in training or dev, {len(takes)} of {len(table)} utterances after training on another take of the same "
            "speaker, sentence and emotion. Scores say little about new speakers."
        )
    if sentences := total["test & train", "sentences"]:
        words += (
            f" {len(sentences)} of {table['sentence'].nunique()} sentences occur in both test and training: inevitable "
            "where all speakers say the same few, and no fault of the folds; new texts are not tested."
        )
    return words


def leakage(folds: Sequence[Fold], corpus: Corpus) -> pd.DataFrame:
    """Count what test shares with train, and dev with train and test.

    Returns:
        One row per fold and a row ``total`` (different ones over all folds). Columns: pairs of parts, under each the
        numbers of shared speakers, sessions, sentences, and repeated takes: utterances of the pair's first part of
        which the second holds another with the same speaker, sentence and emotion. NA where the corpus does not know.
        ``.attrs["verdict"]`` says it in words.
    """
    check_corpus(corpus)
    if not isinstance(folds, Sequence) or not folds or not all(isinstance(fold, Fold) for fold in folds):
        raise ValueError(f"folds are {folds!r}; allowed are one or more Folds")
    rows = {fold.name: _shared(fold, corpus) for fold in folds}
    rows["total"] = {key: set().union(*(row[key] for row in rows.values())) for key in rows[folds[0].name]}
    known = {kind: corpus.table[columns].notna().any().all() for kind, columns in _KINDS.items()}
    counts = [[len(found) if known[kind] else None for (_, kind), found in row.items()] for row in rows.values()]
    report = pd.DataFrame(counts, pd.Index(rows, name="fold"), pd.MultiIndex.from_tuples(rows["total"]), "Int64")
    report.attrs["verdict"] = _verdict(rows["total"], corpus.table)
    return report
