"""Bad input to paper 000's methods: clear errors before anything is trained, and nothing lost."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from serlib import methods
from serlib.features.segments import SegmentSpectrogram
from serlib.methods import angular
from serlib.methods.neural import NeuralMethod
from serlib.protocol import Fold, folds
from serlib.runs import RunStore, cross_validate
from serlib.training import Hardware

CPU = Hardware.choose("cpu", "float32")


def changed(profile: str, **options):
    return replace(angular.recipe(profile, network="tfgap", loss="m4"), **options)


def method(**options) -> NeuralMethod:
    return NeuralMethod("angular/own", "000", "own", partial(changed, **options))


@pytest.fixture
def fold(tiny_corpus, cache):
    return folds(tiny_corpus, "speaker-folds-5")[0]


def test_a_margin_list_of_another_length(tiny_corpus, fold):
    own = method(loss_options={"margin": (6, 6, 4)})
    with pytest.raises(ValueError, match="margin has 3 values; allowed are 4, one per class"):
        own.run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)


@pytest.mark.parametrize("options", [{"margin_pair": (6, 0)}, {"loss_options": {"margin": 2.5}}])
def test_a_margin_that_is_none(tiny_corpus, fold, options):
    with pytest.raises(ValueError, match="margin"):
        method(**options).run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)


def test_segments_longer_than_every_utterance(tiny_corpus, fold):
    own = method(segments=SegmentSpectrogram(segment_seconds=2.0, n_bins=40))
    with pytest.raises(ValueError, match="segments of 2 s are longer than every utterance of the training part"):
        own.run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)


def test_a_class_absent_from_training(tiny_corpus, fold):
    without = fold.train[tiny_corpus.labels[fold.train] != 2]
    broken = Fold(fold.name, without, fold.dev, fold.test)
    for name in ("softmax", "c64", "wsampling"):
        with pytest.raises(ValueError, match="class 2 has no utterance in the training part"):
            methods.get(f"angular/crnn-{name}").run(tiny_corpus, broken, profile="quick", seed=0, hardware=CPU)


def test_what_is_finished_stays_when_a_fold_is_broken(tiny_corpus, fold, cache):
    without = fold.train[tiny_corpus.labels[fold.train] != 2]
    parts = [fold, Fold("broken", without, fold.dev, fold.test)]
    store = RunStore(cache / "kept", shelves=[])
    with pytest.raises(ValueError, match="class 2"):
        cross_validate(tiny_corpus, "angular/crnn-m4", folds=parts, store=store, device="cpu", progress=False)
    assert len(list(store.root.glob("*/manifest.json"))) == 1
    again = cross_validate(tiny_corpus, "angular/crnn-m4", folds=parts[:1], store=store, device="cpu", progress=False)
    assert len(again.predictions) == len(fold.test) and np.isfinite(again.logits).all()
