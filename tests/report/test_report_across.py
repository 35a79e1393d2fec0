"""Across corpora, told: what is asked for, families on shared seeds, calibration by hand, sentences without results."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from serlib import methods
from serlib.protocol import Scores, compare
from serlib.report import across as found

CLASSES = ("anger", "fear")
NAMES = {("speaker", "softmax"): "m/own", ("train", "softmax"): "m/plain", ("speaker", "center"): "m/center"}


def scores(method: str, condition: str, right: float, *, seeds=(0, 1), logit: float = 2.0) -> Scores:
    """Six voices of two corpora, ten utterances each; a share of answers is right, each with that logit."""
    rows = [(f"{c}/speaker-{s}", seed, f"{c}/{s}{i}", f"{c}/{s}", CLASSES[i % 2], (i * 7 + s + seed) % 10 < 10 * right)
            for c in ("a", "b") for s in range(6) for seed in seeds for i in range(10)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["fold", "seed", "utterance", "speaker", "emotion", "right"])
    said = np.where(table.pop("right"), table["emotion"], table["emotion"].map({"anger": "fear", "fear": "anger"}))
    logits = logit * np.eye(2)[pd.Categorical(said, CLASSES).codes]
    runs = dict.fromkeys(zip(table["fold"], table["seed"], strict=True))
    manifests = [{"seed": seed, "fold": {"name": fold}, "notes": {}} for fold, seed in runs]
    known = {"method": method, "corpus": f"a+b {condition}", "profile": "study", "scheme": "own folds"}
    return Scores(
        **known, classes=CLASSES, predictions=table.assign(predicted=said), logits=logits, manifests=manifests
    )


@pytest.fixture(scope="module")
def targets():
    shares = {("within", "m/own"): 0.9, ("across", "m/own"): 0.6, ("both", "m/own"): 0.9, ("across", "m/plain"): 0.5}
    series = {(where, name): scores(name, where, right) for (where, name), right in shares.items()}
    series["across", "m/center"] = scores("m/center", "across", 0.6, seeds=(1, 2))
    series["across", "m/other"] = None  # of no method that is asked for
    return found.by_target(series, NAMES)


def test_methods_that_are_asked_for_exist():
    study, quick = found.asked("study"), found.asked("quick")
    assert len(study) == 11 and len(quick) == 5 and set(quick) < set(study)
    recipes = {key: methods.get(name).recipe("study") for key, name in study.items()}
    assert all(recipe.scaling == scaling for (scaling, _), recipe in recipes.items())
    assert all(methods.get(name).recipe("quick").scaling == scaling for (scaling, _), name in quick.items())


def test_by_target_and_levels(targets):
    assert list(targets) == ["a", "b"] and ("across", "train", "softmax") in targets["a"] and len(targets["b"]) == 5
    table = found.levels(targets["a"])
    own, plain = (found.SCALINGS[scaling][0] for scaling in ("speaker", "train"))
    assert table["pooled"].round(6).to_dict() == pytest.approx(
        {(own, "within"): 90, (own, "across"): 60, (own, "both"): 90, (plain, "across"): 50}, abs=0.5
    )
    assert (table["low"] <= table["pooled"]).all() and (table["pooled"] <= table["high"]).all()


def test_a_pair_is_judged_on_the_seeds_that_it_shares(targets):
    results = targets["a"]
    judged = found.travelling(results)
    assert list(judged.index) == ["center loss"] and judged.attrs["unit"] == "6 speakers"
    pair = [results["across", "speaker", loss].on_seeds([1]) for loss in ("center", "softmax")]
    assert judged.loc["center loss", "effect"] == pytest.approx(compare(*pair).effect)
    assert list(found.elsewhere(results).index) == ["across − within", "both − within"]
    assert found.elsewhere(results).loc["across − within", "effect"] == pytest.approx(-30, abs=0.5)
    assert list(found.scaled(results).index) == ["across: speaker − training part"]
    assert found.travelling(results, condition="both").empty
    strange = results | {("across", "speaker", "center"): scores("m/center", "across", 0.6, seeds=(7,))}
    assert found.travelling({k: s for k, s in strange.items() if k[0] == "across"}).empty  # no seed in common


def test_sureness_by_hand():
    table = found.surety(scores("m", "across", 0.6, logit=np.log(19)))  # always 95 % sure, right in 60 %
    assert table == pytest.approx({
        "right": 60, "confidence": 95, "ECE": 35, "NLL (nats)": -0.6 * np.log(0.95) - 0.4 * np.log(0.05), "sure": 100,
        "wrong if sure": 40, "sure if wrong": 100,
    }, abs=1e-4)  # fmt: skip
    cooled = found.surety(scores("m", "across", 0.6, logit=np.log(19)), np.log(19) / np.log(1.5))
    assert cooled["confidence"] == pytest.approx(60) and cooled["ECE"] == pytest.approx(0, abs=1e-6)
    assert cooled["sure"] == 0 and np.isnan(cooled["wrong if sure"])


def test_the_temperature_of_home_is_that_of_the_corpus_that_was_learned_from(targets):
    hot = scores("m/own", "within", 0.9, logit=8.0)
    mixed = {"a": targets["a"], "b": targets["b"] | {("within", "speaker", "softmax"): hot}}
    assert found.home_temperature(mixed, "a", "speaker") == pytest.approx(8 / np.log(9), rel=0.05)
    assert found.home_temperature(mixed, "b", "speaker") == pytest.approx(2 / np.log(9), rel=0.05)
    assert found.home_temperature(mixed, "a", "train") is None


def test_sentences_say_what_came_out_and_nothing_where_nothing_is(targets):
    cost, mended, losses, sure = found.sentences("a+b", targets)
    assert cost.startswith(
        "a+b: UA of a network that learned from the other corpus: on a **60.0 %** instead of 90.0, -30.0"
    )
    assert "across, in points of UA: on a each speaker's own +10.0" in mended and "each corpus" not in mended
    added = mended.partition("With the other corpus added to the own one, against the own one alone: ")[2]
    assert added.startswith("on a +0.0 (") and "; on b " in added
    assert "of 1 loss told from softmax: **none**; the largest difference is that of center loss, " in losses
    one = "**none so sure** (none so sure within; scaled by each speaker's own statistics)"
    assert sure == f"Wrong, of the answers that were over 90 % sure, across: on a {one}; on b {one}."
    *rest, fewer = found.sentences("a+b", targets, targets)
    assert rest == [cost, mended, losses, sure] and fewer.startswith(
        "With 4 emotions alone (anger, happiness, neutral, sadness; chance 25 %): UA of a network that learned from "
    )
    assert found.sentences("a+b", {}) == ["Nothing is stored of a+b: the cells below say which command trains it."]


def climbing(scores: Scores) -> Scores:
    """The same, whose trainings had not come to rest."""
    return replace(scores, manifests=[m | {"notes": {"converged": False}} for m in scores.manifests])


def test_what_had_not_come_to_rest_is_counted_with_nothing(targets):
    results = targets["a"]
    others = {
        ("across", "speaker", loss): found.tested_on(scores("m/other", "across", right, seeds=(1, 2)), "a")
        for loss, right in (("weighted", 0.6), ("angular", 0.8))
    } | {("across", "speaker", "center"): climbing(results["across", "speaker", "center"])}
    judged = found.travelling(results | others)
    assert list(found.comparable(judged).index) == ["class-weighted softmax", "angular softmax"]
    told = found.counted(judged, "losses, told from softmax")
    sure = f"angular softmax {judged.loc['angular softmax', 'effect']:+.1f}"
    rest = "**Not compared**, for a training had not come to rest: center loss."
    assert told == f"Of 2 losses, told from softmax: **{sure}**. {rest}"
    assert found.counted(judged.loc[["center loss"]], "losses") == rest and found.counted(judged.iloc[:0], "x") == ""
    alone = {key: climbing(s) for key, s in results.items()}
    cost, mended, losses, _ = found.sentences("a+b", {"a": alone})
    why = "not compared (unconverged)"
    assert cost.endswith(f"instead of 90.0, {why}.") and mended.count(why) == 2
    assert losses == f"Which loss travels, with each speaker's own statistics: on a {why}: center loss."


def test_results_of_other_recordings_do_not_fit(tiny_corpus):
    series = {("across", "m"): scores("m", "across", 0.6)}
    table = tiny_corpus.table.iloc[:60].set_axis([f"{s}{i}" for s in range(6) for i in range(10)])
    known = replace(tiny_corpus, name="a", table=table.assign(emotion="anger"))
    assert found.fits(series, known) and found.fits({}, tiny_corpus)
    assert not found.fits(series, known.subset(range(59)))
    assert not found.fits(series, replace(known, name="b", table=known.table.iloc[:3]))
