"""What comes from elsewhere is read, never run; and nothing that is handed on tells of the machine that made it."""

import ast
import getpass
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import traceback
from html import escape
from pathlib import Path
from pickle import dumps, loads
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_server.serverapp import ServerApp

from serlib import load_corpus
from serlib.pairs import pairs
from serlib.report import run_report
from serlib.report.harmless import harmless
from serlib.report.page import render_markdown
from serlib.report.places import hide_places
from serlib.report.told import plain
from serlib.runs import RunStore, cross_validate, pack, pack_results
from serlib.runs.kept import load_model
from serlib.runs.predict import predict_files
from serlib.runs.train import train_model

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "serlib").rglob("*.py"))
RUNS_WHAT_IT_READS = {"pickle", "shelve", "marshal", "dill", "cloudpickle", "code", "imp"}
OPENS_ARCHIVES = {"zipfile", "tarfile", "gzip", "bz2", "lzma"}  # of corpora, that is: audb does the fetching
ASKS_THE_NET = {"urllib.request", "http", "http.client", "requests", "socket", "ftplib", "aiohttp", "httpx"}
MAY = {"pack.py": {"gzip"}, "cluster.py": {"socket"}}  # our own histories, as text; is the cluster there at all?


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_source_runs_what_it_reads_opens_archives_or_asks_the_net(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    refused = (RUNS_WHAT_IT_READS | OPENS_ARCHIVES | ASKS_THE_NET) - MAY.get(path.name, set())
    assert not {name for name in imported(tree) if name in refused or name.split(".")[0] in RUNS_WHAT_IT_READS}
    called = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {node.func.id for node in called if isinstance(node.func, ast.Name)}
    assert not names & {"eval", "exec", "compile", "__import__"}
    ways = {
        f"{ast.unparse(node.func.value)}.{node.func.attr}" for node in called if isinstance(node.func, ast.Attribute)
    }
    assert not ways & {"os.system", "os.popen", "torch.load", "joblib.load", "pd.read_pickle", "shutil.unpack_archive"}
    given = {(keyword.arg, ast.unparse(keyword.value)) for node in called for keyword in node.keywords}
    assert not given & {("shell", "True"), ("allow_pickle", "True"), ("weights_only", "False"), ("escape", "False")} - (
        {("escape", "False")} if path.name == "page.py" else set()  # of the project's own Markdown; see harmless.py
    )


HEARD: list[str] | None = None  # classes that were unpickled, and by whom, while it is a list


def _listen(event: str, arguments: tuple) -> None:
    if event == "pickle.find_class" and HEARD is not None:
        stack = traceback.format_stack()
        if not any("loky" in frame or "multiprocessing" in frame for frame in stack):  # between our own processes
            HEARD.append(f"{arguments}\n{''.join(stack[-9:-1])}")


sys.addaudithook(_listen)  # which stays as long as the process


@pytest.fixture(scope="module")
def made(tiny_corpus, tmp_path_factory):
    """Everything that is kept of a quick run, read again: runs with weights, a pack, a model with its card, answers."""
    global HEARD
    HEARD, folder = [], tmp_path_factory.mktemp("made")
    corpus, given = (
        tiny_corpus.subset(range(0, 120, 3)),
        {"folds": "speaker-folds-5", "device": "cpu", "progress": False},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERLIB_CACHE", str(folder / "cache"))
        patch.setenv("SERLIB_RUNS", str(folder / "runs"))
        for _ in range(2):
            scores = cross_validate(corpus, "dcaen/ftr-eg", store=RunStore(shelves=[]), keep_weights=True, **given)
        pack_results(folder / "runs", folder / "results", measured=False)
        (packed,) = (folder / "results").rglob("*.json")
        run = next(path.parent for path in (folder / "runs").rglob("model.safetensors"))
        asked = corpus.table["file"].iloc[:2].tolist()  # of one speaker, by whom all is scaled
        told = predict_files(str(run), asked, by_speaker=True)
        train_model(
            corpus, "dcaen/ftr-eg", profile="quick", out=folder / "model", scheme="speaker-folds-5", device="cpu"
        )
        again = predict_files(str(folder / "model"), asked, by_speaker=True)
    heard, HEARD = HEARD, None
    assert len(scores.predictions) == 40 and len(pack.read(packed)) == 5 and len(told.table) == len(again.table) == 2
    return SimpleNamespace(folder=folder, heard=heard)


def test_nothing_is_unpickled(made):
    assert not made.heard


@pytest.mark.parametrize("card", ["manifest.json", "card.json"])
@pytest.mark.parametrize(("damage", "told"), [
    (lambda content: content[:-40], r"is damaged \(.+\); make it again"),
    (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "is damaged: its sum is not that of {}; make it again"),
])  # fmt: skip
def test_a_model_that_was_damaged_by_hand_is_not_asked(made, tmp_path, damage, told, card):
    kept = made.folder / ("runs" if card == "manifest.json" else "model")
    run = next(path.parent for path in kept.rglob("model.safetensors"))
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").write_bytes(damage((run / "model.safetensors").read_bytes()))
    with pytest.raises(ValueError, match=f"^run/model.safetensors {told.format(card)}"):
        load_model(tmp_path / "run")


def test_the_hook_hears_what_is_unpickled():
    global HEARD
    HEARD = []
    loads(dumps(Path("x")))
    heard, HEARD = HEARD, None
    assert heard and "'pathlib'" in heard[0]


SECRETS = [str(Path.home()), str(ROOT), tempfile.gettempdir(), f"/{getpass.getuser()}/"]


PICTURE = re.compile(rb"[A-Za-z0-9+/=]{200,}")  # in base64, which may hold any letters


def telling(folder: Path, *, but: tuple[str, ...] = ()) -> list[str]:
    """Files below a folder that name one of this machine's folders or its user's."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] not in but]
    assert files
    found = {path: PICTURE.sub(b"", path.read_bytes()) for path in files}
    return [str(path) for path, content in found.items() if any(secret.encode() in content for secret in SECRETS)]


def test_what_is_kept_of_runs_names_no_place(made):
    assert not telling(made.folder)


def test_what_is_committed_names_no_place():
    pattern = re.compile(rb"(?<![\w.])/(root|home|Users|tmp)/\w")
    assert not [path for path in (ROOT / "data").rglob("*.*") if path.is_file() and pattern.search(path.read_bytes())]


TITLE = nbformat.v4.new_markdown_cell("# Of places\n\n[next](00_a.ipynb)")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
EVIL = "a\"; open('stolen', 'w') # '''\n\\\" + open('stolen', 'w').name\r\n\t\\N{OWL} \x00{{7*7}} %(x)s \N{OWL}"
CODE = """
import json, os, sys, tempfile, warnings
from pathlib import Path
import matplotlib.pyplot as plt
print(json.dumps([corpus, options, seeds]))
print(root, figures_dir, runs_dir, sys.executable, os.getcwd(), Path.home() / "a", tempfile.gettempdir() + "/b")
warnings.warn("told with the place of this cell")
Path(figures_dir).mkdir(exist_ok=True)
for suffix in ("png", "svg", "pdf"):
    plt.plot([0, 1])
    plt.savefig(f"{figures_dir}/line.{suffix}")
plt.show()
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evil")
    declared = 'corpus = ""\nroot = ""\nfigures_dir = ""\nruns_dir = ""\noptions = {}\nseeds = []'
    cells = [nbformat.v4.new_code_cell(declared, metadata={"tags": ["parameters"]})]
    cells += map(nbformat.v4.new_code_cell, [CODE, "raise ValueError(str(Path.home()) + '/c')"])
    (folder / "notebooks").mkdir()
    notebook = nbformat.v4.new_notebook(cells=[TITLE, *cells], metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, folder / "notebooks" / "00_a.ipynb")
    asked = {"root": folder / "my\"; root='\\", "notebooks": folder / "notebooks", "out": folder / "out"}
    assert run_report(EVIL, options=pairs([f"a={EVIL}", f"b={json.dumps([EVIL, 1.5, None])}"]), **asked) == 1
    return folder


def test_parameters_of_a_report_are_text_whatever_they_say(report):
    notebook = nbformat.read(report / "out" / "notebooks" / "00_a.ipynb", as_version=4)
    *_, shown, failed = (cell for cell in notebook.cells if cell.cell_type == "code")
    corpus, options, seeds = json.loads(shown.outputs[0].text.splitlines()[0])
    assert (corpus, options, seeds) == (EVIL, {"a": EVIL, "b": [EVIL, 1.5, None]}, [0])
    assert failed.outputs[0].ename == "ValueError" and not list(report.rglob("stolen"))


def test_a_report_names_no_place(report):
    assert not telling(report / "out")
    assert {path.name for path in (report / "out").rglob("*.*")} >= {
        "00_a.html",
        "00_a.ipynb",
        "line.svg",
        "index.html",
    }


def test_places_are_left_out_and_pictures_left_alone():
    home, picture = str(Path.home()), "iVBORw0KGgo" + tempfile.gettempdir() + "/x" + str(Path.home()) + "=="
    told = {"a": [f"root={home}/x", f"file://{home}", f"{home}stead", 3, None], "b": f"'{ROOT}/serlib' {ROOT}"}
    assert hide_places(told) == {"a": ["root=~/x", "file://~", f"{home}stead", 3, None], "b": "'./serlib' ."}
    assert hide_places(picture) == picture
    assert hide_places("/data/emodb/wav and /data/emodb2", ["/data/emodb", None]) == "emodb/wav and /data/emodb2"


@pytest.mark.parametrize(("shown", "kept"), [
    ("<b>x</b> <script>alert(1)</script>", "<b>x</b> &lt;script&gt;alert(1)&lt;/script&gt;"),
    ("<img src=x onerror=alert(1)>", '&lt;img onerror="alert(1)" src="x"/&gt;'),
    ("<details ontoggle=alert(1) open>x</details>", '<details open="">x</details>'),
    ('<a href="java&#10;script:alert(1)">x</a>', "<a>x</a>"),
    ('<a href="JavaScript&colon;alert(1)">x</a>', "<a>x</a>"),
    ('<a href="data:text/html,x">x</a>', "<a>x</a>"),
    ('<a href="07_x.html#q">x</a><a href="https://a.b">y</a>', '<a href="07_x.html#q">x</a><a href="https://a.b">y</a>'),
    ('<math><mi xlink:href="javascript:1">x</mi></math>', "<math><mi>x</mi></math>"),
    ('<td style="text-align:right">3</td><td style="background:url(//x)">4</td>',
     '<td style="text-align:right">3</td><td>4</td>'),
])  # fmt: skip
def test_shown_markdown_holds_nothing_that_runs(shown, kept):
    assert harmless(shown) == kept


def test_a_foreign_name_in_markdown_is_shown_and_does_nothing():
    name = "<img src=x onerror=alert(1)> `b` [c](javascript:d) ![e](//f) $g$ _h_ a/b-1.wav"
    html = render_markdown(f"say {plain(name)}, **bold**")
    assert html == f"<p>say {escape(name)}, <strong>bold</strong></p>\n"


def test_jupyterlab_keeps_its_token_and_listens_to_this_machine_alone(monkeypatch, tmp_path):
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # make may run the tests
    told = subprocess.run(["make", "-n", "lab"], cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    assert shlex.split(told.splitlines()[-1])[1:] == ["lab", "--notebook-dir=notebooks"]  # no guard is lowered
    server = ServerApp()
    assert server.ip == "localhost" and not server.allow_remote_access and not server.disable_check_xsrf
    assert len(server.identity_provider_class(parent=server).token) >= 32


def test_a_foreign_table_cannot_bring_a_pickle(tmp_path):
    """Of an audformat database the text files alone are shown to audformat, which prefers a table's pickled copy."""
    pytest.importorskip("audformat")
    (tmp_path / "db.files.pkl").write_bytes(b"cos\nmkdir\n(S'stolen'\ntR.")
    (tmp_path / "db.yaml").write_text(
        "name: x\nsource: y\nusage: other\nlanguages: []\nschemes:\n  emotion: {dtype: str}\n"
        "tables:\n  files: {type: filewise, columns: {emotion: {scheme_id: emotion}}}\n"
    )
    (tmp_path / "db.files.csv").write_text("file,emotion\nspk1.wav,anger\n")
    with pytest.raises(ValueError, match="there is no such file"):
        load_corpus("table", tmp_path, speaker_pattern=r"spk(\d)")
    assert not Path("stolen").exists()
