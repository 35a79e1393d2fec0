"""Methods with networks: registered under the fixed names, leak-free scaling, profiles through one code path."""

import json
from dataclasses import replace

import numpy as np
import pytest

from serlib import methods
from serlib.corpora.corpus import Corpus
from serlib.methods.neural import NeuralMethod, Scaler
from serlib.protocol import Fold, folds
from serlib.training import Examples, Hardware, SpectrogramMasks

FOCAL = ["focal/mel-softmax", "focal/mel-focal", "focal/mfcc-softmax", "focal/mfcc-focal"]
CPU = Hardware.choose("cpu", "float32")


def test_the_fixed_names_are_there():
    assert {*FOCAL, "baselines/egemaps-svm", "baselines/compare-svm", "baselines/egemaps-svm-speakernorm"} <= set(
        methods.names()
    )


@pytest.mark.parametrize("name", methods.names())
@pytest.mark.parametrize("profile", ["quick", "study", "paper"])
def test_every_recipe_is_plain_and_stable(name, profile):
    recipe = methods.get(name).recipe(profile).to_dict()
    assert json.loads(json.dumps(recipe)) == json.loads(json.dumps(methods.get(name).recipe(profile).to_dict()))
    with pytest.raises(ValueError, match="profile is 'big'; allowed are quick, study, paper"):
        methods.get(name).recipe("big")


def test_the_paper_profile_of_focal_is_as_printed():
    for name in FOCAL:
        recipe = methods.get(name).recipe("paper")
        assert recipe.features.sample_rate_hz == 22050 and recipe.features.crop_seconds == 6.0
        assert recipe.network == "ResNet18" and recipe.network_options == {"width": 64}
        signal = np.random.default_rng(0).standard_normal(6 * 22050).astype(np.float32) * 0.1
        bands = 128 if "/mel" in name else 40
        assert recipe.features.extract(signal).shape == (1, bands, 259)


def test_softmax_and_focal_differ_in_nothing_but_the_loss():
    for profile in ("quick", "study", "paper"):
        plain, focal = (methods.get(f"focal/mel-{loss}").recipe(profile).to_dict() for loss in ("softmax", "focal"))
        changed = {key for key in plain if plain[key] != focal[key]}
        assert changed == {"loss", "loss_options"}


@pytest.mark.parametrize("normalise,axis", [("bin", (0, 3)), ("channel", (0, 2, 3))])
def test_scaling_uses_the_training_part_alone(normalise, axis):
    inputs = np.random.default_rng(0).normal(4, 2, (6, 2, 3, 50)).astype(np.float32)
    scale = Scaler(list(inputs), normalise)
    scaled = np.stack([scale(x) for x in inputs])
    np.testing.assert_allclose(scaled.mean(axis), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(axis), 1, atol=1e-4)


def test_a_silent_band_stays_zero_and_none_leaves_the_input_alone():
    silent = [np.full((1, 2, 9), 3.0, np.float32)]
    assert (Scaler(silent, "bin")(silent[0]) == 0).all()
    assert (Scaler(silent, "none")(silent[0]) == silent[0]).all()


def test_a_run_scores_the_test_part_and_says_what_it_did(tiny_corpus, cache):
    fold = folds(tiny_corpus, "speaker-folds-5")[0]
    outcome = methods.get("focal/mfcc-focal").run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    assert outcome.logits.shape == (len(fold.test), 4) and outcome.embeddings.shape[0] == len(fold.test)
    assert outcome.arrays["weight"].shape == (4, outcome.embeddings.shape[1])
    assert outcome.notes["chosen_epoch"] in {row["epoch"] for row in outcome.history}
    again = methods.get("focal/mfcc-focal").run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    np.testing.assert_array_equal(outcome.logits, again.logits)


def test_dev_and_test_may_be_anything_without_moving_the_scaler(tiny_corpus, cache):
    method, fold = methods.get("focal/mfcc-softmax"), folds(tiny_corpus, "speaker-folds-5")[0]
    smaller = Fold(fold.name, fold.train, fold.dev, fold.test[:3])
    whole = method.run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    part = method.run(tiny_corpus, smaller, profile="quick", seed=0, hardware=CPU)
    np.testing.assert_allclose(part.logits, whole.logits[:3], atol=1e-5)
    np.testing.assert_array_equal(part.state["scaler.mean"], whole.state["scaler.mean"])


def test_a_class_absent_from_training_is_refused(tiny_corpus, cache):
    fold = folds(tiny_corpus, "speaker-folds-5")[0]
    without = fold.train[tiny_corpus.labels[fold.train] != 2]
    with pytest.raises(ValueError, match="class 2 has no utterance in the training part"):
        methods.get("focal/mfcc-softmax").run(
            tiny_corpus, Fold("odd", without, fold.dev, fold.test), profile="quick", seed=0, hardware=CPU
        )


def test_a_fold_without_dev_is_refused(tiny_corpus, cache):
    fold = folds(tiny_corpus, "speaker-folds-5")[0]
    with pytest.raises(ValueError, match="fold 'odd' has no dev part to choose the epoch on; more speakers are needed"):
        methods.get("focal/mfcc-softmax").run(
            tiny_corpus, Fold("odd", fold.train, fold.dev[:0], fold.test), profile="quick", seed=0, hardware=CPU
        )


def test_balancing_the_loss_weighs_classes_by_their_inverse_share(tiny_corpus):
    from dataclasses import replace

    from serlib.training import Training

    recipe = methods.get("focal/mel-softmax").recipe("quick")
    recipe = replace(recipe, training=Training(1, balancing="loss"))
    labels = np.array([0] * 60 + [1] * 20 + [2] * 10 + [3] * 10)
    _, loss = methods.get("focal/mel-softmax").build(recipe, labels, 4, seed=0)
    np.testing.assert_allclose(loss.class_weight.numpy(), [100 / 240, 100 / 80, 2.5, 2.5], rtol=1e-6)
    assert np.isclose(loss.class_weight.numpy()[labels].mean(), 1)


def test_a_corpus_without_its_files_names_them(tiny_corpus, cache):
    table = tiny_corpus.table.copy()
    table.iloc[3, table.columns.get_loc("file")] = str(cache / "gone.wav")
    table.iloc[3, table.columns.get_loc("audio_sha256")] = "0" * 64
    broken = Corpus("tiny", table, tiny_corpus.classes)
    with pytest.raises(ValueError, match=r"gone\.wav"):
        methods.get("focal/mfcc-softmax").prepare(broken, profile="quick", n_jobs=1, progress=False)


class Halves(NeuralMethod):
    """Cuts every utterance in two, which the scores must not show."""

    def examples(self, recipe, inputs, labels, names, *, hardware, training):
        pieces = [half for x in inputs for half in np.array_split(x, 2, axis=-1)]
        groups = np.repeat(np.arange(len(inputs)), 2)
        return Examples(pieces, labels[groups], [names[g] for g in groups], groups)


def test_a_method_that_cuts_utterances_up_scores_utterances(tiny_corpus, cache):
    plain = methods.get("focal/mel-softmax")
    method = Halves("focal/halves", "001", "halves", plain.recipes, watched=True)
    fold = folds(tiny_corpus, "speaker-folds-5")[0]
    outcome = method.run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    assert outcome.logits.shape == (len(fold.test), 4) and len(outcome.embeddings) == len(fold.test)
    assert outcome.arrays["course_embeddings"].shape[1] == len(fold.dev) == len(outcome.arrays["course_labels"])


def test_speeds_and_masks_touch_the_training_part_alone(tiny_corpus, cache):
    base = methods.get("center/mel-softmax").recipe("quick")
    recipe = replace(base, speeds=(0.9, 1.1), masks=SpectrogramMasks(bins=4, frames=10))
    method = NeuralMethod("center/varied", "003", "varied", lambda profile: recipe)
    fold = folds(tiny_corpus, "speaker-folds-5")[0]
    train = method.part(tiny_corpus, recipe, fold.train, hardware=CPU, training=True)
    test = method.part(tiny_corpus, recipe, fold.test, hardware=CPU)
    assert len(train) == 3 * len(fold.train) and len(test) == len(fold.test)
    once, slow, fast = np.split(train.lengths, 3)
    assert (slow > once).all() and (fast < once).all()
    np.testing.assert_array_equal(train.labels, np.tile(tiny_corpus.labels[fold.train], 3))
    assert method.run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU).logits.shape == (len(fold.test), 4)


def test_a_recipe_names_speeds_and_masks_only_where_they_are_used():
    base = methods.get("center/mel-softmax").recipe("quick")
    assert not {"speeds", "masks"} & set(base.to_dict())
    varied = replace(base, speeds=(0.9,), masks=SpectrogramMasks()).to_dict()
    assert json.loads(json.dumps(varied))["speeds"] == [0.9] and varied["masks"]["bins"] == 8
