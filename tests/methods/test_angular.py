"""Paper 000's methods: the printed recipes, segments averaged, margins and lambda that follow the training part."""

import numpy as np
import pytest
import torch

from serlib import methods
from serlib.methods.angular import BEST_MARGIN, MARGIN_PAIRS, MINIMUM_AT, annealing, class_margins
from serlib.methods.segmented import resolved
from serlib.protocol import folds
from serlib.protocol.published import table_beside
from serlib.runs import plan
from serlib.training import Hardware

LOSSES = ("softmax", "m3", "m4", "m5", "m6", "c64", "c63", "c53", "wsampling", "wloss")
NAMES = [f"angular/{network}-{loss}" for network in ("crnn", "tfgap") for loss in LOSSES]
PROFILES = ("quick", "study", "paper")
IEMOCAP = np.array([13.14, 11.67, 44.26, 30.93])  # %, section 3.4: angry, happy, neutral, sad
CPU = Hardware.choose("cpu", "float32")


@pytest.fixture(scope="module")
def fold(tiny_corpus):
    return folds(tiny_corpus, "speaker-folds-5")[0]


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
    parameters = [torch.nn.Parameter(torch.zeros(1))]
    optimiser = training.make_optimiser(parameters)
    schedule, every_batch = training.make_schedule(optimiser, 100)
    rates = []
    for _ in range(70):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step(), schedule.step()
    assert not every_batch
    if network == "crnn":
        assert isinstance(optimiser, torch.optim.Adam)
        np.testing.assert_allclose(rates, 0.01 * 0.9 ** np.arange(70))
    else:  # the rate of epochs 21, 41 and 61 is the first of the lower ones
        assert isinstance(optimiser, torch.optim.SGD) and optimiser.defaults["nesterov"]
        assert optimiser.defaults["momentum"] == 0.9
        np.testing.assert_allclose(rates, np.repeat([0.1, 0.01, 0.001, 0.0001], [20, 20, 20, 10]))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("network", ["crnn", "tfgap"])
def test_rows_differ_in_the_loss_alone(profile, network):
    plain = methods.get(f"angular/{network}-softmax").recipe(profile).to_dict()
    for loss in LOSSES[1:]:
        other = methods.get(f"angular/{network}-{loss}").recipe(profile).to_dict()
        changed = {key for key in plain if plain[key] != other[key]}
        allowed = {"loss", "loss_options", "annealing", "margin_pair"}
        assert changed <= allowed | ({"training"} if loss.startswith("w") else set())
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
    assert class_margins(IEMOCAP, MARGIN_PAIRS["c64"]) == (6, 6, 4, 4)
    assert class_margins(IEMOCAP, MARGIN_PAIRS["c63"]) == (6, 6, 3, 3)
    assert class_margins(IEMOCAP, MARGIN_PAIRS["c53"]) == (5, 5, 3, 3)
    assert class_margins([10, 10, 10], (6, 3)) == (4, 4, 4)  # none is small or large: the mean, rounded down
    assert class_margins([1, 10, 100], (6, 4)) == (6, 5, 4)


def test_weights_are_inverse_to_the_segments_as_printed():
    recipe = methods.get("angular/tfgap-wloss").recipe("paper")
    found, _ = resolved(recipe, IEMOCAP)
    weights = np.array(found.loss_options["class_weight"])
    np.testing.assert_allclose(weights / weights.sum(), [0.35, 0.39, 0.10, 0.15], atol=6e-3)  # the paper cuts .395
    assert found.training.balancing == "none"  # they are in the loss now


def test_logits_are_averaged_over_an_utterances_segments(tiny_corpus, cache, fold):
    """Against every segment scored alone by a network kept from the run."""
    from serlib import losses, models

    method = methods.get("angular/crnn-m4")
    outcome = method.run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    recipe = method.recipe("quick")
    network = models.CRNN(**recipe.network_options).eval()
    loss = losses.AngularSoftmaxLoss(4, 64).eval()
    for part, prefix in ((network, "network."), (loss, "loss.")):
        own = {k: torch.tensor(v) for k, v in outcome.state.items() if k.startswith(prefix)}
        part.load_state_dict({k.removeprefix(prefix): v for k, v in own.items()})
    test = method.part(tiny_corpus, recipe, fold.test, hardware=CPU)
    assert len(test) >= len(fold.test) and test.groups.max() == len(fold.test) - 1
    for utterance in (0, 5):
        each = []
        for i in np.flatnonzero(test.groups == utterance):
            x = (test.inputs[i] - outcome.state["scaler.mean"]) / outcome.state["scaler.deviation"]
            with torch.no_grad():
                each.append(loss.get_logits(network(torch.tensor(x)[None], torch.tensor([x.shape[-1]]))))
        np.testing.assert_allclose(outcome.logits[utterance], torch.cat(each).mean(0), atol=1e-4)


def test_a_run_keeps_what_was_resolved(tiny_corpus, cache, fold):
    rare = tiny_corpus.subset(~((tiny_corpus.labels < 2) & (tiny_corpus.table["take"] == "a") & (
        tiny_corpus.table["sentence"] != "s0")))  # anger and happiness: one take of three  # fmt: skip
    part = folds(rare, "speaker-folds-5")[0]
    outcome = methods.get("angular/tfgap-c53").run(rare, part, profile="quick", seed=0, hardware=CPU)
    notes = outcome.notes
    assert notes["margin"] == [5, 5, 3, 3] and sum(notes["segments"]) == len(part.train)  # none is over 2 s
    steps = len(outcome.history) * -(-sum(notes["segments"]) // 64)
    assert notes["annealing"]["gamma"] == pytest.approx(199 / max(1, MINIMUM_AT * steps))
    assert outcome.arrays["weight"].shape == (4, outcome.embeddings.shape[1])
    assert outcome.embeddings.shape[0] == len(part.test)


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
