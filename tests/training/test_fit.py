"""The loop: learns, is deterministic, stops when it must; scores do not depend on batch size."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from refusal import refused
from small import CPU, Mean, clips
from torch import nn

from serlib.losses import SoftmaxLoss
from serlib.models import ResNet18
from serlib.training import DivergedError, Examples, Hardware, Training, class_shares, fit, predict


def made(seed: int = 0, **options) -> tuple[Mean, SoftmaxLoss]:
    torch.manual_seed(seed)
    return Mean(**options), SoftmaxLoss(3, 4)


def test_it_learns_and_reports_every_epoch():
    network, loss = made()
    history = fit(network, loss, clips(0), clips(1), Training(15, learning_rate=0.05), hardware=CPU, seed=0)
    assert [row["epoch"] for row in history] == list(range(1, 16))
    assert history[-1]["train_loss"] < 0.5 * history[0]["train_loss"]
    assert max(row["dev_ua"] for row in history) > 0.95


def test_the_same_seed_gives_the_same_network_and_another_seed_another():
    weights = []
    for seed in (0, 0, 1):
        network, loss = made()
        fit(network, loss, clips(0), clips(1), Training(3), hardware=CPU, seed=seed)
        weights.append(network.linear.weight.detach().clone())
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("dev", [None, clips(1)])
def test_it_is_left_ready_to_score(dev):
    network, loss = made(dropout=0.5)
    fit(network, loss, clips(0), dev, Training(1), hardware=CPU, seed=0, at_end=lambda _, *parts: None)
    assert not network.training and not loss.training


def test_an_epoch_reports_the_mean_over_clips_and_the_ua_of_what_was_drawn():
    """At a rate so low that nothing moves: what it reports is what the network says of the whole part."""
    network, loss = made()
    train = replace(clips(0, 50), labels=np.array([0] * 30 + [1] * 15 + [2] * 5))
    recipe = Training(1, batch_size=16, learning_rate=1e-12, ending="last")
    (row,) = fit(network, loss, train, None, recipe, hardware=CPU, seed=0)
    logits = predict(network, loss, train.inputs, hardware=CPU)[0]
    value = nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(train.labels)).item()
    assert row["train_loss"] == pytest.approx(value, abs=1e-6)
    recalls = [(logits.argmax(1)[train.labels == c] == c).mean() for c in range(3)]
    assert row["train_ua"] == pytest.approx(np.mean(recalls))
    assert all(np.isnan(row[name]) for name in ("dev_loss", "dev_ua", "dev_wa"))


def test_dev_is_scored_by_utterances_and_over_the_classes_that_occur():
    """Two pieces of one utterance count as their mean's logits; a class that dev lacks has no recall."""
    network, loss = made()
    whole = clips(1, size=30, noise=3.0)
    kept = np.flatnonzero(whole.labels != 2)
    cut = [piece for i in kept for piece in (whole.inputs[i][:, :3], whole.inputs[i][:, 3:])]
    dev = Examples(cut, np.repeat(whole.labels[kept], 2), groups=np.repeat(np.arange(20), 2))
    (row,) = fit(network, loss, clips(0), dev, Training(1, ending="last"), hardware=CPU, seed=0)
    logits = predict(network, loss, cut, hardware=CPU)[0]
    mean, labels = (logits[0::2] + logits[1::2]) / 2, whole.labels[kept]
    assert row["dev_wa"] == pytest.approx((mean.argmax(1) == labels).mean())
    assert row["dev_ua"] == pytest.approx(np.mean([(mean.argmax(1)[labels == c] == c).mean() for c in (0, 1)]))
    value = nn.functional.cross_entropy(torch.from_numpy(mean), torch.from_numpy(labels)).item()
    assert row["dev_loss"] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("where,batch", [(2, 0), (21, 1), (50, 3)])
def test_a_nan_names_epoch_batch_and_clips(where, batch, monkeypatch):
    """The first batch that is wrong, though losses are looked at when the epoch is over."""
    network, loss = made()
    monkeypatch.setattr("serlib.training.batches.bucketed", lambda *_: np.split(np.arange(60), [15, 30, 45]))
    train = clips(0)
    train.inputs[where][0, 0] = np.nan
    first = ", ".join(f"clip{i}" for i in range(15 * batch, 15 * batch + 5))
    with refused(f"loss is nan in epoch 1, batch {batch} ({first} ...); lower the learning rate", DivergedError):
        fit(network, loss, train, clips(1), Training(2, batch_size=15), hardware=CPU, seed=0)


def test_a_rate_too_high_is_told_with_its_epoch_and_clips_without_names_by_number():
    network, loss = made()
    train = replace(clips(0, 4), names=None)
    recipe = Training(50, batch_size=4, optimiser="sgd", momentum=0.0, learning_rate=1e30)
    with pytest.raises(DivergedError, match=r"^loss is (nan|inf) in epoch [2-4], batch 0 \(\d, \d, \d, \d\); lower"):
        fit(network, loss, train, None, recipe, hardware=CPU, seed=0)


def test_a_dev_part_that_is_chosen_on_must_be_there():
    for ending in ("best-dev", "smoothed-dev"):
        with refused(f"ending is '{ending}' and there is no dev part; allowed are 'average' and 'last'"):
            fit(*made(), clips(0), None, Training(1, ending=ending), hardware=CPU, seed=0)


def test_scores_do_not_depend_on_batch_size_or_companions():
    torch.manual_seed(0)
    network, loss = ResNet18(width=4), SoftmaxLoss(3, 32)
    generator = np.random.default_rng(0)
    inputs = [generator.standard_normal((1, 16, n)).astype(np.float32) for n in (5, 80, 33, 7, 61, 12, 12)]
    for _ in range(3):
        network(torch.randn(4, 1, 16, 40), torch.full((4,), 40))
    alone, embedded = predict(network, loss, inputs, hardware=CPU, batch_size=1)
    for hardware in (CPU, Hardware("cpu", "bfloat16", channels_last=True)):  # precise: in float32 all the same
        for size in (2, 3, 7):
            together, again = predict(network, loss, inputs, hardware=hardware, batch_size=size)
            np.testing.assert_allclose(together, alone, atol=1e-5)
            np.testing.assert_allclose(again, embedded, atol=1e-5)
    backwards, _ = predict(network, loss, inputs[::-1], hardware=CPU, batch_size=3)
    np.testing.assert_allclose(backwards[::-1], alone, atol=1e-5)


def test_class_weighted_and_balanced_training_raise_the_rare_class():
    """Classes that overlap, 20 to 1: without help the rare one is hardly ever guessed."""
    generator = np.random.default_rng(0)
    labels = np.array(([0] * 20 + [1]) * 20)
    train = Examples([generator.normal(y, 1.0, (3, 1)).astype(np.float32) for y in labels], labels)
    share = class_shares(labels, 2)
    guessed = {}
    for balancing, weight in (("none", None), ("loss", 1 / share / 2), ("sampling", None)):
        torch.manual_seed(0)
        network, loss = Mean(), SoftmaxLoss(2, 4, class_weight=weight)
        fit(network, loss, train, None, Training(20, balancing=balancing, learning_rate=0.02), hardware=CPU, seed=0)
        guessed[balancing] = predict(network, loss, train.inputs, hardware=CPU)[0].argmax(1)[labels == 1].mean()
    assert guessed["none"] < 0.4 and min(guessed["loss"], guessed["sampling"]) > 0.7


def test_clip_norm_bounds_the_gradient():
    network, loss = made()
    before = network.linear.weight.detach().clone()
    recipe = Training(1, batch_size=60, optimiser="sgd", momentum=0.0, learning_rate=1.0, clip_norm=0.01)
    fit(network, loss, clips(0), clips(1), recipe, hardware=CPU, seed=0)
    assert (network.linear.weight - before).norm() <= 0.01 + 1e-6


def test_class_shares_add_up_and_refuse_an_absent_class():
    np.testing.assert_allclose(class_shares(np.array([0, 0, 1, 2]), 3), [0.5, 0.25, 0.25])
    with refused("class 2 has no utterance in the training part"):
        class_shares(np.array([0, 1]), 3)


def test_bf16_and_channels_last_train_the_same_network_roughly():
    losses = []
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(0)
        network, loss = ResNet18(width=4), SoftmaxLoss(3, 32)
        generator = np.random.default_rng(0)
        labels = np.array([0, 1, 2] * 8)
        examples = Examples([generator.standard_normal((1, 16, 30)).astype(np.float32) + y for y in labels], labels)
        hardware = Hardware.choose("cpu", precision)
        history = fit(network, loss, examples, examples, Training(4), hardware=hardware, seed=0)
        assert all(p.dtype == torch.float32 for p in network.parameters())
        losses.append([row["train_loss"] for row in history])
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.15)
