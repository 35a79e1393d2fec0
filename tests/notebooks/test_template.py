"""Every notebook keeps to the one template. The checks are tried on spoilt notebooks too, so that they can fail."""

import ast
import itertools
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import papermill
import pytest
from bs4 import BeautifulSoup
from nbformat import NotebookNode

from serlib import paths
from serlib.report.page import render_markdown

FOLDER = paths.PROJECT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
DEFAULTS = {
    "corpus": "synthetic", "root": None, "options": {}, "profile": "quick", "seeds": [0], "device": "auto",
    "figures_dir": None, "runs_dir": None, "retrain": False,
}  # fmt: skip
GROUND = ("data", "store", "ground", "ground_name")
ABSOLUTE = re.compile(r"""(?<![\w.:/~}<])/(home|Users|root|work|tmp|mnt|media|srv|var|opt)/|\b[A-Z]:\\\\?\w""")


def public_names() -> set[str]:
    """Functions and classes that serlib offers; a notebook imports them and does not define them again."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (paths.PROJECT / "serlib").rglob("*.py")]
    found = {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return {name for name in found if not name.startswith("_")}


def sources(notebook: NotebookNode, kind: str) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def lines(source: str) -> int:
    return sum(bool(line.strip()) for line in source.splitlines())


def trees(notebook: NotebookNode) -> list[ast.AST]:
    """Parsed code cells, without IPython's own commands."""
    return [ast.parse(re.sub(r"(?m)^\s*[%!].*$", "", source)) for source in sources(notebook, "code")]


def definitions(notebook: NotebookNode) -> list[ast.FunctionDef | ast.ClassDef]:
    kinds = ast.FunctionDef | ast.ClassDef
    return [node for tree in trees(notebook) for node in ast.walk(tree) if isinstance(node, kinds)]


def is_valid(notebook: NotebookNode, folder: Path) -> list[str]:
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        return [str(error).splitlines()[0]]
    return []


def is_stripped(notebook: NotebookNode, folder: Path) -> list[str]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [f"{cell.source[:40]!r} has outputs" for cell in cells if cell.outputs or cell.execution_count is not None]


def runs_on_python3(notebook: NotebookNode, folder: Path) -> list[str]:
    name = notebook.metadata.get("kernelspec", {}).get("name")
    return [] if name == "python3" else [f"kernel is {name!r}, needed is 'python3'"]


def has_parameters(notebook: NotebookNode, folder: Path) -> list[str]:
    tagged = [c.source for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(tagged) != 1:
        return [f"{len(tagged)} cells are tagged parameters"]
    nodes = [node for node in ast.parse(tagged[0]).body if isinstance(node, ast.Assign)]
    given = {node.targets[0].id: ast.literal_eval(node.value) for node in nodes}
    return [f"{n} is {given.get(n, 'missing')!r}, not {v!r}" for n, v in DEFAULTS.items() if given.get(n, ...) != v]


def has_a_title(notebook: NotebookNode, folder: Path) -> list[str]:
    first = notebook.cells[0]
    return [] if first.cell_type == "markdown" and first.source.startswith("# ") else ["the first cell is no title"]


def has_one_title(notebook: NotebookNode, folder: Path) -> list[str]:
    soup = BeautifulSoup("\n".join(map(render_markdown, sources(notebook, "markdown"))), "html.parser")
    return [] if len(soup.select("h1")) == 1 else ["there is more than one heading of first rank"]


def explains(notebook: NotebookNode, folder: Path) -> list[str]:
    kinds = [cell.cell_type for cell in notebook.cells]
    share = kinds.count("markdown") / len(kinds)
    longest = max(len(list(group)) for kind, group in itertools.groupby(kinds) if kind == "code")
    wrong = [f"{share:.0%} of the cells are Markdown, allowed are 50 to 70 %"] if not 0.5 <= share <= 0.7 else []
    return wrong + ([f"{longest} code cells in a row, allowed are 3"] if longest > 3 else [])


def has_short_cells(notebook: NotebookNode, folder: Path) -> list[str]:
    counted = [c for c in notebook.cells if not {"hide-input", "parameters"} & {*c.metadata.get("tags", [])}]
    median = statistics.median([lines(c.source) for c in counted if c.cell_type == "code"] or [0])
    wrong = [f"the median open code cell has {median:g} lines"] if median > 8 else []
    longest = max(len(source.splitlines()) for source in sources(notebook, "code"))
    return wrong + ([f"a code cell has {longest} lines, allowed are 40"] if longest > 40 else [])


def opens_with_what_came_out(notebook: NotebookNode, folder: Path) -> list[str]:
    """Before anything is explained, a folded cell says in computed sentences what came out."""
    place = next((k for k, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])), -2)
    cell = next((cell for cell in notebook.cells[place + 1 :] if cell.cell_type == "code"), None)
    calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)] if cell else []
    called = {getattr(call.func, "id", None) for call in calls}
    return [] if "opening" in called else ["the first cell after the parameters calls no opening()"]


def asks_before_it_answers(notebook: NotebookNode, folder: Path) -> list[str]:
    calls = [node for tree in trees(notebook) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    stops = sum(getattr(call.func, "id", None) == "reveal" for call in calls)
    return [] if stops >= 5 else [f"{stops} answers are folded by reveal(), needed are 5"]


def leaves_functions_to_the_library(notebook: NotebookNode, folder: Path) -> list[str]:
    found, taken = definitions(notebook), public_names()
    long = [f"{n.name} has {n.end_lineno - n.lineno + 1} lines" for n in found if n.end_lineno - n.lineno >= 15]
    return long + [f"{node.name} is a name of serlib" for node in found if node.name in taken]


def bound(tree: ast.AST) -> Iterator[str]:
    """Names that a cell binds for all later cells, but by import: not those inside functions and comprehensions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda):
            yield from bound(node)


def keeps_its_names(notebook: NotebookNode, folder: Path) -> list[str]:
    """What is imported, and the ground that all cells stand on, are bound once: no loop takes their name."""
    imported, once, told = set(), [], []
    for tree in trees(notebook):
        parts = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        imported |= {(a.asname or a.name).partition(".")[0] for node in parts for a in node.names}
        names = [*bound(tree)]
        told += [f"{name} is imported, and bound again" for name in names if name in imported]
        once += [name for name in names if name in GROUND]
    return told + [f"{name} is bound {once.count(name)} times" for name in GROUND if once.count(name) > 1]


def ends_well(notebook: NotebookNode, folder: Path) -> list[str]:
    texts = sources(notebook, "markdown")
    headings = [line.lower() for text in texts for line in re.findall(r"(?m)^#{2,3} (.+)$", text)]
    wrong = [f"no heading with {word!r}" for word in ("takeaway", "exercise") if word not in " ".join(headings[-8:])]
    exercises = "\n".join(itertools.dropwhile(lambda text: not re.search(r"(?mi)^#{2,3} .*exercise", text), texts))
    answers = exercises.count("<details")
    wrong += [] if 3 <= answers <= 5 else [f"{answers} exercises with folded answers, allowed are 3 to 5"]
    last = notebook.cells[-1]
    linked = last.cell_type == "markdown" and re.search(r"\]\((\d\d_\w+\.ipynb|\.\./README\.md)\)", last.source)
    return wrong + ([] if linked else ["the last cell links to no next notebook (or ../README.md)"])


def knows_no_machine(notebook: NotebookNode, folder: Path) -> list[str]:
    return [f"absolute path in {c.source[:60]!r}" for c in notebook.cells if ABSOLUTE.search(c.source)]


def has_its_figures_at_hand(notebook: NotebookNode, folder: Path) -> list[str]:
    pattern = r"!\[[^\]]*\]\(\s*https?:|<img[^>]+src=[\"']?https?:"
    remote = [c for c in notebook.cells if re.search(pattern, c.source)]
    pasted = [c for c in notebook.cells if c.get("attachments")]
    return [f"picture from elsewhere or pasted in {c.source[:60]!r}" for c in remote + pasted]


def links_resolve(notebook: NotebookNode, folder: Path) -> list[str]:
    soup = BeautifulSoup("\n".join(map(render_markdown, sources(notebook, "markdown"))), "html.parser")
    addresses = [tag.get("href") or tag.get("src") for tag in soup.select("a[href], img[src]")]
    anchors = {unquote(tag["id"]) for tag in soup.select("[id]")}
    wrong = []
    for parts in map(urlsplit, addresses):
        here = not parts.path and parts.fragment and unquote(parts.fragment) not in anchors
        if not parts.scheme and (here or not (folder / unquote(parts.path)).exists()):
            wrong.append(f"link to {parts.geturl()!r} leads nowhere")
    return wrong


def formulas_are_drawn(notebook: NotebookNode, folder: Path) -> list[str]:
    soup = BeautifulSoup("\n".join(map(render_markdown, sources(notebook, "markdown"))), "html.parser")
    return [raw["title"] for raw in soup.select(".formula-raw")]


CHECKS = (
    is_valid, is_stripped, runs_on_python3, has_parameters, has_a_title, has_one_title, explains, has_short_cells,
    opens_with_what_came_out, asks_before_it_answers, leaves_functions_to_the_library, keeps_its_names, ends_well,
    knows_no_machine, has_its_figures_at_hand, links_resolve, formulas_are_drawn,
)  # fmt: skip


def test_there_are_notebooks_and_their_names_carry_the_order():
    assert NOTEBOOKS
    assert all(re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", path.name) for path in NOTEBOOKS)
    assert len({path.name[:2] for path in NOTEBOOKS}) == len(NOTEBOOKS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, check):
    assert check(nbformat.read(path, as_version=4), path.parent) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_papermill_finds_the_parameters(path):
    assert set(DEFAULTS) <= set(papermill.inspect_notebook(path))


# --- the checks themselves ---

markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
ANSWER = "<details><summary>Answer</summary>\n\nSo.\n\n</details>\n"


def good() -> NotebookNode:
    parameters = code(
        "\n".join(f"{name} = {value!r}" for name, value in DEFAULTS.items()), metadata={"tags": ["parameters"]}
    )
    cells = [
        markdown("# Title\n\nAbstract with $x_i$, see [below](#Body)."), parameters, markdown("## Body"),
        code("opening(x, [])\n" + "reveal(x)\n" * 5), markdown("## Takeaways"),
        markdown("## Exercises\n\n" + 3 * ANSWER),
        markdown("Next: [b](01_b.ipynb)"),
        code("%matplotlib inline\nx"), markdown("[Start](../README.md)"),
    ]  # fmt: skip
    return nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "notebooks").mkdir()
    for name in ("README.md", "notebooks/01_b.ipynb"):
        (tmp_path / name).write_text("")
    return tmp_path / "notebooks"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_notebook_passes(check, folder):
    assert check(good(), folder) == []


def with_source(position: int, source: str) -> NotebookNode:
    notebook = good()
    notebook.cells[position].source = source
    return notebook


def spoilt() -> list[tuple]:
    executed, kernel, untagged, chatty, silent, long = good(), good(), good(), good(), good(), good()
    executed.cells[3].execution_count = 1
    kernel.metadata.kernelspec.name = "conda-env"
    untagged.cells[1].metadata = {}
    chatty.cells += [markdown("more")] * 5
    silent.cells[4:4] = [code("1")] * 4
    long.cells[3].source = long.cells[7].source = "x = 1\n" * 9
    unknown = good()
    unknown.cells[0]["colour"] = "red"
    pasted = good()
    pasted.cells[0].attachments = {"a.png": {"image/png": ""}}
    body, default = "def f():\n" + "    x = 1\n" * 15, with_source(1, good().cells[1].source.replace("[0]", "[1]"))
    default.cells[1].metadata = {"tags": ["parameters"]}
    return [
        (is_valid, unknown, "colour"), (is_stripped, executed, "'opening.* has outputs"),
        (runs_on_python3, kernel, "kernel is 'conda-env'"), (has_parameters, untagged, "0 cells are tagged"),
        (has_parameters, default, r"seeds is \[1\], not \[0\]"), (has_a_title, with_source(0, "Text"), "no title"),
        (has_one_title, with_source(2, "# Second"), "more than one"), (explains, chatty, "79% of the cells"),
        (explains, silent, "5 code cells in a row"), (has_short_cells, with_source(3, "x = 1\n" * 41), "has 41 lines"),
        (has_short_cells, long, "median open code cell has 9"),
        (opens_with_what_came_out, with_source(3, "x = 1"), "calls no opening"),
        (asks_before_it_answers, with_source(3, "reveal(x)\n" * 4), "4 answers are folded"),
        (leaves_functions_to_the_library, with_source(3, body), "f has 16 lines"),
        (leaves_functions_to_the_library, with_source(3, "def run_report(): ..."), "run_report is a name of serlib"),
        (keeps_its_names, with_source(3, "from a.b import c as d\nfor n, d in x:\n    pass"), "d is imported, and"),
        (keeps_its_names, with_source(3, "data = 1\nfor _, (data, b) in x:\n    pass"), "data is bound 2 times"),
        (ends_well, with_source(4, "## Summary"), "no heading with 'takeaway'"),
        (ends_well, with_source(5, "## Exercises"), "0 exercises with folded"),
        (ends_well, with_source(8, "End"), "next notebook"),
        (knows_no_machine, with_source(3, "open('/ho" + "me/me/x.csv')"), "absolute path in"),
        (knows_no_machine, with_source(3, r"open('C:\\Users\\x')"), "absolute path in"),
        (has_its_figures_at_hand, with_source(2, "![a](https://example.org/a.png)"), "picture from elsewhere"),
        (has_its_figures_at_hand, pasted, "or pasted"),
        (links_resolve, with_source(2, "[a](gone.ipynb)"), "'gone.ipynb'"),
        (links_resolve, with_source(0, "# T\n\n[a](#Gone)"), "'#Gone'"),
        (formulas_are_drawn, with_source(2, r"$\nosuch{x}$"), "nosuch"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "notebook", "complaint"), spoilt(), ids=lambda value: getattr(value, "__name__", None)
)
def test_a_spoilt_notebook_is_caught(check, notebook, complaint, folder):
    assert re.search(complaint, "\n".join(check(notebook, folder)))


def test_a_folded_cell_may_be_long_but_not_endless(folder):
    notebook = with_source(3, "opening(x)\n" * 9)
    notebook.cells[7].source = "x = 1\n" * 9
    assert has_short_cells(notebook, folder) == ["the median open code cell has 9 lines"]
    notebook.cells[3].metadata = notebook.cells[7].metadata = {"tags": ["hide-input"]}
    assert has_short_cells(notebook, folder) == []
    notebook.cells[3].source *= 4
    assert has_short_cells(notebook, folder) == []
    notebook.cells[3].source += "x\n" * 24
    assert has_short_cells(notebook, folder) == ["a code cell has 60 lines, allowed are 40"]


@pytest.mark.parametrize(
    "source", ["see /serlib/x", "https://example.org/tmp/x", "../data/tmp/x", "a /homeless/ b", "p = x/root/y"]
)
def test_relative_paths_and_addresses_are_no_machine_paths(source, folder):
    assert knows_no_machine(with_source(3, source), folder) == []
