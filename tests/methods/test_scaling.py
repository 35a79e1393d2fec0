"""Scaling: running sums that equal numpy's, floors under quiet bands, nothing filled up counted, nothing copied."""

import tracemalloc
from functools import cache

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import serlib
from serlib import methods
from serlib.features.audio import read_audio
from serlib.methods.neural import NeuralMethod
from serlib.methods.reading import read_part
from serlib.methods.scaling import AXES, NORMALISATIONS, Scaler, scaled_by
from serlib.protocol import folds

SHAPES = {"bin": (2, 3), "channel": (2, 3), "feature": (5,), "none": (2, 3)}
MOVES = {"bin": (1,), "channel": (1, 2), "feature": (1,), "none": ()}  # axes of what is joined along a last one


def random_inputs(seed: int, normalise: str, count: int) -> list[np.ndarray]:
    stream, shape = np.random.default_rng(seed), SHAPES[normalise]
    sizes = [() if normalise == "feature" else (int(n),) for n in stream.integers(1, 30, count)]
    level, spread = stream.uniform(-100, 100), 10 ** stream.uniform(-2, 2)
    return [stream.normal(level, spread, shape + size).astype(np.float32) for size in sizes]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(AXES)), st.integers(1, 12), st.sampled_from([0.0, 0.5, 50.0]))
def test_running_sums_are_those_of_the_joined_array(seed, normalise, count, floor):
    inputs = random_inputs(seed, normalise, count)
    stack = np.stack if normalise == "feature" else np.concatenate
    joined = stack([x.astype(np.float64) for x in inputs], axis=-1)
    axes = tuple(range(len(SHAPES[normalise])))[-1:] if normalise == "channel" else ()
    axes = (*axes, joined.ndim - 1)
    keep = normalise != "feature"
    mean, deviation = joined.mean(axes, keepdims=keep), np.maximum(joined.std(axes, keepdims=keep), floor)
    scale = Scaler(inputs, normalise, floor=floor)
    np.testing.assert_allclose(scale.mean, mean, rtol=1e-6, atol=1e-6)
    moving = deviation > 1e-9
    np.testing.assert_allclose(scale.deviation[moving], deviation[moving], rtol=1e-6)
    assert np.isinf(scale.deviation[~moving]).all()  # one input of one frame never moves
    assert scale(inputs[0]).dtype == np.float32 and scale(inputs[0]).shape == inputs[0].shape


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["bin", "channel"]), st.sampled_from([0.0, 1e9, np.nan]))
def test_what_is_filled_up_is_not_counted(seed, normalise, rubbish):
    inputs = random_inputs(seed, normalise, 6)
    valid = np.array([x.shape[-1] for x in inputs])
    filled = [np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, i)], constant_values=rubbish) for i, x in enumerate(inputs)]
    found, wanted = Scaler(filled, normalise, valid=valid).state, Scaler(inputs, normalise).state
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name])


@settings(max_examples=40, deadline=None)
@given(st.floats(-1e6, 1e6, width=32), st.integers(1, 40), st.sampled_from(list(AXES)))
def test_what_never_moves_becomes_zero_whatever_comes_later(value, count, normalise):
    shape = SHAPES[normalise] + (() if normalise == "feature" else (7,))
    scale = Scaler([np.full(shape, value, np.float32)] * count, normalise)
    assert (scale(np.full(shape, value + 10, np.float32)) == 0).all()


def test_a_floor_holds_for_its_channel_alone_and_none_leaves_the_input_alone():
    inputs = [np.random.default_rng(0).normal(0, 1, (3, 4, 500)).astype(np.float32)]
    floor = np.array([3.0, 0.3, 0.3])[:, None, None]
    for normalise, shape in (("bin", (3, 4, 1)), ("channel", (3, 1, 1))):
        deviation = Scaler(inputs, normalise, floor=floor).deviation
        assert deviation.shape == shape and (deviation[0] == 3).all()
        np.testing.assert_allclose(deviation[1:], 1, atol=0.1)
    np.testing.assert_array_equal(Scaler(inputs, "none", floor=floor)(inputs[0]), inputs[0])


def test_an_unknown_normalisation():
    with pytest.raises(ValueError, match=f"normalise is 'all'; allowed are {', '.join(NORMALISATIONS)}"):
        Scaler([np.ones((1, 2, 3), np.float32)], "all")


@pytest.mark.parametrize("normalise", NORMALISATIONS)
def test_a_scaler_comes_back_from_its_state(normalise):
    inputs = random_inputs(0, normalise, 4)
    scale = Scaler(inputs, normalise)
    again = Scaler.of({"other": np.zeros(3), **scale.state})
    np.testing.assert_array_equal(again(inputs[1]), scale(inputs[1]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 5))
def test_each_speaker_has_mean_zero_and_deviation_one(seed, speakers):
    stream = np.random.default_rng(seed)
    who = stream.permutation(np.repeat(np.arange(speakers), stream.integers(2, 9, speakers)))
    features = stream.normal(5, 3, (len(who), 4)) * (1 + who[:, None])
    scaled = np.stack(scaled_by(who, list(features), "feature"))
    for speaker in range(speakers):
        np.testing.assert_allclose(scaled[who == speaker].mean(0), 0, atol=1e-4)
        np.testing.assert_allclose(scaled[who == speaker].std(0), 1, atol=1e-4)


def test_a_speaker_with_one_utterance_and_a_constant_feature_become_zero():
    scaled = scaled_by(np.array(["a", "a", "b"]), list(np.array([[1.0, 7.0], [3.0, 7.0], [9.0, 9.0]])), "feature")
    np.testing.assert_allclose(scaled, [[-1, 0], [1, 0], [0, 0]])


def test_filled_up_frames_count_for_no_speaker():
    inputs, valid = [np.arange(12.0, dtype=np.float32).reshape(1, 1, 12)] * 3, np.array([4, 12, 4])
    first, second, third = scaled_by(np.array([0, 1, 0]), inputs, "bin", valid=valid)
    np.testing.assert_allclose(first[..., :4].std(), 1, rtol=1e-6)
    np.testing.assert_array_equal(first, third)
    np.testing.assert_allclose(second.std(), 1, rtol=1e-6)


def test_nothing_the_size_of_the_corpus_is_copied():
    """IEMOCAP at paper size has 1.3 GB of spectrograms, 1.4 MB in the largest: 10 MB are needed beside them."""
    clip = np.random.default_rng(0).standard_normal((3, 40, 300)).astype(np.float32)
    inputs = [clip + np.float32(i) for i in range(400)]  # 58 MB
    tracemalloc.start()
    Scaler(inputs, "bin", floor=1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * clip.nbytes  # differences and squares in double precision


def test_segments_are_scaled_by_what_is_speech_in_them(tiny_corpus, fold, room):
    """Segments of 1 s and hums of 0.6 s: up to 40 % of a segment's frames hold nothing."""
    method = methods.get("angular/crnn-softmax")
    recipe = method.recipe("quick")
    train, _ = read_part(tiny_corpus, recipe, fold.train, training=True)
    scaled, state = method.parts(tiny_corpus, fold, recipe, "cpu")
    assert (train.valid < train.lengths).all() and train.valid.min() < 0.7 * train.lengths[0]
    heard = np.concatenate([x[..., :n] for x, n in zip(train.inputs, train.valid, strict=True)], -1, dtype=np.float64)
    np.testing.assert_allclose(state["scaler.mean"], heard.mean(-1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(state["scaler.deviation"], heard.std(-1, keepdims=True), rtol=1e-5)
    every = np.concatenate(train.inputs, -1, dtype=np.float64)
    assert np.median(every.std(-1, keepdims=True) / state["scaler.deviation"]) > 1.2  # what it would have been
    for name, part in scaled.items():
        assert len(part.inputs) == len(part.valid), name


def voiced(folder, seed: int, *, abrupt: bool) -> np.ndarray:
    """What a harmonic sound at 16 kHz, which fades in and out or begins at full level, becomes at 22.05 kHz."""
    time = np.arange(16000 + 200 * seed) / 16000
    signal = sum(0.05 * np.sin(2 * np.pi * (100 + 5 * seed) * k * time) / k for k in range(1, 40))
    signal += 0.002 * np.random.default_rng(seed).standard_normal(len(time))
    fade = np.ones(len(time)) if abrupt else np.minimum(1, np.arange(len(time)) / 1600)
    soundfile.write(folder / f"{seed}.wav", signal * fade * fade[::-1], 16000, subtype="PCM_16")
    return read_audio(folder / f"{seed}.wav", sample_rate_hz=22050)


def test_bands_that_16_khz_leaves_empty_stay_quiet(tmp_path):
    """As in EMO-DB, one of many clips begins abruptly: the click is heard above 8 kHz, where all else is still."""
    recipe = methods.get("focal/mel-softmax").recipe("study")
    inputs = [recipe.features.extract(voiced(tmp_path, seed, abrupt=seed == 39)) for seed in range(40)]
    scaled, spiked = (
        np.concatenate([Scaler(inputs, "bin", floor=floor)(x)[0] for x in inputs], -1)
        for floor in (recipe.unit.quiet, 0.0)
    )
    assert np.abs(spiked[-11:]).max() > 20  # what the floor is for
    assert np.abs(scaled).max() < 10 and scaled[-11:].std() < 0.3
    np.testing.assert_allclose(scaled[:100].std(-1), 1, atol=1e-3)  # what sounds is not held down


@cache
def printed() -> dict[str, str]:
    """A method for every spectrogram and scaling that a paper prints, in the study profile. Functionals have tails."""
    found = {}
    for name in methods.names():
        method = methods.get(name)
        if isinstance(method, NeuralMethod):
            recipe = method.recipe("study")
            if recipe.scaling == "train" and hasattr(recipe.unit, "hop_length"):
                found.setdefault(str((recipe.unit, recipe.normalise)), name)
    return found


@pytest.mark.emodb
@pytest.mark.parametrize("name", printed().values())
def test_no_value_of_emodb_is_over_ten(emodb_root, name):
    """One fold's parts are the whole corpus; without a floor focal/mel reaches 165, in 25 of the clips over 10."""
    corpus, method = serlib.load_corpus("emodb", emodb_root), methods.get(name)
    fold, recipe = folds(corpus, "leave-one-speaker-out")[0], method.recipe("study")
    parts, state = method.parts(corpus, fold, recipe, "cpu")
    assert sum(len(part.utterance_labels) for part in parts.values()) == 535
    assert max(np.abs(x).max() for part in parts.values() for x in part.inputs) < 10
    held = np.isclose(state["scaler.deviation"], recipe.unit.quiet, rtol=1e-6).sum()
    assert held == (12 if name == "focal/mel-softmax" else 0)  # bands over 8 kHz: nothing that sounds is held down


@pytest.mark.parametrize("name", ["center/mel-softmax", "center/mel-softmax+strong+speaker", "dcaen/dcaen"])
def test_a_corpus_is_scaled_where_it_lies(name, tiny_corpus, fold, room):
    """Reading, scaling and joining never hold the inputs twice, at whatever speeds and by whatever statistics."""
    method = methods.get(name)
    recipe = method.recipe("study")
    method.prepare(tiny_corpus, profile="study", n_jobs=1, progress=False)
    tracemalloc.start()
    parts, _ = method.parts(tiny_corpus, fold, recipe, "cpu")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.3 * sum(x.nbytes for part in parts.values() for x in part.inputs)
