"""The frame of networks: what a run leaves, what it may not look at, several networks as one."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.special import softmax

from serlib import methods
from serlib.corpora.corpus import Corpus
from serlib.methods.model import joined
from serlib.methods.neural import NeuralMethod, drawn_seed
from serlib.protocol import Fold, folds
from serlib.training import ENDINGS, Hardware

FOCAL = ["focal/mel-softmax", "focal/mel-focal", "focal/mfcc-softmax", "focal/mfcc-focal"]
CPU = Hardware.choose("cpu", "float32")
SAID = [f"logits_{rule.replace('-', '_')}" for rule in ENDINGS]
FRAMES = ["focal/mfcc-softmax", "center/mel-center", "angular/tfgap-m4", "multidilated/best", "dcaen/dcaen"]


def own(name: str, **changes) -> NeuralMethod:
    """A method of one's own: another one's recipe with some fields changed."""
    base = methods.get(name)
    return replace(base, name="own/own", recipes=partial(_changed, base=base, changes=changes))


def _changed(profile, *, base, changes):
    return replace(base.recipe(profile), **changes)


def relabelled(corpus: Corpus, rows: np.ndarray, seed: int = 0) -> Corpus:
    """The corpus with the emotions of some rows shuffled."""
    table = corpus.table.copy()
    column = table.columns.get_loc("emotion")
    table.iloc[rows, column] = np.random.default_rng(seed).permutation(table.iloc[rows, column].to_numpy())
    return Corpus(corpus.name, table, corpus.classes, synthetic=corpus.synthetic)


def voiced(voices: Corpus) -> Fold:
    """A fold of the synthetic corpus whose utterances have several segments."""
    return folds(voices, "speaker-folds-5")[1]


def test_the_fixed_names_are_there():
    assert {*FOCAL, "baselines/egemaps-svm", "baselines/compare-svm", "baselines/egemaps-svm-speakernorm"} <= set(
        methods.names()
    )


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
        plain, focal = (methods.get(f"focal/mel-{loss}").recipe(profile) for loss in ("softmax", "focal"))
        assert replace(focal, loss=plain.loss, loss_options=plain.loss_options) == plain != focal


@pytest.mark.parametrize("name", FRAMES)
def test_a_run_scores_the_test_part_and_the_same_seed_gives_the_same_bits(quick, tiny_corpus, fold, name):
    outcome, networks = quick(name), methods.get(name).recipe("quick").networks
    assert outcome.logits.shape == (len(fold.test), 4) and outcome.embeddings.shape[0] == len(fold.test)
    assert outcome.logits.dtype == np.float32 and outcome.predicted is None
    assert outcome.arrays["weight"].shape == (4, outcome.embeddings.shape[1])
    assert {key.split(".")[0] for key in outcome.state} == {*map(str, range(networks)), "scaler"}
    again = methods.get(name).run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    np.testing.assert_array_equal(outcome.logits, again.logits)
    for key, value in outcome.state.items():
        np.testing.assert_array_equal(value, again.state[key])


@pytest.mark.parametrize("name", FRAMES)
def test_what_every_ending_would_have_said_is_kept(quick, fold, name):
    arrays, logits = quick(name).arrays, quick(name).logits
    said = {key: arrays[key] for key in arrays if key.startswith("logits_")}
    assert said.keys() == set(SAID)
    assert {each.shape for each in said.values()} == {(len(fold.test), 4)}
    np.testing.assert_array_equal(said["logits_average"], logits)  # the recipe's own
    assert np.abs(said["logits_last"] - logits).max() > 1e-6


@pytest.mark.parametrize("name", FRAMES)
def test_labels_of_test_and_dev_move_no_score(quick, tiny_corpus, fold, name):
    """Of dev nothing is chosen, of test nothing may be known."""
    spoilt = relabelled(relabelled(tiny_corpus, fold.test), fold.dev)
    changed = spoilt.labels != tiny_corpus.labels
    assert changed[fold.test].any() and changed[fold.dev].any() and not changed[fold.train].any()
    outcome = quick(name, corpus=spoilt)
    np.testing.assert_array_equal(outcome.logits, quick(name).logits)
    np.testing.assert_array_equal(outcome.embeddings, quick(name).embeddings)
    assert [row["dev_loss"] for row in outcome.history] != [row["dev_loss"] for row in quick(name).history]


@pytest.mark.parametrize("name", FRAMES)
def test_a_fold_without_dev_trains_to_the_same_network(quick, fold, name):
    outcome = quick(name, part=Fold(fold.name, fold.train, fold.dev[:0], fold.test))
    np.testing.assert_array_equal(outcome.logits, quick(name).logits)
    assert np.isnan([row["dev_ua"] for row in outcome.history]).all()
    assert not {"logits_best_dev", "logits_smoothed_dev", "course_epochs"} & outcome.arrays.keys()


@pytest.mark.parametrize("ending", ["best-dev", "smoothed-dev"])
def test_choosing_on_dev_needs_a_dev_part(quick, fold, ending):
    base = methods.get("focal/mfcc-softmax").recipe("quick").training
    chooser = own("focal/mfcc-softmax", training=replace(base, ending=ending))
    with pytest.raises(ValueError, match=f"ending is '{ending}' and there is no dev part"):
        quick(chooser, part=Fold(fold.name, fold.train, fold.dev[:0], fold.test))


@pytest.mark.parametrize("name", ["focal/mfcc-softmax", "angular/tfgap-m4", "dcaen/dcaen-trainnorm"])
def test_other_test_clips_change_neither_scaling_nor_scores(quick, fold, name):
    whole, some = quick(name), quick(name, part=Fold(fold.name, fold.train, fold.dev, fold.test[:3]))
    np.testing.assert_allclose(some.logits, whole.logits[:3], atol=1e-5)
    for key in (key for key in whole.state if key.startswith("scaler.")):
        np.testing.assert_array_equal(some.state[key], whole.state[key])


def test_a_class_absent_from_training_is_refused_before_anything_is_read(tiny_corpus, fold, tmp_path, monkeypatch):
    monkeypatch.setenv("SERLIB_CACHE", str(tmp_path))
    without = fold.train[tiny_corpus.labels[fold.train] != 2]
    for name in FRAMES:
        with pytest.raises(ValueError, match="class 2 has no utterance in the training part"):
            methods.get(name).run(
                tiny_corpus, Fold("odd", without, fold.dev, fold.test), profile="quick", seed=0, hardware=CPU
            )
    assert not list(tmp_path.iterdir())


def test_a_corpus_without_its_files_names_them(tiny_corpus, room):
    table = tiny_corpus.table.copy()
    table.iloc[3, table.columns.get_loc("file")] = str(room / "gone.wav")
    table.iloc[3, table.columns.get_loc("audio_sha256")] = "0" * 64
    with pytest.raises(ValueError, match=r"gone\.wav"):
        methods.get("focal/mfcc-softmax").prepare(
            Corpus("tiny", table, tiny_corpus.classes), profile="quick", n_jobs=1, progress=False
        )


@pytest.mark.parametrize("name", ["multidilated/ff-spp", "angular/tfgap-softmax"])
def test_several_networks_are_averaged_by_their_probabilities(quick, fold, name):
    """Those of a run's seed are the single ones of the seeds behind it, so no two runs share one."""
    singles, both = [quick(name, seed=seed) for seed in (2, 3)], quick(own(name, networks=2), seed=1)
    logits = [both.logits, *(both.arrays[key] for key in SAID)]
    for k, found in enumerate(logits):
        said = [single.logits if k == 0 else single.arrays[SAID[k - 1]] for single in singles]
        np.testing.assert_allclose(np.exp(found), np.mean([softmax(each, 1) for each in said], axis=0), atol=1e-5)
    np.testing.assert_array_equal(both.embeddings, singles[0].embeddings)
    assert both.notes["parameters"] == singles[0].notes["parameters"] and both.history == singles[0].history
    for k, single in enumerate(singles):
        for key in (key for key in single.state if key.startswith("0.")):
            np.testing.assert_array_equal(both.state[f"{k}{key[1:]}"], single.state[key])


def test_probabilities_far_apart_are_averaged_without_overflow():
    far = [np.array([[1e4, 0, -1e4]], np.float32), np.array([[-1e4, 0, 1e4]], np.float32)]
    np.testing.assert_allclose(np.exp(joined(far)), [[0.5, 0, 0.5]], atol=1e-6)
    assert joined(far[:1]) is far[0]


@pytest.mark.parametrize("scaling", ["train", "speaker"])
def test_utterances_are_scored_by_the_mean_over_their_pieces(quick, voices, room, scaling):
    part = voiced(voices)
    method = own("angular/tfgap-m4", scaling=scaling)
    outcome = quick(method, corpus=voices, part=part)
    parts, _ = method.parts(voices, part, method.recipe("quick"), "cpu")
    pieces = np.bincount(parts["test"].groups)
    assert pieces.max() >= 2 and len(pieces) == len(part.test) == len(outcome.logits) == len(outcome.embeddings)
    np.testing.assert_array_equal(parts["test"].utterance_labels, voices.labels[part.test])
    assert len(parts["dev"].utterance_labels) == len(part.dev)


def test_a_watched_training_of_segments_keeps_utterances(quick, voices):
    part = voiced(voices)
    outcome = quick(replace(own("angular/tfgap-m4"), watched=True), corpus=voices, part=part)
    assert outcome.arrays["course_embeddings"].shape[1] == len(part.dev)
    np.testing.assert_array_equal(outcome.arrays["course_labels"], voices.labels[part.dev])
    plain = quick("angular/tfgap-m4", corpus=voices, part=part)
    np.testing.assert_array_equal(outcome.logits, plain.logits)  # to watch changes nothing


def test_each_speakers_statistics_follow_the_speaker_alone(voices, room):
    """In training each speed is a voice of its own; in test nobody else's clips count."""
    method, part = own("multidilated/ff-spp", scaling="speaker", normalise="bin", speeds=(0.9,)), voiced(voices)
    recipe = method.recipe("quick")
    parts, _ = method.parts(voices, part, recipe, "cpu")
    speakers = voices.table["speaker"].to_numpy()
    for name, versions in (("train", 2), ("test", 1)):
        rows, scaled = getattr(part, name), parts[name]
        for version in range(versions):
            for speaker in np.unique(speakers[rows]):
                mine = np.flatnonzero(speakers[rows] == speaker) + version * len(rows)
                frames = np.concatenate([scaled.inputs[i] for i in mine], -1)
                np.testing.assert_allclose(frames.mean(-1), 0, atol=1e-3)
                np.testing.assert_allclose(frames[0].std(-1), 1, atol=1e-3)
    one = part.test[speakers[part.test] == speakers[part.test[0]]]
    alone, _ = method.parts(voices, Fold("one", part.train, part.dev, one), recipe, "cpu")
    np.testing.assert_array_equal(alone["test"].inputs[0], parts["test"].inputs[0])


def test_all_code_that_can_change_a_result_is_in_the_digest():
    from serlib.runs.code import sources

    frame = {f"serlib.methods.{n}" for n in ("neural", "model", "reading", "recipe", "resolve", "scaling", "variants")}
    training = {f"serlib.training.{n}" for n in ("fit", "batches", "endings", "examples", "predict", "recipe", "masks")}
    special = {
        "focal/mel-focal": {"serlib.models.resnet18", "serlib.losses.focal", "serlib.features.spectrograms"},
        "angular/crnn-c64": {"serlib.models.crnn", "serlib.losses.angular", "serlib.features.segments"},
        "multidilated/multi-attention": {"serlib.models.multidilated", "serlib.models.pooling.attention",
                                         "serlib.models.pooling.pyramid"},
        "dcaen/dcaen": {"serlib.methods.dual", "serlib.methods.probes", "serlib.models.raw_waveform_network",
                        "serlib.models.dcaen", "serlib.losses.dcaen", "serlib.features.audio"},
    }  # fmt: skip
    for name, modules in special.items():
        read = set(sources(methods.get(name).modules("study")))
        assert frame | training | modules <= read, (name, (frame | training | modules) - read)
        assert ("serlib.methods.dual" in read) == (name == "dcaen/dcaen")
        assert not any(module.startswith(("serlib.runs", "serlib.plots")) for module in read)


def test_seeds_differ_between_folds_and_are_alike_for_all_methods():
    """Networks of one seed that started alike in every fold would share their luck."""
    drawn = {(seed, name): drawn_seed(seed, name) for seed in range(20) for name in ("fold-1", "fold-2", "speaker-03")}
    assert len(set(drawn.values())) == len(drawn) and max(drawn.values()) < 2**32
    assert drawn_seed(0, "speaker-03") == 1707998695


def test_a_fold_of_another_name_starts_elsewhere(quick, fold):
    other = quick("focal/mfcc-softmax", part=Fold("other", fold.train, fold.dev, fold.test))
    assert np.abs(other.logits - quick("focal/mfcc-softmax").logits).max() > 1e-3
