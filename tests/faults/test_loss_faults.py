"""Every loss refuses bad input with one sentence: what came, and what is allowed."""

import math
import re

import pytest
import torch

from serlib.losses import (
    AngularSoftmaxLoss,
    ArcFaceLoss,
    CenterLoss,
    FocalLoss,
    LambdaAnnealing,
    SoftmaxLoss,
    complementary_loss,
    margins_by_frequency,
)

NAN, INF = math.nan, math.inf
LOSSES = [SoftmaxLoss, FocalLoss, AngularSoftmaxLoss, ArcFaceLoss, lambda *a, **k: CenterLoss(*a, weight=0.1, **k)]
X, Y = torch.ones(3, 5), torch.tensor([0, 1, 2])


def refused(message):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("classes", [1, 0, -4, 2.0, "4", None, True])
def test_number_of_classes(loss, classes):
    with refused(f"num_classes is {classes!r}; allowed is an integer of at least 2"):
        loss(classes, 5)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [0, -1, 5.0, None])
def test_embedding_size(loss, size):
    with refused(f"embedding_size is {size!r}; allowed is an integer of at least 1"):
        loss(3, size)


@pytest.mark.parametrize("loss", LOSSES)
def test_class_weight(loss):
    with refused("class_weight has 2 values; allowed are 3, one per class"):
        loss(3, 5, class_weight=[1.0, 2.0])
    with refused("class_weight has 4 values; allowed are 3, one per class"):
        loss(3, 5, class_weight=torch.ones(4))
    for wrong in (0.0, -1.0, NAN, INF, "1"):
        with refused(f"class_weight is {wrong!r}; allowed is a finite number above 0"):
            loss(3, 5, class_weight=[1.0, wrong, 1.0])


@pytest.mark.parametrize("margin", [0, -1, 2.5, 4.0, "4", None, True, NAN])
def test_angular_margin(margin):
    for given in (margin, [3, margin, 3]):
        with refused(f"margin is {margin!r}; allowed is an integer of at least 1"):
            AngularSoftmaxLoss(3, 5, margin=given)
    with refused("margin has 2 values; allowed are 3, one per class"):
        AngularSoftmaxLoss(3, 5, margin=[4, 6])


@pytest.mark.parametrize("margin_rad", [-0.1, 3.2, 28.6, NAN, INF, "0.5", None, True])
def test_arcface_margin(margin_rad):
    """28.6 is half a radian in degrees, the unit of another library."""
    for given in (margin_rad, (0.5, 0.5, margin_rad)):
        with refused(f"margin_rad is {margin_rad!r}; allowed is a finite number of at least 0, at most 3.14159"):
            ArcFaceLoss(3, 5, margin_rad=given)
    with refused("margin_rad has 4 values; allowed are 3, one per class"):
        ArcFaceLoss(3, 5, margin_rad=[0.5] * 4)


@pytest.mark.parametrize("loss", [ArcFaceLoss, AngularSoftmaxLoss])
@pytest.mark.parametrize("scale", [0, -1.0, NAN, INF, "2", True])
def test_scale(loss, scale):
    with refused(f"scale is {scale!r}; allowed is a finite number above 0"):
        loss(3, 5, scale=scale)


def test_arcface_needs_a_scale():
    with refused("scale is None; allowed is a finite number above 0"):
        ArcFaceLoss(3, 5, scale=None)


@pytest.mark.parametrize("wrong", [-0.5, NAN, INF, None, "2"])
def test_gamma_and_center_weight(wrong):
    with refused(f"gamma is {wrong!r}; allowed is a finite number of at least 0"):
        FocalLoss(3, 5, gamma=wrong)
    with refused(f"weight is {wrong!r}; allowed is a finite number of at least 0"):
        CenterLoss(3, 5, weight=wrong)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, NAN, None])
def test_alpha(alpha):
    with refused(f"alpha is {alpha!r}; allowed is a finite number of at least 0, at most 1"):
        CenterLoss(3, 5, weight=0.1, alpha=alpha)


@pytest.mark.parametrize("name", ["base", "gamma", "power", "minimum"])
@pytest.mark.parametrize("wrong", [-1.0, NAN, INF, None])
def test_annealing(name, wrong):
    with refused(f"LambdaAnnealing.{name} is {wrong!r}; allowed is a finite number of at least 0"):
        LambdaAnnealing(**{name: wrong})


@pytest.mark.parametrize("make", LOSSES)
def test_embeddings(make):
    loss = make(3, 5)
    shapes = [(5,), (3, 4), (3, 6), (0, 5), (3, 5, 1)]
    for shape in shapes:
        message = f"embeddings have shape {shape}; allowed is (batch >= 1, 5)"
        with refused(message):
            loss(torch.ones(shape), Y)
        with refused(message):
            loss.per_sample(torch.ones(shape), Y)
        with refused(message):
            loss.get_logits(torch.ones(shape))
    for wrong, came in (
        (torch.ones(3, 5, dtype=torch.int64), "torch.int64"),
        ([[1.0] * 5] * 3, "list"),
        (None, "NoneType"),
    ):
        with refused(f"embeddings are of type {came}; allowed is a floating point tensor"):
            loss(wrong, Y)


@pytest.mark.parametrize("make", LOSSES)
def test_labels(make):
    loss = make(3, 5)
    for labels in (torch.tensor([0, 1]), torch.tensor([[0], [1], [2]]), torch.tensor(1)):
        with refused(f"labels have shape {tuple(labels.shape)}; allowed is (3,), one per embedding"):
            loss(X, labels)
    for labels, came in (
        (Y.float(), "torch.float32"),
        (Y.int(), "torch.int32"),
        (Y.numpy(), "int64"),
        ([0, 1, 2], "list"),
    ):
        with refused(f"labels are of type {came}; allowed is a torch.int64 tensor"):
            loss(X, labels)


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.parametrize(("labels", "came"), [([0, 1, 3], "0..3"), ([-1, 1, 2], "-1..2"), ([-100, 0, 0], "-100..0")])
@pytest.mark.parametrize("training", [True, False])
def test_label_range(make, labels, came, training):
    """-100, which torch's cross-entropy skips in silence, is no label either."""
    loss = make(3, 5).train(training)
    state = {name: value.clone() for name, value in loss.state_dict().items()}
    for call in (loss, loss.per_sample):
        with refused(f"labels lie in {came}; allowed are 0..2"):
            call(X, torch.tensor(labels))
    for name, value in loss.state_dict().items():
        assert torch.equal(value, state[name])


@pytest.mark.parametrize("threshold", [-1.5, 1.01, NAN, "0"])
def test_complementary_threshold(threshold):
    with refused(f"threshold is {threshold!r}; allowed is a finite number of at least -1, at most 1"):
        complementary_loss(X, X, threshold)


def test_complementary_embeddings():
    with refused("embeddings have shape (3, 4); allowed is (batch >= 1, 5)"):
        complementary_loss(X, torch.ones(3, 4))
    with refused("embeddings have 3 and 2 rows; allowed are two of the same number"):
        complementary_loss(X, torch.ones(2, 5))
    with refused("embeddings are of type torch.int64; allowed is a floating point tensor"):
        complementary_loss(X, X.long())
    with refused("embeddings are of type list; allowed is a floating point tensor"):
        complementary_loss([[1.0]], X)
    with refused("embeddings have shape (5,); allowed is (batch >= 1, 5)"):
        complementary_loss(X[0], X[0])
    with refused("embeddings have shape (); allowed is (batch >= 1, 0)"):
        complementary_loss(X[0, 0], X)


def test_margins_by_frequency():
    with refused("counts are []; allowed is one positive number per class"):
        margins_by_frequency([], 5, 1)
    for wrong in (0, -3, NAN, INF, "many"):
        with refused(f"count is {wrong!r}; allowed is a finite number above 0"):
            margins_by_frequency([10, wrong], 5, 1)
    with refused("base is 0; allowed is an integer of at least 1"):
        margins_by_frequency([1, 2], 0, 0)
    with refused("base is 5.0; allowed is an integer of at least 1"):
        margins_by_frequency([1, 2], 5.0, 1)
    with refused("spread is 5; allowed is an integer of at least 0, at most 4"):
        margins_by_frequency([1, 2], 5, 5)
    with refused("spread is -1; allowed is an integer of at least 0, at most 4"):
        margins_by_frequency([1, 2], 5, -1)
    with refused("similar is 0.9; allowed is a finite number of at least 1"):
        margins_by_frequency([1, 2], 5, 1, similar=0.9)
