"""Recipes: torch does the work, rates end where they should on the way through the loader, names are checked early."""

import math

import numpy as np
import pytest
import torch
from refusal import refused
from small import CPU, Mean, clips, pieces

from serlib.losses import SoftmaxLoss
from serlib.training import Training, fit

ODD, EVEN = clips(0, 67), clips(0, 64)  # batches of 16: five, one clip short of 17 apiece, and four whole ones
READINGS = pieces(np.random.default_rng(0).integers(1, 4, (40, 3)))


def trained(train, *, width=3, **options) -> tuple[list[float], list[dict], float]:
    """Train, and return the rate of every update as the optimiser took it, the history, and the rate left behind."""
    rates, made = [], []

    class Watched(Training):
        def make_optimiser(self, parameters):
            made.append(super().make_optimiser(parameters))
            made[0].register_step_pre_hook(lambda optimiser, *_: rates.append(optimiser.param_groups[0]["lr"]))
            return made[0]

    recipe = Watched(**{"batch_size": 16, "learning_rate": 0.1, "ending": "last"} | options)
    history = fit(Mean(width), SoftmaxLoss(3, 4), train, None, recipe, hardware=CPU, seed=0)
    return rates, history, made[0].param_groups[0]["lr"]


PARTS = {  # which a loader might cut into more batches than it had told
    "odd": {"train": ODD},
    "even": {"train": EVEN},
    "readings": {"train": READINGS, "width": 2},
    "balanced": {"train": ODD, "balancing": "sampling"},
}


@pytest.fixture(params=PARTS)
def part(request):
    return PARTS[request.param]


def test_one_cycle_ends_at_its_end(part):
    rates, history, _ = trained(**part, epochs=6, schedule="one-cycle")
    per_epoch = len(rates) // 6
    assert len(rates) == 6 * per_epoch and max(rates) == pytest.approx(0.1, rel=0.02)
    assert rates[0] == pytest.approx(0.1 / 25) and rates[-1] == pytest.approx(0.1 / 25 / 1e4)
    assert [row["lr"] for row in history] == rates[::per_epoch]


def test_cyclic_has_a_cycle_of_two_epochs_and_ends_low(part):
    rates, history, left = trained(**part, epochs=6, schedule="cyclic")
    half = len(rates) // 6
    assert [row["lr"] for row in history] == pytest.approx([0.01, 0.1] * 3) and left == pytest.approx(0.01)
    assert rates[-1] == pytest.approx(0.01 + 0.09 / half)  # one step above
    up = np.linspace(0.01, 0.1, half + 1)
    assert rates == pytest.approx([*up[:-1], *up[:0:-1]] * 3)


def test_cosine_ends_at_nothing(part):
    rates, _, left = trained(**part, epochs=5, schedule="cosine")
    expected = [0.05 * (1 + math.cos(math.pi * k / len(rates))) for k in range(len(rates))]
    assert rates == pytest.approx(expected) and left == pytest.approx(0, abs=1e-12)


def test_exponential_falls_to_its_end(part):
    rates, _, left = trained(**part, epochs=4, schedule="exponential", schedule_options={"end": 0.01})
    assert rates == pytest.approx([0.1 * 0.01 ** (k / len(rates)) for k in range(len(rates))])
    assert left == pytest.approx(0.001)


def test_steps_fall_at_shares_of_the_whole(part):
    options = {"shares": [0.3, 0.6, 0.9], "gamma": 0.1}
    rates, _, left = trained(**part, epochs=7, schedule="steps", schedule_options=options)
    stops = [0, *(round(share * len(rates)) for share in options["shares"]), len(rates)]
    assert rates == pytest.approx(np.repeat([0.1, 0.01, 1e-3, 1e-4], np.diff(stops))) and left == pytest.approx(1e-4)


@pytest.mark.parametrize("options,expected", [
    ({}, [0.1] * 4),
    ({"schedule": "exponential", "schedule_options": {"gamma": 0.9}}, [0.1, 0.09, 0.081, 0.0729]),
    ({"schedule": "steps", "schedule_options": {"milestones": [1, 3], "gamma": 0.1}}, [0.1, 0.01, 0.01, 0.001]),
])  # fmt: skip
def test_rates_that_change_after_an_epoch(part, options, expected):
    rates, history, _ = trained(**part, epochs=4, **options)
    assert [row["lr"] for row in history] == pytest.approx(expected)
    assert rates == pytest.approx(np.repeat(expected, len(rates) // 4))


@pytest.mark.parametrize("schedule,updates,per_epoch,epochs", [
    ("constant", 100, 27, 4), ("constant", 1, 27, 1), ("constant", 1500, 27, 56), ("constant", 27, 27, 1),
    ("cyclic", 100, 27, 4), ("cyclic", 1, 27, 2), ("cyclic", 81, 27, 4), ("cyclic", 1500, 27, 56),
    ("cyclic", 60, 27, 2),
])  # fmt: skip
def test_updates_are_whole_epochs_and_whole_cycles(schedule, updates, per_epoch, epochs):
    assert Training(updates=updates, schedule=schedule).length(per_epoch) == epochs
    assert Training(epochs=3, schedule=schedule).length(per_epoch) == 3


@pytest.mark.parametrize("schedule", ["cyclic", "cosine", "one-cycle"])
def test_a_budget_of_updates_is_kept_to_whole_epochs(part, schedule):
    rates, history, _ = trained(**part, updates=33, schedule=schedule)
    per_epoch = len(rates) // len(history)
    assert len(rates) == per_epoch * len(history) and abs(len(rates) - 33) <= per_epoch
    assert schedule != "cyclic" or (len(history) % 2 == 0 and history[-1]["lr"] == pytest.approx(0.1))


@pytest.mark.parametrize(
    "name,kind", [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_optimisers_are_torchs_own(name, kind):
    recipe = Training(1, optimiser=name, weight_decay=0.1, nesterov=True)
    made = recipe.make_optimiser([torch.nn.Parameter(torch.zeros(1))])
    assert type(made) is kind and made.param_groups[0]["weight_decay"] == 0.1


@pytest.mark.parametrize("options,message", [
    ({"optimiser": "lion"}, "optimiser is 'lion'; allowed are adam, adamw, sgd"),
    ({"schedule": "warm"}, "schedule is 'warm'; allowed are constant, exponential"),
    ({"balancing": "smote"}, "balancing is 'smote'; allowed are none, loss, sampling"),
    ({"ending": "best-test"}, "ending is 'best-test'; allowed are average, last, best-dev, smoothed-dev"),
    ({"learning_rate": 0.0}, "learning_rate is 0.0; allowed are finite numbers above 0"),
    ({"learning_rate": math.nan}, "learning_rate is nan; allowed are finite numbers above 0"),
    ({"batch_size": 0}, "batch_size is 0; allowed are whole numbers from 1 on"),
    ({"epochs": 0}, "epochs is 0; allowed are whole numbers from 1 on"),
    ({"epochs": None, "updates": 0}, "updates is 0; allowed are whole numbers from 1 on"),
    ({"epochs": None}, "epochs=None and updates=None; exactly one must be given"),
    ({"updates": 5}, "epochs=1 and updates=5; exactly one must be given"),
])  # fmt: skip
def test_bad_recipes_are_refused(options, message):
    with refused(message):
        Training(**{"epochs": 1} | options)


@pytest.mark.parametrize("schedule,options,allowed", [
    ("constant", {"gamma": 0.9}, "none"),
    ("exponential", {}, "one of gamma, end"),
    ("exponential", {"gamma": 0.9, "end": 0.1}, "one of gamma, end"),
    ("steps", {"gamma": 0.1}, "one of milestones, shares and any of gamma"),
    ("steps", {"share": [0.5]}, "one of milestones, shares and any of gamma"),
    ("cosine", {"end": 0.1}, "any of eta_min"),
    ("one-cycle", {"total_steps": 3},
     "any of pct_start, anneal_strategy, div_factor, final_div_factor, three_phase"),
    ("cyclic", {"max_lr": 0.1}, "any of base_lr, mode, gamma"),
])  # fmt: skip
def test_options_that_a_schedule_has_not_are_refused_at_once(schedule, options, allowed):
    with refused(f"schedule_options of {schedule!r} are {options}; allowed are {allowed}"):
        Training(1, schedule=schedule, schedule_options=options)


@pytest.mark.parametrize("schedule,options", [
    ("cosine", {"eta_min": 0.01}), ("cyclic", {"base_lr": 0.02, "mode": "exp_range", "gamma": 0.9}),
    ("one-cycle", {"pct_start": 0.5, "anneal_strategy": "linear", "div_factor": 5.0, "final_div_factor": 10.0,
                   "three_phase": True}),
    ("steps", {"milestones": [1], "gamma": 0.5}),
])  # fmt: skip
def test_options_that_are_allowed_are_torchs(schedule, options):
    rates, *_ = trained(ODD, epochs=2, schedule=schedule, schedule_options=options)
    assert len(set(rates)) > 1
