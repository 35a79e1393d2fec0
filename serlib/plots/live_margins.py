"""Margins and cuts that can be moved: the domain of two classes with a feature in it, and two bells with their cut."""

import numpy as np
from bokeh.events import Pan, PanEnd, Tap
from bokeh.models import Arrow, LinearColorMapper, NormalHead
from matplotlib.colors import to_hex, to_rgb

from serlib.plots import live
from serlib.plots.style import SERIES_COLOURS

_COLOURS = SERIES_COLOURS[:2]
_TINTS = [  # nearest to w1, to w2; inside the cone of class 1, of class 2
    to_hex(1 - depth * (1 - np.array(to_rgb(colour)))) for depth in (0.14, 0.5) for colour in _COLOURS
]


def two_classes(apart_deg: float) -> None:
    """Show the domain of two classes, their weights ``apart_deg`` apart (whole degrees), and a feature to drag.

    Loss, margins, lambda and the angle are chosen; logits, loss and gradient of the feature, and the cones that the
    loss leaves, are those of ``serlib.losses`` (CosFace: of ``geometry.cone_deg``).
    """
    kind = live.choice("kind", "loss", ["SphereFace", "ArcFace", "CosFace"])
    own = live.choice("own", "the feature is of", ["class 1", "class 2"])
    m1, m2 = live.slider("m1", "margin m₁", 1, 8, 4), live.slider("m2", "margin m₂", 1, 8, 6)
    strength = live.slider("lambda", "λ (SphereFace)", 0, 20, 0, 0.5)
    apart = live.slider("apart", "angle A between the weights (°)", 20, 180, round(apart_deg))
    turn = live.slider("turn", "feature: angle from w₁ (°)", -90, 180, 35)
    length = live.slider("length", "feature: length |x|", 0.1, 1.6, 1, 0.05)
    image = live.source("image", image=[np.zeros((240, 240))])
    arrows = live.source("arrows", x=[0.0] * 2, y=[0.0] * 2, zero=[0] * 2, name=["w₁", "w₂"], colour=_COLOURS)
    pull, mark = live.source("pull", x=[], y=[], tox=[], toy=[]), live.source("mark", x=[], y=[])
    curve, told = live.source("curve", x=[], own=[], other=[], loss=[]), live.told()
    domain = live.plane("domain", 1.6)
    paint = LinearColorMapper(_TINTS, low=-0.5, high=3.5)
    domain.image("image", -1.6, -1.6, 3.2, 3.2, source=image, color_mapper=paint)
    domain.line([0, 0], [0, 1.6], color="black", line_dash="dashed")
    domain.segment("zero", "zero", "x", "y", source=arrows, color="colour", line_width=4)
    label = {"text_color": "colour", "text_font_style": "bold", "text_align": "center"}
    domain.text("x", "y", "name", source=arrows, y_offset=-8, **label)
    domain.scatter("x", "y", source=pull, size=14, color="black", line_color="white", line_width=2)
    ends = {"x_start": "x", "y_start": "y", "x_end": "tox", "y_end": "toy"}
    domain.add_layout(Arrow(**ends, source=pull, end=NormalHead(size=9, fill_color="black"), line_width=2))
    logits = live.canvas(300, x_range=(0, 180), x_axis_label="angle of the feature to its own weight (°)")
    for name, dash, words in (
        ("own", "solid", "own logit"),
        ("other", "dashed", "other logit"),
        ("loss", "dotted", "loss"),
    ):
        line = {"line_width": 2, "line_dash": dash, "color": "black", "legend_label": words}
        logits.line("x", name, source=curve, **line)
    logits.scatter("x", "y", source=mark, size=9, color="black")
    logits.legend.update(orientation="horizontal", spacing=14)
    logits.add_layout(logits.legend[0], "above")
    settings = (kind, own, m1, m2, strength, apart, turn, length)
    redraw = live.bound("drawDomain", *settings, image, arrows, pull, curve, mark, told)
    for touch in (Pan, PanEnd, Tap):
        domain.js_on_event(touch, live.script("dragFeature", apart, turn, length))
    sliders = live.below(kind, m1, m2, strength, width=440), live.below(apart, own, turn, length, width=440)
    picture = live.below(live.side_by_side(domain, logits), told, live.side_by_side(*sliders))
    alt = (
        "Plane with two class weights. Pale: whose direction is nearest; strong: the training cones; dashed: the "
        "bisector. A dot is a feature, its arrow the step that lowers the loss. Beside it logits and loss over the "
        "feature's angle. Loss, margins, lambda, the angle between the weights, and the feature can be moved."
    )
    live.show(picture, redraw, alt=alt)


def bells() -> None:
    """Show two classes of deviation 1 with the cut of the fewest errors, moved by tau, and what it scores (%)."""
    ratio, gap = (
        live.slider("ratio", "large : small", 1, 20, 8),
        live.slider("gap", "distance of the centres", 0.5, 4, 2, 0.1),
    )
    tau = live.slider("tau", "τ: how far the cut is moved back", 0, 1.5, 0, 0.05)
    curves, lost = live.source("curves", x=[], large=[], small=[]), live.source("lost", x=[], y=[], zero=[])
    names, colours = ["recall, large", "recall, small", "UA", "WA"], [*_COLOURS, "black", SERIES_COLOURS[6]]
    bars = live.source("bars", name=names, value=[0.0] * 4, text=[""] * 4, colour=colours)
    cut, told = live.source("cut", x=[], zero=[], top=[]), live.told()
    shape = live.canvas(300, x_range=(-5, 5), x_axis_label="feature", y_axis_type=None)
    for name, colour in zip(("large", "small"), _COLOURS, strict=True):
        shape.varea("x", 0, name, source=curves, color=colour, alpha=0.25)
        shape.line("x", name, source=curves, color=colour, line_width=2, legend_label=f"{name} class")
    hatch = {"fill_alpha": 0, "hatch_pattern": "right_diagonal_line", "hatch_alpha": 0.7, "hatch_scale": 8}
    shape.varea("x", "zero", "y", source=lost, **hatch, legend_label="lost")
    shape.segment("x", "zero", "x", "top", source=cut, color="black", line_dash="dashed", line_width=2)
    shape.legend.update(location="top_right", padding=2)
    scores = live.canvas(300, y_range=names[::-1], x_range=(0, 125), x_axis_label="%", min_border_left=90)
    scores.hbar("name", 0.6, "value", source=bars, color="colour", alpha=0.8)
    scores.text("value", "name", "text", source=bars, x_offset=5, text_baseline="middle", text_font_size="13px")
    redraw = live.bound("drawBells", ratio, tau, gap, curves, lost, cut, bars, told)
    picture = live.below(live.side_by_side(shape, scores), told, live.side_by_side(*map(live.below, (ratio, tau, gap))))
    alt = (
        "Two overlapping bells, one per class, each as high as its class is frequent, a dashed line where they are "
        "cut, hatched what is lost on either side. Bars: recalls, UA and WA. Ratio, distance and tau can be moved."
    )
    live.show(picture, redraw, alt=alt)
