"""Colours of emotions and of methods: two families that are not taken for each other, on white, by any eye."""

import re
from itertools import chain

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from serlib import paths
from serlib.corpora.emotions import EMOTIONS, MORE
from serlib.plots import style

EMOTION, SERIES = [*style.EMOTION_COLOURS.values()], [*style.SERIES_COLOURS]
XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]])
# What is left of linear RGB without one kind of cone: Machado, Oliveira and Fernandes (2009), severity 1.
EYES = {
    "all cones": np.eye(3),
    "no long": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no middle": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "no short": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
# Half of all people tell two dots 0.2 degrees wide, a marker on a page, apart from a difference of 8.8 in L, 13.0 in a
# or 19.7 in b of CIE Lab on (Stone, Szafir and Setlur 2014: a half of 10.16 + 1.50 / s, 10.68 + 3.08 / s and
# 10.70 + 5.74 / s). Two colours 20 apart differ by as much in whichever direction. An eye without red or green, or
# without blue, is left with L and one more axis, and with the markers' shapes: 8.8.
APART, APART_SHORT_OF_A_CONE = 20, 8.8


def linear(colours: list[str]) -> np.ndarray:
    rgb = np.array([to_rgb(colour) for colour in colours])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(colours: list[str], eye: str = "all cones") -> np.ndarray:
    seen = np.clip(linear(colours) @ np.transpose(EYES[eye]), 0, 1) @ XYZ.T / XYZ.sum(1)
    x, y, z = np.where(seen > (6 / 29) ** 3, np.cbrt(seen), seen / (3 * (6 / 29) ** 2) + 4 / 29).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def distances(first: list[str], second: list[str], eye: str = "all cones") -> np.ndarray:
    return np.linalg.norm(lab(first, eye)[:, None] - lab(second, eye), axis=2)


def nearest(colours: list[str], eye: str = "all cones") -> float:
    return distances(colours, colours, eye)[np.triu_indices(len(colours), 1)].min()


def test_lab_is_that_of_the_books():
    np.testing.assert_allclose(lab(["#FFFFFF", "#FF0000"]), [[100, 0, 0], [53.24, 80.09, 67.20]], atol=0.01)
    assert nearest(["#D21A22", "#D21A22"]) == 0  # a palette that names a colour twice fails


def test_no_colour_of_a_method_is_taken_for_an_emotion():
    assert not set(EMOTION) & {*SERIES, style.PALE}
    assert distances(EMOTION, [*SERIES, style.PALE]).min() >= APART
    chroma = [np.hypot(*lab(colours)[:, 1:].T) for colours in (EMOTION, SERIES)]
    vivid = [colour for colour in EMOTION if colour != style.EMOTION_COLOURS["neutral"]]  # grey, as what it names
    assert np.hypot(*lab(vivid)[:, 1:].T).mean() > 1.5 * chroma[1].max()


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("colours", [EMOTION, SERIES], ids=["emotions", "series"])
def test_colours_of_a_kind_are_apart_for_every_eye(eye, colours):
    assert nearest(colours, eye) >= (APART if eye == "all cones" else APART_SHORT_OF_A_CONE)


@pytest.mark.parametrize("eye", [eye for eye in EYES if eye != "all cones"])
def test_kinds_are_apart_for_every_eye(eye):
    assert distances(EMOTION, SERIES, eye).min() >= APART_SHORT_OF_A_CONE


def test_dots_and_lines_stand_out_on_white_which_pictures_bring_with_them():
    luminance = linear([*EMOTION, *SERIES, style.PALE]) @ XYZ[1]
    assert (1.05 / (luminance + 0.05)).min() >= 3  # WCAG 2.2, 1.4.11: parts of graphics
    style.apply_style()
    assert mpl.rcParams["figure.facecolor"] == "white" and mpl.rcParams["savefig.facecolor"] == "auto"


def test_every_emotion_has_a_colour_and_other_classes_get_one_that_no_usual_emotion_has():
    assert [*style.EMOTION_COLOURS] == [*EMOTIONS, *MORE]
    assert style.emotion_colour("anger", 5) == style.EMOTION_COLOURS["anger"]
    others = [style.emotion_colour(name, index) for index, name in enumerate(("stress", "calls", "hums", "song"))]
    assert len({*others}) == 4 and not {*others} & {style.EMOTION_COLOURS[name] for name in EMOTIONS}
    assert [style.look(index)["color"] for index in range(9)] == [*SERIES, SERIES[0]]
    assert style.look(2, "fear") == {"color": style.EMOTION_COLOURS["fear"], "marker": "^"}


def test_colours_have_one_home():
    files = chain((paths.PROJECT / "serlib").rglob("*.py"), (paths.PROJECT / "notebooks").glob("*.ipynb"))
    typed = {file.name: re.findall(r"""\\?["']#[0-9A-Fa-f]{3,8}\\?["']""", file.read_text("utf-8")) for file in files}
    assert {name for name, found in typed.items() if found} == {"style.py"}
