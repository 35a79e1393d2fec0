"""Softmax with a pair loss beside it: both terms by hand, limits, gradients."""

import math

import pytest
import torch

from serlib.losses import MetricLoss, SoftmaxLoss

pytest.importorskip("pytorch_metric_learning", reason="comes with the dev extra")
C, E = 3, 4
LABELS = torch.tensor([0, 1, 2, 0, 1, 0])
TRIPLET = {"kind": "TripletMarginLoss", "options": {"margin": 0.2}}
SUPCON = {"kind": "SupConLoss", "options": {"temperature": 0.1}}


@pytest.fixture
def embeddings():
    return torch.randn(6, E, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def softmax_of(loss):
    plain = SoftmaxLoss(C, E).double()
    plain.load_state_dict({k: loss.state_dict()[k] for k in ("weight", "bias")})
    return plain


def triplet(z):
    """Mean over triplets that still cost something, of max(0, d(a, p) - d(a, n) + 0.2) on the unit sphere."""
    u, costs = torch.nn.functional.normalize(z, dim=1), []
    for a in range(6):
        for p in range(6):
            for n in range(6):
                if a != p and LABELS[a] == LABELS[p] != LABELS[n]:
                    costs.append(max(0.0, ((u[a] - u[p]).norm() - (u[a] - u[n]).norm()).item() + 0.2))
    return sum(costs) / sum(cost > 0 for cost in costs)


def supcon(z):
    """Khosla et al. 2020, L_out: each anchor that has a companion, over all others."""
    similarity, costs = torch.nn.functional.cosine_similarity(z[:, None], z[None], dim=2) / 0.1, []
    for a in range(6):
        others = [i for i in range(6) if i != a]
        total = math.log(sum(math.exp(similarity[a, i]) for i in others))
        same = [i for i in others if LABELS[i] == LABELS[a]]
        if same:
            costs.append(-sum(similarity[a, i].item() - total for i in same) / len(same))
    return sum(costs) / len(costs)


@pytest.mark.parametrize("pairs,by_hand", [(TRIPLET, triplet), (SUPCON, supcon)])
def test_cross_entropy_plus_weight_times_the_pair_loss(pairs, by_hand, embeddings):
    loss = MetricLoss(C, E, weight=0.7, **pairs).double()
    expected = softmax_of(loss)(embeddings, LABELS).item() + 0.7 * by_hand(embeddings)
    assert loss(embeddings, LABELS).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("pairs", [TRIPLET, SUPCON])
def test_weight_zero_is_softmax_and_logits_are_its(pairs, embeddings):
    loss = MetricLoss(C, E, weight=0, **pairs).double()
    plain = softmax_of(loss)
    torch.testing.assert_close(loss(embeddings, LABELS), plain(embeddings, LABELS))
    torch.testing.assert_close(loss.per_sample(embeddings, LABELS), plain.per_sample(embeddings, LABELS))
    assert torch.equal(loss.get_logits(embeddings), plain.get_logits(embeddings))


@pytest.mark.parametrize("pairs", [TRIPLET, SUPCON])
@pytest.mark.parametrize("labels", [LABELS, torch.zeros(6, dtype=torch.int64), torch.tensor([0, 1, 2, 0, 1, 2])])
def test_gradients_are_finite_also_without_pairs(pairs, labels, embeddings):
    loss = MetricLoss(C, E, weight=1.0, **pairs)
    x = embeddings.float().requires_grad_()
    loss(x[:3], labels[:3]).backward()  # a batch that may hold no pair or no other class at all
    assert torch.isfinite(x.grad).all() and x.grad[:3].abs().sum() > 0


def test_computes_in_float32_under_autocast(embeddings):
    loss = MetricLoss(C, E, weight=1.0, **SUPCON)
    expected = loss(embeddings.float(), LABELS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(embeddings.float(), LABELS), expected)


def test_pulls_classes_together(embeddings):
    x = embeddings.float().requires_grad_()
    loss, optimiser = MetricLoss(C, E, weight=1.0, **TRIPLET), torch.optim.Adam([x], 0.05)
    for _ in range(150):
        optimiser.zero_grad()
        loss(x, LABELS).backward()
        optimiser.step()
    u = torch.nn.functional.normalize(x.detach(), dim=1)
    distance, same = torch.cdist(u, u), LABELS[:, None] == LABELS[None]
    assert distance[same].max() + 0.19 < distance[~same].min()


def test_any_loss_of_the_library_drops_in_with_its_own_parameters(embeddings):
    loss = MetricLoss(C, E, kind="ArcFaceLoss", options={"num_classes": C, "embedding_size": E}, weight=0.5)
    assert {tuple(p.shape) for p in loss.parameters()} == {(C, E), (C,), (E, C)}
    assert torch.isfinite(loss(embeddings.float(), LABELS))
