"""The index: what was learned, cards with result and state, one table of scores, the manifest."""

from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure

from serlib.report import index as module
from serlib.report.finding import Finding
from serlib.report.index import render_index
from serlib.report.publish import MIME

MANIFEST = {"corpus": "synthetic", "profile": "quick", "seeds": [0, 1], "commit": None, "date": "today", "time": "9 s"}


def executed(folder: Path, name: str, *outputs: dict, result: dict | None = None, **facts: object) -> None:
    cells = [nbformat.v4.new_markdown_cell(f"# Title of {name} & <more>\n\nThe first, e.g. this. The second.")]
    for shown, tags in ((outputs, []), ([result or {"text/plain": ""}], ["result"])):
        output = [nbformat.v4.new_output("display_data", data=data) for data in shown]
        cells.append(nbformat.v4.new_code_cell(outputs=output, metadata={"tags": tags}))
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["serlib"] = {**MANIFEST, "seconds": 61.4, "error": None, **facts}
    (folder / "notebooks" / f"{name}.ipynb").write_text(nbformat.writes(notebook))


def scores(title: str, columns: list[str], *data: list) -> dict:
    return {"text/html": "", MIME: {"title": title, "columns": columns, "data": list(data)}}


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch):
    """Reading all committed runs takes seconds, and has tests of its own."""
    monkeypatch.setattr(module, "findings", list)


@pytest.fixture
def index(tmp_path) -> BeautifulSoup:
    (tmp_path / "notebooks").mkdir()
    columns = ["method", "corpus", "UA %", "UA low", "UA high", "fingerprint"]
    table = scores("T", columns, ["m/a", "tiny", 61.25, 50.0, 70.0, "abc"], ["m/b", "tiny", 20.0, None, None, None])
    told = "> banner\n\n- Level.\n- **Won** by <img src=x>, see [00](00_good.ipynb).\n- More."
    opening = {"text/markdown": f"## What came out on tiny\n\n{told}"}
    pictures = {"image/png": "Zmlyc3Q="}, {"image/png": "c2Vjb25k"}
    executed(tmp_path, "00_good", opening, *pictures, table, result={"image/png": "cmVzdWx0"})
    other = scores("U", columns, ["m/c <", "tiny", 5.0, 4.0, 6.0, "abc"], ["m/a", "tiny", 61.25, 50.0, 70.0, "abc"])
    executed(tmp_path, "03_bad", pictures[0], other, error="line\nKeyError: <'x'>", date="before")
    return BeautifulSoup(render_index(tmp_path, ["00_good", "01_new", "03_bad"], MANIFEST), "html.parser")


def test_every_notebook_has_a_card_with_its_state(index):
    good, new, bad = index.select(".card")
    assert good.h2.a["href"] == "00_good.html" and good.h2.get_text() == "Title of 00_good &"
    assert good.p.get_text() == "The first, e.g. this." and good.select_one(".told strong").get_text() == "Won"
    assert good.select_one(".told a")["href"] == "00_good.html" and not good.select(".told img")
    assert good.select_one(".state").get_text().split("·")[0].strip() == "ok" and "61 s" in good.get_text()
    assert "from the report of" not in good.get_text() and not good.select("pre")
    assert new.select_one(".state").get_text() == "not run" and not new.select("a")
    assert bad.select_one(".state b").get_text() == "failed" and bad.pre.get_text() == "line\nKeyError: <'x'>"
    assert "from the report of before (synthetic, quick)" in bad.get_text()
    assert bad.select_one(".state a")["href"] == "notebooks/03_bad.ipynb"


def test_a_card_shows_the_picture_of_the_cell_tagged_result_and_else_the_first(index):
    result, first = index.select(".card img")
    assert result["src"] == "data:image/png;base64,cmVzdWx0" and result["alt"] == "Figure of Title of 00_good &"
    assert first["src"] == "data:image/png;base64,Zmlyc3Q="


def test_published_scores_stand_in_one_table_equal_ones_once(index):
    header, *rows = [[cell.get_text() for cell in row.select("th, td")] for row in index.select("table tr")]
    assert header == ["method", "UA %", "notebook"] and index.caption.get_text() == "Scores, tiny"
    rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    assert rows == [
        ["m/a", "61.2 [50.0, 70.0]", "00 03"], ["m/b", "20.0", "00"], ["m/c <", "5.0 [4.0, 6.0]", "03"],
    ]  # fmt: skip
    assert [a["href"] for a in index.select("td a")] == ["00_good.html", "03_bad.html", "00_good.html", "03_bad.html"]


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
    told = [
        Finding("It gains.", "**+9.7 points** of `x`.", "00_a.ipynb"),
        Finding("None.", "Not run.", "01_b.ipynb", "Of *two*."),
    ]
    monkeypatch.setattr(module, "findings", lambda: told)
    monkeypatch.setattr(module, "pictures", lambda: {"What it < shows.": Figure()})
    (tmp_path / "notebooks").mkdir()
    executed(tmp_path, "00_a")
    soup = BeautifulSoup(render_index(tmp_path, ["00_a", "01_b"], MANIFEST), "html.parser")
    first, second = soup.select("#learned li")
    assert first.strong.get_text() == "It gains." and "+9.7 points" in first.get_text() and first.code.get_text() == "x"
    assert first.a["href"] == "00_a.html" and first.a.get_text() == "Title of 00_a &" and not second.select("a")
    assert second.details.em.get_text() == "two" and second.details.summary.get_text() == "More" and not first.details
    assert "EMO-DB" in soup.select_one("#learned .note").get_text()
    assert soup.select_one("#learned").sourceline < soup.select_one("#notebooks").sourceline
    (picture,) = soup.select("#learned img")
    assert picture["src"].startswith("data:image/svg+xml;base64,") and picture["alt"] == "What it < shows."
    monkeypatch.setattr(module, "findings", lambda: [])
    assert 'id="learned"' not in render_index(tmp_path, ["00_a"], MANIFEST)
