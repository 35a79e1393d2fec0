"""A chooser shows one picture of several, by buttons that need neither a script nor a network."""

import matplotlib.pyplot as plt
from bs4 import BeautifulSoup

from serlib.plots.chooser import chooser


def drawn(count):
    figure, axes = plt.subplots()
    axes.plot(range(count))
    return figure


def test_a_button_for_every_picture_and_the_asked_one_pressed():
    html = chooser({f"λ = {k}": (drawn(k), f"picture <{k}>") for k in (1, 2, 3)}, label="strength", shown=1)
    soup = BeautifulSoup(html, "html.parser")
    assert [label.text.strip() for label in soup.select("label")] == ["λ = 1", "λ = 2", "λ = 3"]
    assert [button.has_attr("checked") for button in soup.select("input[type=radio]")] == [False, True, False]
    assert len({button["name"] for button in soup.select("input")}) == 1 and soup.legend.text == "strength"
    assert [image["alt"] for image in soup.select("img")] == [f"picture <{k}>" for k in (1, 2, 3)]
    assert len({image["src"] for image in soup.select("img")}) == 3
    assert not soup.select("script") and "http" not in html and not plt.get_fignums()


def test_two_choosers_on_a_page_do_not_disturb_each_other():
    ids = [BeautifulSoup(chooser({"a": (drawn(k), "")}, label="x"), "html.parser").div["id"] for k in (1, 2)]
    assert ids[0] != ids[1]
