"""Notebook 08: what the upload button does with recordings, and that its cells find the corpora they need."""

import nbformat
import numpy as np
import pytest
import soundfile

from serlib import paths
from serlib.corpora import CorpusError

FOUND = paths.PROJECT / "notebooks" / "08_across_corpora_and_your_own_voice.ipynb"


@pytest.fixture(scope="module")
def cells() -> list[str]:
    return [cell.source for cell in nbformat.read(FOUND, as_version=4).cells if cell.cell_type == "code"]


@pytest.fixture
def tools(cells) -> dict:
    """The names that the cell of imports brings."""
    space = {}
    imports = next(cell for cell in cells if "import ipywidgets" in cell)
    exec("\n".join(("import serlib", "from serlib.corpora import join", imports.split("\napply_style()")[0])), space)
    return space


def test_a_recording_is_heard_and_a_broken_file_is_named(cells, tools, tmp_path, capsys):
    shown = []
    space = tools | {"display": shown.append}
    exec(next(cell for cell in cells if "FileUpload(" in cell), space)
    time = np.arange(7 * 16000) / 16000
    hum = 0.1 * sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 9))
    soundfile.write(tmp_path / "hum.wav", hum, 16000)
    content = (tmp_path / "hum.wav").read_bytes()
    files = [{"name": "../hum.wav", "content": memoryview(content)}, {"name": "no.wav", "content": memoryview(b"x")}]
    shown.clear()
    space["on_upload"]({"new": files})
    table = next(each for each in shown if hasattr(each, "columns"))
    assert table.index.tolist() == ["hum.wav"] and {"predicted", "confidence", "anger"} <= {*table.columns}
    (figure,) = (each for each in shown if hasattr(each, "axes") and hasattr(each, "savefig"))
    assert figure.axes[0].get_title(loc="left") == "hum.wav"
    said = capsys.readouterr().out + str(space["answer"].outputs)
    assert "no.wav: " in said


def test_one_corpus_is_parted_into_two_sets_of_voices(cells, tools, tiny_corpus):
    exec(next(cell for cell in cells if "def two_sets" in cell), tools)
    both = tools["two_sets"](tiny_corpus)
    assert both.name == "men+women" and both.table.groupby("corpus")["sex"].unique().str.len().tolist() == [1, 1]
    unknown = tiny_corpus.subset(range(len(tiny_corpus)))
    unknown.table["sex"] = None
    assert set(tools["two_sets"](unknown).table["corpus"]) == {"first half", "second half"}
    with pytest.raises(CorpusError, match="needs at least 5 speakers"):
        tools["two_sets"](tiny_corpus.subset(tiny_corpus.table["speaker"].isin(["00", "01", "02", "03"])))
