"""Scores against scikit-learn, table by table, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score
from sklearn.metrics import precision_recall_fscore_support as prfs

from serlib.protocol import METRICS, Scores, compare, score_interval


def by_hand(table):
    """UA, WA and macro-F1 of a table of predictions in percent, by scikit-learn."""
    true, predicted = table["emotion"], table["predicted"]
    f1 = f1_score(true, predicted, labels=sorted(set(true)), average="macro")
    return 100 * np.array([balanced_accuracy_score(true, predicted), accuracy_score(true, predicted), f1])


@pytest.mark.parametrize("per_fold", [1, 2])
@pytest.mark.parametrize("seeds", [(0,), (3, 5)])
def test_summary(make_scores, seeds, per_fold):
    scores = make_scores(seeds=seeds, per_fold=per_fold)
    summary = scores.summary()
    assert list(summary.index) == ["UA", "WA", "macro-F1"] and summary.index.name == "metric"
    assert list(summary.columns) == ["pooled", "mean", "std", "low", "high", "seed_std"]
    pooled = np.array([by_hand(t) for _, t in scores.predictions.groupby("seed")])
    runs = np.array([by_hand(t) for _, t in scores.predictions.groupby(["seed", "fold"])])
    assert len(runs) == 10 / per_fold * len(seeds)
    assert summary["pooled"].to_numpy() == pytest.approx(pooled.mean(axis=0))
    assert summary["mean"].to_numpy() == pytest.approx(runs.mean(axis=0))
    assert summary["std"].to_numpy() == pytest.approx(runs.std(axis=0, ddof=1))
    spread = pooled.std(axis=0, ddof=1) if len(seeds) > 1 else np.full(3, np.nan)
    assert summary["seed_std"].to_numpy() == pytest.approx(spread, nan_ok=True)
    for column, metric in enumerate(METRICS):
        assert scores.spread_over_seeds(metric) == pytest.approx(pooled[:, column])
    # What is drawn: whole speakers or folds, with all seeds.
    parts = [t for _, t in scores.predictions.groupby({1: "speaker", 2: "fold"}[per_fold])]
    counts = np.array([confusion_matrix(t["emotion"], t["predicted"], labels=scores.classes) for t in parts])
    low, high = score_interval(counts)
    half = 100 * (high - low) / 2
    assert summary.loc["UA", "high"] - summary.loc["UA", "low"] == pytest.approx(2 * half)
    assert summary.loc["UA", "low"] + half == pytest.approx(pooled[:, 0].mean())
    unit = {1: "10 speakers", 2: "5 folds"}[per_fold]
    attrs = summary.attrs
    assert (attrs["label"], attrs["unit"], attrs["note"]) == (scores.label, unit, "") and np.isnan(attrs["train_ua"])


def test_spread_over_seeds_refuses_an_unknown_metric(make_scores):
    with pytest.raises(ValueError, match="unknown metric 'UA'; allowed are ua, wa, macro_f1"):
        make_scores().spread_over_seeds("UA")


@pytest.mark.parametrize(("per_fold", "speakers", "unit"), [(1, 1, "speaker"), (2, 1, "speaker"), (10, 10, "fold")])
def test_one_unit_has_no_interval_and_says_so(make_scores, per_fold, speakers, unit):
    summary = make_scores(speakers=speakers, per_fold=per_fold).summary()
    assert summary[["low", "high", "std"]].isna().all().all()
    assert summary.attrs["note"] == f"no interval: one {unit} shows no spread"


@pytest.mark.parametrize(
    ("per_fold", "seeds", "units"),
    [(1, (0,), ("speaker",)), (1, (0, 1), ("speaker",)), (2, (0,), ("fold",)), (2, (0, 1), ("fold", "seed"))],
)
def test_units_are_what_shares_no_network(make_scores, per_fold, seeds, units):
    assert make_scores(per_fold=per_fold, seeds=seeds).units == units


def test_a_speaker_in_two_folds_is_one_unit(make_scores):
    table = make_scores(per_fold=1).predictions
    halves = table["fold"] + np.where(table["utterance"].str[-1] < "5", "a", "b")
    scores = make_scores(predictions=table.assign(fold=halves))
    assert scores.units == ("speaker",) and scores.summary().attrs["unit"] == "10 speakers"


# --- convergence


def runs(*flags, train_ua=None):
    return [
        {"notes": {"converged": f} | ({} if train_ua is None else {"train_ua": train_ua[i]})}
        for i, f in enumerate(flags)
    ]


@pytest.mark.parametrize(
    ("manifests", "converged"),
    [
        ((), None), ([{}], None), ([{"notes": {}}] * 3, None), (runs(True, True), True), (runs(True, False), False),
        ([*runs(True), {"notes": {}}], None), ([*runs(False), {}], False),
    ],
)  # fmt: skip
def test_converged_speaks_of_all_runs(make_scores, manifests, converged):
    scores = make_scores(manifests=manifests)
    assert scores.converged is converged
    assert ("unconverged" in scores.label) == ("unconverged" in scores.summary().attrs["note"]) == (converged is False)


@pytest.mark.parametrize(
    ("slopes", "flags", "converged"),
    [
        ([0.0, 0.9, 0.2], [True, False, True], True),  # one of many seems to climb
        ([0.4, 0.9, 0.3], [True, False, True], False),  # on average they do
        ([0.0, 0.1, 0.2], [True, False, True], False),  # one was too short to tell
        ([0.5, 0.5, 0.5], [True, True, True], True),
    ],
)
def test_slopes_of_all_runs_are_read_together(make_scores, slopes, flags, converged):
    manifests = [{"notes": {"converged": f, "slope": s}} for f, s in zip(flags, slopes, strict=True)]
    scores = make_scores(manifests=manifests)
    assert scores.converged is converged and bool(scores.unconverged) is not converged


def test_unconverged_scores_say_so_with_train_ua(make_scores):
    scores = make_scores(manifests=runs(*[False] * 4, *[True] * 6, train_ua=[0.5] * 4 + [1.0] * 6), synthetic=True)
    assert scores.label == "focal/mfcc-focal · made · study · speaker-folds-5 · synthetic · unconverged"
    assert scores.summary().attrs["note"] == "unconverged: train UA still climbed in 4 of 10 runs" == scores.unconverged
    assert scores.train_ua == scores.summary().attrs["train_ua"] == pytest.approx(80)
    alone = make_scores(speakers=1, manifests=runs(False))
    assert alone.summary().attrs["note"] == (
        "unconverged: train UA still climbed in 1 of 1 runs; no interval: one speaker shows no spread"
    )


def test_train_ua_is_the_mean_of_what_is_told(make_scores):
    assert np.isnan(make_scores().train_ua) and np.isnan(make_scores(manifests=runs(True)).train_ua)
    assert make_scores(manifests=[*runs(True, train_ua=[0.9]), {"notes": {}}]).train_ua == pytest.approx(90)


# --- tables


def test_counts_are_per_seed_and_speaker(make_scores):
    scores = make_scores(seeds=(7, 2))
    index, counts = scores.counted("seed", "speaker")
    assert counts.shape == (20, 4, 4) and index.is_monotonic_increasing
    for (seed, speaker), found in zip(index, counts, strict=True):
        rows = scores.predictions.query(f"seed == {seed} and speaker == '{speaker}'")
        expected = confusion_matrix(rows["emotion"], rows["predicted"], labels=scores.classes)
        assert np.array_equal(found, expected)


def test_a_speaker_who_is_missing_under_a_seed_counts_nothing_there(make_scores):
    table = make_scores(seeds=(0, 1)).predictions.query("seed == 0 or speaker != '03'")
    index, counts = make_scores(predictions=table).counted("seed", "speaker")
    assert (1, "03") not in index and counts[index.get_loc((0, "03"))].sum() == 20
    assert counts.sum() == len(table)


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
    assert np.array_equal(scores.counted("speaker")[1], mixed.counted("speaker")[1])


def test_labels(make_scores):
    assert make_scores(corpus="emodb").label == "focal/mfcc-focal · emodb · study · speaker-folds-5"
    assert make_scores(corpus="emodb", synthetic=True).label.endswith("· speaker-folds-5 · synthetic")
    assert make_scores(scheme="stratified-5").label.endswith("· stratified-5 (speaker-dependent)")


def test_scores_keep_what_they_can_when_replaced(make_scores):
    other = replace(make_scores(), method="other")
    assert isinstance(other, Scores) and other.compare(make_scores()).a.startswith("other · made")


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


def test_on_seeds_keeps_their_rows_and_runs_alone(make_scores):
    both = replace(make_scores(seeds=(0, 1)), manifests=[{"seed": 1}, {"seed": 0}], arrays=[{"b": 1}, {"a": 0}])
    one = both.on_seeds([0])
    assert set(one.predictions["seed"]) == {0} and len(one.logits) == len(one.predictions) == len(both.predictions) / 2
    assert list(one.predictions.index) == list(range(len(one.predictions)))
    assert one.manifests == [{"seed": 0}] and one.arrays == [{"a": 0}] and one.history is None
    assert one.spread_over_seeds() == both.spread_over_seeds()[:1]
    with pytest.raises(ValueError, match="0 rows"):
        both.on_seeds([2])
