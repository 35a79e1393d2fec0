"""The line of a score over a size that doubles: exact cases, a second derivation, and what is refused."""

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn.metrics import recall_score

from serlib.protocol.trend import doubling

SIZES = (8, 16, 64)


@pytest.fixture
def made(make_scores):
    """Results of three sizes, the larger the better."""
    skills = dict(zip(SIZES, (0.4, 0.5, 0.7), strict=True)).items()
    return lambda **options: {n: make_scores(skill=skill, draw=n, per_fold=1, **options) for n, skill in skills}


def ua(scores):
    table = scores.predictions
    return 100 * recall_score(table["emotion"], table["predicted"], average="macro")


def test_it_is_the_line_that_numpy_fits(made):
    results = made()
    slope, start = np.polyfit(np.log2(SIZES), [ua(each) for each in results.values()], 1)
    found = doubling(results, 128)
    assert found["value"].tolist() == pytest.approx([slope, start + 7 * slope])
    assert list(found.index) == ["per doubling", "at 128"] and (found["low"] < found["value"]).all()


def test_its_interval_is_that_of_refitted_draws_of_speakers(made):
    results, speakers = made(), [f"{k:02d}" for k in range(10)]
    generator, slopes = np.random.default_rng(5), []
    tables = [each.predictions.set_index("speaker") for each in results.values()]
    for _ in range(400):
        drawn = generator.choice(speakers, 10)
        parts = [table.loc[drawn] for table in tables]
        each = [100 * recall_score(p["emotion"], p["predicted"], average="macro") for p in parts]
        slopes.append(np.polyfit(np.log2(SIZES), each, 1)[0])
    half = student.ppf(0.975, 9) * np.std(slopes, ddof=1) * np.sqrt(10 / 9)
    row = doubling(results, 128).loc["per doubling"]
    assert row["high"] - row["value"] == pytest.approx(half, rel=0.1)
    assert row["value"] - row["low"] == pytest.approx(half, rel=0.1)


def test_a_hard_voice_at_all_sizes_says_nothing_of_the_slope(make_scores):
    same = make_scores(draw=3, per_fold=1)
    found = doubling({8: same, 16: same, 32: same}, 64)
    assert found.loc["per doubling"].tolist() == pytest.approx([0, 0, 0], abs=1e-9)
    row = same.summary().loc["UA"]
    assert found.loc["at 64"].tolist() == pytest.approx(row[["pooled", "low", "high"]].tolist())


def test_order_of_sizes_is_no_matter_and_one_speaker_has_no_interval(made):
    results = made()
    turned = dict(reversed(results.items()))
    np.testing.assert_allclose(doubling(results, 128), doubling(turned, 128))
    assert doubling(made(speakers=1), 128)[["low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("results", "to", "says"),
    [
        ({}, 8, "a line needs two sizes, there are"),
        ({8: {}}, 8, "a line needs two sizes, there is [8]"),
        ({8: {}, 0: {}}, 8, "size is 0"),
        ({8: {}, 16: {}}, 0, "size is 0"),
        ({8: {}, 16: {"seeds": (0, 1)}}, 8, "seeds such as"),
        ({8: {}, 16: {"speakers": 8}}, 8, "cannot pair"),
    ],
)
def test_what_is_no_line_is_refused(make_scores, results, to, says):
    with pytest.raises(ValueError) as told:
        doubling({n: make_scores(**options) for n, options in results.items()}, to)
    assert says in str(told.value)
