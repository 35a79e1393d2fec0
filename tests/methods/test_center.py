"""Paper 003's methods: the fixed names, whole utterances of any length, one number between softmax and center loss."""

import numpy as np
import pytest

from serlib import losses, methods
from serlib.methods.center import CENTER_WEIGHT, SWEEP
from serlib.methods.neural import NeuralMethod
from serlib.protocol import folds
from serlib.training import Hardware

FOUR = [f"center/{features}-{loss}" for features in ("mel", "stft") for loss in ("softmax", "center")]
OTHERS = ["center/mel-focal", "center/mel-triplet", "center/mel-supcon"]
PROFILES = ("quick", "study", "paper")
CPU = Hardware.choose("cpu", "float32")


def sweep_name(weight):
    return f"center/mel-sweep-{weight:g}"


@pytest.fixture(scope="module")
def fold(tiny_corpus):
    return folds(tiny_corpus, "speaker-folds-5")[0]


def test_the_names_are_there():
    found = {name for name in methods.names() if name.startswith("center/")}
    assert found == {*FOUR, *OTHERS, *(sweep_name(w) for w in SWEEP[1:])}
    assert SWEEP == (0, 0.003, 0.01, 0.03, 0.1, 0.3, 1) and CENTER_WEIGHT in SWEEP


@pytest.mark.parametrize("profile", PROFILES)
def test_variants_differ_in_the_loss_alone(profile):
    plain = methods.get("center/mel-softmax").recipe(profile).to_dict()
    for name in ["center/mel-center", *OTHERS, *(sweep_name(w) for w in SWEEP[1:])]:
        other = methods.get(name).recipe(profile).to_dict()
        changed = {key for key in plain if plain[key] != other[key]}
        assert "loss_options" in changed and changed <= {"loss", "loss_options"}
    stft = methods.get("center/stft-softmax").recipe(profile).to_dict()
    assert {key for key in plain if plain[key] != stft[key]} == {"features", "network_options"}


def test_softmax_and_center_differ_in_one_number():
    for features in ("mel", "stft"):
        plain, center = (methods.get(f"center/{features}-{loss}").recipe("study") for loss in ("softmax", "center"))
        assert plain.loss == center.loss == "CenterLoss"
        assert plain.loss_options == {"weight": 0.0, "alpha": 0.5}
        assert center.loss_options == {"weight": CENTER_WEIGHT, "alpha": 0.5}
    at_chosen = methods.get(sweep_name(CENTER_WEIGHT)).recipe("study").to_dict()
    assert at_chosen == methods.get("center/mel-center").recipe("study").to_dict()


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
def test_a_run_scores_and_keeps_its_course(tiny_corpus, cache, fold, name):
    method = methods.get(name)
    outcome = method.run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    assert outcome.logits.shape == (len(fold.test), 4) and outcome.embeddings.shape == (len(fold.test), 64)
    epochs = len(outcome.history)
    if method.watched:
        assert outcome.arrays["centers"].shape == (epochs + 1, 4, 64)
        assert outcome.arrays["course_embeddings"].shape == (epochs + 1, len(fold.dev), 64)
        assert outcome.arrays["course_labels"].tolist() == tiny_corpus.labels[fold.dev].tolist()
    else:
        assert outcome.arrays.keys() == {"weight"}


def test_watching_changes_no_score_and_lambda_zero_is_softmax(tiny_corpus, cache, fold):
    watched = methods.get("center/mel-softmax")

    class Plain(NeuralMethod):
        """The same network under softmax itself."""

        def build(self, recipe, labels, classes, seed):
            network, loss = super().build(recipe, labels, classes, seed)
            softmax = losses.SoftmaxLoss(classes, network.embedding_size)
            softmax.load_state_dict({k: v for k, v in loss.state_dict().items() if k != "centers"})
            return network, softmax

    plain = Plain(watched.name, watched.paper, watched.title, watched.recipes)
    first, second = (m.run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU) for m in (watched, plain))
    np.testing.assert_allclose(first.logits, second.logits, atol=1e-4)  # their means are summed in another order
    for one, other in zip(first.history, second.history, strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_center_loss_pulls_the_classes_together(tiny_corpus, cache, fold):
    from serlib.geometry import clustering

    tight = {}
    for weight in (0.003, 1.0):
        outcome = methods.get(sweep_name(weight)).run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
        tight[weight] = clustering(outcome.embeddings, tiny_corpus.labels[fold.test])["intra"].mean()
    assert tight[1.0] < 0.7 * tight[0.003]
