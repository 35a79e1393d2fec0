"""Losses on equal terms: what is collected, what is one family, and what becomes of a printed conclusion."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from serlib import methods
from serlib.methods import equal
from serlib.protocol import Scores, compare_family
from serlib.protocol.cut import cut_fitted
from serlib.report import equal as terms
from serlib.runs import pack
from serlib.runs.run import Run

CLASSES, SPEAKERS = ("anger", "happiness", "neutral"), [f"{k:02d}" for k in range(10)]


def made(loss: str, *, skill: float = 0.6, seeds=(0, 1), draw: int = 0, ground: str = "em-speaker", rest: bool = True):
    """Scores of ten speakers, each a fold of one, 12 utterances each; right with probability ``skill``, else any."""
    generator, rows = np.random.default_rng(draw), []
    for seed in seeds:
        for speaker in SPEAKERS:
            for k in range(12):
                true = CLASSES[k % 3]
                said = true if generator.random() < skill else generator.choice(CLASSES)
                rows.append((f"speaker-{speaker}", seed, f"{speaker}-{k}", speaker, true, said))
    table = pd.DataFrame(rows, columns=["fold", "seed", "utterance", "speaker", "emotion", "predicted"])
    logits = 2.0 * (table["predicted"].to_numpy()[:, None] == np.array(CLASSES)) + 0.1 * generator.random(
        (len(rows), 3)
    )
    notes = {"converged": rest, "slope": 0.0 if rest else 2.0, "train_ua": 0.9}
    runs = [{"seed": seed, "notes": notes, "fold": {"name": f"speaker-{s}"}} for seed in seeds for s in SPEAKERS]
    return Scores(
        equal.name(ground, loss), "emodb", "study", "leave-one-speaker-out", CLASSES, table, logits,
        embeddings=generator.random((len(rows), 4)), manifests=runs, arrays=[{"weight": np.eye(3, 4)} for _ in runs],
    )  # fmt: skip


def test_losses_are_cut_to_the_seeds_that_all_of_their_ground_have():
    found = {
        ("em-speaker", "softmax"): made("softmax", seeds=(0, 1, 2)),
        ("em-speaker", "focal"): made("focal", seeds=(1, 2), draw=1),
        ("em-speaker", "center"): made("center", seeds=(7,)),
        ("eg", "softmax"): made("softmax", seeds=(4,)),
        ("em", "focal"): made("focal"),
    }
    kept = terms.on_shared_seeds(found)
    assert list(kept) == [("em-speaker", "softmax"), ("em-speaker", "focal"), ("eg", "softmax")]
    cut, whole = kept["em-speaker", "softmax"], found["em-speaker", "softmax"]
    rows = whole.predictions["seed"] > 0
    assert {m["seed"] for m in cut.manifests} == {1, 2} and len(cut.arrays) == 20
    pd.testing.assert_frame_equal(cut.predictions, whole.predictions[rows].reset_index(drop=True))
    np.testing.assert_array_equal(cut.embeddings, whole.embeddings[rows])
    np.testing.assert_array_equal(cut.logits, whole.logits[rows])
    assert len(kept["eg", "softmax"].predictions) == 120


def test_where_classes_are_unequal_both_cuts_are_fitted():
    """A loss that does nothing but move softmax' cut is ahead as trained, and level once both have their own."""
    shares = {c: terms.CONDITIONS["1:8"][c] for c in ("anger", "happiness", "neutral")}  # 1, 1, 8
    generator, series = np.random.default_rng(0), {}
    for loss, method in terms.UNEQUAL.items():
        base = made("softmax", skill=0.7)
        true = base.predictions["emotion"].to_numpy()[:, None] == np.array(CLASSES)
        lean = np.log([shares[c] / sum(shares.values()) for c in CLASSES]) * (loss != "adjusted")
        other = loss not in ("softmax", "adjusted")
        noise = generator if other else np.random.default_rng(1)
        logits = 2.0 * true + noise.standard_normal(true.shape) + lean
        said = base.predictions.assign(predicted=np.array(CLASSES)[logits.argmax(1)])
        series["1:8", method] = replace(base, method=method, predictions=said, logits=logits)
    judged = terms.families(terms.unequal(series, "1:8"))
    ways = {way: table.loc[way] for way, table in judged.groupby("ground", sort=False)}
    assert list(ways) == ["as trained", "both cuts fitted"]
    assert all([*table.index] == [*terms.TITLES] for table in ways.values())
    row = ("adjusted", "softmax")
    assert ways["as trained"].loc[row, "verdict"] == "better" and ways["as trained"].loc[row, "effect"] > 10
    moved = {n: cut_fitted(series["1:8", terms.UNEQUAL[n]], shares)[0] for n in ("adjusted", "softmax")}
    expected = [s.per_class()["recall"].mean() for s in moved.values()]
    assert ways["both cuts fitted"].loc[row, "effect"] == pytest.approx(expected[0] - expected[1])
    assert abs(ways["both cuts fitted"].loc[row, "effect"]) < 2
    assert terms.conclusions(judged.loc[[terms.MOVED]])["rows"].map(len).tolist() == [1] * len(terms.CLAIMS)


def test_who_is_small_is_by_decree():
    assert terms.UNEQUAL["class-angular"].endswith("+decree") and terms.UNEQUAL["class-arcface"].endswith("+decree")
    for loss, method in terms.UNEQUAL.items():
        assert methods.get(method).recipe("study").margin_pair is None, loss


def test_losses_against_softmax_are_one_family_and_margins_another():
    losses = ("softmax", "focal", "angular", "class-angular")
    found = {("em-speaker", loss): made(loss, skill=0.5 + 0.1 * k, draw=k) for k, loss in enumerate(losses)}
    table = terms.families(found)
    pairs = [("focal", "softmax"), ("angular", "softmax"), ("class-angular", "softmax"), ("class-angular", "angular")]
    assert list(table.index) == [("em-speaker", *pair) for pair in pairs]
    scored = {loss: s for (_, loss), s in found.items()}
    for family in (pairs[:3], pairs[3:]):
        expected = compare_family({str(pair): tuple(scored[loss] for loss in pair) for pair in family})
        shown = table.loc[[("em-speaker", *pair) for pair in family]]
        pd.testing.assert_frame_equal(shown.reset_index(drop=True), expected.reset_index(drop=True))


def test_a_single_loss_is_compared_with_nothing():
    with pytest.raises(ValueError, match=r"^nothing to compare: results of \[\('em-speaker', 'softmax'\)\]$"):
        terms.families({("em-speaker", "softmax"): made("softmax")})
    told = terms.sentences("emodb", {("em-speaker", "softmax"): made("softmax")})
    assert told == ["Nothing is stored of emodb: the cells below say which command trains it."]


OPEN, BLIND = "open: 2.0 points would be seen", "undecidable: no rearrangement could reach 5 %"


@pytest.mark.parametrize(
    ("verdicts", "highs", "expected"),
    [
        (["better", "better"], [4, 4], "stands"),
        (["better", OPEN], [4, 4], "stands in part"),
        (["better", "worse"], [4, 4], "depends on the ground"),
        (["worse", OPEN], [1, 4], "does not stand"),
        ([OPEN, OPEN], [2.9, 3.0], "open"),
        ([OPEN, BLIND], [2.9, 1.0], "open, but smaller than printed"),
        ([BLIND], [3.5], "undecided"),
        ([OPEN, "not compared: unconverged"], [1.0, 1.0], "undecided"),
        ([], [], "not measured"),
    ],
)
def test_what_becomes_of_a_conclusion(verdicts, highs, expected):
    rows = pd.DataFrame({"verdict": pd.Series(verdicts, dtype=object), "high": pd.Series(highs, dtype=float)})
    assert terms.standing(rows, 3.0) == expected


def test_conclusions_are_held_against_their_contrasts_on_all_corpora():
    found = {("em-speaker", loss): made(loss, draw=k) for k, loss in enumerate(("softmax", "focal", "center"))}
    judged = pd.concat({"emodb": terms.families(found), "ravdess": terms.families(found)}, names=["corpus"])
    table = terms.conclusions(judged).set_index("says")
    assert table["printed"].round(2).tolist() == [3.06, 2.81, 9.8, 1.8, 3.0]
    assert table["verdict"]["an angular margin helps"] == "not measured"
    assert [key[:2] for key in table["rows"]["focal loss helps"].index] == [
        ("emodb", "em-speaker"),
        ("ravdess", "em-speaker"),
    ]


def test_sentences_say_what_the_numbers_say():
    found = {
        ("em-speaker", "softmax"): made("softmax", skill=0.5),
        ("em-speaker", "focal"): made("focal", skill=0.95, draw=1),
        ("em-speaker", "center"): made("center", skill=0.5, draw=2),
    }
    first, second, third, fourth, fifth = terms.sentences("emodb", found)
    gap = terms.families(found).loc[("em-speaker", "focal", "softmax"), "effect"]
    told = f"told from zero: focal loss better on em-speaker ({gap:+.1f})"
    assert first == f"emodb (em-speaker: 3 losses, 2 seeds): **1 of 2** differences to softmax are {told}."
    ua = [s.summary().at["UA", "pooled"] for s in found.values()]
    assert second.startswith(f"From the worst to the best loss lie **{np.ptp(ua):.1f} points** of UA; another seed")
    seen = terms.families(found)["smallest_seen"].median()
    assert third.startswith("What would be seen in about three of four such studies (middle contrast, in its family)")
    assert f"): **{seen:.1f} points** on em" in third
    assert "**stands**: focal loss helps" in fourth
    assert fifth.startswith("Calibration error as trained: ")


def test_nothing_of_a_training_that_had_not_ended_is_decided():
    losses = ("softmax", "focal")
    found = {("em-speaker", loss): made(loss, skill=0.4 + 0.5 * k, draw=k, rest=False) for k, loss in enumerate(losses)}
    first, *_, fourth, _ = terms.sentences("emodb", found)
    assert "**0 of 1**" in first and first.endswith("; 1 cannot be decided.") and "**undecided**: focal loss" in fourth


def test_committed_results_are_found_under_the_scheme_that_has_some(tmp_path, monkeypatch):
    monkeypatch.setattr("serlib.paths.results_dir", lambda: tmp_path)
    assert terms.stored("emodb", "study") == {}
    for loss, seeds in (("softmax", (0, 1)), ("focal", (0,))):
        scores, runs = replace(made(loss, seeds=seeds), scheme="speaker-folds-5"), {}
        for manifest in scores.manifests:
            fold, seed = manifest["fold"]["name"], manifest["seed"]
            rows = ((scores.predictions["fold"] == fold) & (scores.predictions["seed"] == seed)).to_numpy()
            facts = {"corpus": {"name": "emodb", "classes": list(CLASSES), "synthetic": False, "utterances": 120}}
            facts |= {"method": scores.method, "profile": "study", "fold": {"name": fold, "scheme": scores.scheme}}
            arrays = {"logits": scores.logits[rows].astype(np.float32)}
            table = scores.predictions.loc[rows, ["utterance", "speaker", "emotion", "predicted"]]
            runs[f"{seed}-{fold}"] = Run(manifest | facts, table.reset_index(drop=True), pd.DataFrame(), arrays)
        pack.write(pack.place(tmp_path, "emodb", scores.method, "study", scores.scheme), runs)
    found = terms.stored("emodb", "study")
    assert list(found) == [("em-speaker", "softmax"), ("em-speaker", "focal")]
    assert {s.scheme for s in found.values()} == {"speaker-folds-5"}
    assert all(set(s.predictions["seed"]) == {0} for s in found.values())


def test_the_rungs_of_paper_002_are_asked_in_the_length_at_which_they_rest():
    small, full = terms.papers("study"), terms.papers("paper")
    assert full == terms.PAPERS and list(small) == list(full)
    changed = {idea: pair for idea, pair in small.items() if pair != full[idea]}
    assert {name.partition("/")[0] for pair in changed.values() for name in pair} == {"multidilated"}
    assert all(
        name == f"{plain}+longer"
        for idea, pair in changed.items()
        for name, plain in zip(pair, full[idea], strict=True)
    )
    longer, plain = (
        methods.get(name).recipe("study").training for name in ("multidilated/gmp+longer", "multidilated/gmp")
    )
    assert longer.updates == 3 * plain.updates
    assert [terms.at_length("multidilated/gmp", profile) for profile in ("quick", "study", "paper")] == [
        "multidilated/gmp", "multidilated/gmp+longer", "multidilated/gmp",
    ]  # fmt: skip
    for other in ("focal/mel-focal", "multidilated/best", "multidilated/ff-spp+strong"):  # no rungs
        assert terms.at_length(other, "study") == other


def test_widths_rise_from_the_smallest_and_hold_the_networks_own(monkeypatch):
    asked = []
    seeds = {"multidilated/ff-spp": (0, 1, 2), "multidilated/ff-spp+w8": (0, 1), "multidilated/ff-spp+w64": (0, 1)}

    def held(corpus, names, *, profile, scheme):
        asked.extend([profile, scheme, *names])
        return {n: made("softmax", seeds=seeds[n]) for n in names if n in seeds}, ""

    monkeypatch.setattr(terms, "held", held)
    found = terms.by_width("multidilated/ff-spp", "emodb", profile="study", scheme="leave-one-speaker-out")
    assert asked[:2] == ["study", "leave-one-speaker-out"] and asked[2:] == [
        f"multidilated/ff-spp{end}" for end in ("+w8", "+w16", "", "+w64", "+w128")
    ]
    assert [*found] == [8, 32, 64] and all({*s.predictions["seed"]} == {0, 1} for s in found.values())
    del asked[:]  # under the names that runs are stored under; nothing is there
    assert terms.by_width("multidilated/ff-spp+strong", "emodb", profile="study", scheme="leave-one-speaker-out") == {}
    assert asked[2:] == [f"multidilated/ff-spp{end}+strong" for end in ("+w8", "+w16", "", "+w64", "+w128")]


def test_the_networks_of_the_width_curve_have_filters_to_count_and_the_papers_number_is_known():
    for recipes in terms.WIDE.values():
        for method in recipes.values():
            assert methods.get(f"{method}+w8").recipe("study").network_options["width"] == 8
            assert terms.width(method, "study") < terms.width(method, "paper") in (64, 128)


def test_what_is_asked_on_a_deep_network_is_another_recipe_and_one_recipe_under_two_names_is_set_apart():
    def recipes(pair):
        return [methods.get(name).recipe("study") for name in pair]

    for asked in terms.DEEP.values():
        for words, pair in asked.items():
            first, second = recipes(pair)
            assert first != second, words
    first, second = recipes(terms.TWICE)
    assert first == second and second.training.balancing == "loss"
    for words in ("logit adjustment", "weighted sampling"):  # in place of the weights that paper 002 prints
        first, second = recipes(terms.DEEP["CNN with pyramid, its paper's recipe"][words])
        assert first.training.balancing == {"logit adjustment": "none", "weighted sampling": "sampling"}[words]
        assert second.training.balancing == "loss"
