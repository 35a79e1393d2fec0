"""Scores against scikit-learn, table by table, and what they refuse."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score
from sklearn.metrics import precision_recall_fscore_support as prfs

from serlib.protocol import compare, speaker_interval


def by_hand(table):
    """UA, WA and macro-F1 of a table of predictions in percent, by scikit-learn."""
    true, predicted = table["emotion"], table["predicted"]
    f1 = f1_score(true, predicted, labels=sorted(set(true)), average="macro")
    return 100 * np.array([balanced_accuracy_score(true, predicted), accuracy_score(true, predicted), f1])


@pytest.mark.parametrize("seeds", [(0,), (3, 5)])
def test_summary(make_scores, seeds):
    scores = make_scores(seeds=seeds)
    summary = scores.summary()
    assert list(summary.index) == ["UA", "WA", "macro-F1"] and summary.index.name == "metric"
    assert list(summary.columns) == ["pooled", "mean", "std", "low", "high"]
    pooled = np.mean([by_hand(t) for _, t in scores.predictions.groupby("seed")], axis=0)
    runs = np.array([by_hand(t) for _, t in scores.predictions.groupby(["seed", "fold"])])
    assert len(runs) == 5 * len(seeds)
    assert summary["pooled"].to_numpy() == pytest.approx(pooled)
    assert summary["mean"].to_numpy() == pytest.approx(runs.mean(axis=0))
    assert summary["std"].to_numpy() == pytest.approx(runs.std(axis=0, ddof=1))
    for metric, title in (("ua", "UA"), ("wa", "WA"), ("macro_f1", "macro-F1")):
        low, high = speaker_interval(scores.counts, metric)
        assert summary.loc[title, ["low", "high"]].tolist() == pytest.approx([100 * low, 100 * high])
    assert summary.attrs == {"label": scores.label, "note": ""}


def test_one_speaker_has_no_interval_and_says_so(make_scores):
    summary = make_scores(speakers=1).summary()
    assert summary[["low", "high", "std"]].isna().all().all()
    assert "one speaker" in summary.attrs["note"]


def test_counts_are_per_seed_and_speaker(make_scores):
    scores = make_scores(seeds=(7, 2))
    assert scores.counts.shape == (2, 10, 4, 4)
    for s, seed in enumerate((2, 7)):
        for p in range(10):
            rows = scores.predictions.query(f"seed == {seed} and speaker == '{p:02d}'")
            expected = confusion_matrix(rows["emotion"], rows["predicted"], labels=scores.classes)
            assert np.array_equal(scores.counts[s, p], expected)


def test_a_speaker_who_is_missing_under_a_seed_counts_nothing_there(make_scores):
    table = make_scores(seeds=(0, 1)).predictions.query("seed == 0 or speaker != '03'")
    scores = make_scores(predictions=table)
    assert scores.counts[1, 3].sum() == 0 and scores.counts[0, 3].sum() == 20
    assert scores.counts.sum() == len(table)


def test_confusion(make_scores):
    scores = make_scores(seeds=(0, 1))
    table = scores.predictions
    expected = confusion_matrix(table["emotion"], table["predicted"], labels=scores.classes)
    shown = scores.confusion()
    assert np.array_equal(shown, expected) and (shown.index.name, shown.columns.name) == ("emotion", "predicted")
    rates = scores.confusion(normalise=True)
    assert rates.sum(axis=1).to_numpy() == pytest.approx(100)
    assert rates.loc["anger", "neutral"] == pytest.approx(100 * expected[0, 2] / expected[0].sum())


def test_a_class_that_does_not_occur(make_scores):
    table = make_scores().predictions.query("emotion != 'sadness'")
    scores = make_scores(predictions=table)
    assert scores.confusion(normalise=True).loc["sadness"].isna().all()
    assert scores.confusion().loc["sadness"].sum() == 0
    classes = scores.per_class()
    assert np.isnan(classes.loc["sadness", "recall"]) and classes.loc["sadness", "utterances"] == 0
    assert scores.summary().loc["UA", "pooled"] == pytest.approx(classes["recall"].mean())


def test_per_class(make_scores):
    scores = make_scores(seeds=(0, 1, 2))
    table = scores.predictions
    precision, recall, f1, support = prfs(table["emotion"], table["predicted"], labels=scores.classes)
    shown = scores.per_class()
    assert list(shown.index) == list(scores.classes)
    assert shown[["precision", "recall", "F1"]].to_numpy() == pytest.approx(
        100 * np.stack([precision, recall, f1], axis=1)
    )
    assert shown["utterances"].to_numpy() == pytest.approx(support / 3)


def test_per_speaker_averages_seeds(make_scores):
    scores = make_scores(seeds=(0, 1))
    shown = scores.per_speaker()
    assert list(shown.index) == [f"{k:02d}" for k in range(10)]
    for speaker, row in shown.iterrows():
        own = scores.predictions[scores.predictions["speaker"] == speaker]
        expected = np.mean([by_hand(t) for _, t in own.groupby("seed")], axis=0)
        assert row[["UA", "WA", "macro-F1"]].to_numpy() == pytest.approx(expected)
        assert row["utterances"] == 20 and row["classes"] == own["emotion"].nunique()


def test_per_fold_keeps_the_order_of_folds(make_scores):
    scores = make_scores(seeds=(0, 1), speakers=24)
    shown = scores.per_fold()
    names = list(dict.fromkeys(scores.predictions["fold"]))
    assert names[-1] == "fold-12" and list(dict.fromkeys(shown.index.get_level_values("fold"))) == names
    for (fold, seed), row in shown.iterrows():
        own = scores.predictions[(scores.predictions["fold"] == fold) & (scores.predictions["seed"] == seed)]
        assert row[["UA", "WA", "macro-F1"]].to_numpy() == pytest.approx(by_hand(own))
        assert row["utterances"] == len(own)


def test_row_order_does_not_matter(make_scores):
    scores = make_scores(seeds=(0, 1))
    mixed = make_scores(predictions=scores.predictions.sample(frac=1, random_state=1))
    assert scores.summary().to_numpy() == pytest.approx(mixed.summary().to_numpy())
    assert np.array_equal(scores.counts, mixed.counts)


def test_labels(make_scores):
    assert make_scores(corpus="emodb").label == "focal/mfcc-focal · emodb · study · speaker-folds-5"
    assert make_scores(corpus="emodb", synthetic=True).label.endswith("· speaker-folds-5 · synthetic")
    assert make_scores(scheme="stratified-5").label.endswith("· stratified-5 (speaker-dependent)")


def test_compare_is_the_function(make_scores):
    a, b = make_scores(), make_scores(draw=3, method="other")
    assert a.compare(b, metric="wa", permutations=100, seed=4) == compare(a, b, metric="wa", permutations=100, seed=4)


def test_bad_input(make_scores):
    good = make_scores()
    table = good.predictions
    with pytest.raises(ValueError, match=r"200 rows, without \['seed', 'speaker'\]; needed are rows with"):
        make_scores(predictions=table.drop(columns=["seed", "speaker"]))
    with pytest.raises(ValueError, match="predictions: 0 rows"):
        make_scores(predictions=table.iloc[:0])
    with pytest.raises(ValueError, match=r"logits \(199, 4\), 200 embeddings; needed are \(200, 4\) and 200"):
        make_scores(logits=np.zeros((199, 4)))
    with pytest.raises(ValueError, match=r"logits \(200, 3\), 200 embeddings"):
        make_scores(logits=np.zeros((200, 3)))
    with pytest.raises(ValueError, match=r"logits \(200, 4\), 7 embeddings; needed are"):
        make_scores(embeddings=np.zeros((7, 5)))
    with pytest.raises(ValueError, match="predictions: unknown emotion 'joy'; allowed are"):
        make_scores(predictions=table.assign(predicted="joy"))
    assert make_scores(embeddings=np.zeros((200, 5))).embeddings.shape == (200, 5)
