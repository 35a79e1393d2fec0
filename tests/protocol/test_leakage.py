"""The leakage report: counted again by a slow loop, and what it says in words."""

import numpy as np
import pandas as pd
import pytest

from serlib.corpora.corpus import COLUMNS, Corpus
from serlib.protocol import Fold, folds, leakage

PAIRS = (("test", "train"), ("dev", "train"), ("dev", "test"))
LETTERS = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "N": "neutral", "T": "sadness"}


def slowly(fold, corpus, first, second):
    """Count by comparing every utterance of one part with every utterance of the other."""
    mine, theirs = (corpus.table.iloc[getattr(fold, p)].to_dict("records") for p in (first, second))
    shared = {
        kind: {a[column] for a in mine for b in theirs if a[column] == b[column] and a[column] is not None}
        for kind, column in (("speakers", "speaker"), ("sessions", "session"), ("sentences", "sentence"))
    }
    take = ("speaker", "sentence", "emotion")
    repeated = sum(any(all(a[c] == b[c] is not None for c in take) for b in theirs) for a in mine)
    return {**{kind: len(found) for kind, found in shared.items()}, "repeated takes": repeated}


@pytest.mark.parametrize("scheme", ["speaker-folds-5", "leave-one-speaker-out", "session-speaker-10", "stratified-5"])
def test_counts_match_a_slow_loop(make_ten, scheme):
    corpus = make_ten(counts=(3, 2, 5, 1), shuffled=3)
    made = folds(corpus, scheme)
    report = leakage(made, corpus)
    assert list(report.index) == [*(f.name for f in made), "total"]
    for fold in made:
        for first, second in PAIRS:
            assert report.loc[fold.name, f"{first} & {second}"].to_dict() == slowly(fold, corpus, first, second)


def test_total_counts_different_ones(make_ten):
    corpus = make_ten(counts=(4, 4, 4, 4))
    report = leakage(folds(corpus, "stratified-5"), corpus)
    assert report.loc["total", ("test & train", "speakers")] == 10
    each = report.drop("total")["test & train"]["repeated takes"]
    assert report.loc["total", ("test & train", "repeated takes")] == each.sum() > 0


def test_verdicts(make_ten):
    corpus = make_ten(counts=(4, 4, 4, 4))
    independent = leakage(folds(corpus, "speaker-folds-5"), corpus).attrs["verdict"]
    assert independent.startswith("speaker-independent: no test speaker is heard in training or dev.")
    assert "2 of 2 sentences occur in both test and training: inevitable where" in independent
    assert "no fault of the folds" in independent
    report = leakage(folds(corpus, "stratified-5"), corpus)
    takes = report.loc["total", ("test & train", "repeated takes")]
    assert report.attrs["verdict"].startswith("SPEAKER-DEPENDENT: 10 of 10 speakers are tested after being heard in")
    assert f"{takes} of 160 utterances after training on another take of the same" in report.attrs["verdict"]


def test_a_dev_part_of_the_test_speakers_is_a_leak_too(make_ten):
    corpus = make_ten()
    fold = folds(corpus, "leave-one-speaker-out")[0]
    moved = Fold("x", fold.train, np.r_[fold.dev, fold.test[:2]], fold.test[2:])
    report = leakage([moved], corpus)
    assert report.loc["x", ("test & train", "speakers")] == 0
    assert report.loc["x", ("dev & test", "speakers")] == 1
    assert report.attrs["verdict"].startswith("SPEAKER-DEPENDENT: 1 of 10 speakers")


def test_an_empty_dev_part_shares_nothing(make_corpus):
    corpus = make_corpus([("a", None, "S1"), ("b", None, "S2")])
    report = leakage(folds(corpus, "leave-one-speaker-out"), corpus)
    assert (report[["dev & train", "dev & test"]] == 0).all().all()


def test_what_the_corpus_does_not_know_is_not_counted_as_none(make_corpus):
    corpus = make_corpus([(f"{k}", None, None) for k in range(5)])
    table = corpus.table.assign(sentence=None)
    report = leakage(folds(corpus, "speaker-folds-5"), Corpus("made", table, corpus.classes))
    assert report["test & train"][["sessions", "sentences", "repeated takes"]].isna().all().all()
    assert (report["test & train"]["speakers"] == 0).all()
    assert "sentences" not in report.attrs["verdict"]


@pytest.mark.emodb
def test_emodb(emodb_root):
    rows = []
    for path in sorted((emodb_root / "wav").glob("*.wav")):
        name, row = path.stem, dict.fromkeys(COLUMNS)
        row |= {"file": str(path), "speaker": name[:2], "sentence": name[2:5], "emotion": LETTERS[name[5]]}
        rows.append(
            row | {"utterance": name, "sex": "male" if name[:2] in ("03", "10", "11", "12", "15") else "female"}
        )
    corpus = Corpus("emodb", pd.DataFrame(rows).set_index("utterance"), tuple(sorted(LETTERS.values())))
    honest = leakage(folds(corpus, "leave-one-speaker-out"), corpus)
    assert (honest["test & train"]["speakers"] == 0).all() and honest["test & train"]["sessions"].isna().all()
    assert "10 of 10 sentences occur in both test and training: inevitable" in honest.attrs["verdict"]
    report = leakage(folds(corpus, "stratified-5"), corpus)
    assert (report["test & train"]["speakers"] == 10).all()
    assert 50 < report.loc["total", ("test & train", "repeated takes")] < 200
    sizes = [len(f.test) for f in folds(corpus, "speaker-folds-5")]
    assert sum(sizes) == 535 and max(sizes) - min(sizes) < 20
