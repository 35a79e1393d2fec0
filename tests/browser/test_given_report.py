"""Every page of a report that lies there already, such as one of a corpus of one's own, at two widths.

``make test-browser REPORT=folder`` looks at that folder alone.
"""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
FOLDER = Path(os.environ.get("SERLIB_REPORT", "")).absolute()
PAGES = sorted(path.stem for path in FOLDER.glob("*.html")) if "SERLIB_REPORT" in os.environ else []
SCREENS = {"light": {"width": 1200, "height": 800}, "dark": {"width": 400, "height": 800}}
WHITE = "[...document.querySelectorAll('main :is(figure, .html) img')].map(e => getComputedStyle(e).backgroundColor)"
SPOILT = """<!doctype html><meta name="viewport" content="width=device-width"><main>
<details><summary>Reveal</summary><table><tr><td style="min-width: 900px">wide</td></tr></table></details>
<div style="overflow: hidden"><pre style="width: 700px">cut</pre></div></main>"""


@pytest.mark.skipif("SERLIB_REPORT" not in os.environ, reason="SERLIB_REPORT names no folder of a report")
def test_there_are_pages():
    assert "index" in PAGES and len(PAGES) > 1, f"no report in {FOLDER}"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", SCREENS)
def test_nothing_is_cut_and_nothing_complains(open_file, cut_off, name, scheme):
    page = open_file(FOLDER / f"{name}.html", viewport=SCREENS[scheme], color_scheme=scheme)
    assert cut_off(page) == []
    assert {*page.evaluate(WHITE)} <= {"rgb(255, 255, 255)"}  # on which the pictures' colours were chosen


def test_what_is_cut_is_found(open_file, cut_off, tmp_path):
    (tmp_path / "spoilt.html").write_text(SPOILT)
    told = cut_off(open_file(tmp_path / "spoilt.html", viewport=SCREENS["dark"]))
    assert [each.partition(": 700 > ")[0] for each in told[1:]] == [
        '<table><tbody><tr><td style="min-width: 900px">wide</td></tr></tbody></table> leaves the page',
        '<div style="overflow: hidden"><pre style="width: 700px">cut</pre></div> cuts',
        '<pre style="width: 700px">cut</pre> leaves the page',
    ]
    assert told[0].startswith("the page is 9") and told[0].endswith(" wide, the window 400")
