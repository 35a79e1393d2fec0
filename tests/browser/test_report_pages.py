"""The report in a browser: nothing from elsewhere, formulas drawn, readable on a phone, usable by keyboard."""

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from serlib.report import run_report

pytestmark = pytest.mark.browser
NOTEBOOKS = Path(__file__).parents[1] / "report" / "notebooks"
PAGES = ("index", "00_shown", "01_fails")


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    with contextlib.redirect_stdout(io.StringIO()):
        assert run_report(notebooks=NOTEBOOKS, out=folder) == 1
    return folder


@pytest.fixture
def open_page(open_file, out) -> Callable:
    return lambda name, **options: open_file(out / f"{name}.html", **options)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_complete_and_fit_a_phone(open_page, name, scheme):
    page = open_page(name, viewport={"width": 400, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0 && i.alt.trim())")
    tall = "[...document.querySelectorAll('main p')].every(p => p.getBoundingClientRect().right <= 400)"
    assert page.evaluate(tall)


EVIL = '<img src="https://example.org/x.png"><script>fetch("https://example.org/y")</script></main>'


@pytest.mark.parametrize("guarded", [True, False])
def test_the_page_itself_forbids_requests(browser, out, tmp_path, guarded):
    html = (out / "00_shown.html").read_text().replace("</main>", EVIL)
    (tmp_path / "evil.html").write_text(html if guarded else html.replace("Content-Security-Policy", "x"))
    page, asked = browser.new_page(), []
    page.route(re.compile("^https:"), lambda route: (asked.append(route.request.url), route.abort()))
    page.goto((tmp_path / "evil.html").as_uri())
    page.wait_for_timeout(300)
    page.close()
    assert sorted(asked) == ([] if guarded else ["https://example.org/x.png", "https://example.org/y"])


def test_formulas_are_drawn_as_formulas(open_page):
    page = open_page("00_shown")
    fraction = page.locator("main .formula mfrac").first
    over, under = (fraction.locator(f":scope > :nth-child({k})").bounding_box() for k in (1, 2))
    assert over["y"] + over["height"] <= under["y"] + 1  # above, not beside
    first, second = page.locator("main .formula mtable mtr").all()
    signs = [row.locator("mtd").nth(1).bounding_box()["x"] for row in (first, second)]
    assert signs[0] == pytest.approx(signs[1], abs=1)  # both lines meet at their sign
    assert page.locator("h2 math").count() == 1 and "$" not in page.locator("h2").first.inner_text()


def test_answers_open_by_keyboard(open_page):
    page = open_page("00_shown")
    answer = page.locator("details", has=page.locator("summary", has_text="Answer"))
    assert not answer.locator("strong").is_visible()
    answer.locator("summary").focus()
    page.keyboard.press("Enter")
    assert answer.locator("strong").is_visible()


def test_the_first_tab_skips_to_the_text(open_page):
    page = open_page("00_shown")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the text"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"


def test_links_of_index_and_pages_lead_on(open_page):
    page = open_page("index")
    page.get_by_role("link", name="Everything a page may hold", exact=True).click()
    assert page.title() == "Everything a page may hold"
    page.get_by_role("link", name="notebook that fails").first.click()
    assert page.title() == "One that fails"
    page.get_by_role("link", name="Go to the error").click()
    assert page.locator("#error").is_visible()
    page.get_by_role("link", name="All notebooks").click()
    assert page.title().startswith("Report: synthetic")
    assert (page.locator(".card").count(), page.locator("table a").get_attribute("href")) == (2, "00_shown.html")


def test_the_contents_list_moves_the_page(open_page, until):
    page = open_page("00_shown", viewport={"width": 1200, "height": 600})
    page.locator("#contents a", has_text="Exercises").click()
    until(page, "document.getElementById('Exercises').getBoundingClientRect().top < 600")


def test_the_animation_plays(open_page, until):
    page = open_page("00_shown")
    picture, slider = page.locator(".animation img"), page.locator(".anim-slider")
    until(page, "document.querySelector('.animation img').naturalWidth > 0")
    first = picture.get_attribute("src")
    page.get_by_role("button", name="Next frame").click()
    assert slider.input_value() == "1" and picture.get_attribute("src") != first
    sign = "getComputedStyle(document.querySelector('.fa-play'), '::before').content"
    assert "▶" in page.evaluate(sign)


def test_sound_is_in_the_page(open_page, until):
    page = open_page("00_shown")
    until(page, "document.querySelector('audio').readyState > 0")
    assert page.evaluate("document.querySelector('audio').duration") == pytest.approx(0.2)
