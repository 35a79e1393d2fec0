import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from serlib.geometry import cone_deg, domains, simplex

TETRAHEDRON = math.degrees(math.acos(-1 / 3))
angles = st.floats(5, 180)
angular_margins = st.floats(1, 12)


@pytest.mark.parametrize(
    ("margins", "x", "y"),
    [((5, 5), 18.25, 18.25), ((4, 6), 21.89, 15.64), ((6, 4), 15.64, 21.89), ((1, 1), 54.74, 54.74)],
)
def test_values_between_four_emotions_as_far_apart_as_they_can_be(margins, x, y):
    found = domains("angular", *margins, angle_deg=TETRAHEDRON)
    assert (round(found.x_deg, 2), round(found.y_deg, 2)) == (x, y)
    assert [round(d, 2) for d in found.d_deg] == [54.74, 54.74]


@given(angular_margins, angular_margins, angles)
def test_equations_4_to_6_of_the_paper(m1, m2, angle):
    found = domains("angular", m1, m2, angle_deg=angle)
    x, y, z = found.x_deg, found.y_deg, found.z_deg
    assert m1 * x == pytest.approx(z + y) and m2 * y == pytest.approx(z + x)  # (4)
    assert x == pytest.approx((m2 + 1) / (m1 + 1) * y)  # (5)
    assert z == pytest.approx((m1 * m2 - 1) / (m1 + 1) * y, abs=1e-9)  # (5)
    assert found.d_deg == pytest.approx(((m1 + 1) * x / 2, (m2 + 1) * y / 2))  # (6)


@given(angular_margins, angular_margins, angular_margins, angles, angles)
def test_inequality_9_asks_for_two_opposite_things(base, m1, m2, before_deg, after_deg):
    before, after = (
        domains("angular", base, base, angle_deg=before_deg),
        domains("angular", m1, m2, angle_deg=after_deg),
    )
    first, second = (new / old for new, old in zip(after.d_deg, before.d_deg, strict=True))
    assert first == second == pytest.approx(after_deg / before_deg)  # never one below 1 and the other above


@given(angular_margins, angular_margins, angles)
def test_with_the_angle_kept_both_halves_of_inequality_9_are_equalities(base, margin, angle):
    ratio = cone_deg("angular", margin, angle_deg=angle) / cone_deg("angular", base, angle_deg=angle)
    assert ratio == pytest.approx((base + 1) / (margin + 1))


TIES = {
    "angular": lambda x, m: math.cos(m * x),
    "arcface": lambda x, m: math.cos(x + m),
    "cosface": lambda x, m: math.cos(x) - m,
}


MARGINS = [("angular", 1.0), ("angular", 2.0), ("angular", 5.0), ("arcface", 0.3), ("arcface", 1.0), ("cosface", 0.55)]


@pytest.mark.parametrize(("kind", "margin"), MARGINS)
@pytest.mark.parametrize("angle", [40.0, 90.0, TETRAHEDRON, 179.0])
def test_closed_forms_solve_their_ties(kind, margin, angle):
    tie = lambda x: TIES[kind](x, margin) - math.cos(math.radians(angle) - x)  # noqa: E731
    end = min(
        math.radians(angle) / 2 + 1e-9, math.pi / margin if kind == "angular" else math.pi
    )  # cos(m x) falls so far
    numeric = math.degrees(brentq(tie, 0, end)) if tie(0) > 0 else 0.0
    assert cone_deg(kind, margin, angle_deg=angle) == pytest.approx(numeric, abs=1e-6)


@given(st.sampled_from(["arcface", "cosface"]), angles)
def test_without_a_margin_the_cone_reaches_the_bisector(kind, angle):
    assert cone_deg(kind, 0, angle_deg=angle) == pytest.approx(angle / 2) == cone_deg("angular", 1, angle_deg=angle)


@given(st.sampled_from(list(TIES)), st.floats(1, 8), st.floats(0.01, 3), angles)
def test_a_larger_margin_never_widens_the_cone(kind, margin, more, angle):
    assert cone_deg(kind, margin + more, angle_deg=angle) <= cone_deg(kind, margin, angle_deg=angle)


def test_a_margin_too_large_leaves_no_cone():
    assert cone_deg("arcface", 1.0, angle_deg=40) == 0.0
    assert cone_deg("cosface", 1.0, angle_deg=40) == 0.0


@pytest.mark.parametrize("num_classes", [2, 3, 4, 7])
def test_simplex_is_even(num_classes):
    points = simplex(num_classes)
    expected = np.where(np.eye(num_classes), 1, -1 / (num_classes - 1))
    assert points.shape == (num_classes, num_classes - 1)
    np.testing.assert_allclose(points @ points.T, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: cone_deg("sphere", 4, angle_deg=90),
            r"kind is 'sphere'; allowed are \['angular', 'arcface', 'cosface'\]",
        ),
        (lambda: cone_deg("angular", 0.5, angle_deg=90), "margin is 0.5; allowed for angular is at least 1"),
        (lambda: cone_deg("arcface", -0.1, angle_deg=90), "margin is -0.1; allowed for arcface is at least 0"),
        (lambda: cone_deg("angular", math.nan, angle_deg=90), "margin is nan"),
        (
            lambda: cone_deg("angular", 4, angle_deg=0),
            r"angle_deg is 0; the angle between two weights lies in \(0, 180\]",
        ),
        (lambda: domains("angular", 4, 6, angle_deg=181), "angle_deg is 181"),
        (lambda: simplex(1), "num_classes is 1; a simplex needs at least 2"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
