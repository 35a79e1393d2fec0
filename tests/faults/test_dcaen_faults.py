"""Bad input to what paper 004 needs: lonely speakers, silence, NaN, damaged first stages, networks asked amiss."""

import re
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import soundfile
import torch

from serlib import methods
from serlib.corpora.corpus import Corpus
from serlib.features import AudioError, Functionals
from serlib.features.store import FeatureStore
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


@pytest.mark.parametrize("variant,zero", [("dcaen", True), ("dcaen-trainnorm", False)])
def test_a_speaker_with_one_utterance_has_no_deviation(tiny_corpus, cache, fold, same_numbers, variant, zero):
    """All its functionals become 0 where each speaker's own statistics are taken; nothing else does, nothing is NaN."""
    table = tiny_corpus.table.copy()
    table.iloc[fold.test[0], table.columns.get_loc("speaker")] = "lonely"
    corpus, method = Corpus("tiny", table, tiny_corpus.classes), methods.get(f"dcaen/{variant}")
    test = method.parts(corpus, fold, method.recipe("quick"), "cpu")[0]["test"]
    functionals = np.stack([x[:88] for x in test.inputs])
    assert np.isfinite(functionals).all() and (functionals[1:] != 0).any(1).all()
    assert (functionals[0] == 0).all() == zero
    outcome = method.run(corpus, fold, profile="quick", seed=0, hardware=CPU)
    assert np.isfinite(outcome.logits).all() and np.isfinite(outcome.embeddings).all()


@pytest.mark.parametrize("feature", ["Functionals", "RawWaveform"])
def test_a_clip_of_silence_is_named_before_anything_is_learned(tiny_corpus, cache, fold, tmp_path, feature):
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(16_000), 16_000, subtype="PCM_16")
    table = tiny_corpus.table.iloc[:24].copy()
    for column, value in (("file", str(path)), ("audio_sha256", sha256(path.read_bytes()).hexdigest())):
        table.iloc[3, table.columns.get_loc(column)] = value
    corpus, recipe = Corpus("tiny", table, tiny_corpus.classes), methods.get("dcaen/dcaen").recipe("quick")
    wanted = {"Functionals": recipe.features, "RawWaveform": recipe.waveform}[feature]
    with refused(f"1 of 24 recordings cannot be used:\n  {path}: signal: silent", AudioError):
        FeatureStore().get(corpus, wanted, n_jobs=1, progress=False)
    with refused(f"{path}: signal: silent", AudioError):
        methods.get("dcaen/dcaen").prepare(corpus, profile="quick", n_jobs=1, progress=False)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_functional_that_is_no_number_is_told_with_its_file(tiny_corpus, cache, fold, monkeypatch, value):
    """openSMILE's row is looked at when it is made, so none lies in a store."""
    calls = []

    def row(signal, rate_hz):
        calls.append(rate_hz)
        found = np.ones((1, 88), np.float32)
        found[0, 7] = value if len(calls) == 1 else 1
        return found

    monkeypatch.setattr("serlib.features.functionals._smile", lambda *_: row)
    with refused(
        f"1 of {len(tiny_corpus)} recordings cannot be used:\n  {tiny_corpus.table['file'].iloc[0]}", AudioError
    ):
        methods.get("dcaen/ftr-eg").prepare(tiny_corpus, profile="quick", n_jobs=1, progress=False)


def test_a_fold_without_a_dev_part_has_no_epoch_to_choose(tiny_corpus, cache, fold, same_numbers):
    """Neither stage does so by itself; asked to, it is refused."""
    method, part = methods.get("dcaen/dcaen"), replace(fold, dev=fold.dev[:0])
    assert np.isfinite(method.run(tiny_corpus, part, profile="quick", seed=0, hardware=CPU).logits).all()
    for stage in ("stage_1", "training"):

        def chosen(profile, stage=stage):
            recipe = method.recipe(profile)
            return replace(recipe, **{stage: replace(getattr(recipe, stage), ending="best-dev")})

        with refused("ending is 'best-dev' and there is no dev part; allowed are 'average' and 'last'"):
            replace(method, recipes=chosen).run(tiny_corpus, part, profile="quick", seed=0, hardware=CPU)


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
        ({"channels": 40, "group": 11}, "channels=40, group=11; allowed are channels in whole groups"),
        ({"cells": 0}, "cells is 0; allowed is an integer of at least 1"),
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
    (name, value), *_ = option.items()
    with refused(f"{name} is {value!r}; allowed is "):
        FeatureNetwork(**option)


def test_too_few_functionals():
    with refused("the batch has shape (4, 87); needed are (B, 88) functionals"):
        FeatureNetwork()(torch.zeros(4, 87))
    for shape in ((88,), (4, 1, 88)):
        with refused(f"functionals: torch.float32 of shape {shape}; needed is a floating point tensor"):
            FeatureNetwork()(torch.zeros(shape))
