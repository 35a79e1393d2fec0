"""The report's index: what was learned in sentences and pictures, a card for each notebook, one table of scores."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader
from matplotlib.figure import Figure
from nbformat import NotebookNode, read

from serlib.report.drawn import pictures
from serlib.report.findings import findings
from serlib.report.harmless import harmless
from serlib.report.page import TEMPLATES, render_markdown, style, title_and_abstract
from serlib.report.publish import compact, published
from serlib.report.told import OPENING

RESULT = "result"  # tag of the code cell whose picture stands for the notebook


def render_index(out: Path, names: list[str], manifest: dict[str, Any]) -> str:
    """Return the index of the executed notebooks in ``out/notebooks``, of this report and of earlier ones.

    ``names`` are the project's notebooks in order, without suffix; those never executed are listed as such.
    ``manifest`` is what the report was made with, in the order to show; None is left out.
    """
    entries, rows = {}, []
    for name in names:
        path, entries[name] = out / "notebooks" / f"{name}.ipynb", {"name": name, "title": name, "facts": {}}
        if path.exists():
            notebook = read(path, as_version=4)
            entries[name] |= _card(notebook)
            rows += [{"notebook": name, **row} for row in published(notebook)]
    prints = dict.fromkeys(f"{row['corpus']} {row['fingerprint']}" for row in rows if row.get("fingerprint"))
    table, caption = _scores(rows)
    found = [{"html": _inline(f.text), "more": _inline(f.rest(f.more)), **entries.get(Path(f.notebook).stem, {})}
             for f in findings()]  # fmt: skip
    template = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True).get_template("index.html.j2")
    return template.render(
        manifest=manifest | {"fingerprint": ", ".join(prints) or None}, entries=entries.values(), findings=found,
        pictures={title: _svg(figure) for title, figure in pictures().items()} if found else {},
        columns=list(table), rows=table.to_numpy().tolist(), caption=caption, style=style(),
    )  # fmt: skip


def _card(notebook: NotebookNode) -> dict[str, Any]:
    """Return what a card shows: title, abstract, facts, the opening's first verdict, picture of the result."""
    title, abstract = title_and_abstract(notebook)
    cells = [cell for cell in notebook.cells if cell.get("outputs")]
    cells.sort(key=lambda cell: RESULT not in cell.metadata.get("tags", []))  # stable: the result's first
    shown = [output.get("data", {}) for cell in cells for output in cell.outputs]
    images = [data["image/png"] for data in shown if "image/png" in data]
    opened = next((text for data in shown if (text := data.get("text/markdown", "")).startswith(OPENING)), "")
    told = [line[2:] for line in opened.splitlines() if line.startswith("- ")]
    told = next((line for line in told if "**" in line), "".join(told[:1]))  # verdicts are bold
    return {
        "title": title, "abstract": abstract, "facts": notebook.metadata.serlib,
        "told": harmless(_inline(told)).replace('.ipynb"', '.html"'),
        "picture": f"data:image/png;base64,{images[0].strip()}" if images else None,
    }  # fmt: skip


def _scores(rows: list[dict[str, Any]]) -> tuple[pd.DataFrame, str]:
    """Return one table of all published scores, equal rows of several notebooks once, and its caption."""
    if not rows:
        return pd.DataFrame(), ""
    table, caption = compact(pd.DataFrame(rows).drop(columns="table"), "Scores")
    own = [column for column in table if column != "notebook"]
    return table.groupby(own, sort=False)["notebook"].agg(lambda names: [*dict.fromkeys(names)]).reset_index(), caption


def _inline(markdown: str) -> str:
    return render_markdown(markdown).strip().removeprefix("<p>").removesuffix("</p>")


def _svg(figure: Figure) -> str:
    with BytesIO() as buffer:
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
