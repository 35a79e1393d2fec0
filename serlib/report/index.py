"""The front page: every notebook with its state and first figure, one table of scores, and what it was made with."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from nbformat import read

from serlib.report.page import TEMPLATES, style, title_and_abstract
from serlib.report.publish import published


def render_index(out: Path, names: list[str], manifest: dict[str, Any]) -> str:
    """Return the index of the executed notebooks in ``out/notebooks``, of this report and of earlier ones.

    Args:
        out: folder of the report.
        names: notebooks of the project in order, without suffix; those never executed are listed as such.
        manifest: what the report was made with, in the order to show; None is left out.
    """
    entries, rows = [], []
    for name in names:
        path = out / "notebooks" / f"{name}.ipynb"
        if not path.exists():
            entries.append({"name": name, "title": name})
            continue
        notebook = read(path, as_version=4)
        title, abstract = title_and_abstract(notebook)
        entries.append({"name": name, "title": title, "abstract": abstract, "notebook": notebook})
        rows += [{"notebook": name, **row} for row in published(notebook)]
    prints = dict.fromkeys(f"{row['corpus']} {row['fingerprint']}" for row in rows if row.get("fingerprint"))
    columns = list(dict.fromkeys(key for row in rows for key in row if key != "fingerprint"))
    facts = {**manifest, "fingerprint": ", ".join(prints) or None}
    template = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True).get_template("index.html.j2")
    return template.render(manifest=facts, entries=entries, rows=rows, columns=columns, style=style())
