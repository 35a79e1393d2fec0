"""HTML that asks for nothing outside itself: a page for each executed notebook."""

import base64
import mimetypes
import os
import re
from functools import partial
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from serlib.report.harmless import harmless
from serlib.report.mathml import formula

TEMPLATES = Path(__file__).parent / "templates"
SHOWN = ["text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "text/plain"]
CONFIG = Config({
    "NbConvertBase": {"display_data_priority": SHOWN},
    "CoalesceStreamsPreprocessor": {"enabled": True},  # of a progress bar only its last state
})  # fmt: skip
NO_ALT = ("", "No description has been provided for this image")  # the second is nbconvert's
SENTENCE_END = re.compile(r"(?<=[\w)’]{2}[.!?])\s+(?=[A-Z])")  # not after "e.g."


class PageRenderer(IPythonRenderer):
    """Markdown to HTML with formulas as MathML; code spans and code blocks are left alone."""

    inline_math = staticmethod(formula)
    block_math = staticmethod(partial(formula, display=True))

    def latex_environment(self, name: str, body: str) -> str:
        r"""Render a bare ``\begin{align}...\end{align}``."""
        return formula(rf"\begin{{{name}}}{body}\end{{{name}}}", display=True)

    def block_html(self, html: str) -> str:
        """Render raw HTML, such as ``<summary>``: the parser does not look for formulas there."""
        if re.search(r"<(script|style|pre|code)\b", html):
            return html
        return re.sub(r"(\$\$?)([^$]+)\1", lambda found: formula(found[2], display=len(found[1]) == 2), html)


def render_markdown(source: str) -> str:
    """Return one Markdown cell as HTML; headings carry the ids that JupyterLab gives them."""
    return MarkdownWithMath(renderer=PageRenderer(escape=False, anchor_link_text="#")).render(source)


def style() -> str:
    """Return the style sheet that pages and index share, code colours for light and dark included."""
    light, dark = (HtmlFormatter(style=name).get_style_defs(".highlight") for name in ("default", "github-dark"))
    own = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}\n{own}"


def title_and_abstract(notebook: NotebookNode) -> tuple[str, str]:
    """Return the first heading and the first sentence of the first paragraph, both as plain text."""
    cells = [c.source for c in notebook.cells if c.cell_type == "markdown" and "papermill-error-cell" not in c.source]
    soup = BeautifulSoup("\n".join(map(render_markdown, cells[:3])), "html.parser")
    title, first = (" ".join(found.get_text().split()) if found else "" for found in (soup.find("h1"), soup.find("p")))
    return title.removesuffix("#") or "Untitled", SENTENCE_END.split(first)[0]


def render_page(notebook: NotebookNode, *, folder: Path, out: Path) -> str:
    """Return the page of an executed notebook, whole or up to an error; ``metadata.serlib`` fills its head line.

    Its relative links and images start from ``folder``; the page will lie in the folder ``out``.
    """
    filters = {"markdown2html": render_markdown, "harmless": harmless}
    options = {"extra_template_basedirs": [str(TEMPLATES)], "filters": filters}
    exporter = HTMLExporter(template_name="page", config=CONFIG, **options)
    facts = {"style": style(), "title": title_and_abstract(notebook)[0]}
    soup = BeautifulSoup(exporter.from_notebook_node(notebook, resources=facts)[0], "html.parser")
    _keep_inside(soup, folder)
    _mend_links(soup, folder, out)
    _describe(soup)
    _list_contents(soup)
    return str(soup)


def _keep_inside(soup: BeautifulSoup, folder: Path) -> None:
    """Embed local images and sounds; take out whatever would be fetched from elsewhere."""
    for tag in soup.select("script[src], link:not([rel=icon]), object, embed"):
        tag.decompose()
    for tag in soup.select("img[src], audio[src], video[src], source[src], iframe"):
        source = tag.get("src", "")
        file = folder / unquote(urlsplit(source).path)
        if tag.name != "iframe" and not source.startswith("data:") and file.is_file():
            mime = mimetypes.guess_type(file.name)[0] or "image/png"
            tag["src"] = f"data:{mime};base64,{base64.b64encode(file.read_bytes()).decode()}"
        elif tag.name == "iframe" or not source.startswith("data:"):
            note = f'<span class="note">(not part of this report: {escape(source)})</span>'
            tag.replace_with(BeautifulSoup(note, "html.parser"))


def _mend_links(soup: BeautifulSoup, folder: Path, out: Path) -> None:
    """Point links between notebooks at their pages, and those to the project's files at these, from inside the project.

    From elsewhere they go: the way to the project names the folders of a machine, which nobody else has.
    """
    for link in soup.select("main a[href]"):
        parts = urlsplit(link["href"])
        target = (folder / unquote(parts.path)).resolve()
        if parts.path and not (parts.scheme or parts.netloc) and target.exists():
            page = target.suffix == ".ipynb" and target.parent == folder.resolve()
            path = f"{target.stem}.html" if page else Path(os.path.relpath(target, out)).as_posix()
            link["href"] = parts._replace(path=path).geturl()
            if not page and not out.resolve().is_relative_to(folder.resolve().parent):
                del link["href"]


def _describe(soup: BeautifulSoup) -> None:
    """Give pictures, sounds and sliders a text, their own or the last sentence before them; let what is wide scroll."""
    sentence = soup.title.get_text()
    for cell in soup.select("main .cell"):
        words = cell.select("p, li")[-1:] if "markdown" in cell["class"] else ()
        sentence = SENTENCE_END.split(" ".join("".join(p.get_text() for p in words).split()))[-1][:300] or sentence
        for tag in cell.select("img"):
            tag["alt"] = sentence if tag.get("alt", "") in NO_ALT else tag["alt"]
        for tag in cell.select("audio, video, input[type=range]"):
            tag["aria-label"] = tag.get("aria-label", sentence)
    for table in soup.select("main table"):
        frame = {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": "Table"}
        table.wrap(soup.new_tag("div", attrs=frame))
    for block in soup.select("main pre:not(.source pre), main .formula, main .outputs figure"):  # .source wraps
        block["tabindex"] = "0"


def _list_contents(soup: BeautifulSoup) -> None:
    """Fill the contents list from the headings of second and third rank."""
    for anchor in soup.select("main a.anchor-link"):
        heading, anchor["aria-label"] = anchor.parent, "Link to this heading"
        if heading.name in ("h2", "h3"):
            words = heading.decode_contents().replace(str(anchor), "")
            item = f'<li class="{heading.name}"><a href="{escape(anchor["href"])}">{words}</a></li>'
            soup.select_one("#contents ul").append(BeautifulSoup(item, "html.parser"))
