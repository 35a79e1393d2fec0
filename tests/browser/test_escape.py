"""A corpus whose files, labels and speakers are written to run in a page: nothing runs, nothing is asked for."""

import contextlib
import io
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from serlib.report import run_report

pytestmark = pytest.mark.browser
HIT = "window.hit=1;alert(1)"
FILES = (
    f"<script>{HIT}</script>.wav", f"<img src=x onerror={HIT}>.wav", f'"><svg onload={HIT}>.wav',
    f"`</code><img src=x onerror={HIT}>.wav", "]]>$\\frac{$.wav", "&lt;b&gt;.wav", "'--><!--.wav", "{{7*7}}{% x %}.wav",
)  # fmt: skip
SPEAKERS = (
    f"<script>{HIT}</script>", f'<img src="https://example.org/a.png" onerror="{HIT}">',
    f"</pre></table><script>{HIT}</script>", f"[x](javascript:{HIT})", "$\\badmacro{a$b$", "![x](https://example.org/b.png)",
)  # fmt: skip
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LABELS = {f"<b onmouseover={HIT}>cross": "anger", f"</td><script>{HIT}</script>": "sadness", "$x_{$": "neutral"}
SHOWN = """
from IPython.display import Markdown, display
from serlib import load_corpus
from serlib.plots import corpus as pictures
from serlib.plots.scores import confusions, per_speaker
from serlib.protocol import folds, leakage
from serlib.report.publish import publish
from serlib.report.told import opening, plain, reveal
from serlib.runs import RunStore, cross_validate
data = load_corpus(corpus, root, **options)
rows = list(data.table.iterrows())
opening(data, [f"{row.speaker} says {row.raw_label} in {name}" for name, row in rows[::9]], profile="quick")
for name, row in data.table.iterrows():
    display(Markdown(f"`{name}`: **{row.emotion}**, speaker {row.speaker}, {row.raw_label}, {row.file}"))
    display(Markdown(f"{plain(name)}: speaker {plain(row.speaker)}"))
reveal(f"{data.table.speaker.iloc[0]} and {data.table.raw_label.iloc[1]}", data.table)
display(data.table, data.table.iloc[0], leakage(folds(data, "leave-one-speaker-out"), data))
print(data.table.to_string())
pictures.class_shares(data)
pictures.fold_map(data, {"leave-one-speaker-out": folds(data, "leave-one-speaker-out")})
given = {"folds": "leave-one-speaker-out", "store": RunStore(shelves=[]), "progress": False}
scores = cross_validate(data, "baselines/egemaps-svm", **given)
publish(scores, f"of {data.table.speaker.iloc[0]}")
display(scores.per_speaker(), scores.per_fold(), per_speaker([scores]))
confusions({data.table.speaker.iloc[1]: scores.confusion()})
raise ValueError(data.table.file.iloc[0] + data.table.speaker.iloc[2])
"""


@pytest.fixture(scope="module")
def evil(tiny_corpus, tmp_path_factory) -> dict:
    """A table of 36 hums, every name and label of which means harm, as the options of ``run_report``."""
    folder, rows = tmp_path_factory.mktemp("evil"), []
    for k, speaker in enumerate(SPEAKERS):
        for n, (label, emotion) in enumerate(LABELS.items()):
            ours = tiny_corpus.table[tiny_corpus.table["emotion"] == emotion].iloc[3 * k : 3 * k + 2]
            for take, source in enumerate(ours["file"]):
                file = folder / f"{k}{n}{take}" / FILES[(2 * (3 * k + n) + take) % len(FILES)]
                file.parent.mkdir(parents=True)
                shutil.copy(source, file)
                rows.append(
                    {"file": str(file), "emotion": label, "speaker": speaker, "sentence": FILES[n], "take": take}
                )
    pd.DataFrame(rows).to_csv(folder / "evil.csv", index=False)
    return {"corpus": "table", "root": folder / "evil.csv", "options": {"emotions": LABELS}}


@pytest.fixture(scope="module")
def out(evil, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    declared = nbformat.v4.new_code_cell("corpus = None\nroot = None\noptions = {}", metadata={"tags": ["parameters"]})
    cells = [nbformat.v4.new_markdown_cell("# Shown"), declared]
    (folder / "notebooks").mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[*cells, nbformat.v4.new_code_cell(SHOWN)], metadata={"kernelspec": KERNEL}
    )
    nbformat.write(notebook, folder / "notebooks" / "00_shown.ipynb")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setenv("SERLIB_CACHE", str(folder / "cache"))
        patch.setenv("SERLIB_RUNS", str(folder / "runs"))
        assert run_report(**evil, notebooks=folder / "notebooks", out=folder / "out") == 1
    return folder / "out"


@pytest.mark.parametrize("name", ["00_shown", "index"])
def test_nothing_of_a_foreign_corpus_runs(open_file, out, name):
    page = open_file(out / f"{name}.html")
    page.wait_for_timeout(500)
    assert page.evaluate("window.hit") is None
    assert page.evaluate("[...document.querySelectorAll('main img')].every(i => i.src.startsWith('data:'))")
    assert not page.locator("main [onerror], main [onload], main [onmouseover], main a[href^='javascript']").count()
    if name == "00_shown":  # it came to its last line, and what was written is read
        told = page.locator("main").inner_text()
        assert "ValueError: " in told and SPEAKERS[0] in told and SPEAKERS[1] in told
