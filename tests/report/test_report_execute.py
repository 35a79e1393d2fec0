"""The papermill driver: what notebooks get, what becomes of those that fail, what stays on disk."""

import ast
import sys
from pathlib import Path

import joblib
import nbformat
import pytest
from bs4 import BeautifulSoup

from serlib import paths
from serlib.cli import main
from serlib.report import execute, run_report
from serlib.report.places import hide_places

pytestmark = pytest.mark.xdist_group("report")


def printed(path: Path) -> str:
    notebook = nbformat.read(path, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


def write_notebook(path: Path, *sources: str) -> None:
    title = nbformat.v4.new_markdown_cell(f"# {path.stem}\n\nOne sentence.")
    notebook = nbformat.v4.new_notebook(cells=[title, *map(nbformat.v4.new_code_cell, sources)])
    path.write_text(nbformat.writes(notebook))


def test_notebooks_get_the_parameters_that_they_declare_and_the_running_interpreter(report):
    asked, places = map(ast.literal_eval, printed(report.out / "notebooks" / "00_shown.ipynb").splitlines()[:2])
    assert asked == {
        "corpus": "tiny", "root": "tiny", "profile": "quick", "seeds": [1, 2], "device": "auto", "retrain": True,
        "options": {"emotions": ["a", "b"], "partial": True},
    }  # fmt: skip
    assert places == {
        "figures": "figures",
        "runs": paths.runs_dir().name,
        "python": hide_places(sys.executable),
        "folder": hide_places(str(report.notebooks)),
    }
    fails = nbformat.read(report.out / "notebooks" / "01_fails.ipynb", as_version=4)
    (injected,) = [c.source for c in fails.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert injected.splitlines()[1:] == ['profile = "quick"']  # nothing that it did not ask for


def test_a_failing_notebook_is_kept_as_far_as_it_came_and_counts(report):
    assert report.code == 1
    first, second, *_ = lines = report.printed.splitlines()
    assert first.startswith("[1/2] 00_shown … ") and first.endswith(" s ok")
    assert second.startswith("[2/2] 01_fails … ") and second.endswith(" s FAILED: ValueError: three is not four")
    assert lines[-1] == f"report: {report.out / 'index.html'} (1 of 2 failed)"
    path = report.out / "notebooks" / "01_fails.ipynb"
    assert printed(path) == "kept until here, profile quick\n"
    facts = nbformat.read(path, as_version=4).metadata["serlib"]
    assert facts["error"].splitlines()[-1] == "ValueError: three is not four"
    assert "\x1b" not in facts["error"] and facts["seconds"] > 0 and facts["seeds"] == [1, 2]


def test_nothing_half_written_stays_in_the_folder(report):
    names = sorted(path.relative_to(report.out).as_posix() for path in report.out.rglob("*") if path.is_file())
    assert names == [
        "00_shown.html", "01_fails.html", "index.html", "notebooks/00_shown.ipynb", "notebooks/01_fails.ipynb",
    ]  # fmt: skip


@pytest.mark.slow
def test_parallel_kernels_share_cores_and_survive_neighbours_that_die(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    folder, out = tmp_path / "notebooks", tmp_path / "out"
    folder.mkdir()
    write_notebook(folder / "00_threads.ipynb", "import os", "print(os.environ.get('OMP_NUM_THREADS'))")
    write_notebook(folder / "01_dies.ipynb", "print('alive')", "import os\nos._exit(1)")
    (folder / "02_broken.ipynb").write_text("{")
    assert run_report(out=out, notebooks=folder, jobs=2) == 1
    assert printed(out / "notebooks" / "00_threads.ipynb") == f"{max(1, joblib.cpu_count() // 2)}\n"
    assert printed(out / "notebooks" / "01_dies.ipynb") == "alive\n"
    lines = capsys.readouterr().out.splitlines()
    assert [line[:4] for line in lines[:3]] == ["[1/3", "[2/3", "[3/3"]
    assert sum("FAILED" in line for line in lines) == 2 and any(
        "DeadKernelError: Kernel died" in line for line in lines
    )
    for name in ("01_dies", "02_broken"):
        assert "This notebook stopped with an error." in (out / f"{name}.html").read_text()

    kept = (out / "01_dies.html").stat().st_mtime_ns, (out / "00_threads.html").stat().st_mtime_ns
    assert run_report(out=out, notebooks=folder, only="00", profile="study") == 0  # the others keep their pages
    assert (out / "01_dies.html").stat().st_mtime_ns == kept[0]
    assert (out / "00_threads.html").stat().st_mtime_ns > kept[1]
    index = (out / "index.html").read_text()
    assert index.count("from the report of") == 2 and index.count("(synthetic, quick)") == 2


@pytest.fixture
def given(tmp_path, monkeypatch) -> list[dict]:
    """Notebooks' parameters, recorded instead of executed."""
    (tmp_path / "00_a.ipynb").write_text("")
    seen = []
    monkeypatch.setattr(
        execute, "execute", lambda path, out, given, facts, bar: (seen.append(given), ("00_a", 0, None))[1]
    )
    return seen


@pytest.mark.parametrize("corpus,profile", [("emodb", "study"), ("synthetic", "quick")])
def test_figures_go_to_the_report_and_never_to_the_projects_gallery(given, tmp_path, monkeypatch, corpus, profile):
    monkeypatch.chdir(tmp_path)
    assert run_report(corpus, profile=profile, out="out", notebooks=tmp_path) == 0
    (seen,) = given
    assert seen["options"] == {} and seen["retrain"] is False
    assert seen["figures_dir"] == str(tmp_path / "out/figures") and seen["root"] is None and seen["seeds"] == [0]


def test_a_databases_name_is_no_folder(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for corpus, root in (("audb", "emodb"), ("table", str(tmp_path / "emodb"))):
        assert run_report(corpus, "emodb", out="out", notebooks=tmp_path) == 0
        assert given.pop()["root"] == root


def test_options_of_the_command_line_reach_the_report_and_its_head(given, tmp_path, monkeypatch, report):
    monkeypatch.setattr("serlib.paths.PROJECT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "00_a.ipynb").rename(tmp_path / "notebooks" / "00_a.ipynb")
    options = ["--option", "emotions=anger, fear", "partial=true", "--option", r"speaker_pattern=(\d+)="]
    assert main(["report", "--corpus", "table", "--root", "x.csv", "--out", str(tmp_path / "out"), *options]) == 0
    (seen,) = given
    assert seen["options"] == {"emotions": "anger, fear", "partial": True, "speaker_pattern": r"(\d+)="}
    assert "(emotions=anger, fear, partial=True, speaker_pattern=(\\d+)=)" in (tmp_path / "out/index.html").read_text()
    assert main(["report", "--option", "emotions"]) == 2
    assert (
        "emotions=['a', 'b'], partial=True"
        in BeautifulSoup((report.out / "00_shown.html").read_text(), "html.parser").header.get_text()
    )


def test_requests_that_no_notebook_answers_are_refused(tmp_path, given):
    with pytest.raises(ValueError, match=r"no notebook 03 in .*; there are \['00_a'\]"):
        run_report(out=tmp_path / "out", notebooks=tmp_path, only="03")
    with pytest.raises(ValueError, match=r"no notebook \[0-9\]\[0-9\]_\*\.ipynb in .*; there are \[\]"):
        run_report(out=tmp_path / "out", notebooks=tmp_path / "none")
    with pytest.raises(ValueError, match="jobs is 0; allowed are 1 and more"):
        run_report(out=tmp_path / "out", notebooks=tmp_path, jobs=0)
    assert not (tmp_path / "out").exists() and not given


def test_importing_the_report_loads_no_papermill_and_no_nbconvert():
    code = "import sys, serlib.report; print({'papermill', 'nbconvert', 'pandas', 'torch'} & set(sys.modules))"
    import subprocess

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
