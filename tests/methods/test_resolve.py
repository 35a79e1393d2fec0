"""What a training part decides: margins, the course of lambda over the real number of steps, class weights, notes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serlib import methods
from serlib.methods.angular import MINIMUM_AT
from serlib.methods.neural import NeuralMethod
from serlib.methods.resolve import annealing, class_margins, resolved
from serlib.protocol import folds
from serlib.training import Examples, Training, TrainingBatches

COURSE = {"epochs", "chosen_epoch", "train_ua", "slope", "converged", "parameters"}


def counts(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels, minlength=4)


@pytest.fixture(scope="module")
def part(voices):
    return folds(voices, "speaker-folds-5")[0]


@pytest.mark.parametrize(
    "sizes,pair,margins",
    [
        ([13.14, 11.67, 44.26, 30.93], (6, 4), (6, 6, 4, 4)),  # IEMOCAP, as paper 000 has it
        ([13.14, 11.67, 44.26, 30.93], (5, 3), (5, 5, 3, 3)),
        ([10, 10, 10], (6, 3), (4, 4, 4)),  # none is small or large: the mean, rounded down
        ([1, 10, 100], (6, 4), (6, 5, 4)),
        ([100, 10, 1], (6, 4), (4, 5, 6)),
    ],
)
def test_margins_follow_the_sizes_of_classes(sizes, pair, margins):
    assert class_margins(sizes, pair) == margins


@pytest.mark.parametrize("pair", [(6, 0), (6, 2.5), (6,), (6, 5, 4)])
def test_a_pair_of_margins_that_is_none(pair):
    with pytest.raises(ValueError, match="margin of a pair"):
        class_margins([1, 2, 3], pair)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 400), min_size=4, max_size=4), st.integers(1, 64),
    st.sampled_from([{"epochs": 1}, {"epochs": 7}, {"updates": 50}, {"updates": 1200}]),
)  # fmt: skip
def test_lambda_falls_over_the_steps_that_are_really_made(sizes, batch_size, budget):
    """Of the loader's own count, whatever the sizes."""
    training = Training(batch_size=batch_size, **budget)
    recipe = replace(methods.get("angular/crnn-m4").recipe("study"), training=training)
    found, notes = resolved(recipe, np.array(sizes))
    labels = np.repeat(np.arange(4), sizes)
    batches = TrainingBatches(Examples([np.zeros((1, 1, 3), np.float32)] * len(labels), labels), batch_size, seed=0)
    made = sum(1 for _ in batches)
    steps = made * training.length(made)
    course = found.loss_options["annealing"]
    assert course == annealing(steps, minimum_at=MINIMUM_AT) and notes["annealing"]["gamma"] == course.gamma
    lowest = max(1.0, MINIMUM_AT * steps)
    assert course(lowest) == pytest.approx(5) and course(0.9 * lowest) > 5.4


def test_the_papers_own_course_is_not_squeezed():
    found, notes = resolved(methods.get("angular/crnn-m4").recipe("paper"), np.array([900, 800, 2900, 2000]))
    assert notes["annealing"] == {"base": 1000.0, "gamma": 0.12, "power": 1.0, "minimum": 5.0}
    assert found.loss_options["annealing"](1659) == pytest.approx(5, rel=1e-3)


def test_a_run_makes_as_many_steps_as_lambda_was_told(quick, voices, part):
    """The loss counts its own steps, and keeps the count."""
    outcome = quick("angular/tfgap-m4", corpus=voices, part=part)
    sizes = outcome.notes["segments"]
    steps = int(outcome.state["0.loss.step"])
    assert steps == len(outcome.history) * -(-sum(sizes) // 64)
    assert outcome.notes["annealing"]["gamma"] == pytest.approx(199 / max(1, MINIMUM_AT * steps))


@pytest.mark.parametrize("name", ["angular/tfgap-wloss", "multidilated/gmp"])
def test_class_weights_follow_what_is_trained_on(voices, part, room, name):
    """Of segments where utterances are cut: long classes have more of them than of utterances."""
    method: NeuralMethod = methods.get(name)
    recipe = method.recipe("quick")
    train = method.parts(voices, part, recipe, "cpu")[0]["train"]
    own = counts(train.labels[train.as_is])
    found, notes = resolved(recipe, own)
    weights = method.build(found, 4)[1].class_weight.numpy()
    np.testing.assert_allclose(weights, own.sum() / (4 * own), rtol=1e-6)
    assert weights[train.labels[train.as_is]].mean() == pytest.approx(1)
    utterances = counts(voices.labels[part.train])
    if recipe.segments is None:
        assert own.tolist() == utterances.tolist() and "segments" not in notes
    else:
        assert notes["segments"] == own.tolist() != utterances.tolist()


def test_readings_at_other_speeds_are_not_counted(voices, part, room):
    method = methods.get("angular/tfgap-m4+strong")
    train = method.parts(voices, part, method.recipe("quick"), "cpu")[0]["train"]
    plain = methods.get("angular/tfgap-m4").parts(voices, part, methods.get("angular/tfgap-m4").recipe("quick"), "cpu")
    assert counts(train.labels[train.as_is]).tolist() == counts(plain[0]["train"].labels).tolist()


def test_sampling_weighs_no_loss_and_the_recipe_stays_as_it_was():
    recipe = methods.get("angular/crnn-wsampling").recipe("study")
    before = recipe.to_dict()
    found, _ = resolved(recipe, np.array([40, 10, 20, 30]))
    assert "class_weight" not in found.loss_options and found.training.balancing == "sampling"
    assert recipe.to_dict() == before


@pytest.mark.parametrize(
    "name,more",
    [
        ("focal/mfcc-softmax", {}),
        ("center/mel-center", {}),
        ("multidilated/multi-arcface", {}),
        ("angular/crnn-softmax", {"segments"}),
        ("angular/crnn-m5", {"segments", "margin", "annealing"}),
        ("angular/tfgap-c53", {"segments", "margin", "annealing"}),
    ],
)
def test_a_manifest_says_what_was_filled_in_and_how_training_went(quick, voices, part, name, more):
    notes, history = (lambda o: (o.notes, o.history))(quick(name, corpus=voices, part=part))
    assert notes.keys() == COURSE | set(more)
    assert notes["epochs"] == len(history) and notes["train_ua"] == history[-1]["train_ua"]
    assert notes["chosen_epoch"] is None  # averaged: none is chosen
    assert not notes["converged"]  # of fewer than ten epochs this is never said
    rises = np.polyfit(np.arange(len(history)), [row["train_ua"] for row in history], 1)[0]
    if len(history) <= 5:
        assert notes["slope"] == pytest.approx(100 * rises, abs=1e-6)
    if "segments" in more:  # long utterances have several
        assert all(notes["segments"] >= counts(voices.labels[part.train])) and sum(notes["segments"]) > len(part.train)
    if name == "angular/tfgap-c53":
        assert notes["margin"] == list(class_margins(notes["segments"], (5, 3))) and set(notes["margin"]) >= {3, 5}


def test_a_manifest_of_two_stages_tells_of_the_second(quick):
    outcome = quick("dcaen/dcaen")
    assert outcome.notes.keys() == COURSE and outcome.notes["epochs"] == len(outcome.history)
    tensors = [value.size for key, value in outcome.state.items() if not key.startswith("scaler.")]
    assert outcome.notes["parameters"] == sum(tensors)


def test_an_epoch_that_was_chosen_is_told(quick):
    chooser = replace(methods.get("center/mel-softmax"), recipes=_chooser)
    outcome = quick(chooser)
    best = max(row["dev_ua"] for row in outcome.history)
    assert outcome.history[outcome.notes["chosen_epoch"] - 1]["dev_ua"] == best
    np.testing.assert_array_equal(outcome.logits, outcome.arrays["logits_best_dev"])


def _chooser(profile):
    recipe = methods.get("center/mel-softmax").recipe(profile)
    return replace(recipe, training=replace(recipe.training, ending="best-dev"))
