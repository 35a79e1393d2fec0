"""Findings follow the numbers: other numbers, other sentences; without runs, none."""

import itertools
import re
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm

from serlib.methods import equal
from serlib.protocol import Scores, compare, compare_family
from serlib.report import asked, drawn, on_networks
from serlib.report import equal as terms
from serlib.report import findings as module
from serlib.report.asked import WHOLE
from serlib.report.drawn import pictures
from serlib.report.finding import Finding, beat
from serlib.report.findings import findings
from serlib.runs.oracle import METHODS

CLASSES = ("anger", "neutral", "sadness")


def scores_of(method: str, skill: float, seeds=(0,), *, draw: int = 0, per_speaker: int = 24) -> Scores:
    """Ten speakers, a fold each; right with probability ``skill``. The best epoch on dev is always wrong."""
    generator, rows, manifests, arrays = np.random.default_rng(draw), [], [], []
    truth = np.random.default_rng(1).integers(0, 3, (10, per_speaker))
    for seed in seeds:
        for speaker, true in enumerate(truth):
            said = np.where(generator.random(per_speaker) < skill, true, generator.integers(0, 3, per_speaker))
            for k in range(per_speaker):
                rows.append((f"f{speaker}", seed, f"{speaker}-{k}", f"{speaker}", CLASSES[true[k]], CLASSES[said[k]]))
            manifests.append({"seed": seed, "fold": {"name": f"f{speaker}"}, "notes": {}})
            logits = np.eye(3, dtype=np.float32)
            kept = {"logits_average": logits[said], "logits_best_dev": logits[(true + 1) % 3]}
            arrays.append(kept if seed == seeds[0] else {})
    columns = ["fold", "seed", "utterance", "speaker", "emotion", "predicted"]
    table = pd.DataFrame(rows, columns=columns)
    return Scores(
        method, "emodb", "study", "leave-one-speaker-out", CLASSES, table, np.zeros((len(table), 3)),
        manifests=manifests, arrays=arrays,
    )  # fmt: skip


@pytest.fixture
def stored(monkeypatch):
    """Committed runs as the test puts them there.

    Those of EMO-DB by method, of the paper profile by (method, "paper"), of another corpus by it, method and scheme.
    """
    there: dict[str | tuple[str, ...], Scores] = {}

    def committed(corpus: str, method: str, profile: str = "study", scheme: str = WHOLE) -> Scores | None:
        keys = {("emodb", "study", WHOLE): method, ("emodb", "paper", WHOLE): (method, "paper")}
        return there.get(keys.get((corpus, profile, scheme), (corpus, method, scheme)))

    for place in (asked, module, drawn):
        monkeypatch.setattr(place, "committed", committed)
    monkeypatch.setattr(module, "stored_series", lambda corpus, **asked: None)  # tests/test_readme.py counts it anew
    watched = {m: (m, "watched") for m in METHODS}
    kept = lambda corpus, **asked: {m: there[key] for m, key in watched.items() if key in there}  # noqa: E731
    monkeypatch.setattr(module, "stored_watched", kept)
    return there


def told(word: str) -> str:
    return found(word).sentence


def found(word: str) -> Finding:
    (one,) = [f for f in findings() if word in f.sentence]
    return one


def test_a_headline_is_the_one_thing_in_bold():
    finding = Finding("Nothing gained.", "Of **two**, *none*.", "00_a.ipynb")
    assert finding.text == "**Nothing gained.** Of two, *none*." and finding.sentence == finding.lead
    longer = replace(finding, more="And **much** more.")
    assert longer.text == finding.text and longer.sentence == "Of **two**, *none*. And **much** more."
    assert longer.rest(longer.more) == "And much more."
    assert [beat(n) for n in (0, 1, 2)] == ["no loss surely beats", "1 loss surely beats", "2 losses surely beat"]


def test_without_runs_there_are_none(stored):
    assert findings() == []


@pytest.mark.parametrize("skill", [0.95, 0.2])
def test_losses_are_judged_as_one_family_on_the_seeds_that_both_have(stored, skill):
    softmax = scores_of("s", 0.6, (0, 1))
    stored[equal.name("em-speaker", "softmax")] = softmax
    stored[equal.name("em-speaker", "focal")] = focal = scores_of("f", skill, (0, 1), draw=1)
    assert findings() == [] or "equal terms" not in findings()[0].sentence  # one contrast is no family
    stored[equal.name("em-speaker", "center")] = center = scores_of("c", 0.6, (0, 1), draw=2)
    table = compare_family({"focal loss": (focal, softmax), "center loss": (center, softmax)})
    sentence = told("equal terms")
    assert "Of 2 losses" in sentence and "2 seeds" in sentence
    effect = f"focal loss ({table.at['focal loss', 'effect']:+.1f})"
    assert found("equal terms").headline == f"On equal terms {'1' if skill > 0.6 else 'no'} loss surely beats softmax."
    if skill > 0.6:
        assert f"surely better than softmax: {effect}**" in sentence and "surely worse" not in sentence
    else:
        assert "surely better than softmax: none**" in sentence and f"surely worse: {effect}" in sentence
    assert f"excluded for {(table['high'] < 3).sum()} of 2 (the papers print 1.8 to 9.8)" in sentence
    best = table["effect"].idxmax()
    assert f"that of {best}: {table.at[best, 'effect']:+.1f} points" in sentence
    stored[equal.name("em-speaker", "center")] = scores_of("c", 0.6, (0,), draw=2)
    assert not [f for f in findings() if "equal terms" in f.sentence]  # not the same seeds: no family


def test_losses_are_asked_again_without_the_speakers_own_statistics(stored):
    for ground in ("em-speaker", "em"):
        for draw, loss in enumerate(("softmax", "focal", "center")):
            skill = 0.8 if (ground, loss) == ("em", "center") else 0.6
            stored[equal.name(ground, loss)] = scores_of(f"{ground}-{loss}", skill, (0, 1), draw=draw)
    table, _ = asked.losses("emodb", "em")
    row, wide = table.loc["center loss"], table[table["high"] >= 3].sort_values("high", ascending=False)
    assert row["verdict"] == "better" and wide.index[0] == "center loss"
    not_for = ", ".join(f"{loss} on emobase2010 ({r.low:+.1f} to {r.high:+.1f})" for loss, r in wide.iterrows())
    said = " Without these statistics (emobase2010) **1 of 2** are told from softmax: center loss on emobase2010 "
    said += f"{row.effect:+.1f}; the "
    assert told("equal terms").endswith(f"{said}gain is excluded for {2 - len(wide)}, not for {not_for}.")


def test_losses_are_asked_again_on_the_other_corpus(stored):
    for draw, loss in enumerate(("softmax", "focal", "center")):
        method, skill = equal.name("em-speaker", loss), 0.3 if loss == "focal" else 0.6
        stored[method] = scores_of(loss, 0.6, (0, 1), draw=draw)
        stored["ravdess", method, WHOLE] = scores_of(loss, skill, (0, 1), draw=draw, per_speaker=96)
    table, _ = asked.losses("ravdess")
    row = table.loc["focal loss"]
    assert row["verdict"] == "worse" and table.at["center loss", "verdict"].startswith("open")
    said = " On ravdess (10 speakers; emobase2010 by speaker) **1 of 2** are told from softmax: "
    said += "focal loss on emobase2010 by speaker of ravdess "
    assert table["high"].max() < 3
    assert told("equal terms").endswith(f"{said}{row.effect:+.1f}; the gain is excluded for all.")


def test_each_paper_s_idea_on_its_own_network_is_judged_as_one_family(stored):
    pairs = [*terms.PAPERS.items()][:3]
    for draw, (_, (idea, without)) in enumerate(pairs[1:]):  # the first is not there
        stored[without] = scores_of(without, 0.5, (0, 1), draw=draw)
        stored[idea] = scores_of(idea, 0.9 if draw else 0.5, (0, 1, 2)[: 2 + draw], draw=draw + 7)
    both = {name: (stored[a].on_seeds([0, 1]), stored[b]) for name, (a, b) in pairs[1:]}
    table, sentence = compare_family(both), told("papers' recipes")
    assert table["verdict"].str.partition(":")[0].tolist() == ["open", "better"] and "**1 of 2** ideas" in sentence
    rows = [f"{name} {row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f}; 2 seeds)" for name, row in table.iterrows()]
    gain = f"a gain of 3 points is excluded for {(table['high'] < 3).sum()} of 2."
    assert sentence.endswith(f": {rows[1]}; the largest of the others is {rows[0]}; {gain}")
    headline = f"1 idea of a paper surely beats the same network without; {gain}"
    assert found("papers' recipes").headline == headline
    climbing = [{**m, "notes": {"converged": False, "slope": 9.0}} for m in stored[pairs[1][1][0]].manifests]
    third = [*terms.PAPERS.items()][3]
    stored |= {name: scores_of(name, 0.5, (0, 1), draw=20 + k) for k, name in enumerate(third[1])}
    stored[pairs[1][1][0]] = replace(stored[pairs[1][1][0]], manifests=climbing)
    assert told("papers' recipes").endswith(f" Not compared, for a training had not come to rest: {pairs[1][0]}.")
    assert f"{pairs[1][0]} +" not in told("papers' recipes") and "of 2** ideas" in told("papers' recipes")
    focal = pairs[2][1]
    stored |= {(name, "paper"): replace(stored[name], profile="paper").on_seeds([0]) for name in focal}
    row = compare(stored[focal[0], "paper"], stored[focal[1], "paper"])
    sure = " At full size **1 of 1** are told: "
    headline = "2 ideas of the papers surely beat the same network without; a gain of 3 points is excluded for "
    assert re.fullmatch(rf"{headline}\d of 3\.", found("papers' recipes").headline)
    assert told("papers' recipes").endswith(
        f"{sure}{pairs[2][0]} {row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f}; 1 seed); a gain of 3 points is "
        "excluded for 0 of 1."
    )


def test_losses_on_the_deep_network_are_one_family_and_a_setting_from_elsewhere_has_its_price(stored):
    (network, deep), (second, further) = terms.DEEP.items()
    softmax = deep["focal loss"][1]
    own = {words: deep[words][0] for words in ("focal loss", "ArcFace", "angular softmax")}
    stored[softmax] = scores_of(softmax, 0.6, (0, 1))
    stored[own["focal loss"]] = scores_of(own["focal loss"], 0.6, (0, 1), draw=3)
    assert not [f for f in findings() if network in f.sentence]  # one contrast is no family
    stored[own["ArcFace"]] = scores_of(own["ArcFace"], 0.95, (0, 1), draw=4)
    table = compare_family({words: (stored[own[words]], stored[softmax]) for words in ("focal loss", "ArcFace")})
    assert table["verdict"].str.partition(":")[0].tolist() == ["open", "better"]
    rows = [f"{name} {row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f}; 2 seeds)" for name, row in table.iterrows()]
    excluded = f"; a gain of 3 points is excluded for {(table['high'] < 3).sum()} of 2."
    judged = f"in points of UA: {rows[1]}; the largest of the others is {rows[0]}"
    assert told(network).endswith(f"**1 of 2** losses are told from softmax, {judged}{excluded}")
    assert found(network).headline == "On 1 deep network 1 loss surely beats softmax; 0 of 2 are surely worse."
    stored |= {
        name: scores_of(name, 0.6, (0, 1), draw=k)
        for k, name in enumerate({*further["focal loss"], further["ArcFace"][0]})
    }
    assert f"{excluded} On *{second}*, each loss in a setting of its own, **" in told(network)
    again, once = terms.TWICE
    assert once == further["ArcFace"][1] and "trained again" not in told(network)
    stored[again] = scores_of(again, 0.4, (0, 1), draw=8)
    lies = compare_family({"again": (stored[again], stored[once])}).at["again", "effect"]
    assert lies < -3 and told(network).endswith(
        f" Paper 002's own recipe, trained again, lies {lies:+.1f} from itself."
    )
    first, elsewhere = terms.TAKEN_OVER["ArcFace"]
    assert elsewhere != own["ArcFace"] == first and "focal loss" not in terms.TAKEN_OVER  # the same in both
    stored[elsewhere] = scores_of(elsewhere, 0.3, (0,), draw=9)
    first = stored[own["ArcFace"]].on_seeds([0]).spread_over_seeds()[0]
    cost = first - stored[elsewhere].spread_over_seeds()[0]
    assert told(network).endswith(
        f" The setting that won on functionals costs up to **{cost:.1f} points** on ResNet-18 (ArcFace; 1 seed)."
    )
    assert on_networks.price("emodb") == ("ArcFace", pytest.approx(cost), 1)
    stored[elsewhere] = scores_of(elsewhere, 1.0)
    assert on_networks.price("emodb") is None  # better than its own: no price
    climbing = [{**m, "notes": {"converged": False, "slope": 9.0}} for m in stored[own["ArcFace"]].manifests]
    stored[elsewhere] = replace(scores_of(elsewhere, 0.1), manifests=climbing[:10])
    assert on_networks.price("emodb") is None
    stored[own["angular softmax"]] = scores_of("a", 0.6, (0, 1), draw=4)
    stored[own["ArcFace"]] = replace(stored[own["ArcFace"]], manifests=climbing)
    assert " Not compared, for a training had not come to rest: ArcFace." in told(network)


def test_losses_on_the_deep_network_are_asked_on_the_other_corpus_as_they_are_for_as_many_epochs(stored):
    (network, deep), *_ = terms.DEEP.items()
    methods = {words: deep[words][0] for words in ("focal loss", "ArcFace")} | {"softmax": deep["ArcFace"][1]}
    for draw, (words, method) in enumerate(methods.items()):
        stored[method] = scores_of(method, 0.6, (0, 1), draw=draw)
        skill = 0.2 if words == "ArcFace" else 0.6
        stored["ravdess", f"{method}+longer", terms.GROUPS] = scores_of(
            method, skill, (0, 1), draw=draw, per_speaker=48
        )
    assert terms.GROUPS != WHOLE
    there = {words: stored["ravdess", f"{method}+longer", terms.GROUPS] for words, method in methods.items()}
    table = compare_family({words: (there[words], there["softmax"]) for words in ("focal loss", "ArcFace")})
    assert table.at["ArcFace", "verdict"] == "worse"
    rows = [f"{words} {r.effect:+.1f} ({r.low:+.1f} to {r.high:+.1f}; 2 seeds)" for words, r in table.iterrows()]
    judged = f"**1 of 2** are told: {rows[1]}; the largest of the others is {rows[0]}"
    said = f" On ravdess, in the same settings (`{terms.GROUPS}`), {judged}; a gain of 3 points is excluded for "
    assert f"{said}{(table['high'] < 3).sum()} of 2." in told(network)
    del stored["ravdess", f"{methods['focal loss']}+longer", terms.GROUPS]
    assert "ravdess" not in told(network)  # one contrast is no family


def test_luck_is_the_deviation_between_seeds_pooled_over_recipes(stored):
    first, second = module.PRINTED[0], terms.PAPERS["focal loss (ResNet-18)"][0]
    stored[first] = scores_of(first, 0.6, (0, 1))
    stored[module.PRINTED[1]] = scores_of(module.PRINTED[1], 0.6, (0,), draw=9)  # one seed says nothing of seeds
    assert not [f for f in findings() if "another seed" in f.sentence]  # of one recipe
    stored[second] = scores_of(second, 0.6, (0, 1, 2), draw=1)
    ua = {method: stored[method].spread_over_seeds() for method in (first, second)}
    squares = sum(((each - each.mean()) ** 2).sum() for each in ua.values())
    spread, widest = np.sqrt(squares / 3), max(ua, key=lambda method: np.ptp(ua[method]))
    low, high = (np.sqrt(squares / chi2.isf(tail, 3)) for tail in (0.025, 0.975))
    assert found("another seed").headline == f"Another seed alone moves UA by {spread:.1f} points."
    deviation = (
        f"standard deviation of **{spread:.1f} points** ({low:.1f} to {high:.1f}; 2 recipes, 5 cross-validations; "
    )
    assert f"{deviation}`{widest}`: {np.ptp(ua[widest]):.1f} points apart)" in told("another seed")
    assert norm.cdf(1) - norm.cdf(-1) == pytest.approx(2 / 3, abs=0.02)  # within one deviation: two of three
    assert f"by more than {np.sqrt(2) * spread:.1f} points in one case of three." in told("another seed")
    folds = [stored[method].per_fold()["UA"].unstack("seed").to_numpy() for method in (first, second)]
    deviations = np.concatenate([(each - each.mean(axis=1, keepdims=True)).ravel() for each in folds])
    free = sum(len(each) * (each.shape[1] - 1) for each in folds)
    lone = np.sqrt((deviations**2).sum() / free)
    assert f" A single network, on its own test fold, moves by {lone:.1f}." in told("another seed")


def test_what_the_best_epoch_on_test_promises_stands_beside_luck(stored):
    for draw, method in enumerate(module.PRINTED[:2]):
        stored[method] = scores_of(method, 0.6, (0, 1), draw=draw)
    assert "epoch" not in found("another seed").text
    for draw, (method, gain) in enumerate(zip(METHODS, (0.05, 0.2, 0.1), strict=False)):
        scores = scores_of(method, 0.5, draw=draw)
        last = scores.per_fold()["UA"].reset_index()
        epochs = [last.assign(epoch=k, dev_ua=last["UA"] / 100 + more) for k, more in ((1, gain), (2, 0.0))]
        stored[method, "watched"] = replace(scores, history=pd.concat(epochs))
    most, least = METHODS[1], METHODS[0]
    finding = found("another seed")
    assert finding.headline.endswith("; its best epoch on test would promise up to 20.0 more.")
    said = f"beforehand: `{most}` +20.0 (+20.0 to +20.0) at the most, `{least}` +5.0 (+5.0 to +5.0) at the least of 3 "
    assert finding.sentence.endswith(f"{said}networks.")
    climbing = [{**m, "notes": {"converged": False, "slope": 9.0}} for m in stored[most, "watched"].manifests]
    stored[most, "watched"] = replace(stored[most, "watched"], manifests=climbing)
    assert "of 2 networks." in told("another seed")


def test_unequal_classes_are_judged_by_networks_and_by_voices(monkeypatch):
    """Ten voices, two a fold: what a loss gives one voice and takes from another is sure for networks alone."""
    shares, generator, series = (1 / 18, 1 / 18, 8 / 18, 8 / 18), np.random.default_rng(0), {}
    classes, seeds = ("anger", "happiness", "neutral", "sadness"), range(10)
    truth = np.tile(np.arange(4), 15)
    for loss, method in terms.UNEQUAL.items():
        rows, logits = [], []
        for seed, speaker in itertools.product(seeds, range(10)):
            lucky = 0.0 if loss == "softmax" else 2.0 * (speaker in (1, 2, 5)) - 0.2  # three gain much, the rest lose
            wide = generator.standard_normal((60, 4)) + (1.5 + lucky) * np.eye(4)[truth] + 0.4 * np.log(shares)
            logits.append(wide)
            rows += [(f"f{speaker // 2}", seed, f"{speaker}-{k}", f"{speaker}", classes[t], classes[w])
                     for k, (t, w) in enumerate(zip(truth, wide.argmax(1), strict=True))]  # fmt: skip
        columns = ["fold", "seed", "utterance", "speaker", "emotion", "predicted"]
        facts = [{"seed": seed, "fold": {"name": f"f{f}", "train": 90}} for seed in seeds for f in range(5)]
        table = pd.DataFrame(rows, columns=columns)
        series["1:8", method] = Scores(
            method, "emodb 1:8", "study", "own folds", classes, table, np.concatenate(logits), manifests=facts
        )
    monkeypatch.setattr(module, "stored_series", lambda corpus, **asked: series)
    sentence = module._unequal("emodb").sentence
    asked = terms.unequal(series, "1:8")
    for units, words in (
        (None, r"of 10 losses \*\*(\d+)\*\* are better"),
        (("speaker",), r"as units \*\*(\d+)\*\* and"),
    ):
        rows = terms.families(asked, units).loc[terms.TRAINED].xs("softmax", level="against")["verdict"]
        assert int(re.search(words, sentence)[1]) == rows.isin(["better", *(["worse"] if units else [])]).sum()
    assert "about 5 utterances of each; 10 draws; five groups of speakers" in sentence
    headline = "Where classes are rare, 10 losses surely beat softmax on these voices; with a cut fitted "
    assert module._unequal("emodb").headline.startswith(headline)
    assert re.search(r"\*\*10\*\* are better \(first: \D+ \+\d", sentence) and sentence.endswith(
        "**0** are told from softmax (voices that share a network are taken for independent)."
    )


@pytest.mark.parametrize("skill", [0.9, 0.61])
def test_a_contrast_has_its_interval_and_says_when_it_is_not_sure(stored, skill):
    stored["focal/mel-softmax"] = plain = scores_of("focal/mel-softmax", 0.6, (0, 1))
    stored["focal/mel-softmax+strong"] = strong = scores_of("focal/mel-softmax+strong", skill, (1, 2), draw=3)
    shared = [s.on_seeds([1]) for s in (strong, plain)]  # the seed that both have
    measured = compare(*shared)
    sentence = told("ResNet-18")
    assert f"{measured.effect:+.1f} points of UA, 95 % interval {measured.low:+.1f} to {measured.high:+.1f}" in sentence
    assert found("ResNet-18").headline == (
        f"Regularisation is {'' if skill > 0.7 else 'not '}surely worth {measured.effect:+.1f} points."
    )
    assert ("not sure" in sentence) == (measured.verdict not in ("better", "worse")) == (skill < 0.7)


def test_every_finding_names_a_notebook_and_a_number(stored):
    more = ("focal/mel-softmax+strong", "baselines/compare-svm", "baselines/compare-svm-speakernorm")
    for method in (*module.PRINTED, *(equal.name("em-speaker", loss) for loss in equal.LOSSES), *more):
        stored[method] = scores_of(method, 0.6, (0, 1, 2), draw=len(stored))
    learned = findings()
    assert all(f.headline.endswith(".") and len(f.headline) < 120 for f in learned)
    assert len(learned) == 4  # the rest asks for more
    assert all(re.search(r"\d+\.\d", f.sentence) and re.fullmatch(r"\d\d_\w+\.ipynb", f.notebook) for f in learned)


def test_the_index_shows_losses_and_levels_where_they_are_stored(stored):
    assert pictures() == {}
    stored[equal.name("em-speaker", "softmax")] = softmax = scores_of("s", 0.6, (0, 1))
    stored[equal.name("em-speaker", "focal")] = focal = scores_of("f", 0.9, (0, 1), draw=1)
    stored[equal.name("em-speaker", "center")] = scores_of("c", 0.6, (0, 1), draw=2)
    for method in ("baselines/compare-svm", "focal/mel-softmax"):
        stored[method] = scores_of(method, 0.7)
    forest, levels = pictures().values()
    (panel,) = forest.axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["focal loss", "center loss"]
    effect = compare(focal, softmax).effect
    assert any(line.get_xdata()[0] == pytest.approx(effect) for line in panel.lines if len(line.get_xdata()) == 1)
    assert [label.get_text() for label in levels.axes[0].get_yticklabels()] == ["SVC, ComParE", "ResNet-18"]
    plt.close("all")


def test_what_no_swap_of_few_units_could_tell_is_counted():
    """Two contrasts on five speakers: 16 rearrangements, so p in the family is 1/16 at least."""
    keep = {str(speaker) for speaker in range(5)}
    few = {}
    for draw, (name, skill) in enumerate({"a": 0.9, "b": 0.9, "softmax": 0.2}.items()):
        scores = scores_of(name, skill, draw=draw)
        rows = scores.predictions["speaker"].isin(keep)
        runs = [m for m in scores.manifests if m["fold"]["name"].removeprefix("f") in keep]
        kept = {"predictions": scores.predictions[rows], "logits": scores.logits[rows], "manifests": runs}
        few[name] = replace(scores, **kept, arrays=())
    pairs = {name: (few[name], few["softmax"]) for name in ("a", "b")}
    judged = on_networks._judged(pairs, on_networks.family(pairs))
    assert judged.startswith("**0 of 2**") and judged.endswith(
        "; 2 of the 2 are undecidable (no exchange of units reaches 5 %)"
    )
