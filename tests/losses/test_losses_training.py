"""Free 2-D embeddings, trained as in notebook 01: nothing becomes NaN, where the form with acos always does."""

import torch
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F

from serlib.losses import AngularSoftmaxLoss, ArcFaceLoss

SEEDS, SAMPLES, CLASSES, STEPS, SCALE, MARGIN_RAD = 30, 64, 4, 500, 30.0, 0.5
LABELS = torch.arange(SAMPLES) % CLASSES


def naive_arcface(parameters, embeddings, labels):
    """ArcFace as it is often written: through acos, whose slope at 1 is infinite."""
    cosine = F.linear(F.normalize(embeddings), F.normalize(parameters["weight"]))
    theta = torch.acos(cosine.clamp(-1, 1))
    own = labels[:, None] == torch.arange(CLASSES)
    return F.cross_entropy(SCALE * torch.where(own, torch.cos(theta + MARGIN_RAD), cosine), labels)


def ours(loss):
    loss.eval()  # torch.func allows no counting of steps
    return lambda parameters, embeddings, labels: functional_call(loss, parameters, (embeddings, labels))


def train(loss, learning_rate=3.0):
    """Train all seeds side by side; return their embeddings and class vectors, and which stayed finite."""
    generators = [torch.Generator().manual_seed(seed) for seed in range(SEEDS)]
    embeddings = torch.stack([torch.randn(SAMPLES, 2, generator=g) for g in generators])
    weight = torch.stack([torch.randn(CLASSES, 2, generator=g) for g in generators])
    gradients = vmap(grad(loss, argnums=(0, 1)), in_dims=(0, 0, None))
    for _ in range(STEPS):
        by_weight, by_embeddings = gradients({"weight": weight}, embeddings, LABELS)
        weight = weight - learning_rate * by_weight["weight"]
        embeddings = embeddings - learning_rate * by_embeddings
    finite = torch.isfinite(embeddings).all(dim=(1, 2)) & torch.isfinite(weight).all(dim=(1, 2))
    return embeddings, weight, finite


def accuracy(embeddings, weight):
    logits = F.normalize(embeddings, dim=-1) @ F.normalize(weight, dim=-1).mT
    return (logits.argmax(dim=-1) == LABELS).double().mean().item()


def test_the_form_with_acos_fails_for_every_seed():
    *_, finite = train(naive_arcface)
    assert (~finite).sum() == SEEDS


def test_arcface_stays_finite_for_every_seed():
    loss = ArcFaceLoss(CLASSES, 2, margin_rad=MARGIN_RAD, scale=SCALE)
    embeddings, weight, finite = train(ours(loss))
    assert finite.all()
    assert accuracy(embeddings, weight) > 0.7  # 0.25 by chance; some points stay behind another class


def test_angular_softmax_stays_finite_for_every_seed():
    for options in ({"scale": SCALE}, {"margin": (3, 3, 2, 2)}):
        loss = AngularSoftmaxLoss(CLASSES, 2, annealing=None, **options)
        embeddings, weight, finite = train(ours(loss))
        assert finite.all(), options
        assert accuracy(embeddings, weight) > 0.9, options
