"""The cell that says what came out, run as the report runs it: on the made corpus, in the quick profile."""

import IPython.display
import nbformat
import pytest

from serlib import paths


@pytest.mark.parametrize(
    "name", ["00_corpora_and_protocol", "02_angular_softmax", "08_across_corpora_and_your_own_voice"]
)
def test_an_opening_says_at_once_what_came_out_and_what_cannot(name, monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda told: shown.append(told.data))
    cells = nbformat.read(paths.PROJECT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    place = next(k for k, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", []))
    space = {}
    exec(cells[place].source, space)
    exec(cells[place + 1].source, space | {"runs_dir": tmp_path})
    (told,) = shown
    heading, *rest = told.split("\n\n")
    assert heading == "## What came out on synthetic"
    assert rest[0].startswith("> **Made voices.**") and "> **Quick profile.**" in rest[0]
    sentences = rest[1].split("\n")
    assert 1 <= len(sentences) <= 5 and all(line.startswith("- ") and line.endswith(".") for line in sentences)
    assert "nan" not in told
