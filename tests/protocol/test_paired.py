"""The paired comparison: second derivations of effect, interval and p, and what it refuses."""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score

from serlib.protocol import compare


def ua(table):
    """UA in percent, averaged over seeds, by scikit-learn."""
    per_seed = [balanced_accuracy_score(t["emotion"], t["predicted"]) for _, t in table.groupby("seed")]
    return 100 * np.mean(per_seed)


def swapped(a, b, speakers):
    """Exchange the predictions of some speakers between two tables."""
    a, b = a.copy(), b.copy()
    rows = a["speaker"].isin(speakers)
    a.loc[rows, "predicted"], b.loc[rows, "predicted"] = b.loc[rows, "predicted"], a.loc[rows, "predicted"]
    return a, b


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_exact_permutation_is_the_loop_over_all_swaps(make_scores, seeds):
    a = make_scores(seeds=seeds, speakers=6, skill=0.6, draw=0)
    b = make_scores(seeds=seeds, speakers=6, skill=0.45, draw=9, method="focal/mfcc-softmax")
    names, effects = sorted(set(a.predictions["speaker"])), []
    for size in range(7):
        for chosen in itertools.combinations(names, size):
            first, second = swapped(a.predictions, b.predictions, chosen)
            effects.append(ua(first) - ua(second))
    result = compare(a, b)
    assert result.effect == pytest.approx(effects[0], abs=1e-9)
    assert result.exact and result.speakers == 6
    assert result.p_permutation == pytest.approx(np.mean(np.abs(effects) >= abs(effects[0]) - 1e-9))


def test_interval_is_the_loop_over_drawn_speakers(make_scores):
    from serlib.protocol.intervals import draw_speakers

    a, b = make_scores(speakers=5, draw=0), make_scores(speakers=5, skill=0.3, draw=2, method="other")
    names, effects = sorted(set(a.predictions["speaker"])), []
    for weights in draw_speakers(5, 2000, 7)[1:]:
        drawn = np.repeat(names, weights)
        rows = np.concatenate([np.flatnonzero(a.predictions["speaker"] == s) for s in drawn])
        values = [100 * _recall(s.predictions.iloc[rows]) for s in (a, b)]
        effects.append(values[0] - values[1])
    result = compare(a, b, seed=7)
    assert (result.low, result.high) == pytest.approx(tuple(np.percentile(effects, [2.5, 97.5])), abs=1e-9)


def _recall(table):
    right = (table["emotion"] == table["predicted"]).to_numpy()
    emotions = table["emotion"].to_numpy()
    return np.mean([right[emotions == e].mean() for e in np.unique(emotions)])


def test_sampled_swaps_agree_with_all_swaps(make_scores):
    a, b = make_scores(draw=0), make_scores(skill=0.5, draw=5, method="other")
    exact, sampled = compare(a, b), compare(a, b, permutations=1000)
    assert exact.exact and not sampled.exact
    assert sampled.p_permutation == pytest.approx(exact.p_permutation, abs=0.05)
    assert compare(a, b, permutations=1024).exact and not compare(a, b, permutations=1023).exact


def test_sampled_p_is_never_zero(make_scores):
    a = make_scores(speakers=16, skill=1.0)
    b = make_scores(speakers=16, skill=0.0, draw=3, method="other")
    assert compare(a, b, permutations=50).p_permutation == 1 / 50


def test_smallest_p_of_a_clear_winner(make_scores):
    a, b = make_scores(speakers=4, skill=1.0), make_scores(speakers=4, skill=0.0, draw=3, method="other")
    result = compare(a, b)
    assert result.direction == "better" and result.p_permutation == 2 / 2**4
    assert compare(b, a).direction == "worse" and compare(b, a).effect == pytest.approx(-result.effect)


@pytest.mark.parametrize("metric", ["ua", "wa", "macro_f1"])
def test_nothing_against_itself(make_scores, metric):
    a = make_scores(seeds=(0, 1))
    result = compare(a, a, metric=metric)
    assert (result.effect, result.low, result.high) == (0, 0, 0)
    assert result.p_permutation == result.p_mcnemar == 1
    assert result.direction == "equal" and str(result).startswith("equal ")


def test_p_is_uniform_when_methods_do_not_differ(make_scores):
    values = [
        compare(make_scores(draw=2 * k), make_scores(draw=2 * k + 1, method="b")).p_permutation for k in range(60)
    ]
    assert 0.35 < np.mean(values) < 0.65
    assert np.mean(np.array(values) <= 0.1) < 0.25


def test_mcnemar_counts_majorities_over_seeds(make_scores):
    a, b = make_scores(seeds=(0, 1, 2), draw=0), make_scores(seeds=(0, 1, 2), skill=0.3, draw=4, method="other")
    right = {}
    for which, scores in (("a", a), ("b", b)):
        hit = scores.predictions["emotion"] == scores.predictions["predicted"]
        right[which] = hit.groupby(scores.predictions["utterance"]).sum() >= 2
    only_a, only_b = (right["a"] & ~right["b"]).sum(), (right["b"] & ~right["a"]).sum()
    result = compare(a, b)
    assert (result.only_a, result.only_b) == (only_a, only_b)
    assert result.p_mcnemar == pytest.approx(binomtest(int(only_a), int(only_a + only_b)).pvalue)


def test_a_tie_between_two_seeds_is_not_right(make_scores):
    a, b = make_scores(seeds=(0, 1), skill=1.0), make_scores(seeds=(0, 1), skill=1.0, method="other")
    table = b.predictions.copy()
    table.loc[table["seed"] == 0, "predicted"] = np.where(table["emotion"] == "anger", "neutral", "anger")[
        : len(table) // 2
    ]
    half = make_scores(predictions=table, method="other")
    assert compare(a, half).only_a == len(table) // 2 and compare(a, half).only_b == 0


def test_row_order_does_not_matter(make_scores):
    a, b = make_scores(), make_scores(skill=0.5, draw=3, method="other")
    mixed = make_scores(predictions=b.predictions.sample(frac=1, random_state=0), method="other")
    assert compare(a, b) == compare(a, mixed)


def test_words_lead_with_direction_and_size(make_scores):
    a, b = make_scores(skill=0.9), make_scores(skill=0.2, draw=3, method="focal/mfcc-softmax")
    result = compare(a, b)
    text = str(result)
    assert text.startswith(
        f"better by {result.effect:.1f} points UA: focal/mfcc-focal · made · study · speaker-folds-5 against"
    )
    assert "exact permutation of 10 speakers" in text and "includes 0" not in text
    assert f"right alone {result.only_a} against {result.only_b}" in text
    unsure = compare(a, make_scores(skill=0.9, draw=8, method="other"))
    assert "(includes 0)" in str(unsure)


def test_one_speaker_gives_no_interval(make_scores):
    result = compare(make_scores(speakers=1), make_scores(speakers=1, draw=2, skill=0.1, method="other"))
    assert np.isnan([result.low, result.high]).all() and result.p_permutation == 1


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("seed", lambda t: t.assign(seed=t["seed"] + 1), "2 seeds such as '0' are in one only; run both on the same"),
        ("fold", lambda t: t.assign(fold="x" + t["fold"]), "10 folds such as 'fold-1' are in one only"),
        ("utterance", lambda t: t.iloc[1:], "1 utterances such as '00-0' are in one only"),
        ("emotion", lambda t: t.assign(emotion="anger"), "utterances stand in other folds, or classes"),
        ("speaker", lambda t: t.assign(speaker="00"), "utterances stand in other folds, or classes"),
        ("doubled", lambda t: t.iloc[[0, *range(len(t))]], "utterances stand in other folds, or classes"),
    ],
)  # fmt: skip
def test_other_ground_is_refused(make_scores, column, change, message):
    a = make_scores()
    b = make_scores(predictions=change(a.predictions), method="other")
    with pytest.raises(ValueError, match=f"cannot pair focal/mfcc-focal .* with other .*: {message}"):
        compare(a, b)


def test_moved_utterances_are_refused(make_scores):
    a = make_scores()
    table = a.predictions.copy()
    table.loc[[0, 199], "fold"] = ["fold-5", "fold-1"]
    with pytest.raises(ValueError, match="utterances stand in other folds"):
        compare(a, make_scores(predictions=table))


def test_unknown_metric(make_scores):
    with pytest.raises(ValueError, match="unknown metric 'f1'; allowed are ua, wa, macro_f1"):
        compare(make_scores(), make_scores(), metric="f1")
