"""Paper 000's methods: the printed recipes, segments averaged, margins and lambda that follow the training part."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from serlib import methods
from serlib.features.audio import read_audio
from serlib.methods.angular import BEST_MARGIN, MARGIN_PAIRS, MINIMUM_AT
from serlib.methods.model import Model
from serlib.methods.resolve import annealing, class_margins, resolved
from serlib.protocol import folds
from serlib.protocol.published import table_beside
from serlib.runs import plan

LOSSES = ("softmax", "m3", "m4", "m5", "m6", "c64", "c63", "c53", "wsampling", "wloss")
NAMES = [f"angular/{network}-{loss}" for network in ("crnn", "tfgap") for loss in LOSSES]
PROFILES = ("quick", "study", "paper")
IEMOCAP = np.array([13.14, 11.67, 44.26, 30.93])  # %, section 3.4: angry, happy, neutral, sad
STEPS = 100  # of an epoch


def test_every_row_of_the_six_tables_has_a_method():
    assert [name for name in methods.names() if name.startswith("angular/")] == NAMES
    for number in range(1, 7):
        assert set(table_beside([], f"angular/table-{number}")["method"].dropna()) <= set(NAMES)


@pytest.mark.parametrize("network", ["crnn", "tfgap"])
def test_the_paper_profile_is_as_printed(network):
    recipe = methods.get(f"angular/{network}-softmax").recipe("paper")
    training = recipe.training
    assert (training.epochs, training.batch_size, training.weight_decay) == (70, 64, 0.001)
    assert (recipe.segments.n_bins, recipe.segments.frames) == (400, 200)
    optimiser = training.make_optimiser([torch.nn.Parameter(torch.zeros(1))])
    schedule, every_batch = training.make_schedule(optimiser, STEPS)
    rates = []
    for _ in range(70):
        rates.append(optimiser.param_groups[0]["lr"])
        for _ in range(STEPS if every_batch else 1):
            optimiser.step(), schedule.step()
    if network == "crnn":
        assert isinstance(optimiser, torch.optim.Adam)
        np.testing.assert_allclose(rates, 0.01 * 0.9 ** np.arange(70))
    else:  # the rate of epochs 21, 41 and 61 is the first of the lower ones
        assert isinstance(optimiser, torch.optim.SGD) and optimiser.defaults["nesterov"]
        assert optimiser.defaults["momentum"] == 0.9
        np.testing.assert_allclose(rates, np.repeat([0.1, 0.01, 0.001, 0.0001], [20, 20, 20, 10]))


@pytest.mark.parametrize("profile", ["study", "paper"])
def test_the_rate_of_tfgap_falls_where_the_papers_does(profile):
    """By shares of all updates: the study profile once froze after 60 of them."""
    training = methods.get("angular/tfgap-m4").recipe(profile).training
    optimiser = training.make_optimiser([torch.nn.Parameter(torch.zeros(1))])
    schedule, every_batch = training.make_schedule(optimiser, 15)
    total, rates = training.length(15) * 15, []
    for _ in range(total):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step(), schedule.step()
    assert every_batch
    falls = np.flatnonzero(np.diff(rates)) + 1
    np.testing.assert_allclose(falls / total, [20 / 70, 40 / 70, 60 / 70], atol=1 / total)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("network", ["crnn", "tfgap"])
def test_rows_differ_in_the_loss_alone(profile, network):
    plain = methods.get(f"angular/{network}-softmax").recipe(profile)
    for loss in LOSSES[1:]:
        other = methods.get(f"angular/{network}-{loss}").recipe(profile)
        changed = {f.name for f in fields(plain) if getattr(plain, f.name) != getattr(other, f.name)}
        allowed = {"loss", "loss_options", "annealing", "margin_pair"}
        assert "loss" in changed and changed <= allowed | ({"training"} if loss.startswith("w") else set())
    weighted = methods.get(f"angular/{network}-wsampling").recipe(profile)
    assert weighted.loss_options == {"margin": BEST_MARGIN[network]} and weighted.training.balancing == "sampling"


def test_lambda_falls_at_the_same_share_of_the_training_as_in_the_paper():
    sphereface = methods.get("angular/crnn-m4").recipe("paper").annealing
    assert sphereface == {"gamma": 0.12}
    assert pytest.approx(1659 / (70 * 100), abs=1e-3) == MINIMUM_AT
    for steps in (90, 400, 7000):
        course = annealing(steps, minimum_at=MINIMUM_AT)
        ends = next(i for i in range(1, steps + 1) if course(i) == pytest.approx(5, rel=1e-9))
        assert ends == pytest.approx(MINIMUM_AT * steps, abs=1)
    assert annealing(7000, minimum_at=1658.33 / 7000).gamma == pytest.approx(0.12, rel=1e-4)


def test_margins_of_the_paper_follow_from_its_shares():
    assert {name: class_margins(IEMOCAP, pair) for name, pair in MARGIN_PAIRS.items()} == {
        "c64": (6, 6, 4, 4), "c63": (6, 6, 3, 3), "c53": (5, 5, 3, 3),
    }  # fmt: skip


def test_weights_are_inverse_to_the_segments_as_printed():
    recipe = methods.get("angular/tfgap-wloss").recipe("paper")
    found, _ = resolved(recipe, IEMOCAP)
    weights = np.array(found.loss_options["class_weight"])
    np.testing.assert_allclose(weights / weights.sum(), [0.35, 0.39, 0.10, 0.15], atol=6e-3)  # the paper cuts .395


def test_logits_are_averaged_over_an_utterances_segments(quick, voices, room):
    """Against every segment cut, scaled and scored alone by the network that the run has kept."""
    part, method = folds(voices, "speaker-folds-5")[0], methods.get("angular/crnn-m4")
    outcome = quick("angular/crnn-m4", corpus=voices, part=part)
    recipe, state = method.recipe("quick"), outcome.state
    network, loss = method.build(recipe, 4)
    Model([(network, loss)], {}).load(state)
    network.eval(), loss.eval()
    pieces = []
    for utterance in range(len(part.test)):
        signal = read_audio(voices.table["file"].iloc[part.test[utterance]])
        starts = range(0, max(1, len(signal) - 16000 + 1), 32000)  # a second every two
        pieces.append(len(starts))
        each = []
        for start in starts:
            segment = np.pad(signal[start : start + 16000], (0, max(0, 16000 - len(signal))))[None]
            x = (recipe.segments.spectrograms(segment)[0] - state["scaler.mean"]) / state["scaler.deviation"]
            with torch.no_grad():
                each.append(loss.get_logits(network(torch.tensor(x)[None], torch.tensor([x.shape[-1]]))))
        np.testing.assert_allclose(outcome.logits[utterance], torch.cat(each).mean(0), atol=1e-4)
    assert max(pieces) >= 2


def test_iemocap_uses_sessions_and_a_split_one_by_name(tiny_corpus):
    """The tiny corpus has five sessions of two speakers, as IEMOCAP has."""
    assert plan(tiny_corpus, NAMES[0], profile="paper", folds=None, seeds=[0])[0].scheme == "leave-one-session-out"
    tasks = plan(tiny_corpus, NAMES[0], profile="paper", folds="session-speaker-10", seeds=[0])
    assert len(tasks) == 10
    speakers = tiny_corpus.table["speaker"].to_numpy()
    sessions = tiny_corpus.table["session"].to_numpy()
    for task in tasks:
        (tested,), (dev,) = set(speakers[task.fold.test]), set(speakers[task.fold.dev])
        assert tested != dev and set(sessions[task.fold.test]) == set(sessions[task.fold.dev])
        assert not set(sessions[task.fold.train]) & set(sessions[task.fold.test])
