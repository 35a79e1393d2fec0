"""Scores that a notebook hands to the index."""

import json

import IPython.display
import nbformat
import numpy as np
import pandas as pd
import pytest

from serlib.protocol import Scores
from serlib.report import publish
from serlib.report.publish import MIME, published


def scores(method: str, predicted: list[str], **options) -> Scores:
    """Two speakers, three utterances of a and one of b each."""
    true = ["a", "a", "a", "b"] * 2
    table = pd.DataFrame({"seed": 0, "utterance": [f"u{k}" for k in range(8)], "emotion": true})
    table = table.assign(speaker=["s1"] * 4 + ["s2"] * 4, fold=["1"] * 4 + ["2"] * 4, predicted=predicted)
    facts = {"corpus": "tiny", "profile": "quick", "scheme": "leave-one-speaker-out", **options}
    return Scores(method=method, classes=("a", "b"), predictions=table, logits=np.zeros((8, 2)), **facts)


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    seen = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: seen.append(data))
    return seen


def as_read_back(data: dict) -> list[dict]:
    """Through a file, as the report sees it: nbformat sorts keys."""
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data=data)])
    return published(nbformat.reads(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])), as_version=4))


def test_scores_travel_with_what_a_reader_must_know(shown):
    one = scores("m/one", ["a", "a", "b", "b"] * 2)
    notes = {"train_ua": 0.75, "converged": False}
    manifest = {"corpus": {"name": "tiny", "fingerprint": "f" * 64}, "notes": notes}
    two = scores("m/two", ["a"] * 8, scheme="stratified-5", synthetic=True, manifests=[manifest])
    publish([one, two], "Two methods")
    first, second = as_read_back(shown[0])
    assert list(first) == [
        "table", "method", "corpus", "profile", "scheme",
        "UA %", "WA %", "macro-F1 %", "UA low", "UA high", "train UA %", "note", "fingerprint",
    ]  # fmt: skip
    assert first["UA %"] == pytest.approx(100 * (2 / 3 + 1) / 2) and first["WA %"] == pytest.approx(75)
    assert first["UA low"] <= first["UA %"] <= first["UA high"]
    assert (first["table"], first["method"], first["corpus"]) == ("Two methods", "m/one", "tiny")
    assert second["corpus"] == "tiny · synthetic" and second["scheme"] == "stratified-5 (speaker-dependent)"
    assert (first["train UA %"], first["note"]) == (None, "")
    assert (second["train UA %"], second["note"]) == (75, "unconverged: train UA still climbed in 1 of 1 runs")
    assert (first["fingerprint"], second["fingerprint"]) == (None, "f" * 64)
    html = shown[0]["text/html"]
    assert (
        "<caption>Two methods, quick</caption>" in html
        and f">83.3\N{NO-BREAK SPACE}[{first['UA low']:.1f},\N{NO-BREAK SPACE}" in html
    )
    assert "<th>profile</th>" not in html and "UA low" not in html
    assert "<th>scheme</th>" in html and "<th>note</th>" in html
    assert "f" * 64 not in shown[0]["text/html"]


def test_the_synthetic_corpus_says_so_once(shown):
    publish(scores("m/one", ["a"] * 8, corpus="synthetic", synthetic=True), "One")
    assert as_read_back(shown[0])[0]["corpus"] == "synthetic"


def test_columns_that_say_nothing_are_left_out(shown):
    publish(scores("m/one", ["a", "a", "b", "b"] * 2), "One")
    html = shown[0]["text/html"]
    assert "<caption>One, tiny, quick, leave-one-speaker-out</caption>" in html
    assert all(f"<th>{column}</th>" not in html for column in ("corpus", "scheme", "note", "train UA %"))


def test_a_table_of_ones_own_keeps_its_columns_and_gaps(shown):
    publish(pd.DataFrame({"UA %": [50.0, np.nan]}, index=pd.Index(["x", "y"], name="method")), "A < B")
    assert as_read_back(shown[0]) == [
        {"table": "A < B", "method": "x", "UA %": 50.0},
        {"table": "A < B", "method": "y", "UA %": None},
    ]
    assert "<caption>A &lt; B</caption>" in shown[0]["text/html"] and "<td>–</td>" in shown[0]["text/html"]
    json.dumps(shown[0][MIME], allow_nan=False)


@pytest.mark.parametrize("rows,folded", [(24, False), (25, True)])
def test_a_long_table_is_folded_and_the_report_has_all_of_it(shown, rows, folded):
    publish(pd.DataFrame({"method": [f"m{k}" for k in range(rows)], "note": "<a>"}), "all & sundry")
    (bundle,) = shown
    said = f"<details><summary>all &amp; sundry: {rows} rows</summary><table"
    assert bundle["text/html"].startswith(said if folded else "<table")
    assert bundle["text/html"].endswith("</table></details>" if folded else "</table>")
    assert len(bundle[MIME]["data"]) == rows


def test_a_table_without_method_is_refused(shown):
    with pytest.raises(ValueError, match=r"table 'T' has the columns \['UA'\]; needed is one called 'method'"):
        publish(pd.DataFrame({"UA": [1.0]}), "T")
    assert not shown
