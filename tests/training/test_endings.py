"""Endings: what each rule keeps, by hand; and that keeping is passive."""

from functools import partial

import numpy as np
import pytest
import torch
from small import CPU, Mean, clips

from serlib.losses import AngularSoftmaxLoss, ArcFaceLoss, CenterLoss, SoftmaxLoss
from serlib.training import ENDINGS, Training, TrainingBatches, chosen_epoch, fit
from serlib.training.endings import refresh_norms

RECIPE = partial(Training, learning_rate=0.1, batch_size=16)
LOSSES = {
    "softmax": SoftmaxLoss,
    "center": partial(CenterLoss, weight=0.1),
    "angular": AngularSoftmaxLoss,
    "arcface": ArcFaceLoss,
}


def state_of(network, loss) -> dict:
    """All parameters and buffers, copied."""
    both = {f"network.{k}": v for k, v in network.state_dict().items()}
    return {k: v.clone() for k, v in (both | {f"loss.{k}": v for k, v in loss.state_dict().items()}).items()}


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def trained(*, ending="last", epochs=7, loss=SoftmaxLoss, dev=1, norm=True):
    """Train on 60 clips beside a noisy dev part; return history, final state, states by epoch, rule and update."""
    torch.manual_seed(0)
    network, head = Mean(dropout=0.2, norm=norm), loss(3, 4)
    by_epoch, by_rule, by_update = {}, {}, []

    class Watched(Training):
        def make_optimiser(self, parameters):
            optimiser = super().make_optimiser(parameters)
            optimiser.register_step_post_hook(lambda *_: by_update.append(state_of(network, head)))
            return optimiser

    history = fit(
        network, head, clips(0), None if dev is None else clips(dev, noise=6.0),
        Watched(epochs, learning_rate=0.1, batch_size=16, ending=ending), hardware=CPU, seed=0,
        on_epoch=lambda epoch, *parts: by_epoch.update({epoch: state_of(*parts)}),
        at_end=lambda rule, *parts: by_rule.update({rule: state_of(*parts)}),
    )  # fmt: skip
    return history, state_of(network, head), by_epoch, by_rule, by_update


@pytest.mark.parametrize("epochs,first", [(7, 18), (6, 16), (1, 2)])
def test_average_is_the_plain_mean_over_the_last_third_of_the_updates(epochs, first):
    _, state, _, _, by_update = trained(ending="average", epochs=epochs)
    assert len(by_update) == 4 * epochs and int(4 * epochs * 2 / 3) == first
    for name in ("network.linear.weight", "network.norm.bias", "loss.weight", "loss.bias"):
        mean = torch.stack([each[name] for each in by_update[first:]]).double().mean(0)
        torch.testing.assert_close(state[name].double(), mean, atol=1e-6, rtol=1e-5)
        assert epochs == 1 or not torch.allclose(state[name], by_update[-1][name], atol=1e-4)


def test_average_has_statistics_of_its_own_weights_over_one_epoch():
    """Of the batches that would have come next, made anew by hand; the plain mean over them."""
    _, state, by_epoch, _, _ = trained(ending="average")
    batches = TrainingBatches(clips(0), 16, seed=0)
    for _ in range(7):
        list(batches)
    linear = torch.nn.Linear(3, 4)
    linear.load_state_dict({k: state[f"network.linear.{k}"] for k in ("weight", "bias")})
    with torch.no_grad():
        seen = [linear(x.sum(-1) / lengths[:, None]) for _, x, lengths, _ in batches]
    expected = {"mean": torch.stack([z.mean(0) for z in seen]), "var": torch.stack([z.var(0) for z in seen])}
    for name, values in expected.items():
        found = state[f"network.norm.running_{name}"]
        torch.testing.assert_close(found, values.mean(0), atol=1e-5, rtol=1e-4)
        assert not torch.allclose(found, by_epoch[7][f"network.norm.running_{name}"], rtol=1e-2)
    assert state["network.norm.num_batches_tracked"] == len(batches)


def test_refreshing_gives_momentum_back_and_leaves_what_does_not_learn_alone():
    network = Mean(norm=True)
    network.norm.momentum, network.frozen = 0.3, torch.nn.BatchNorm1d(4)
    network.frozen.train = lambda mode=True: network.frozen
    network.frozen.training = False
    network.frozen.running_mean.fill_(5.0)
    refresh_norms(network, TrainingBatches(clips(0), 16, seed=0), CPU)
    assert network.norm.momentum == 0.3 and network.norm.running_mean.abs().min() > 0
    assert (network.frozen.running_mean == 5).all()


@pytest.mark.parametrize("rule,window", [("best-dev", 1), ("smoothed-dev", 3)])
def test_rules_on_dev_keep_the_last_of_the_best_epochs(rule, window):
    history, state, by_epoch, by_rule, _ = trained(ending=rule, epochs=12)
    scores = [row["dev_ua"] for row in history]
    means = {i: np.mean(scores[max(0, i - window) : i]) for i in range(1, 13)}
    best = max(epoch for epoch, mean in means.items() if mean == max(means.values()))
    assert chosen_epoch(history, rule) == best < 12  # or it would be the last one
    assert same(state, by_epoch[best]) and same(by_rule[rule], state)


def test_equally_good_epochs_leave_the_last():
    """A dev part that the network always gets right."""
    torch.manual_seed(0)
    network, by_epoch = Mean(), {}
    history = fit(
        network, SoftmaxLoss(3, 4), clips(0, noise=0.1), clips(1, noise=0.1), RECIPE(6, ending="best-dev"),
        hardware=CPU, seed=0,
        on_epoch=lambda epoch, network, _: by_epoch.update({epoch: network.linear.weight.detach().clone()}),
    )  # fmt: skip
    assert history[-1]["dev_ua"] == history[-2]["dev_ua"] == 1
    assert chosen_epoch(history, "best-dev") == 6 and torch.equal(network.linear.weight, by_epoch[6])


def test_last_is_the_last():
    _, state, by_epoch, by_rule, by_update = trained()
    assert same(state, by_epoch[7]) and same(by_rule["last"], state)
    assert torch.equal(state["loss.weight"], by_update[-1]["loss.weight"])


def test_the_rule_changes_nothing_but_what_is_left():
    made = {ending: trained(ending=ending) for ending in ENDINGS}
    history, *_, rules, _ = made["last"]
    for ending, (other, state, _, by_rule, _) in made.items():
        assert other == history and set(by_rule) == set(ENDINGS) and list(by_rule)[-1] == ending
        assert same(state, by_rule[ending]) and all(same(by_rule[rule], rules[rule]) for rule in ENDINGS)
    assert len({tuple(rules[rule]["loss.weight"].flatten().tolist()) for rule in ENDINGS}) >= 3


def test_without_anyone_watching_the_weights_are_the_same():
    torch.manual_seed(0)
    network, loss = Mean(dropout=0.2, norm=True), SoftmaxLoss(3, 4)
    fit(network, loss, clips(0), None, RECIPE(7, ending="last"), hardware=CPU, seed=0)
    assert same(state_of(network, loss), trained()[1])


def test_without_a_dev_part_there_are_two_endings():
    for ending in ("average", "last"):
        history, state, _, by_rule, _ = trained(ending=ending, dev=None)
        assert list(by_rule) == sorted({"average", "last"}, key=lambda rule: rule == ending)
        assert same(state, trained(ending=ending)[1])
        assert all(np.isnan(row["dev_ua"]) for row in history)


@pytest.mark.parametrize("kind", LOSSES)
def test_what_a_loss_keeps_beside_its_weights_is_that_of_the_same_moment(kind):
    """Centres and the count of lambda: of the last update in the average too, for they are no weights."""
    history, _, by_epoch, by_rule, _ = trained(loss=LOSSES[kind], epochs=9)
    buffers = {"center": ["loss.centers"], "angular": ["loss.step"]}.get(kind, [])
    for rule in ENDINGS:
        epoch = chosen_epoch(history, rule) or 9
        assert all(torch.equal(by_rule[rule][name], by_epoch[epoch][name]) for name in buffers)
        assert kind != "angular" or by_rule[rule]["loss.step"] == 4 * epoch
    assert kind != "center" or by_rule["last"]["loss.centers"].abs().min() > 0


@pytest.mark.parametrize("values,best,smoothed", [
    ([0.5], 1, 1), ([0.5, 0.5, 0.5], 3, 3), ([0.1, 0.9, 0.1, 0.5, 0.6, 0.5], 2, 6), ([0.9, 0.1, 0.1], 1, 1),
    ([0.0, 0.0], 2, 2),
])  # fmt: skip
def test_chosen_epochs_by_hand(values, best, smoothed):
    history = [{"epoch": i, "dev_ua": v} for i, v in enumerate(values, 1)]
    assert chosen_epoch(history, "best-dev") == best and chosen_epoch(history, "smoothed-dev") == smoothed
    assert chosen_epoch(history, "last") is None and chosen_epoch(history, "average") is None
