"""The index: states, first figures, one table of scores, the manifest."""

from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from serlib.report import page
from serlib.report.page import render_index
from serlib.report.publish import MIME
from serlib.runs.findings import Finding

MANIFEST = {"corpus": "synthetic", "profile": "quick", "seeds": [0, 1], "commit": None, "date": "today", "time": "9 s"}


def executed(folder: Path, name: str, *outputs: dict, **facts: object) -> None:
    output = [nbformat.v4.new_output("display_data", data=data) for data in outputs]
    title = nbformat.v4.new_markdown_cell(f"# Title of {name} & <more>\n\nThe first, e.g. this. The second.")
    notebook = nbformat.v4.new_notebook(cells=[title, nbformat.v4.new_code_cell(outputs=output)])
    notebook.metadata["serlib"] = {**MANIFEST, "seconds": 61.4, "error": None, **facts}
    (folder / "notebooks" / f"{name}.ipynb").write_text(nbformat.writes(notebook))


def scores(title: str, columns: list[str], *data: list) -> dict:
    return {"text/html": "", MIME: {"title": title, "columns": columns, "data": list(data)}}


@pytest.fixture
def index(tmp_path) -> BeautifulSoup:
    (tmp_path / "notebooks").mkdir()
    table = scores(
        "T", ["method", "corpus", "UA %", "fingerprint"], ["m/a", "tiny", 61.25, "abc"], ["m/b", "tiny", None, None]
    )
    executed(tmp_path, "00_good", {"text/plain": "x"}, {"image/png": "Zmlyc3Q="}, {"image/png": "c2Vjb25k"}, table)
    executed(
        tmp_path, "03_bad", scores("U", ["method", "WA %"], ["m/c", 5.0]), error="line\nKeyError: <'x'>", date="before"
    )
    return BeautifulSoup(render_index(tmp_path, ["00_good", "01_new", "03_bad"], MANIFEST), "html.parser")


def test_every_notebook_has_a_card_with_its_state(index):
    good, new, bad = index.select(".card")
    assert good.h2.a["href"] == "00_good.html" and good.h2.get_text() == "Title of 00_good &"
    assert good.p.get_text() == "The first, e.g. this."
    assert good.select_one(".state").get_text().split("·")[0].strip() == "ok" and "61 s" in good.get_text()
    assert "from the report of" not in good.get_text() and not good.select("pre")
    assert new.select_one(".state").get_text() == "not run" and not new.select("a")
    assert bad.select_one(".state b").get_text() == "failed" and bad.pre.get_text() == "line\nKeyError: <'x'>"
    assert "from the report of before (synthetic, quick)" in bad.get_text()
    assert bad.select_one(".state a")["href"] == "notebooks/03_bad.ipynb"


def test_the_first_figure_is_the_thumbnail(index):
    (image,) = index.select("img")
    assert image["src"] == "data:image/png;base64,Zmlyc3Q=" and image["alt"].startswith("First figure of Title of")


def test_published_scores_stand_in_one_table(index):
    header, *rows = [[cell.get_text() for cell in row.select("th, td")] for row in index.select("table tr")]
    assert header == ["notebook", "table", "method", "corpus", "UA %", "WA %"]
    assert rows == [
        ["00_good", "T", "m/a", "tiny", "61.2", "–"],
        ["00_good", "T", "m/b", "tiny", "–", "–"],
        ["03_bad", "U", "m/c", "–", "–", "5.0"],
    ]


def test_the_manifest_says_what_it_was_made_with_and_that_no_human_spoke(index):
    facts = {term.get_text(): term.find_next("dd").get_text() for term in index.select("dt")}
    assert facts == {
        "corpus": "synthetic", "profile": "quick", "seeds": "0, 1", "date": "today", "time": "9 s",
        "fingerprint": "tiny abc",
    }  # fmt: skip
    text = index.main.get_text()
    assert "nothing about human speech" in text and "claims nothing" in text


def test_other_corpora_are_not_called_synthetic(tmp_path):
    text = render_index(tmp_path, ["00_a"], {**MANIFEST, "corpus": "emodb", "profile": "study"})
    assert "human speech" not in text and "claims nothing" not in text and "<table>" not in text


def test_what_was_learned_stands_first_and_links_to_pages_that_are_there(tmp_path, monkeypatch):
    told = [Finding("**+9.7 points** of `x`.", "00_a.ipynb"), Finding("Not run.", "01_b.ipynb")]
    monkeypatch.setattr(page, "findings", lambda: told)
    (tmp_path / "notebooks").mkdir()
    executed(tmp_path, "00_a")
    soup = BeautifulSoup(render_index(tmp_path, ["00_a", "01_b"], MANIFEST), "html.parser")
    first, second = soup.select("#learned li")
    assert first.strong.get_text() == "+9.7 points" and first.code.get_text() == "x"
    assert first.a["href"] == "00_a.html" and first.a.get_text() == "Title of 00_a &" and not second.select("a")
    assert "EMO-DB" in soup.select_one("#learned .note").get_text()
    assert soup.select_one("#learned").sourceline < soup.select_one("#notebooks").sourceline
    monkeypatch.setattr(page, "findings", lambda: [])
    assert "learned" not in render_index(tmp_path, ["00_a"], MANIFEST)
