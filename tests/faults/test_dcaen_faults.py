"""Bad input to what paper 004 needs: lonely speakers, silence, NaN, damaged first stages, networks asked amiss."""

import re
import shutil

import numpy as np
import pytest
import soundfile
import torch

from serlib import methods
from serlib.corpora.corpus import Corpus
from serlib.features import AudioError, Functionals
from serlib.features.store import FeatureStore
from serlib.methods.dual import scaled_functionals
from serlib.methods.stages import shared
from serlib.models import DCaEN, FeatureNetwork, RawWaveformNetwork
from serlib.protocol import folds
from serlib.training import Hardware

CPU = Hardware.choose("cpu", "float32")


def refused(message, error=ValueError):
    return pytest.raises(error, match=re.escape(message))


@pytest.fixture
def fold(tiny_corpus):
    return folds(tiny_corpus, "speaker-folds-5")[0]


@pytest.fixture
def same_numbers(monkeypatch):
    """Functionals that need no openSMILE: a few numbers of the signal, in the columns of eGeMAPS."""

    def extract(self, signal):
        spectrum = np.log(np.abs(np.fft.rfft(signal, 4096))[:1760].reshape(88, 20).mean(1) + 1e-6)
        return spectrum.astype(np.float32)

    monkeypatch.setattr(Functionals, "extract", extract)


def test_a_speaker_with_one_utterance_has_no_deviation(tiny_corpus, cache, fold, same_numbers):
    table = tiny_corpus.table.copy()
    row = fold.test[0]
    table.iloc[row, table.columns.get_loc("speaker")] = "lonely"
    corpus, recipe = Corpus("tiny", table, tiny_corpus.classes), methods.get("dcaen/dcaen").recipe("quick")
    with pytest.warns(UserWarning, match="one utterance has no deviation: all functionals of speaker lonely become 0"):
        values = scaled_functionals(corpus, recipe, fold.train)
    assert (values[row] == 0).all() and np.isfinite(values).all() and (np.delete(values, row, 0) != 0).any(1).all()
    with pytest.warns(UserWarning, match="lonely"):
        outcome = methods.get("dcaen/dcaen").run(corpus, fold, profile="quick", seed=0, hardware=CPU)
    assert np.isfinite(outcome.logits).all() and np.isfinite(outcome.embeddings).all()


def test_the_training_parts_statistics_need_no_second_utterance(tiny_corpus, cache, fold, same_numbers, recwarn):
    table = tiny_corpus.table.copy()
    table.iloc[fold.test[0], table.columns.get_loc("speaker")] = "lonely"
    corpus, recipe = Corpus("tiny", table, tiny_corpus.classes), methods.get("dcaen/dcaen-trainnorm").recipe("quick")
    assert (scaled_functionals(corpus, recipe, fold.train)[fold.test[0]] != 0).any() and not recwarn.list


@pytest.mark.parametrize("feature", ["Functionals", "RawWaveform"])
def test_a_clip_of_silence_is_named_before_anything_is_learned(tiny_corpus, cache, fold, tmp_path, feature):
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(16_000), 16_000, subtype="PCM_16")
    from hashlib import sha256

    table = tiny_corpus.table.iloc[:24].copy()
    for column, value in (("file", str(path)), ("audio_sha256", sha256(path.read_bytes()).hexdigest())):
        table.iloc[3, table.columns.get_loc(column)] = value
    corpus, recipe = Corpus("tiny", table, tiny_corpus.classes), methods.get("dcaen/dcaen").recipe("quick")
    wanted = {"Functionals": recipe.functionals, "RawWaveform": recipe.waveform}[feature]
    with refused(f"1 of 24 recordings cannot be used:\n  {path}: signal: silent", AudioError):
        FeatureStore().get(corpus, wanted, n_jobs=1, progress=False)
    with refused(f"{path}: signal: silent", AudioError):
        methods.get("dcaen/dcaen").prepare(corpus, profile="quick", n_jobs=1, progress=False)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_functional_that_is_no_number_is_named(tiny_corpus, cache, fold, monkeypatch, value):
    calls = []

    def extract(self, signal):
        calls.append(0)
        row = np.arange(88, dtype=np.float32)
        row[7] = value if len(calls) in {3, 9} else 1
        return row

    monkeypatch.setattr(Functionals, "extract", extract)
    name = Functionals("eGeMAPSv02").names[7]
    told = (
        f"{name} of {tiny_corpus.table.index[2]} is {value}; allowed are finite functionals (2 utterances have others)"
    )
    for variant in ("ftr-eg", "dcaen-trainnorm"):
        with refused(told):
            methods.get(f"dcaen/{variant}").run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)


def test_a_fold_without_a_dev_part(tiny_corpus, cache, fold):
    from dataclasses import replace

    with refused("has no dev part to choose the epoch on; more speakers are needed"):
        methods.get("dcaen/raw").run(
            tiny_corpus, replace(fold, dev=fold.dev[:0]), profile="quick", seed=0, hardware=CPU
        )


@pytest.mark.parametrize("damage", ["cut", "bit", "another"])
def test_a_first_stage_that_is_damaged_or_anothers_is_made_again(cache, damage):
    made = []

    def make():
        made.append(0)
        return {"a": np.full(3, len(made), np.float32)}

    assert shared({"fold": 1}, make)["a"].tolist() == shared({"fold": 1}, make)["a"].tolist() == [1, 1, 1]
    (path,) = (cache / "cache" / "stages").iterdir()
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[:-40])
    elif damage == "bit":
        content[-40] ^= 1
        path.write_bytes(content)
    else:
        shared({"fold": 2}, lambda: {"a": np.zeros(3, np.float32)})
        (other,) = set(path.parent.iterdir()) - {path}
        shutil.copy(other, path)
    with pytest.warns(UserWarning, match="this first stage is damaged and is trained again"):
        assert shared({"fold": 1}, make)["a"].tolist() == [2, 2, 2]
    assert shared({"fold": 1}, make)["a"].tolist() == [2, 2, 2] and len(made) == 2


def test_a_first_stage_whose_making_fails_leaves_nothing(cache):
    with pytest.raises(KeyboardInterrupt):
        shared({"fold": 1}, lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert not list((cache / "cache").glob("stages/*"))


@pytest.fixture(scope="module")
def network():
    return RawWaveformNetwork(frame=32, channels=6, kernels=(5, 4), group=3, cells=7).eval()


@pytest.mark.parametrize(
    "lengths,message",
    [
        (torch.tensor([64]), "lengths is torch.int64 (1,); needed is int64 (2,), one a clip"),
        (torch.tensor([64.0, 20.0]), "lengths is torch.float32 (2,); needed is int64 (2,), one a clip"),
        (torch.tensor([65, 20]), "lengths lie in 20..65; allowed are 1..64 frames for this batch"),
        (torch.tensor([64, 0]), "lengths lie in 0..64; allowed are 1..64 frames for this batch"),
    ],
)
def test_lengths_that_disagree_with_the_batch(network, lengths, message):
    with refused(message):
        network(torch.zeros(2, 64), lengths)


def test_functionals_without_a_sample_behind_them(network):
    both = DCaEN(FeatureNetwork(8), network)
    with refused("lengths lie in 0..12; allowed are 1..12 frames for this batch"):
        both(torch.zeros(2, 20), torch.tensor([20, 8]))


@pytest.mark.parametrize(
    "option,message",
    [
        ({"channels": 40, "group": 11}, "channels=40, group=11; allowed are sizes from 1, channels in whole groups"),
        ({"cells": 0}, "allowed are sizes from 1"),
        ({"frame": 641}, "frame is 641; allowed are multiples of 2, by which the convolutions shrink it"),
        ({"strides": (3, 1)}, "frame is 640; allowed are multiples of 6"),
        ({"attention": "first"}, "attention is 'first'; allowed are each, last, concat"),
        ({"activation": "gelu"}, "activation is 'gelu'; allowed are none, relu, tanh"),
    ],
)
def test_options_that_make_no_raw_network(option, message):
    with refused(message):
        RawWaveformNetwork(**option)


@pytest.mark.parametrize("option", [{"features": 0}, {"hidden": (5, 0)}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_options_that_make_no_feature_network(option):
    with refused("allowed are sizes from 1, dropout in [0, 1)"):
        FeatureNetwork(**option)


@pytest.mark.parametrize("shape", [(4, 87), (88,), (4, 1, 88)])
def test_too_few_functionals(shape):
    with refused(f"the batch has shape {shape}; needed are (B, 88) functionals"):
        FeatureNetwork()(torch.zeros(shape))
