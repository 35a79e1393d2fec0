"""What live pictures put into a page: BokehJS once, pictures small, described, and safe to embed."""

import base64
import json
import re
from io import BytesIO

import nbformat
import numpy as np
import pytest
import soundfile
from bokeh.models import CustomJS, Div

from serlib.plots import live, live_embeddings
from serlib.report.page import render_page

NAMES = ("anger", "happiness", "neutral", "sadness")


@pytest.fixture
def shown(monkeypatch):
    """What was displayed, as HTML."""
    outputs = []
    monkeypatch.setattr(live, "display", lambda data, raw: outputs.append(data["text/html"]))
    return outputs


def test_bokeh_is_loaded_by_load_alone(shown):
    live.load()
    live.show(Div(text="a"), CustomJS(code=""), alt="one")
    loaded, picture = shown
    assert "bokeh.min.js" in loaded and "bokeh-widgets.min.js" in loaded and "window.serlib" in loaded
    assert len(picture) < 5000 and not re.search(r"""(src|href)=["']""", loaded[-20_000:] + picture)


def test_a_picture_is_described_and_cannot_end_its_script(shown):
    live.show(Div(text="</script><!--<script>"), CustomJS(code="let a = 1 < /b/;"), alt='dots & "lines"')
    (html,) = shown
    assert 'role="group" aria-label="dots &amp; &quot;lines&quot;"' in html
    assert html.count("<script>") == html.count("</script>") == 1 and "<!--" not in html and html.endswith("</script>")
    item = json.loads(re.search(r"item = (\{.*\}); \(function", html)[1])
    assert item["doc"]["roots"][0]["name"] == "Column" and '"text": "</script><!--<script>"' in json.dumps(item)


def test_every_picture_has_a_place_of_its_own(shown):
    for _ in range(2):
        live.show(Div(text="a"), CustomJS(code=""), alt="")
    places = [re.search(r'id="(live-\w{12})"', html)[1] for html in shown]
    assert len({*places}) == 2 and all(f'place = "{place}"' in html for place, html in zip(places, shown, strict=True))


def ball(noise: float) -> None:
    rng = np.random.default_rng(0)
    weight, embeddings = rng.standard_normal((4, 16)), rng.standard_normal((20, 16))
    logits = embeddings @ weight.T + [0.5, 0, 0, 0] + noise * rng.standard_normal((20, 4))
    labels = np.arange(20) % 4
    live_embeddings.ball({"softmax": (weight, embeddings, logits)}, labels, NAMES, [f"u{k}" for k in range(20)])


def test_a_ball_holds_networks_whose_logits_it_can_show(shown):
    ball(0.0)
    assert "of 20 right" in shown[0] and "u3: sadness" in shown[0]
    with pytest.raises(ValueError, match="softmax: the logits are not the weights times the embeddings plus a bias"):
        ball(0.5)


def test_a_sound_is_an_mp3_of_its_length():
    signal = 0.3 * np.sin(np.arange(32000) / 10)
    head, _, body = live_embeddings.sound(signal, 16000).partition(",")
    heard, rate = soundfile.read(BytesIO(base64.b64decode(body)))
    assert head == "data:audio/mpeg;base64" and rate == 16000 and len(body) < 16_000
    assert abs(len(heard) - 32000) < 3000 and np.abs(heard).max() == pytest.approx(0.3, abs=0.05)


def test_a_page_without_live_pictures_carries_no_bokeh_and_stays_strict(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Still")])
    html = render_page(notebook, folder=tmp_path, out=tmp_path)
    assert "script-src 'unsafe-inline' ;" in html and "Bokeh" not in html
