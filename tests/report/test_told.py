"""What pages say of their own numbers."""

from types import SimpleNamespace

import IPython.display
import numpy as np
import pandas as pd
import pytest

from serlib.protocol import Comparison, Scores
from serlib.report.page import render_markdown
from serlib.report.told import banner, held, measured, opening, reveal, verdict

GROUND = {"profile": "study", "scheme": "leave-one-speaker-out"}


def scores(method: str, right: float, *, network: str = "CRNN", converged: bool = True, seeds: int = 1) -> Scores:
    """Four utterances a speaker and seed, of which a part is right, in two folds."""
    rows = [
        (f"s{speaker}", seed, f"u{speaker}{k}", "ab"[k % 2], "ab"[k % 2] if k < 4 * right else "ba"[k % 2], speaker)
        for seed in range(seeds) for speaker in range(2) for k in range(4)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["speaker", "seed", "utterance", "emotion", "predicted", "fold"])
    options = {"width": 0.5} if network == "CRNN" else {}
    recipe = {"network": network, "network_options": options, "training": {"updates": 2000}}
    notes = {"parameters": 141931, "epochs": 50, "converged": converged}
    manifests = [{"recipe": recipe if network else {"C": 1.0}, "notes": notes if network else {}}]
    return Scores(method, "tiny", classes=("a", "b"), predictions=table, logits=np.zeros((len(rows), 2)),
                  manifests=manifests, **GROUND)  # fmt: skip


def comparison(**options) -> Comparison:
    numbers = {"effect": 3.0, "low": 1.0, "high": 5.0, "p": 0.01, "p_family": 0.02, "least_p": 0.002}
    facts = {"smallest_seen": 2.5, "exact": True, "units": 10, "unit": "speakers"}
    return Comparison("a", "b", "ua", **numbers | facts | options)


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    seen = []
    monkeypatch.setattr(IPython.display, "display", lambda text: seen.append(text.data))
    return seen


def test_the_line_above_a_table_names_network_training_ground_and_baselines():
    baselines = [scores("baselines/x-svm", 0.5, network=""), scores("baselines/y-svm", 0.75, network=""),
                 scores("baselines/x-svm-speakernorm", 1.0, network="")]  # fmt: skip
    assert measured(scores("m/one", 0.5), baselines) == (
        "Measured: **CRNN, width 0.5** (141,931 parameters, 2,000 updates, 1 seed, at rest); scored on 8 utterances of "
        "tiny, 2 folds of leave-one-speaker-out, study profile; strongest baseline y-svm, 75.0 % UA; with each "
        "speaker's own statistics x-svm-speakernorm, 100.0 % UA."
    )
    many = [scores("m/one", 0.5), scores("m/two", 0.5, converged=False, seeds=3), scores("n", 0.5, network="B")]
    told = measured(many, [])
    assert "1 to 3 seeds, 1 of 2 results at rest); **B** (141,931 parameters" in told
    assert told.endswith("study profile; no baseline is stored for this ground.")
    assert "1 seed, not at rest)" in measured(scores("m", 0.5, converged=False), [])


def test_the_strongest_baseline_is_looked_up_where_none_is_given():
    stored, _ = held("emodb", ["baselines/compare-svm"], **GROUND)
    ua = stored["baselines/compare-svm"].summary().at["UA", "pooled"]
    assert f"strongest baseline compare-svm, {ua:.1f} % UA; with each speaker's own statistics" in measured(
        list(stored.values())
    )


def test_what_is_not_stored_is_named_with_its_command():
    there, told = held("emodb", ["baselines/egemaps-svm", "baselines/compare-svm"], **GROUND)
    assert list(there) == ["baselines/egemaps-svm", "baselines/compare-svm"] and told == ""
    there, told = held("nowhere", ["m/a", "m/b"], seeds=[0, 1], **GROUND)
    assert there == {} and told == (
        "2 of 2 results are not stored yet for nowhere, study profile, leave-one-speaker-out; `serlib run --corpus "
        "nowhere --root DIR --profile study --folds leave-one-speaker-out --seeds 0 1 --method m/a m/b`, "
        "then `serlib results pack`, makes them."
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "A is **better** than B (+3.0 points of UA, 95 % interval +1.0 to +5.0; p = 0.02)."),
        ({"effect": -3.0, "low": -5.0, "high": -1.0}, "A is **worse** than B (-3.0 points of UA, 95 % interval -5.0"),
        ({"p_family": 0.2, "low": -1.0}, "A against B: **open** (+3.0 points of UA, 95 % interval -1.0 to +5.0, which "
         "holds zero; 2.5 points would be seen)."),
        ({"p": 0.03, "p_family": 0.08}, "A against B: **open** (+3.0 points of UA, 95 % interval +1.0 to +5.0, which "
         "leaves out zero, but not after correction for the family; 2.5 points"),
        ({"p": 0.06, "p_family": 0.06}, "A against B: **open** (+3.0 points of UA, 95 % interval +1.0 to +5.0, which "
         "leaves out zero, but the permutation test does not; 2.5 points"),
        ({"p_family": 5e-5}, "A is **better** than B (+3.0 points of UA, 95 % interval +1.0 to +5.0; p < 0.0001)."),
        ({"p_family": 1e-4}, "A is **better** than B (+3.0 points of UA, 95 % interval +1.0 to +5.0; p = 0.0001)."),
        ({"note": "m/a is unconverged"}, "A and B are **not compared**: a training had not come to rest."),
        ({"least_p": 0.06}, "A against B is **undecidable** (+3.0 points of UA, 95 % interval +1.0 to +5.0): too few "
         "units differ for a swap to reach 5 % in the family."),
        ({"least_p": 1.0, "low": np.nan, "high": np.nan}, "A against B is **undecidable** (+3.0 points of UA, no "
         "interval): too few"),
    ],
)  # fmt: skip
def test_a_verdict_is_one_sentence(options, sentence):
    assert verdict(comparison(**options), "A", "B").startswith(sentence)


def test_a_row_of_a_family_reads_like_a_comparison_and_one_seed_is_said():
    found = comparison()
    row = pd.Series(
        {n: getattr(found, n) for n in ("effect", "low", "high", "p", "p_family", "smallest_seen", "verdict")}
    )
    assert verdict(row, "A", "B") == verdict(found, "A", "B")
    for one in (1, np.int64(1)):  # a table's number
        assert "+5.0; a single seed; p = 0.02)." in verdict(row, "A", "B", seeds=one)
    assert "points of WA," in verdict(row, "A", "B", metric="WA", seeds=5)


def test_banner_says_what_a_page_cannot_show():
    made, real = (SimpleNamespace(name="x", synthetic=flag) for flag in (True, False))
    assert "Made voices" in (told := banner(made, profile="quick")) and "Quick profile" in told
    assert all(line.startswith(">") for line in told.splitlines())
    assert "Made" not in banner(real, profile="quick") and "Quick" not in banner(made, profile="study")
    assert banner(real, profile="study", seeds=[0]).startswith("> **One seed.**")
    assert banner(real, profile="study", seeds=[0, 1]) == ""


def test_an_opening_has_one_to_five_sentences_under_the_corpus_name(shown):
    corpus = SimpleNamespace(name="emodb", synthetic=False)
    opening(corpus, ["One.", "", "Two."], profile="study")
    assert shown == ["## What came out on emodb\n\n- One.\n- Two."]
    for sentences in ([], [""], ["."] * 6):
        with pytest.raises(ValueError, match=rf"^an opening of {len([s for s in sentences if s])} sentences; allowed"):
            opening(corpus, sentences, profile="study")


def test_an_answer_is_folded_with_its_words_marked_up_and_its_tables(shown):
    reveal("It is **7**.", pd.DataFrame({"a": [7]}))
    assert shown[-1].startswith("<details><summary>Reveal</summary>\n\n") and shown[-1].endswith("\n\n</details>")
    html = render_markdown(shown[-1])
    assert html.count("<strong>7</strong>") == html.count("<td>7</td>") == 1
