"""The speaker bootstrap: against a slow loop, limit cases, and how often it covers the truth."""

import time

import numpy as np
import pytest
from scipy.stats import t as student

from serlib.protocol import METRICS, confusion, speaker_interval, unweighted_accuracy
from serlib.protocol.intervals import draw_speakers, weighted_score


def counts_of(seeds=2, speakers=6, classes=3, n=12, draw=0):
    """Make random labels and their counts: true and predicted (S, P, n), counts (S, P, C, C)."""
    generator = np.random.default_rng(draw)
    true = generator.integers(0, classes, (speakers, n))[None].repeat(seeds, axis=0)
    skill = generator.uniform(0.2, 0.95, (1, speakers, 1))
    right = generator.random(true.shape) < skill
    predicted = np.where(right, true, generator.integers(0, classes, true.shape))
    counts = np.array(
        [[confusion(a, b, range(classes)) for a, b in zip(*s, strict=True)] for s in zip(true, predicted, strict=True)]
    )
    return true, predicted, counts


def test_it_is_the_loop_over_drawn_speakers():
    true, predicted, counts = counts_of()
    scores = []
    for weights in draw_speakers(6, 200, seed=3)[1:]:
        drawn = np.repeat(np.arange(6), weights)
        assert len(drawn) == 6
        per_seed = [unweighted_accuracy(true[s, drawn].ravel(), predicted[s, drawn].ravel()) for s in range(2)]
        scores.append(np.mean(per_seed))
    low, high = speaker_interval(counts, "ua", draws=200, seed=3)
    assert (low, high) == pytest.approx(tuple(np.percentile(scores, [2.5, 97.5])), abs=1e-12)


@pytest.mark.parametrize("metric", list(METRICS))
def test_all_speakers_once_gives_the_pooled_score(metric):
    *_, counts = counts_of(draw=4)
    pooled = METRICS[metric](counts.sum(axis=1)).mean()
    assert weighted_score(counts, np.ones((1, 6)), metric) == pytest.approx([pooled], abs=1e-12)
    low, high = speaker_interval(counts, metric)
    assert low < pooled < high


def test_draws_take_as_many_speakers_as_there_are():
    weights = draw_speakers(7, 5000, seed=0)
    assert weights.shape == (5001, 7)
    assert (weights[0] == 1).all() and (weights.sum(axis=1) == 7).all()
    assert weights[1:].mean(axis=0) == pytest.approx(np.ones(7), abs=0.06)


def test_one_speaker_has_no_interval():
    *_, counts = counts_of(speakers=1)
    assert np.isnan(speaker_interval(counts)).all()


def test_equal_speakers_have_an_interval_of_no_width():
    *_, counts = counts_of(speakers=1)
    low, high = speaker_interval(counts.repeat(8, axis=1))
    assert low == high == pytest.approx(METRICS["ua"](counts[:, 0]).mean())


def test_many_equal_utterances_of_few_speakers_do_not_narrow_it():
    *_, counts = counts_of(speakers=5)
    assert speaker_interval(counts) == pytest.approx(speaker_interval(100 * counts))


def test_a_class_of_one_speaker_only_is_averaged_over_where_it_occurs():
    counts = np.zeros((1, 2, 2, 2), dtype=np.int64)
    counts[0, 0] = [[10, 0], [0, 0]]
    counts[0, 1] = [[5, 5], [4, 6]]
    values = weighted_score(counts, np.array([[2, 0], [0, 2], [1, 1]]), "ua")
    assert values == pytest.approx([1.0, (0.5 + 0.6) / 2, (0.75 + 0.6) / 2])


def test_seed_repeats_and_matters():
    *_, counts = counts_of()
    assert speaker_interval(counts, seed=1) == speaker_interval(counts, seed=1)
    assert speaker_interval(counts, seed=1) != speaker_interval(counts, seed=2)


def test_unknown_metric():
    *_, counts = counts_of()
    with pytest.raises(ValueError, match="unknown metric 'UA'; allowed are ua, wa, macro_f1"):
        speaker_interval(counts, "UA")


def test_two_thousand_draws_are_fast():
    *_, counts = counts_of(seeds=3, speakers=10, classes=7, n=50)
    best = min(_seconds(counts) for _ in range(5))
    assert best < 0.1


def _seconds(counts):
    start = time.perf_counter()
    speaker_interval(counts, draws=2000)
    return time.perf_counter() - start


def test_coverage_with_ten_speakers_is_what_the_docstring_says():
    stated = 1 - 2 * student.sf(1.96 * np.sqrt(0.9), 9)
    assert stated == pytest.approx(0.904, abs=5e-4)
    generator, hits, trials = np.random.default_rng(0), 0, 600
    for trial in range(trials):
        right = np.clip(np.round(generator.normal(600, 60, 10)), 0, 1000).astype(np.int64)
        counts = np.zeros((1, 10, 1, 1), dtype=np.int64).repeat(2, 2).repeat(2, 3)
        counts[0, :, 0, 0], counts[0, :, 0, 1] = right, 1000 - right
        low, high = speaker_interval(counts, "wa", draws=600, seed=trial)
        hits += low <= 0.6 <= high
    assert hits / trials == pytest.approx(stated, abs=0.035)
