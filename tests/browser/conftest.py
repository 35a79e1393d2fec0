"""A Chromium, and a way to open files in it that notices every complaint and every request."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MINUTE_MS = 60_000  # a loaded machine is slow; nothing here asks how slow
UNFOLD = "document.querySelectorAll('details').forEach(each => each.open = true)"

# Every table, code box and formula: where it is cut off (by the page, or by a box that does not scroll), and which of
# those that scroll cannot be scrolled to their end.
CUT = """() => {
  const scrolls = e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX);
  const told = [], page = document.documentElement.scrollWidth;
  if (page > innerWidth) told.push(`the page is ${page} wide, the window ${innerWidth}`);
  for (const wide of document.querySelectorAll('main :is(table, pre, .formula, .highlight, img, svg, figure)')) {
    if (!wide.getBoundingClientRect().width) continue;
    let box = wide;
    while (box !== document.documentElement && !scrolls(box)) {
      if (box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== 'visible')
        told.push(`${box.outerHTML.slice(0, 80)} cuts: ${box.scrollWidth} > ${box.clientWidth}`);
      box = box.parentElement;
    }
    const name = wide.outerHTML.slice(0, 80);
    if (box === document.documentElement) {
      if (wide.getBoundingClientRect().right > innerWidth + 1) told.push(`${name} leaves the page`);
    } else {
      if (box.getBoundingClientRect().right > innerWidth + 1) told.push(`the box of ${name} leaves the page`);
      if (getComputedStyle(box).scrollbarWidth === 'none') told.push(`${name} scrolls unseen`);
      box.scrollLeft = 1e6;
      if (box.scrollLeft + box.clientWidth < box.scrollWidth - 1) told.push(`${name} ends out of reach`);
      if (wide.getBoundingClientRect().right > box.getBoundingClientRect().right + 1) told.push(`${name} is cut`);
      box.scrollLeft = 0;
    }
  }
  return told;
}"""
DRAWN = "!window.Bokeh || document.querySelectorAll('figure.live').length <= Bokeh.documents.length"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on the PATH")
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_file(browser) -> Iterator[Callable]:
    """Open a file; whatever it asks for beyond pages beside it, or complains of, fails the test."""
    troubles, contexts = [], []

    def opened(file: Path, **options: object):
        def watch(route) -> None:
            url = route.request.url
            if url.startswith(file.parent.as_uri()) and route.request.resource_type == "document":
                route.continue_()
            else:
                troubles.append(f"asked for {url}")
                route.abort()

        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(3 * MINUTE_MS)
        page.route(re.compile("."), watch)
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.goto(file.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="session")
def until() -> Callable:
    """Wait for a condition in a page whose policy forbids the eval that Playwright's own waiting needs."""
    script = """async () => {
      for (let k = 0; !(%s); k++) {
        if (k > 3000) throw new Error("waited in vain");
        await new Promise(then => setTimeout(then, 50));
      }
    }"""
    return lambda page, condition: page.evaluate(script % condition)


@pytest.fixture(scope="session")
def unfold() -> Callable:
    """Open every fold of a page: what lies in a closed one takes no keys and has no size."""
    return lambda page: page.evaluate(UNFOLD)


@pytest.fixture(scope="session")
def cut_off(until, unfold) -> Callable:
    """Return what of a page, all folds open and pictures drawn, is wider than its window, or cut off in it."""

    def found(page) -> list[str]:
        unfold(page)
        until(page, f"({DRAWN}) && (window.Bokeh?.documents ?? []).every(each => each.is_idle)")
        return page.evaluate(CUT)

    return found
