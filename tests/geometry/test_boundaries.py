"""The closed forms know the formulas, the boundaries know only the losses: they must meet."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from serlib.geometry import angles_deg, boundary_deg, cone_outline, domains, simplex, target_logits
from serlib.losses import AngularSoftmaxLoss, ArcFaceLoss, LambdaAnnealing, SoftmaxLoss

TETRAHEDRON = math.degrees(math.acos(-1 / 3))


def placed(loss, weight):
    """The loss in float64 and eval mode, with its weights at the given places."""
    loss = loss.double().eval()
    with torch.no_grad():
        loss.weight.copy_(torch.as_tensor(np.asarray(weight, float)))
    return loss


def pair(angle_deg, size=2):
    """Two weights of different norms, ``angle_deg`` apart, turned somewhere in ``size`` dimensions."""
    turn = math.radians(angle_deg)
    frame = np.linalg.qr(np.random.default_rng(size).standard_normal((size, size)))[0][:2]
    return np.array([[2.0, 0.0], [0.5 * math.cos(turn), 0.5 * math.sin(turn)]]) @ frame


@pytest.mark.parametrize("size", [2, 3, 16])
@pytest.mark.parametrize("angle", [30.0, 90.0, TETRAHEDRON, 175.0])
@pytest.mark.parametrize("margins", [(1, 1), (5, 5), (4, 6), (6, 4), (2, 7)])
def test_angular_boundaries_agree_with_the_closed_form(margins, angle, size):
    loss = placed(AngularSoftmaxLoss(2, size, margin=list(margins), annealing=None), pair(angle, size))
    expected = domains("angular", *margins, angle_deg=angle)
    assert boundary_deg(loss, 0, towards=1) == pytest.approx(expected.x_deg, abs=1e-4)
    assert boundary_deg(loss, 1, towards=0) == pytest.approx(expected.y_deg, abs=1e-4)


@given(st.integers(1, 8), st.integers(1, 8), st.floats(10, 175))
@settings(max_examples=25, deadline=None)
def test_any_margins_and_angle_agree_within_a_tenth_of_a_degree(m1, m2, angle):
    loss = placed(AngularSoftmaxLoss(2, 2, margin=[m1, m2], annealing=None), pair(angle))
    expected = domains("angular", m1, m2, angle_deg=angle)
    assert boundary_deg(loss, 0, towards=1) == pytest.approx(expected.x_deg, abs=0.1)
    assert boundary_deg(loss, 1, towards=0) == pytest.approx(expected.y_deg, abs=0.1)


@pytest.mark.parametrize("margins", [(0.0, 0.0), (0.5, 0.5), (0.2, 0.9)])
@pytest.mark.parametrize("scale", [2.0, 10.0, 200.0])
def test_arcface_boundaries_agree_with_the_closed_form(margins, scale):
    loss = placed(ArcFaceLoss(2, 2, margin_rad=list(margins), scale=scale), pair(TETRAHEDRON))
    expected = domains("arcface", *margins, angle_deg=TETRAHEDRON)
    assert boundary_deg(loss, 0, towards=1) == pytest.approx(expected.x_deg, abs=1e-4)
    assert boundary_deg(loss, 1, towards=0) == pytest.approx(expected.y_deg, abs=1e-4)


@pytest.mark.parametrize(("margin", "effective"), [(3, 1.37), (4, 1.45), (5, 1.52), (6, 1.68)])
def test_effective_margin_while_lambda_stands_at_5(margin, effective):
    stuck = LambdaAnnealing(base=5, gamma=0, power=1, minimum=5)
    loss = placed(AngularSoftmaxLoss(4, 3, margin=margin, annealing=stuck), simplex(4))
    found = boundary_deg(loss, 2, towards=0)
    assert round(TETRAHEDRON / found - 1, 2) == effective
    x, step = math.radians(found), int(margin * math.radians(found) // math.pi)  # the tie, written out
    phi = (-1) ** step * math.cos(margin * x) - 2 * step
    assert (5 * math.cos(x) + phi) / 6 == pytest.approx(math.cos(math.radians(TETRAHEDRON) - x), abs=1e-6)


def test_lambda_stays_as_it_is():
    loss = placed(AngularSoftmaxLoss(2, 2, margin=4), pair(90))
    before = loss.step.clone()
    boundary_deg(loss, 0, towards=1)
    assert torch.equal(loss.step, before)


def test_target_logits_by_hand():
    loss = placed(ArcFaceLoss(3, 2, margin_rad=0.5, scale=2), [[1, 0], [0, 1], [-1, 0]])
    turns = np.radians([10.0, 70.0])
    target, other = target_logits(loss, np.stack([np.cos(turns), np.sin(turns)], 1), 0)
    np.testing.assert_allclose(target, 2 * np.cos(turns + 0.5), atol=1e-9)
    np.testing.assert_allclose(other, 2 * np.sin(turns), atol=1e-9)


def test_a_bias_moves_the_softmax_boundary_less_for_longer_features():
    loss = placed(SoftmaxLoss(2, 2), [[1, 0], [0, 1]])
    with torch.no_grad():
        loss.bias.copy_(torch.tensor([0.3, -0.1]))
    for norm in (1.0, 10.0):  # norm (cos t - sin t) = -0.4
        expected = 45 + math.degrees(math.asin(0.4 / norm / math.sqrt(2)))
        assert boundary_deg(loss, 0, towards=1, norm=norm) == pytest.approx(expected, abs=1e-6)


def test_no_cone_and_no_boundary():
    loss = placed(ArcFaceLoss(2, 2, margin_rad=1.0), pair(30))
    assert boundary_deg(loss, 0, towards=1) == 0.0
    loss = placed(SoftmaxLoss(2, 2), [[1, 0], [0, 1]])
    with torch.no_grad():
        loss.bias.copy_(torch.tensor([9.0, 0.0]))
    assert boundary_deg(loss, 0, towards=1) == 180.0


def test_outline_in_3d_is_where_the_logits_tie():
    loss = placed(AngularSoftmaxLoss(4, 3, margin=[4, 6, 4, 6], annealing=None), simplex(4))
    outline = cone_outline(loss, 0, points=25)
    np.testing.assert_allclose(np.linalg.norm(outline, axis=1), 1)
    np.testing.assert_allclose(outline[0], outline[-1], atol=1e-6)
    angles = angles_deg(outline, simplex(4))
    np.testing.assert_allclose(4 * angles[:, 0], np.delete(angles, 0, axis=1).min(1), atol=1e-5)
    # narrowest straight towards another weight, where the closed form holds; wider everywhere else
    assert (angles[:, 0] >= TETRAHEDRON / 5 - 1e-6).all() and angles[:, 0].max() > TETRAHEDRON / 5 + 1
