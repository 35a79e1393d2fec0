"""The recorder of notebook 08, with the browser's own test tone for a microphone."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serlib import report

pytestmark = pytest.mark.browser
RECORDER = Path(report.__file__).parent / "templates" / "microphone.html"
FAKE = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture
def page():
    """A page in a browser with a microphone of its own."""
    sync_api, chromium = pytest.importorskip("playwright.sync_api"), shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on the PATH")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FAKE)
        yield browser.new_page()
        browser.close()


@pytest.fixture(scope="module")
def page_of(tmp_path_factory):
    """The recorder under the policy of the report's pages, recording for one second instead of six."""
    template = (RECORDER.parent / "page" / "index.html.j2").read_text(encoding="utf-8")
    policy = next(line for line in template.splitlines() if "Content-Security-Policy" in line).replace("{{ live }}", "")
    recorder = RECORDER.read_text(encoding="utf-8")
    assert recorder.count(", 6000)") == 1
    file = tmp_path_factory.mktemp("recorder") / "page.html"
    file.write_text(f"<!DOCTYPE html><html><head>{policy}</head><body>{recorder.replace(', 6000)', ', 1000)')}</body>")
    return file.as_uri()


def test_what_is_recorded_can_be_kept_as_a_wav_file(page, page_of, tmp_path):
    page.goto(page_of)
    page.get_by_role("button", name="Record six seconds").click()
    link = page.get_by_role("link", name="voice.wav")
    link.wait_for(timeout=120_000)
    assert page.get_by_role("status").inner_text().endswith("keep voice.wav, then ask: serlib predict voice.wav")
    with page.expect_download() as download:
        link.click()
    download.value.save_as(tmp_path / "voice.wav")
    signal, rate_hz = soundfile.read(tmp_path / "voice.wav")
    assert soundfile.info(tmp_path / "voice.wav").subtype == "PCM_16" and signal.ndim == 1
    assert len(signal) / rate_hz > 0.3 and np.abs(signal).max() > 0.01  # the test tone beeps once a second


def test_a_browser_that_grants_none_says_so(page, page_of):
    page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
    page.goto(page_of)
    page.get_by_role("button").click()
    assert page.get_by_role("status").inner_text() == "No recording: this browser grants no microphone to this page."
    assert page.get_by_role("button").is_enabled()
