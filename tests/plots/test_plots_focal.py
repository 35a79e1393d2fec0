"""Pictures of focal loss: where the gradients cross, and the network to scale."""

import pytest

from serlib.plots import focal as pictures


@pytest.mark.parametrize("gamma", [0.5, 1, 2, 5])
def test_below_the_crossing_focal_loss_pushes_harder_and_above_it_less(gamma):
    p = pictures.equal_push(gamma)
    assert pictures.gradient_ratio(p, gamma) == pytest.approx(1, abs=1e-9)
    assert pictures.gradient_ratio(p - 0.01, gamma) > 1 > pictures.gradient_ratio(p + 0.01, gamma)


def test_the_crossing_is_marked_on_the_picture():
    ratio = pictures.modulating_factor().axes[2]
    (mark,) = [line for line in ratio.lines if line.get_marker() == "o"]
    assert mark.get_xdata()[0] == pytest.approx(0.29764, abs=1e-5) and mark.get_ydata()[0] == 1
    assert "p = 0.30" in [text.get_text() for text in ratio.texts]


def test_the_network_is_drawn_to_scale_with_its_sizes_in_words():
    shapes = {"input": (1, 128, 260), "stage 1": (16, 32, 65)}
    (axes,) = pictures.residual_network(shapes, title="toy").axes
    first, second = axes.patches[:2]
    assert first.get_height() / second.get_height() == first.get_width() / second.get_width() == pytest.approx(4)
    assert [text.get_text() for text in axes.texts if text.get_text()] == [
        "input\n1 x 128 x 260",
        "stage 1\n16 x 32 x 65",
    ]
