"""Paper 003's methods: the fixed names, whole utterances of any length, one number between softmax and center loss."""

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from serlib import losses, methods
from serlib.geometry import clustering
from serlib.methods.center import CENTER_WEIGHT, SWEEP
from serlib.methods.neural import NeuralMethod
from serlib.training import Hardware, predict

FOUR = [f"center/{features}-{loss}" for features in ("mel", "stft") for loss in ("softmax", "center")]
OTHERS = ["center/mel-focal", "center/mel-triplet", "center/mel-supcon"]
PROFILES = ("quick", "study", "paper")


def sweep_name(weight):
    return "center/mel-center" if weight == CENTER_WEIGHT else f"center/mel-sweep-{weight:g}"


def test_the_names_are_there():
    found = {name for name in methods.names() if name.startswith("center/")}
    assert found == {*FOUR, *OTHERS, *(sweep_name(w) for w in SWEEP[1:])}
    assert SWEEP == (0, 0.003, 0.01, 0.03, 0.1, 0.3, 1) and CENTER_WEIGHT in SWEEP


def differing(one, other):
    return {f.name for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)}


@pytest.mark.parametrize("profile", PROFILES)
def test_variants_differ_in_the_loss_alone(profile):
    plain = methods.get("center/mel-softmax").recipe(profile)
    for name in ["center/mel-center", *OTHERS, *(sweep_name(w) for w in SWEEP[1:])]:
        changed = differing(plain, methods.get(name).recipe(profile))
        assert "loss_options" in changed and changed <= {"loss", "loss_options"}
    assert differing(plain, methods.get("center/stft-softmax").recipe(profile)) == {"features", "network_options"}


def test_softmax_and_center_differ_in_one_number():
    for features in ("mel", "stft"):
        plain, center = (methods.get(f"center/{features}-{loss}").recipe("study") for loss in ("softmax", "center"))
        assert plain.loss == center.loss == "CenterLoss"
        assert plain.loss_options == {"weight": 0.0, "alpha": 0.5}
        assert center.loss_options == {"weight": CENTER_WEIGHT, "alpha": 0.5}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("features", ["mel", "stft"])
def test_utterances_of_any_length_go_in_whole(profile, features):
    recipe = methods.get(f"center/{features}-softmax").recipe(profile)
    assert recipe.features.crop_seconds is None and not recipe.features.pad
    for seconds in (0.5, 3.3, 35):
        signal = 0.1 * np.random.default_rng(0).standard_normal(int(seconds * 16000)).astype(np.float32)
        _, bins, frames = recipe.features.extract(signal).shape
        assert bins == recipe.network_options["bins"]
        assert abs(frames - seconds * 16000 / recipe.features.hop_length) <= 4 and frames >= 15


def test_the_paper_profile_is_as_it_is_documented():
    mel, stft = (methods.get(f"center/{f}-center").recipe("paper") for f in ("mel", "stft"))
    assert mel.features.n_mels == 128 and mel.network_options == {"bins": 128, "width": 1.0}
    assert (stft.features.n_bins - 1) * 16000 / stft.features.n_fft == 4000
    for recipe in (mel, stft):
        assert recipe.features.window_length == 0.04 * 16000 and recipe.features.hop_length == 0.01 * 16000


def test_a_louder_voice_gives_greater_values():
    """No utterance is scaled by its own maximum: level is a cue."""
    signal = 0.1 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    mel, stft = (methods.get(f"center/{f}-softmax").recipe("study").features for f in ("mel", "stft"))
    np.testing.assert_allclose(mel.extract(2 * signal) - mel.extract(signal), 20 * np.log10(2), atol=1e-3)
    np.testing.assert_allclose(stft.extract(2 * signal) - stft.extract(signal), 2 * np.log(2), atol=1e-3)


@pytest.mark.parametrize("name", [FOUR[1], FOUR[2], OTHERS[1]])
def test_a_run_scores_and_keeps_its_course(quick, tiny_corpus, fold, name):
    method, outcome = methods.get(name), quick(name)
    assert outcome.logits.shape == (len(fold.test), 4) and outcome.embeddings.shape == (len(fold.test), 64)
    epochs, course = len(outcome.history), {"centers", "course_epochs", "course_embeddings", "course_labels"}
    assert {key for key in outcome.arrays if not key.startswith("logits_")} == {"weight"} | (
        course if method.watched else set()
    )
    if method.watched:
        assert outcome.arrays["centers"].shape == (epochs + 1, 4, 64)
        assert outcome.arrays["course_embeddings"].shape == (epochs + 1, len(fold.dev), 64)
        assert outcome.arrays["course_epochs"].tolist() == list(range(epochs + 1))
        assert outcome.arrays["course_labels"].tolist() == tiny_corpus.labels[fold.dev].tolist()


@dataclass
class Softmax(NeuralMethod):
    """The same network under softmax itself, from the same start."""

    def build(self, recipe, classes):
        network, loss = super().build(recipe, classes)
        softmax = losses.SoftmaxLoss(classes, network.embedding_size)
        softmax.load_state_dict({key: value for key, value in loss.state_dict().items() if key != "centers"})
        return network, softmax


def test_watching_changes_no_score_and_lambda_zero_is_softmax(quick):
    watched = methods.get("center/mel-softmax")
    unseen = quick(replace(watched, watched=False))
    np.testing.assert_array_equal(unseen.logits, quick("center/mel-softmax").logits)
    plain = quick(Softmax(watched.name, watched.paper, watched.title, watched.recipes))
    np.testing.assert_allclose(plain.logits, unseen.logits, atol=1e-4)  # their means are summed in another order
    for one, other in zip(unseen.history, plain.history, strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_center_loss_pulls_the_classes_together(tiny_corpus, fold, room):
    """Where it was asked to: on what was learned from, once there is something to pull together."""

    def spread(weight):
        method = methods.get(sweep_name(weight))
        recipe = method.recipe("quick")
        recipe = replace(recipe, training=replace(recipe.training, epochs=5 * recipe.training.epochs))
        parts, _ = method.parts(tiny_corpus, fold, recipe, "cpu")
        network, loss, *_ = method.trained(recipe, len(tiny_corpus.classes), parts, seed=0, hardware=Hardware())
        train = parts["train"]
        embeddings = predict(network, loss, train.inputs, hardware=Hardware())[1]
        return clustering(embeddings, train.labels)["intra"].mean()

    assert spread(1.0) < 0.7 * spread(0.003)
