"""Paper 000's margins on a network: two families, and what a page says of a contrast wherever it speaks of it."""

from dataclasses import replace

import pandas as pd
import pytest

from serlib.report.margins import FUNCTIONALS, margin_families, margin_questions, margin_told, unequal_told
from serlib.report.stored import family
from serlib.report.told import held
from serlib.runs.imbalance import stored_series

GROUND = {"profile": "study", "scheme": "leave-one-speaker-out"}


@pytest.fixture(scope="module")
def own() -> dict:
    found, _ = held("emodb", FUNCTIONALS.values(), **GROUND)
    return {variant: found[name].on_seeds([0, 1]) for variant, name in FUNCTIONALS.items()}


def test_what_is_asked_is_held_against_softmax_and_against_the_common_margin():
    above, under = margin_questions("m4")
    assert len(above) == 9 and above["6 | 4"] == ("c64", "softmax")
    assert set(under) == {f"{w} − common" for w in ("6 | 4", "6 | 3", "5 | 3", "weighted sampling", "weighted loss")}
    assert under["5 | 3 − common"] == ("c53", "m4")


def test_each_side_is_one_family(own):
    table, pairs = margin_families(own, "m5")
    assert list(table.index) == ["m = 5", "6 | 4", "6 | 4 − common"] == list(pairs)
    against_softmax = family({w: pairs[w] for w in ("m = 5", "6 | 4")})
    pd.testing.assert_frame_equal(table.iloc[:2], against_softmax)
    assert table.at["6 | 4 − common", "p"] == table.at["6 | 4 − common", "p_family"]
    assert margin_families({}, "m5")[0].empty and margin_told("CRNN", {}) == ""


def test_a_network_that_learned_less_under_the_margin_is_marked(own):
    told = margin_told("functionals", own)
    assert "On functionals, m = 5" in told and "Seeds: 2, 2. UA on the training part: softmax 100 %" in told
    assert "learned its training part less well" not in told
    notes = [each | {"notes": each["notes"] | {"train_ua": 0.6}} for each in own["m5"].manifests]
    assert "learned its training part less well" in margin_told("x", own | {"m5": replace(own["m5"], manifests=notes)})


def test_the_series_is_told_as_trained_and_with_fitted_cuts():
    trio = tuple(FUNCTIONALS.values())
    trio = (*trio[:2], trio[2] + "+decree")
    series = stored_series("emodb", profile="study", methods=trio, conditions=("1:1", "1:8"))
    told = unequal_told({key: scores.on_seeds([0, 1]) for key, scores in series.items()}, trio, "functionals")
    assert told.startswith("At 1 : 8, on functionals, 6 | 4") and "cut fitted on the other folds" in told
