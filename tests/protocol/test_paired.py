"""The paired comparison: second derivations of effect, interval and p, families, and what it refuses."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.metrics import balanced_accuracy_score

from serlib.protocol import compare, compare_family
from serlib.protocol.intervals import draw_units
from serlib.protocol.paired import judge, rearrangements

# speakers a fold, seeds: units
UNITS = [(1, (0,), 6), (1, (0, 1, 2), 6), (2, (0,), 3), (2, (0, 1), 6)]


def ua(table):
    """UA in percent, averaged over seeds, by scikit-learn."""
    per_seed = [balanced_accuracy_score(t["emotion"], t["predicted"]) for _, t in table.groupby("seed")]
    return 100 * np.mean(per_seed)


def units_of(table, per_fold):
    """Name the unit of every row: the speaker where a fold has one, else the network."""
    return table["speaker"] if per_fold == 1 else table["fold"] + "/" + table["seed"].astype(str)


def swapped(a, b, rows):
    """Exchange the predictions of some rows between two tables."""
    return (one.assign(predicted=one["predicted"].where(~rows, other["predicted"])) for one, other in ((a, b), (b, a)))


@pytest.fixture
def pair(make_scores):
    def make(**options):
        given = {"speakers": 6} | options
        return make_scores(**given), make_scores(**given | {"skill": 0.45, "draw": 9, "method": "focal/mfcc-softmax"})

    return make


@pytest.mark.parametrize(("per_fold", "seeds", "units"), UNITS)
def test_exact_permutation_is_the_loop_over_all_swaps_of_units(pair, per_fold, seeds, units):
    a, b = pair(seeds=seeds, per_fold=per_fold)
    unit, effects = units_of(a.predictions, per_fold), []
    names = sorted(set(unit))
    for size in range(len(names) + 1):
        for chosen in itertools.combinations(names, size):
            first, second = swapped(a.predictions, b.predictions, unit.isin(chosen))
            effects.append(ua(first) - ua(second))
    result = compare(a, b)
    assert result.exact and result.units == units == len(names)
    assert result.effect == pytest.approx(effects[0], abs=1e-9)
    assert result.effect == pytest.approx(a.summary().at["UA", "pooled"] - b.summary().at["UA", "pooled"])
    assert result.p == result.p_family == pytest.approx(np.mean(np.abs(effects) >= abs(effects[0]) - 1e-9))
    largest = np.max(np.abs(effects))
    assert result.least_p == pytest.approx(np.mean(np.abs(effects) >= largest - 1e-9))
    assert result.least_p >= 2 / 2**units


@pytest.mark.parametrize(("per_fold", "seeds", "units"), UNITS)
def test_the_interval_is_the_loop_over_drawn_units(pair, per_fold, seeds, units):
    a, b = pair(seeds=seeds, per_fold=per_fold, per_speaker=8)
    unit, effects = units_of(a.predictions, per_fold), []
    parts = [[s.predictions[unit == name] for name in sorted(set(unit))] for s in (a, b)]
    for weights in draw_units(units, 2000, 7)[1:300]:
        drawn = np.repeat(np.arange(units), weights)
        one, other = (_recall(pd.concat([part[k] for k in drawn])) for part in parts)
        effects.append(100 * (one - other))
    result = compare(a, b, seed=7)
    half = student.ppf(0.975, units - 1) * np.std(effects, ddof=1) * np.sqrt(units / (units - 1))
    # 300 of the 2000 draws, so about a tenth of the width
    assert (result.low, result.high) == pytest.approx((result.effect - half, result.effect + half), abs=0.2 * half)
    assert result.high - result.effect == pytest.approx(result.effect - result.low)
    seen = 1 + student.ppf(0.8, units - 1) / student.ppf(0.975, units - 1)
    assert result.smallest_seen == pytest.approx(seen * (result.high - result.effect))


def _recall(table):
    right = (table["emotion"] == table["predicted"]).to_numpy()
    emotions = table["emotion"].to_numpy()
    return np.mean([right[emotions == e].mean() for e in np.unique(emotions)])


@pytest.mark.parametrize(("units", "permutations"), [(1, 9), (4, 8), (4, 7), (10, 512), (18, 50)])
def test_rearrangements_are_all_or_so_many_and_begin_with_none(units, permutations):
    swaps = rearrangements(units, permutations, seed=3)
    assert not swaps[0].any() and set(np.unique(swaps)) <= {0, 1}
    everything = 2 ** (units - 1)
    assert swaps.shape == (min(everything, permutations), units)
    if everything <= permutations:  # each once, up to the exchange of all
        assert len({min(tuple(row), tuple(1 - row)) for row in swaps}) == everything


def test_drawn_swaps_agree_with_all_swaps(pair):
    a, b = pair(speakers=10, per_fold=1)
    exact, drawn = compare(a, b), compare(a, b, permutations=500)
    assert exact.exact and not drawn.exact
    assert drawn.p == pytest.approx(exact.p, abs=0.05)
    assert compare(a, b, permutations=512).exact and not compare(a, b, permutations=511).exact


def test_drawn_p_is_never_zero(make_scores):
    a, b = (make_scores(speakers=16, per_fold=1, skill=skill, draw=k, method=str(k)) for k, skill in enumerate((1, 0)))
    assert compare(a, b, permutations=50).p == 1 / 50


@pytest.mark.parametrize(("speakers", "decides"), [(5, False), (6, True)])
def test_five_units_cannot_decide_and_six_can(make_scores, speakers, decides):
    a, b = (
        make_scores(speakers=speakers, per_fold=1, skill=skill, draw=k, method=str(k)) for k, skill in enumerate((1, 0))
    )
    result = compare(a, b)
    assert result.p == result.least_p == 2 / 2**speakers and result.can_decide == decides
    words = "better" if decides else "undecidable: no rearrangement could reach 5 %"
    assert result.direction == "better" and result.verdict == words and words in str(result)
    assert compare(b, a).direction == "worse" and compare(b, a).effect == pytest.approx(-result.effect)


def test_units_on_which_both_say_the_same_do_not_count(make_scores):
    a, b = (make_scores(per_fold=1, skill=skill, draw=k, method=str(k)) for k, skill in enumerate((1, 0)))
    same = a.predictions["speaker"] > "04"  # only five speakers differ
    half = make_scores(
        predictions=b.predictions.assign(predicted=b.predictions["predicted"].where(~same, a.predictions["predicted"]))
    )
    result = compare(a, half)
    assert result.units == 10 and result.least_p == 2 / 2**5 and not result.can_decide


def test_copies_of_a_result_under_other_seeds_are_no_repetitions(make_scores):
    a, b = (make_scores(skill=skill, draw=k, method=str(k)) for k, skill in enumerate((1, 0)))
    copies = [
        make_scores(predictions=pd.concat([s.predictions.assign(seed=k) for k in range(3)]), method=s.method)
        for s in (a, b)
    ]
    one, three = compare(a, b), compare(*copies)
    assert (one.units, one.unit) == (three.units, three.unit) == (5, "folds") and not three.can_decide
    assert (one.effect, one.low, one.high, one.p) == pytest.approx((three.effect, three.low, three.high, three.p))
    lucky = make_scores(seeds=(0, 1, 2), draw=5, method="network")
    assert compare(lucky, copies[1]).units == compare(copies[1], lucky).units == 15


@pytest.mark.parametrize("metric", ["ua", "wa", "macro_f1"])
def test_nothing_against_itself(make_scores, metric):
    a = make_scores(seeds=(0, 1))
    result = compare(a, a, metric=metric)
    assert (result.effect, result.low, result.high, result.smallest_seen) == (0, 0, 0, 0)
    assert result.p == result.p_family == 1 and not result.can_decide
    assert result.direction == "equal" and str(result).startswith("equal ")


def test_row_order_does_not_matter(pair, make_scores):
    a, b = pair(seeds=(0, 1))
    mixed = b.predictions.sample(frac=1, random_state=0)
    assert compare(a, b) == compare(a, make_scores(predictions=mixed, method=b.method))


def test_words_lead_with_direction_and_size(make_scores):
    a, b = make_scores(skill=0.9, seeds=(0, 1)), make_scores(skill=0.2, draw=3, seeds=(0, 1), method="other")
    result = compare(a, b)
    assert str(result) == (
        f"better by {result.effect:.1f} points UA: focal/mfcc-focal · made · study · speaker-folds-5 against other · "
        f"made · study · speaker-folds-5; 95 % interval {result.low:+.1f} to {result.high:+.1f}; "
        f"p = {result.p:.3g} (exact permutation of 10 networks (fold x seed)); better"
    )
    unsure = compare(make_scores(seeds=(0, 1)), make_scores(draw=4, seeds=(0, 1), method="other"))
    assert unsure.verdict == f"open: {unsure.smallest_seen:.1f} points would be seen"


def test_one_unit_gives_no_interval(make_scores):
    result = compare(make_scores(speakers=1), make_scores(speakers=1, draw=2, skill=0.1, method="other"))
    assert np.isnan([result.low, result.high, result.smallest_seen]).all()
    assert result.p == result.least_p == 1 and not result.can_decide and "; no interval; p = 1" in str(result)


def test_what_was_stopped_while_it_climbed_is_not_compared(make_scores):
    ended, climbing = ([{"notes": {"converged": flag}}] * 5 for flag in (True, False))
    a, b = make_scores(manifests=ended), make_scores(draw=3, skill=0, method="other", manifests=climbing)
    words = "not compared: unconverged (other is unconverged: train UA still climbed in 5 of 5 runs)"
    assert compare(a, b).verdict == compare(b, a).verdict == "not compared: unconverged"
    assert str(compare(a, b)).endswith(words) and compare(a, a).note == ""
    table = compare_family({"one": (a, b), "two": (b, a), "three": (a, a)})
    assert table["verdict"].str.startswith("not compared").tolist() == [True, True, False]
    assert table.attrs["note"] in words


# --- families


@pytest.fixture
def family(make_scores):
    """Three methods against the same fourth."""
    base = make_scores(per_fold=1, method="base")
    skills = {"same": 0.6, "somewhat": 0.68, "clearly": 0.95}
    return {n: (make_scores(per_fold=1, skill=s, draw=k, method=n), base) for k, (n, s) in enumerate(skills.items(), 1)}


def test_max_t_is_the_loop_over_all_swaps(family):
    table, effects = compare_family(family), {}
    names = [f"{k:02d}" for k in range(10)]
    for name, (a, b) in family.items():
        share = a.predictions["emotion"].value_counts()
        gain = (a.predictions["predicted"] == a.predictions["emotion"]).astype(float)
        gain -= b.predictions["predicted"] == b.predictions["emotion"]
        by_speaker = (25 * gain / a.predictions["emotion"].map(share)).groupby(a.predictions["speaker"]).sum()[names]
        signs = np.array(list(itertools.product((1, -1), repeat=10)))
        effects[name] = signs @ by_speaker.to_numpy()
    effects = pd.DataFrame(effects)
    assert table["effect"].to_numpy() == pytest.approx(effects.iloc[0].to_numpy())
    sizes = effects.abs() / effects.std(ddof=0)  # all swaps have mean 0
    corrected = [np.mean(sizes.max(axis=1) >= sizes.iloc[0][name] - 1e-9) for name in effects]
    assert table["p_family"].to_numpy() == pytest.approx(corrected)
    assert table["p"].to_numpy() == pytest.approx((effects.abs() >= effects.abs().iloc[0] - 1e-9).mean().to_numpy())
    limit = min(z for z in sizes.max(axis=1) if np.mean(sizes.max(axis=1) >= z - 1e-9) <= 0.05)
    needed = limit * np.sqrt(9 / (10 - limit**2))  # Student's t of a standardised sum of ten
    seen = (needed + student.ppf(0.8, 9)) / student.ppf(0.975, 9)
    assert table["smallest_seen"].to_numpy() == pytest.approx(seen * (table["high"] - table["effect"]).to_numpy())


def test_a_family_says_of_each_what_compare_says_and_corrects_p(family):
    table = compare_family(family)
    assert list(table) == ["effect", "low", "high", "p", "p_family", "smallest_seen", "verdict"]
    assert table.index.tolist() == list(family) and table.index.name == "contrast"
    for name, (a, b) in family.items():
        alone = compare(a, b)
        assert all(table.at[name, c] == getattr(alone, c) for c in ("effect", "low", "high", "p"))
        assert alone.smallest_seen < table.at[name, "smallest_seen"] < 1.6 * alone.smallest_seen
    assert (table["p_family"] >= table["p"]).all() and (table["p_family"] <= 3 * table["p"] + 1e-9).all()  # Bonferroni
    assert table.at["clearly", "verdict"] == "better" and table.at["same", "verdict"].startswith("open: ")
    assert table.attrs == {"unit": "10 speakers", "note": ""}


def test_a_family_of_one_and_of_copies_needs_no_correction(family):
    one = compare_family({"x": family["somewhat"]}).loc["x"]
    assert one["p_family"] == one["p"]
    copies = compare_family(dict.fromkeys("abc", family["somewhat"]))
    assert (copies["p_family"] == one["p"]).all() and (copies["verdict"] == one["verdict"]).all()


def test_a_contrast_of_one_with_itself_changes_nothing(family):
    a, _ = family["same"]
    table = compare_family(family | {"nothing": (a, a)})
    assert table.at["nothing", "p_family"] == 1
    assert table.drop(index="nothing").equals(compare_family(family))


def test_a_family_needs_pairs_and_the_same_units(family, make_scores):
    with pytest.raises(ValueError, match="no pairs to compare"):
        compare_family({})
    a, b = make_scores(method="c"), make_scores(method="d", draw=2)
    with pytest.raises(ValueError, match=r"cannot swap the same units .*: same .* has 10 speakers, c .*; make two"):
        compare_family(family | {"folds": (a, b)})


def test_units_may_be_asked_for_where_several_share_a_network(make_scores):
    """Speakers in pairs: the pairs' networks are the units, or on demand the voices, here with two seeds each."""
    a, b = make_scores(per_fold=2, seeds=(0, 1)), make_scores(per_fold=2, seeds=(0, 1), skill=0.45, draw=9, method="m")
    usual, voices = compare_family({"x": (a, b)}), compare_family({"x": (a, b)}, units=("speaker",))
    assert usual.attrs["unit"] == "10 networks (fold x seed)" and voices.attrs["unit"] == "10 speakers"
    assert voices.at["x", "effect"] == pytest.approx(usual.at["x", "effect"])
    by_speaker = [s.counted("speaker")[1] for s in (a, b)]
    assert voices.at["x", "p"] == judge([tuple(by_speaker)], "ua").at[0, "p"] != usual.at["x", "p"]
    with pytest.raises(ValueError, match=r"units are \('seed',\); allowed are \('speaker',\), \('fold',\), "):
        compare_family({"x": (a, b)}, units=("seed",))


# --- what is refused


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
    with pytest.raises(ValueError, match=message):
        compare_family({"x": (a, b)})


def test_moved_utterances_are_refused(make_scores):
    a = make_scores()
    table = a.predictions.copy()
    table.loc[[0, 199], "fold"] = ["fold-5", "fold-1"]
    with pytest.raises(ValueError, match="utterances stand in other folds"):
        compare(a, make_scores(predictions=table))


def test_unknown_metric(make_scores):
    with pytest.raises(ValueError, match="unknown metric 'f1'; allowed are ua, wa, macro_f1"):
        compare(make_scores(), make_scores(), metric="f1")
