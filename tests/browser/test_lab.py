"""JupyterLab, as ``make lab`` starts it: a notebook is opened, run from top to bottom, and a picture of it is moved."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
NOTEBOOK = "01_decision_domains.ipynb"
MINUTE_MS = 60_000  # a loaded machine is slow; nothing here asks how slow


def until(found, page=None):
    """Return the first true answer of ``found``, asked for ten minutes at most."""
    for _ in range(3000):
        if answer := found():
            return answer
        page.wait_for_timeout(200) if page else time.sleep(0.2)
    raise TimeoutError("waited ten minutes")


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[dict]:
    """The server's own words about itself; it works on a copy, and in folders of its own."""
    place = tmp_path_factory.mktemp("lab")
    (place / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / NOTEBOOK, place / "notebooks")
    told = subprocess.run(["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (command,) = [shlex.split(line) for line in told.splitlines() if "bin/jupyter" in line]
    command[command.index("--notebook-dir=notebooks")] = f"--notebook-dir={place / 'notebooks'}"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command += ["--no-browser", f"--port={port}"] + ["--allow-root"] * (getattr(os, "geteuid", lambda: 1)() == 0)
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTERLAB_SETTINGS_DIR": "settings",
               "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython"}  # fmt: skip
    own = {**os.environ, **{name: str(place / folder) for name, folder in folders.items()}}
    with (place / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=own, stdout=log, stderr=log)

    def started() -> str:
        assert server.poll() is None, (place / "log").read_text()
        said = "".join(facts.read_text() for facts in (place / "runtime").glob("jpserver-*.json"))
        return said if said.rstrip().endswith("}") else ""  # the file is there before all its words are

    yield json.loads(until(started))
    server.terminate()
    assert server.wait() is not None


def test_the_server_is_for_this_machine_and_for_those_who_know_its_token(lab):
    assert lab["hostname"] in ("localhost", "127.0.0.1") and len(lab["token"]) >= 32 and lab["secure"] is False
    until(lambda: urlopen(f"{lab['url']}login").status == 200)
    with urlopen(f"{lab['url']}lab") as answer:  # without the token
        assert answer.url.startswith(f"{lab['url']}login")


def test_a_notebook_runs_from_top_to_bottom_and_its_picture_moves(lab, browser):
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.set_default_timeout(5 * MINUTE_MS)
    page.goto(f"{lab['url']}lab/tree/{NOTEBOOK}?token={lab['token']}")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    page.locator(".jp-StatusBar-Widget").get_by_text("| Idle").wait_for()  # else it asks for a kernel
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    prompts = page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt")
    cells = json.loads((ROOT / "notebooks" / NOTEBOOK).read_text())["cells"]
    number = sum(cell["cell_type"] == "code" for cell in cells)
    until(lambda: prompts.last.text_content() == f"[{number}]:", page)
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0

    picture = page.locator("figure.live").first
    picture.scroll_into_view_if_needed()
    canvas, handle = picture.locator("canvas").first, picture.get_by_role("slider").first
    pixels = "canvas => canvas.toDataURL()"
    until(lambda: canvas.bounding_box() and page.evaluate("Bokeh.documents.every(each => each.is_idle)"), page)
    before, value = canvas.evaluate(pixels), handle.get_attribute("aria-valuenow")
    handle.focus()
    page.keyboard.press("ArrowRight")
    until(lambda: handle.get_attribute("aria-valuenow") != value, page)
    until(lambda: canvas.evaluate(pixels) != before, page)
    page.close()
