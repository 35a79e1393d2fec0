"""A Chromium, and a way to open files in it that notices every complaint and every request."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MINUTE_MS = 60_000  # a loaded machine is slow; nothing here asks how slow


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
