"""Pages: nothing from elsewhere, formulas, links, descriptions, and what cannot be shown."""

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from serlib.report.page import render_markdown, render_page, title_and_abstract

pytestmark = pytest.mark.xdist_group("report")


@pytest.fixture(scope="module")
def page(report) -> BeautifulSoup:
    return BeautifulSoup((report.out / "00_shown.html").read_text(), "html.parser")


@pytest.fixture(scope="module")
def failed(report) -> BeautifulSoup:
    return BeautifulSoup((report.out / "01_fails.html").read_text(), "html.parser")


def page_of(*cells: nbformat.NotebookNode, folder: Path = Path(), out: Path = Path()) -> BeautifulSoup:
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    return BeautifulSoup(render_page(notebook, folder=folder, out=out), "html.parser")


def markdown(source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source)


def shown(cell: nbformat.NotebookNode | None = None, **data: str) -> nbformat.NotebookNode:
    cell = cell or nbformat.v4.new_code_cell("1")
    data = {name.replace("_", "/"): value for name, value in data.items()}
    cell.outputs.append(nbformat.v4.new_output("display_data", data=data))
    return cell


def test_nothing_is_asked_for_outside_the_page(page, failed):
    for soup in (page, failed):
        loading = soup.select("[src], link[href], [poster], [srcset], object, embed, iframe")
        addresses = [tag.get("src") or tag.get("href") for tag in loading]
        assert addresses and all(address.startswith("data:") for address in addresses)
        policy = soup.select_one('meta[http-equiv="Content-Security-Policy"]')["content"]
        assert policy.startswith("default-src 'none';") and "http" not in policy
        assert not re.search(r"url\((?!['\"]?data:)|@import", "".join(tag.get_text() for tag in soup.select("style")))


def test_formulas_are_mathml_everywhere_but_in_code(page):
    text = page.main.get_text()
    assert [raw.get_text() for raw in page.select(".formula-raw")] == [r"\nosuchcommand{x}"]
    assert "$not_a_formula$" in [code.get_text() for code in page.select("code")]
    assert 'cost = "$x$ and $$y$$"' in text and "A price of $5, code" in text
    for place in ("h2", "th", "td", "summary", "details strong", ".outputs .html", ".formula", "#contents a"):
        assert page.select(f"{place} math"), place
    assert page.select_one(".outputs .html math")["alttext"] == r"\displaystyle \operatorname*{arg\,max}_j w_j^\top x"
    assert len(page.select(".formula math[display=block]")) == 2


def test_contents_list_leads_to_the_headings(page):
    links = page.select("#contents a")
    assert [link.parent["class"][0] for link in links] == ["h2", "h2", "h3", "h2", "h2", "h2", "h2"]
    ids = {tag["id"] for tag in page.select("[id]")}
    assert {link["href"][1:] for link in links} <= ids
    assert links[2].get_text() == "An animation" and page.title.get_text() == "Everything a page may hold"


def test_links_lead_to_pages_and_to_the_projects_files(page, report):
    links = {link.get_text(): link.get("href") for link in page.select("main p a")}
    assert links["notebook that fails"] == "01_fails.html#why" and (report.out / "01_fails.html").exists()
    assert links["paper"] == "https://arxiv.org/abs/1708.02002"
    assert links["file of the project"] is None  # this report lies elsewhere, and tells no way through the machine


def test_every_picture_and_sound_has_words(page):
    alts = [image["alt"] for image in page.select("img")]
    assert alts == [
        "It has one period.",
        "Three circles",
        "Three circles again",
        "Two bars, the second twice as high",
        "Three frames turn a point around the circle.",
    ]
    assert page.select_one("audio")["aria-label"] == "A short hum at 220 Hz:"
    assert page.select_one("audio source")["src"].startswith("data:audio/wav;base64,")
    assert page.select_one("input[type=range]")["aria-label"] == alts[-1]
    (svg, _) = page.select('img[src^="data:image/svg+xml"]')
    assert svg["alt"] == "Three circles"


def test_progress_bars_show_their_last_state_and_widgets_a_note(page):
    (log,) = page.select("details.log")
    assert "plain bar: 100%" in log.get_text() and " 0%" not in log.get_text()
    assert "widget bar:" not in page.main.get_text()
    notes = [note.get_text() for note in page.select(".note")]
    assert notes == [
        "Interactive in JupyterLab; see the static picture below.",
        "(not part of this report: https://example.org/x.png)",
    ]
    assert "static twin\n" in [block.get_text() + "\n" for block in page.select("pre.text")]
    assert not any("document.title" in script.get_text() for script in page.select("script"))
    assert "Javascript object" not in page.main.get_text()


def test_the_animation_keeps_its_player_without_its_icon_font(page):
    assert len(page.select(".anim-buttons button[aria-label]")) == 9
    style = page.style.get_text()
    icons = {name for icon in page.select("i.fa") for name in icon["class"]} - {"fa", "fa-flip-horizontal"}
    assert len(icons) == 8 and all(f".{icon}::before" in style for icon in icons)
    assert sum("new Animation(frames" in script.get_text() for script in page.select("script")) == 1


def test_wide_tables_scroll_inside_themselves(page):
    assert all(
        "scroll" in table.parent["class"] and table.parent["tabindex"] == "0" for table in page.select("main table")
    )
    assert page.select_one("caption").get_text() == "Scores of nothing, tiny"


def test_wide_pictures_scroll_on_a_narrow_screen(page):
    pictures = page.select("main .outputs figure")
    assert pictures and all(figure["tabindex"] == "0" and figure.img for figure in pictures)
    narrow = page.style.get_text().partition("(max-width: 40rem)")[2].partition("@media")[0]
    assert "figure { overflow-x: auto; }" in narrow
    assert re.search(r"figure img, main .*choose.* > img \{ max-width: 44rem; \}", narrow)


def test_parameters_are_folded(page):
    names = [summary.get_text() for summary in page.select("details.source > summary")]
    assert names == ["Parameters and their defaults", "Parameters of this report"]
    head = page.select_one(".bar span").get_text()
    assert head.startswith("tiny (emotions=['a', 'b'], partial=True) · quick profile · seeds 1, 2 · 2")


def test_a_failed_page_says_so_first_and_shows_what_came_before(failed):
    alert = failed.main.find()
    assert alert["role"] == "alert" and "ValueError: three is not four" in alert.get_text()
    assert alert.a["href"] == "#error" and "three is not four" in failed.select_one("#error").get_text()
    assert "kept until here, profile quick" in failed.main.get_text()
    assert "papermill" not in failed.main.get_text() and failed.h1.get_text() == "One that fails#"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("`$x$` and $y$", ["y"]),
        ("```\n$x$\n```\n\n    $x$\n", []),
        ("<pre>$x$</pre>", []),
        ("<summary>if $a$ then $$b$$</summary>", ["a", "b"]),
        ("<summary>costs 5$</summary>", []),
        ("$$\na\n$$", ["a"]),
        ("| $a$ |\n|---|\n| $b$ |", ["a", "b"]),
    ],
)
def test_formulas_are_found_where_they_are_meant(source, expected):
    soup = BeautifulSoup(render_markdown(source), "html.parser")
    assert [element["alttext"] for element in soup.select("math")] == expected


def test_text_cannot_break_out_of_its_place():
    evil = "</style></title><script>alert(1)</script>"
    output = nbformat.v4.new_output("stream", name="stdout", text=evil)
    cell = nbformat.v4.new_code_cell(f"# {evil}", outputs=[output])
    soup = page_of(markdown("# A < B & `</title><script>x</script>`"), cell, shown(text_plain=evil, image_png="eA=="))
    assert not soup.select("script") and soup.title.get_text() == "A < B & </title><script>x</script>"
    assert [block.get_text() for block in soup.select("pre.text")] == [evil]


def test_descriptions_come_from_the_output_then_the_cell_then_the_text_before():
    own, cell = shown(image_png="eA=="), shown(image_png="eA==")
    own.outputs[0].metadata["alt"] = 'Said by "the output"'
    cell.metadata["alt"] = "Said by the cell"
    soup = page_of(
        own, markdown("One. Two $x_i$ follow (e.g. these)."), cell, shown(image_png="eA=="), shown(image_jpeg="eA==")
    )
    assert [image["alt"] for image in soup.select("img")] == [
        'Said by "the output"', "Said by the cell", "Two xi follow (e.g. these).", "Two xi follow (e.g. these).",
    ]  # fmt: skip
    assert page_of(markdown("# Only a title"), shown(image_png="eA==")).img["alt"] == "Only a title"


def test_pictures_from_elsewhere_or_missing_leave_a_note(tmp_path):
    (tmp_path / "a b.png").write_bytes(b"x")
    soup = page_of(
        markdown("![ok](a%20b.png) ![no](missing.png) ![far](https://example.org/a.png)"),
        shown(text_html='<iframe src="https://example.org/"></iframe><iframe></iframe>'),
        folder=tmp_path,
    )
    assert soup.img["src"] == "data:image/png;base64,eA=="
    assert len(soup.select(".note")) == 4 and not soup.select("iframe")


def test_links_of_other_kinds_stay(tmp_path):
    for name in ("01_b.ipynb", "notes.md"):
        (tmp_path / name).write_text("")
    hrefs = ["#here", "mailto:a@example.org", "gone.md", "gone.ipynb", "01_b.ipynb", "notes.md#x"]
    soup = page_of(markdown(" ".join(f"[x]({h})" for h in hrefs)), folder=tmp_path, out=tmp_path / "out")
    assert [link["href"] for link in soup.select("main a")] == [*hrefs[:4], "01_b.html", "../notes.md#x"]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["# T\n\nFirst by X et al. (2017) here. Second."], ("T", "First by X et al. (2017) here.")),
        (["# T `c`", "Only one"], ("T c", "Only one")),
        (['<span id="papermill-error-cell">x</span>', "# T\n\nA $m$ be. C"], ("T", "A m be.")),
        ([], ("Untitled", "")),
    ],
)
def test_title_and_first_sentence(sources, expected):
    notebook = nbformat.v4.new_notebook(cells=[*map(markdown, sources), nbformat.v4.new_code_cell("# no title")])
    assert title_and_abstract(notebook) == expected
