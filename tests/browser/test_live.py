"""Live pictures in a browser: their arithmetic is the library's, controls move them, and nothing leaves the page."""

import base64
from itertools import product

import nbformat
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from serlib.geometry import blobs, boundary_deg, cone_deg, simplex, target_logits, train
from serlib.losses import AngularSoftmaxLoss, ArcFaceLoss, LambdaAnnealing, SoftmaxLoss
from serlib.plots import live, live_embeddings, live_margins
from serlib.plots.angular import best_cut
from serlib.report.page import render_page

pytestmark = pytest.mark.browser
NAMES = ("anger", "happiness", "neutral", "sadness")
KINDS = {
    "SphereFace": ((1, 1), (4, 6), (8, 3)),
    "ArcFace": ((0.0, 0.5), (0.8, 0.3)),
    "CosFace": ((0.35, 0.0), (0.1, 0.6)),
}
RULES = [
    (kind, [*pair], lam, apart)
    for kind, pairs in KINDS.items()
    for pair in pairs
    for lam in (0, 5)
    for apart in (60, 109, 170)
]


@pytest.fixture(scope="module")
def script(browser):
    """Call a function of ``live.js`` in the browser, for each of many arguments."""
    page = browser.new_page()
    page.add_script_tag(content=live.SCRIPTS[0].read_text(encoding="utf-8"))
    yield lambda name, calls: page.evaluate(f"calls => calls.map(each => serlib.{name}(...each))", calls)
    page.close()


def loss_of(kind: str, margins: list[float], lam: float, apart: float):
    """The library's own loss between two weights; for CosFace, which it lacks, ArcFace without a margin."""
    turns = torch.deg2rad(torch.tensor([90 + apart / 2, 90 - apart / 2], dtype=torch.float64))
    if kind == "SphereFace":
        loss = AngularSoftmaxLoss(2, 2, margin=margins, annealing=LambdaAnnealing(lam, gamma=0.0, minimum=0.0)).double()
    else:
        loss = ArcFaceLoss(2, 2, margin_rad=margins if kind == "ArcFace" else 0.0, scale=8.0).double()
    with torch.no_grad():
        loss.weight.copy_(torch.stack([turns.cos(), turns.sin()], 1))
    return loss.eval()


def test_loss_and_gradient_of_a_feature_are_the_library_s(script):
    places = [*product((-80, -3, 7, 44, 133), (0.3, 1.2), (0, 1))]
    found = script("feature", [(*rule, *place) for rule in RULES for place in places])
    labels = torch.tensor([own for *_, own in places])
    for k, (kind, margins, *rest) in enumerate(RULES):
        rows = found[k * len(places) : (k + 1) * len(places)]
        x = torch.tensor([row["x"] for row in rows], dtype=torch.float64, requires_grad=True)
        loss = loss_of(kind, margins, *rest)
        if kind == "CosFace":
            logits = loss.get_logits(x) - 8 * F.one_hot(labels, 2) * torch.tensor(margins, dtype=torch.float64)
            expected = F.cross_entropy(logits, labels, reduction="none")
        else:
            expected = loss.per_sample(x, labels)
        expected.sum().backward()
        np.testing.assert_allclose([row["loss"] for row in rows], expected.detach(), atol=1e-6)
        np.testing.assert_allclose([row["gradient"] for row in rows], x.grad, atol=1e-6)
        own, other = np.transpose([row["logits"] for row in rows])
        np.testing.assert_allclose(np.logaddexp(0, other - own), expected.detach(), atol=1e-6)


def test_cones_end_where_the_losses_tie(script):
    rules = [rule for rule in RULES if rule[3] == 109]
    calls = [(kind, margins[0], *rest) for kind, margins, *rest in rules]
    for (kind, margin, lam, apart), rule, found in zip(calls, rules, script("boundary", calls), strict=True):
        if kind != "SphereFace" or lam == 0:
            closed = cone_deg({"SphereFace": "angular"}.get(kind, kind.lower()), margin, angle_deg=apart)
            assert found == pytest.approx(closed, abs=1e-6)
        if kind != "CosFace":
            assert found == pytest.approx(boundary_deg(loss_of(*rule), 0, towards=1), abs=1e-6)


def test_every_pixel_lies_where_the_loss_says(script):
    n, reach = 24, 1.6
    across, up = np.meshgrid(*2 * [reach * ((2 * np.arange(n) + 1) / n - 1)])
    points = np.stack([across, up], -1).reshape(-1, 2)
    rules = [rule for rule in RULES if rule[0] != "CosFace"][::3]
    for rule, found in zip(rules, script("region", [(*rule, n, reach) for rule in rules]), strict=True):
        loss = loss_of(*rule)
        owner = loss.get_logits(torch.from_numpy(points)).argmax(1).numpy()
        inside = np.stack([np.greater(*target_logits(loss, points, label)) for label in (0, 1)], 1)
        np.testing.assert_array_equal(found, owner + 2 * inside[np.arange(n * n), owner])


def test_bells_are_cut_and_scored_as_in_the_library(script):
    calls = [(gap, ratio, tau) for gap in (0.5, 2, 4) for ratio in (1, 3, 20) for tau in (0, 0.6, 1, 1.5)]
    for (gap, ratio, tau), found in zip(calls, script("bells", calls), strict=True):
        cut, large, small = best_cut(gap, ratio ** (1 - tau))
        expected = {
            "cut": cut,
            "large": large,
            "small": small,
            "ua": (large + small) / 2,
            "wa": (ratio * large + small) / (ratio + 1),
        }
        assert found == pytest.approx(expected, abs=1e-6)


def test_cells_are_those_of_the_largest_logit(script):
    n, corners, bias = 30, simplex(4), np.array([0.2, 0, -0.1, 0])
    (axes,) = script("eye", [(40, -25)])
    np.testing.assert_allclose(np.array(axes) @ np.transpose(axes), np.eye(3), atol=1e-12)
    (found,) = script("cells", [(corners.tolist(), bias.tolist(), axes, n)])
    side = (2 * np.arange(n) + 1) / n - 1
    right, up = np.meshgrid(side, side)
    seen = right**2 + up**2 <= 1
    look = np.stack([right, up, np.sqrt(np.where(seen, 1 - right**2 - up**2, 0))], -1) @ np.array(axes)
    owner = np.where(seen, (look @ corners.T + bias).argmax(-1), -1)
    np.testing.assert_array_equal(found, owner.ravel())


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A page of the report with every live picture, made from a notebook's outputs."""
    rng, outputs = np.random.default_rng(0), []
    inputs, classes = blobs([20] * 4, spread=0.3, seed=0)
    course = train(SoftmaxLoss, classes, inputs=inputs, epochs=3)
    weight, labels = rng.standard_normal((4, 8)), np.arange(12) % 4
    embeddings = 4 * weight[labels] + rng.standard_normal((12, 8))
    ball = {
        "softmax": (weight, embeddings, embeddings @ weight.T),
        "m = 5": (-weight, embeddings, embeddings @ -weight.T),
    }
    sounds = [live_embeddings.sound(0.1 * rng.standard_normal(4000), 16000)] * 12
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "display", lambda data, raw: outputs.append(nbformat.v4.new_output("display_data", data)))
        live.load()
        live_margins.two_classes(109.47)
        live_margins.bells()
        live_embeddings.courses({"first": course, "second": course}, NAMES)
        live_embeddings.ball(ball, labels, NAMES, [f"u{k}<b onclick=x>" for k in range(12)], sounds=sounds)
    cells = [nbformat.v4.new_markdown_cell("# Live\n\nAll pictures.")]
    cells += [nbformat.v4.new_code_cell("", outputs=[output]) for output in outputs]
    folder = tmp_path_factory.mktemp("live")
    html = render_page(nbformat.v4.new_notebook(cells=cells), folder=folder, out=folder)
    (folder / "live.html").write_text(html, encoding="utf-8")
    return folder / "live.html"


@pytest.fixture
def opened(open_file, page_file):
    """The page on a phone without a network."""
    page = open_file(page_file, viewport={"width": 400, "height": 800}, offline=True)
    page.wait_for_function("window.Bokeh && Bokeh.documents.length == 4 && Bokeh.documents.every(each => each.is_idle)")
    page.wait_for_function("document.querySelectorAll('figure.live > p').length == 0")
    return page


def handle(page, title: str):
    return page.get_by_role("slider", name=title, exact=True)


def told(page, k: int, *words: str) -> None:
    """Wait until the line of a picture holds these words."""
    script = """([k, words]) => {
      const under = (e) => (e.shadowRoot ? [e, ...inside(e.shadowRoot)] : [e]);
      const inside = (root) => [...root.querySelectorAll("*")].flatMap(under);
      const line = inside(document.querySelectorAll("figure.live")[k]).find((e) => e.ariaLive === "polite");
      return words.every((word) => line.shadowRoot.textContent.includes(word));
    }"""
    page.wait_for_function(script, arg=[k, words])


def test_the_page_fits_a_phone_and_carries_bokeh_once(opened, page_file):
    assert opened.evaluate("document.documentElement.scrollWidth") <= 400
    boxes = "[...document.querySelectorAll('.html')].every(box => box.scrollWidth <= box.clientWidth)"
    assert opened.evaluate(boxes)
    html = page_file.read_text(encoding="utf-8")
    assert html.count("BEGIN bokeh.min.js") == 1 and "'unsafe-eval'" in html
    assert not opened.evaluate("[...document.querySelectorAll('figure.live')].some(f => !f.ariaLabel.trim())")


def test_arrow_keys_move_margins_and_their_cones(opened):
    told(opened, 0, "x = 21.8°", "D₁ = D₂ = 54.5°")
    pixels = "[...Bokeh.documents[0].get_model_by_name('image').data.image[0]].filter(owner => owner == 2).length"
    before = opened.evaluate(pixels)
    handle(opened, "margin m₁").focus()
    opened.keyboard.press("ArrowRight")
    told(opened, 0, f"x = {109 / 6:.1f}°")
    assert opened.evaluate(pixels) < before


def test_another_loss_brings_its_own_margins(opened):
    opened.get_by_label("loss", exact=True).first.select_option("ArcFace")
    told(opened, 0, f"x = {cone_deg('arcface', 0.5, angle_deg=109):.1f}°")
    assert handle(opened, "margin m₁").get_attribute("aria-valuemax") == "1.0"
    assert opened.evaluate("Bokeh.documents[0].get_model_by_name('lambda').disabled")


def on_screen(page, plot: str, document: int, *places: tuple[float, float]) -> list[tuple[float, float]]:
    """Bring a plot into view; return where on the screen places lie that are given in the plot's own units."""
    script = """([k, name, places]) => {
      const view = Bokeh.index.find_one(Bokeh.documents[k].get_model_by_name(name));
      view.el.scrollIntoView({ block: "center", behavior: "instant" });
      const box = view.canvas_view.el.getBoundingClientRect(), { x_scale, y_scale } = view.frame;
      return places.map(([x, y]) => [box.left + x_scale.compute(x), box.top + y_scale.compute(y)]);
    }"""
    return page.evaluate(script, [document, plot, places])


def drag(page, plot: str, document: int, start: tuple[float, float], end: tuple[float, float]) -> None:
    start, end = on_screen(page, plot, document, start, end)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    page.mouse.up()


def test_the_feature_follows_the_pointer(opened):
    drag(opened, "domain", 0, (0, 0.8), (-1, 0))
    model = "name => Bokeh.documents[0].get_model_by_name(name).value"
    opened.wait_for_function(f"Math.abs(({model})('turn') - {90 + 109 / 2 - 180}) < 3")
    opened.wait_for_function(f"Math.abs(({model})('length') - 1) < 0.1")


def test_bells_move_with_tau(opened):
    handle(opened, "τ: how far the cut is moved back").focus()
    for _ in range(2):
        opened.keyboard.press("PageUp")
    tau = opened.evaluate("Bokeh.documents[1].get_model_by_name('tau').value")
    assert 0 < tau < 1
    told(opened, 1, f"The cut lies at {best_cut(2, 8 ** (1 - tau))[0]:.2f}")


def test_a_course_goes_back_to_its_start_and_plays(opened):
    handle(opened, "epoch").focus()
    opened.keyboard.press("Home")
    told(opened, 2, "epoch 0 of 3")
    opened.get_by_role("button", name="▶ Play").click()
    opened.wait_for_function("Bokeh.documents[2].get_model_by_name('epoch').value == 3")


def test_the_ball_turns_and_a_point_is_heard(opened):
    opened.evaluate(
        "HTMLMediaElement.prototype.play = function () { window.heard = this.src; return Promise.resolve(); }"
    )
    model = "(name => Bokeh.documents[3].get_model_by_name(name).value)"
    before = [opened.evaluate(f"{model}('{name}')") for name in ("turn", "tilt")]
    drag(opened, "ball", 3, (0, 0), (0.4, 0.4))  # what lies under the pointer follows it, to the right and up
    opened.wait_for_function(f"{model}('turn') < {before[0] - 10} && {model}('tilt') < {before[1] - 10}")
    opened.get_by_label("loss", exact=True).nth(1).select_option("softmax")
    told(opened, 3, "softmax: 12 of 12 right")
    points = "Bokeh.documents[3].get_model_by_name('points').data"
    x, y = opened.evaluate(
        f"(() => {{ const d = {points}, k = d.near.indexOf(Math.max(...d.near)); return [d.x[k], d.y[k]]; }})()"
    )
    opened.mouse.click(*on_screen(opened, "ball", 3, (x, y))[0])
    opened.wait_for_function("window.heard")
    told(opened, 3, "<b onclick=x>: ", ", taken for")  # a name is text
    sound = opened.evaluate("window.heard")
    assert base64.b64decode(sound.partition(",")[2])[:2] in (b"\xff\xf3", b"ID")
