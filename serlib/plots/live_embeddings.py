"""Embeddings that can be moved: a training in the plane epoch by epoch, and real speech on a ball that turns."""

import base64
import json
from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
import soundfile
from bokeh.events import ButtonClick, Pan, PanStart, Tap
from bokeh.models import Button
from matplotlib.colors import to_rgb

from serlib.geometry.spheres import on_sphere
from serlib.geometry.toy import Course
from serlib.plots import live
from serlib.plots.style import emotion_colour

_MARKERS = ("circle", "square", "triangle", "diamond", "inverted_triangle", "plus", "x", "star")


def courses(shown: Mapping[str, Course], names: Sequence[str]) -> None:
    """Show trainings in 2-D, one at a time, epoch by epoch: embeddings, the weights' directions and what they own."""
    last, data = max(len(each.losses) for each in shown.values()) - 1, {}
    for title, each in shown.items():
        reach = 1.15 * np.quantile(np.linalg.norm(each.embeddings[-1], axis=1), 0.98)
        table = {"embeddings": each.embeddings, "weights": each.weights, "losses": each.losses, "reach": reach}
        data[title] = {key: np.round(value, 3).tolist() for key, value in table.items()} | {
            "labels": each.labels.tolist()
        }
    course, epoch = live.choice("course", "training", list(shown)), live.slider("epoch", "epoch", 0, last, last)
    button, told = Button(name="button", label="▶ Play", width=110), live.told()
    colours, zero = [emotion_colour(name, k) for k, name in enumerate(names)], [0.0] * len(names)
    points = live.source("points", x=[], y=[], colour=[], marker=[])
    arrows = live.source("arrows", x=zero, y=zero, zero=zero, name=[*names], colour=colours)
    sectors = live.source("sectors", start=zero, end=zero, radius=zero, colour=colours)
    plot = live.plane("plot", 1, size=460)
    plot.wedge(0, 0, "radius", "start", "end", source=sectors, color="colour", alpha=0.14, line_width=0)
    plot.segment("zero", "zero", "x", "y", source=arrows, color="colour", line_width=3)
    plot.scatter("x", "y", source=points, marker="marker", color="colour", size=7, alpha=0.8)
    plot.scatter("x", "y", source=arrows, color="colour", size=11, line_color="white", legend_group="name")
    plot.legend.update(location="top_right", padding=2, background_fill_alpha=0.8)
    looks = json.dumps({"colours": colours, "markers": _MARKERS})
    models = (course, epoch, points, arrows, sectors, plot, told)
    redraw = live.bound("drawCourse", *models, data=json.dumps(data), looks=looks)
    button.js_on_event(ButtonClick, live.script("play", epoch, button))
    alt = (
        f"Embeddings of {len(names)} classes in the plane during training, lines to the class weights, tinted by the "
        f"nearest weight. Training ({', '.join(data)}) and epoch can be chosen, or played."
    )
    controls = live.below(course, epoch, button, told, width=440)
    live.show(live.side_by_side(plot, controls), redraw, alt=alt)


def ball(
    networks: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], labels: np.ndarray, names: Sequence[str],
    utterances: Sequence[str], *, sounds: Sequence[str] = (),
) -> None:  # fmt: skip
    """Show N utterances of four classes on the sphere on which their weights decide; it turns, points can be heard.

    ``networks`` maps what a loss is called to class weights (4, E), embeddings (N, E) and logits (N, 4) of one network:
    linear in the embedding up to a bias, with weights as they are or of length 1. ``labels`` (N,) index the four
    ``names``; ``sounds`` (N,), where they may be given away, are data URIs, as of ``sound``. The sphere is exact, but
    for a bias: cells are then those of the median length. Logits that are not linear are a ValueError.
    """
    colours = [emotion_colour(name, k) for k, name in enumerate(names)]
    data = {"names": [*names], "sounds": [*sounds], "colours": colours}
    data["rgb"] = [[round(255 * part) for part in to_rgb(colour)] for colour in colours]
    data["networks"] = {title: _network(title, *each, labels) for title, each in networks.items()}
    loss, told = live.choice("loss", "loss", list(networks)), live.told()
    listed = ["–", *(f"{name}: {names[k]}" for name, k in zip(utterances, labels, strict=True))]
    pick = live.choice("pick", "utterance" + " (heard when chosen)" * bool(sounds), listed)
    turn, tilt = live.slider("turn", "turn (°)", -180, 180, 30), live.slider("tilt", "tilt (°)", -90, 90, 20)
    image = live.source("image", image=[np.zeros((360, 360), np.uint32)])
    fill, marker = [colours[k] for k in labels], [_MARKERS[k] for k in labels]
    blank = {key: [0.0] * len(labels) for key in ("x", "y", "near", "alpha", "size")}
    points = live.source("points", **blank, fill=fill, ring=fill, marker=marker)
    corners = live.source("corners", x=[0.0] * 4, y=[0.0] * 4, alpha=[1.0] * 4, name=[*names])
    plot = live.plane("ball", 1.15, size=520)
    plot.image_rgba("image", -1, -1, 2, 2, source=image)
    rings = {"line_color": "ring", "line_alpha": "alpha", "fill_color": "fill", "fill_alpha": "alpha", "line_width": 3}
    plot.scatter("x", "y", source=points, marker="marker", size="size", **rings)
    outlined = {"text_color": "black", "text_outline_color": "white", "text_font_style": "bold", "text_align": "center"}
    plot.text("x", "y", "name", source=corners, text_alpha="alpha", text_font_size="17px", **outlined)
    redraw = live.bound("drawBall", loss, turn, tilt, pick, image, points, corners, told, data=json.dumps(data))
    for touch in (PanStart, Pan):
        plot.js_on_event(touch, live.script("turnBall", turn, tilt, plot))
    plot.js_on_event(Tap, live.script("pickPoint", pick, points))
    alt = (
        f"A ball whose cells belong to {', '.join(names)}; each point is an utterance, filled in the colour of its "
        "emotion, ringed in that of the answer. Loss, turn, tilt and utterance can be chosen, the ball can be dragged."
    )
    live.show(live.side_by_side(plot, live.below(loss, turn, tilt, pick, told, width=440)), redraw, alt=alt)


def sound(signal: np.ndarray, rate_hz: int) -> str:
    """Return a signal (samples,) as MP3 in a data URI: about 4 kB a second."""
    with BytesIO() as buffer:
        soundfile.write(buffer, signal, rate_hz, format="MP3", bitrate_mode="CONSTANT", compression_level=0.9)
        return f"data:audio/mpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _network(title: str, weight: np.ndarray, embeddings: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> dict:
    """Return what ``live.js`` draws of one network."""
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    rests = {kind: logits - embeddings @ kind_of.T for kind, kind_of in (("as it is", weight), ("unit", unit))}
    kind = min(rests, key=lambda each: rests[each].std(0).max())
    if rests[kind].std(0).max() > 0.01 * logits.std():
        raise ValueError(f"{title}: the logits are not the weights times the embeddings plus a bias")
    corners, points = on_sphere(unit if kind == "unit" else weight, embeddings)
    lengths, predicted = np.linalg.norm(points, axis=1, keepdims=True), logits.argmax(1)
    bias = np.median(rests[kind], 0) / np.median(lengths)
    right = f"{(predicted == labels).sum()} of {len(labels)} right (ring and fill alike)."
    table = {"corners": corners, "bias": bias - bias.mean(), "points": points / np.maximum(lengths, 1e-12)}
    return {key: np.round(value, 4).tolist() for key, value in table.items()} | {
        "predicted": predicted.tolist(),
        "told": right,
    }
