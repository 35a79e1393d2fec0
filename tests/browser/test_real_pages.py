"""Pages of two real notebooks and their index: readable for all, at any width, by keyboard; sounds play, folds open."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
SOUNDS, LIVE = "00_corpora_and_protocol", "01_decision_domains"
PAGES = ("index", SOUNDS, LIVE)
SCREENS = {"light": {"width": 1200, "height": 800}, "dark": {"width": 400, "height": 800}}
STOPS = "a[href], summary, button, input:not([type=radio]:not(:checked)), select, audio, [tabindex='0']"
MARK = f"""() => {{
  const seen = [...document.querySelectorAll("{STOPS}")].filter(e => e.checkVisibility({{visibilityProperty: true}}));
  seen.forEach((each, number) => each.dataset.stop = number);
  return seen.map(e => e.tagName);
}}"""
REACHED = """() => {
  const at = document.activeElement;
  return at === document.body ? 'body' : at.dataset.stop === undefined ? null : Number(at.dataset.stop);
}"""


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    command = [sys.executable, "-m", "serlib.cli", "report", "--out", str(folder), "--only"]
    made = [subprocess.Popen([*command, name[:2]], stdout=subprocess.PIPE, text=True) for name in (SOUNDS, LIVE)]
    assert [each.communicate()[0].count(" ok\n") for each in made] == [1, 1]
    return folder


@pytest.fixture
def open_page(open_file, report) -> Callable:
    return lambda name, **options: open_file(report / f"{name}.html", **options)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", SCREENS)
def test_axe_finds_nothing_serious_and_nothing_is_cut(open_page, cut_off, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(name, viewport=SCREENS[scheme], color_scheme=scheme)
    assert cut_off(page) == []
    found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
    grave = [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]
    assert grave == []


def test_wide_tables_scroll_by_keyboard(open_page, until, unfold):
    page = open_page(SOUNDS, viewport=SCREENS["dark"])
    unfold(page)
    wide = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1)"
    count = page.evaluate(f"{wide}.length")
    assert count > 0
    for number in range(count):
        page.evaluate(f"{wide}[{number}].focus()")
        assert page.evaluate(f"document.activeElement === {wide}[{number}]")
        page.keyboard.press("ArrowRight")
        until(page, f"{wide}[{number}].scrollLeft > 0")


@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_everything_in_the_order_of_the_page(open_page, name):
    page = open_page(name, viewport=SCREENS["light"])
    kinds = page.evaluate(MARK)
    assert {"A", "SUMMARY", "DIV"} <= {*kinds}
    assert name != SOUNDS or "AUDIO" in kinds
    reached = []
    for _ in range(20 * len(kinds)):  # a sound's own buttons are stops too
        page.keyboard.press("Tab")
        stop = page.evaluate(REACHED)
        if stop == "body":
            break
        reached += [stop] * (stop not in (None, *reached[-1:]))  # None: inside a live picture
    assert reached == [*range(len(kinds))] and stop == "body"


def test_sounds_play(open_page):
    page = open_page(SOUNDS)
    heard = """async sound => {
      const happened = name => new Promise(then => sound.addEventListener(name, then, {once: true}));
      if (!sound.readyState) await happened('loadedmetadata');
      sound.muted = true;
      await Promise.all([happened('timeupdate'), sound.play()]);
      return [sound.duration, sound.currentTime, sound.currentSrc.slice(0, 11)];
    }"""
    sounds = page.locator("audio").all()
    assert sounds
    for sound in sounds:
        duration, moved, source = sound.evaluate(heard)
        assert 0.2 < duration < 20 and moved > 0 and source == "data:audio/"


def test_folded_code_and_answers_open(open_page):
    page = open_page(SOUNDS)
    for kind in ("details.source", "details:not(.source, .log)"):
        folded = page.locator(f"main {kind}").first
        inside = folded.locator(":scope > :not(summary)").first
        assert not inside.is_visible() and folded.locator("summary").inner_text().strip()
        folded.locator("summary").click()
        assert inside.is_visible()
