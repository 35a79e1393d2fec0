"""The loop: learns, chooses on dev, is deterministic, stops when it must; scores do not depend on batch size."""

import numpy as np
import pytest
import torch
from torch import nn

from serlib.models import ResNet18
from serlib.models.pooling import mask_tail
from serlib.training import DivergedError, Examples, Hardware, Training, chosen_epoch, class_shares, fit, predict

CPU = Hardware.choose("cpu", "float32")


class Means(nn.Module):
    """A network small enough to reason about: masked mean over time, then a linear layer."""

    embedding_size = 4

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4)

    def forward(self, x, lengths):
        return self.linear(mask_tail(x, lengths).sum(-1) / lengths.to(x.device).unsqueeze(1))


class Head(nn.Module):
    def __init__(self, classes=3, size=4) -> None:
        super().__init__()
        self.linear = nn.Linear(size, classes)

    def get_logits(self, embeddings):
        return self.linear(embeddings)

    def forward(self, embeddings, labels):
        return nn.functional.cross_entropy(self.linear(embeddings), labels)


def _data(seed: int, size: int = 60, noise: float = 1.0) -> Examples:
    generator = np.random.default_rng(seed)
    labels = np.arange(size) % 3
    inputs = [
        (np.eye(3)[y][:, None] * 2 + noise * generator.standard_normal((3, generator.integers(4, 30)))).astype(
            np.float32
        )
        for y in labels
    ]
    return Examples(inputs, labels, names=[f"clip{i}" for i in range(size)])


def _made(seed: int = 0):
    torch.manual_seed(seed)
    return Means(), Head()


def test_it_learns_and_reports_every_epoch():
    network, head = _made()
    history = fit(network, head, _data(0), _data(1), Training(15, learning_rate=0.05), hardware=CPU, seed=0)
    assert [row["epoch"] for row in history] == list(range(1, 16))
    assert history[-1]["train_loss"] < 0.5 * history[0]["train_loss"]
    assert max(row["dev_ua"] for row in history) > 0.95


def test_the_same_seed_gives_the_same_network_and_another_seed_another():
    weights = []
    for seed in (0, 0, 1):
        network, head = _made()
        fit(network, head, _data(0), _data(1), Training(3), hardware=CPU, seed=seed)
        weights.append(network.linear.weight.detach().clone())
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_what_is_left_is_the_last_epoch_with_the_best_dev_ua():
    network, head = _made()
    dev, kept = _data(1, noise=6.0), {}
    history = fit(
        network, head, _data(0), dev, Training(12, learning_rate=0.3), hardware=CPU, seed=0,
        on_epoch=lambda epoch, net, _loss: kept.update({epoch: net.linear.weight.detach().clone()}),
    )  # fmt: skip
    best = max(row["dev_ua"] for row in history)
    expected = [row["epoch"] for row in history if row["dev_ua"] == best][-1]
    assert chosen_epoch(history) == expected
    assert torch.equal(network.linear.weight, kept[expected]) and set(kept) == set(range(13))
    assert expected == 12 or not torch.equal(network.linear.weight, kept[12])


def test_patience_stops_early():
    network, head = _made()
    history = fit(
        network, head, _data(0), _data(1, noise=0.01), Training(50, learning_rate=0.1, patience=3), hardware=CPU, seed=0
    )
    first = next(row["epoch"] for row in history if row["dev_ua"] == 1.0)
    assert len(history) == first + 3


def test_a_nan_stops_the_run_and_names_epoch_batch_and_clips():
    network, head = _made()
    train = _data(0, size=6)
    train.inputs[4][0, 0] = np.nan
    with pytest.raises(
        DivergedError, match=r"loss is nan in epoch 1, batch 0 \(clip\d, .*\.\.\.\); lower the learning rate"
    ):
        fit(network, head, train, _data(1), Training(2), hardware=CPU, seed=0)


def test_scores_do_not_depend_on_batch_size_or_companions():
    torch.manual_seed(0)
    network, head = ResNet18(width=4), Head(size=32)
    generator = np.random.default_rng(0)
    clips = [generator.standard_normal((1, 16, n)).astype(np.float32) for n in (5, 80, 33, 7, 61, 12, 12)]
    network.train()
    for _ in range(3):
        network(torch.randn(4, 1, 16, 40), torch.full((4,), 40))
    alone, embedded = predict(network, head, clips, hardware=CPU, batch_size=1)
    for size in (2, 3, 7):
        together, again = predict(network, head, clips, hardware=CPU, batch_size=size)
        np.testing.assert_allclose(together, alone, atol=1e-5)
        np.testing.assert_allclose(again, embedded, atol=1e-5)
    backwards, _ = predict(network, head, clips[::-1], hardware=CPU, batch_size=3)
    np.testing.assert_allclose(backwards[::-1], alone, atol=1e-5)


def test_balanced_sampling_and_weighted_loss_do_not_break_the_loop():
    for balancing in ("sampling", "none"):
        network, head = _made()
        history = fit(network, head, _data(0), _data(1), Training(2, balancing=balancing), hardware=CPU, seed=0)
        assert len(history) == 2


def test_clip_norm_bounds_the_gradient():
    network, head = _made()
    before = network.linear.weight.detach().clone()
    recipe = Training(1, batch_size=60, optimiser="sgd", momentum=0.0, learning_rate=1.0, clip_norm=0.01)
    fit(network, head, _data(0), _data(1), recipe, hardware=CPU, seed=0)
    assert (network.linear.weight - before).norm() <= 0.01 + 1e-6


def test_class_shares_add_up_and_refuse_an_absent_class():
    np.testing.assert_allclose(class_shares(np.array([0, 0, 1, 2]), 3), [0.5, 0.25, 0.25])
    with pytest.raises(ValueError, match="class 2 has no utterance in the training part"):
        class_shares(np.array([0, 1]), 3)


def test_bf16_and_channels_last_train_the_same_network_roughly():
    losses = []
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(0)
        network, head = ResNet18(width=4), Head(size=32)
        generator = np.random.default_rng(0)
        clips = Examples(
            [generator.standard_normal((1, 16, 30)).astype(np.float32) + y for y in (0, 1, 2) * 8],
            np.array([0, 1, 2] * 8),
        )
        history = fit(network, head, clips, clips, Training(4), hardware=Hardware.choose("cpu", precision), seed=0)
        assert all(p.dtype == torch.float32 for p in network.parameters())
        losses.append([row["train_loss"] for row in history])
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.15)


def test_the_epoch_is_chosen_on_utterances_not_on_their_pieces():
    """Two pieces of one utterance, of which the logits' mean is right and one piece alone would be wrong."""
    whole = _data(1, size=30, noise=3.0)
    cut = [piece for x in whole.inputs for piece in (x[:, :3], x[:, 3:])]
    pieces = Examples(cut, np.repeat(whole.labels, 2), groups=np.repeat(np.arange(30), 2))
    network, head = _made()
    history = fit(network, head, _data(0), pieces, Training(2), hardware=CPU, seed=0)
    logits = predict(network, head, pieces.inputs, hardware=CPU)[0]
    by_hand = (logits[0::2] + logits[1::2]).argmax(1) / 1.0
    best = max(row["dev_wa"] for row in history if row["epoch"] == chosen_epoch(history))
    assert best == pytest.approx((by_hand == whole.labels).mean())
