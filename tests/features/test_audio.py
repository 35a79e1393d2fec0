"""Reading: channels, rates, parts, and every refusal; and what recipes share."""

import json
import logging
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from serlib.audio import tell_resampled
from serlib.features import AudioError, RawWaveform, Recipe, read_audio

RNG = np.random.default_rng(0)
NO_LENGTH = "pad is True and crop_seconds None; padding needs the length to fill up to"
NOISE = (0.1 * RNG.standard_normal(16000)).astype(np.float32)


@pytest.fixture
def wav(tmp_path):
    """Return a function that writes a sound and gives its path."""

    def write(samples, rate_hz=16000, name="a.wav", subtype="FLOAT"):
        soundfile.write(tmp_path / name, samples, rate_hz, subtype=subtype)
        return tmp_path / name

    return write


def tone(rate_hz, hertz=440.0, seconds=1.0):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate_hz * seconds)) / rate_hz)).astype(np.float32)


def test_reads_mono_unchanged(wav):
    read = read_audio(str(wav(NOISE)))
    assert read.dtype == np.float32 and read.shape == (16000,)
    np.testing.assert_array_equal(read, NOISE)


def test_sixteen_bit_steps_are_exact(wav):
    steps = np.array([-32768, -1, 0, 1, 32767], np.int16)
    np.testing.assert_array_equal(read_audio(wav(steps, subtype="PCM_16")), steps.astype(np.float32) / 32768)


def test_channels_are_averaged(wav):
    left, right = NOISE[:1000], NOISE[1000:2000]
    np.testing.assert_allclose(read_audio(wav(np.stack([left, right], 1))), (left + right) / 2, atol=1e-7)


def test_part_is_the_same_as_a_slice(wav):
    path = wav(NOISE)
    np.testing.assert_array_equal(read_audio(path, start=0.25, end=0.5), NOISE[4000:8000])
    np.testing.assert_array_equal(read_audio(path, start=0.75), NOISE[12000:])
    np.testing.assert_array_equal(read_audio(path, start=float("nan"), end=float("nan")), NOISE)
    np.testing.assert_array_equal(read_audio(path, start=0.5, end=1.004), NOISE[8000:])  # the table had rounded


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000])
def test_resampling_keeps_the_tone(wav, rate_hz):
    read = read_audio(wav(tone(rate_hz), rate_hz))
    assert len(read) == 16000
    inner = slice(1000, -1000)
    np.testing.assert_allclose(read[inner], tone(16000)[inner], atol=2e-3)


def test_without_soxr_torchaudio_resamples(wav, monkeypatch):
    monkeypatch.setitem(sys.modules, "soxr", None)
    read = read_audio(wav(tone(44100), 44100))
    assert read.dtype == np.float32 and len(read) == 16000
    np.testing.assert_allclose(read[1000:-1000], tone(16000)[1000:-1000], atol=2e-3)


def test_resampling_is_said_once_for_each_pair(wav, caplog):
    tell_resampled.cache_clear()
    narrow, wide = wav(tone(8000), 8000, "8.wav"), wav(tone(44100), 44100, "44.wav")
    with caplog.at_level(logging.WARNING, "serlib"):
        for path in (narrow, narrow, wide, narrow, wide, wav(NOISE)):
            read_audio(path)
    assert caplog.messages == [
        "audio is resampled from 8000 Hz to 16000 Hz",
        "audio is resampled from 44100 Hz to 16000 Hz",
    ]


@pytest.mark.parametrize("subtype", ["FLAC", "OGG"])
def test_other_formats(tmp_path, subtype):
    path = tmp_path / f"a.{subtype.lower()}"
    soundfile.write(path, tone(16000), 16000, format=subtype)
    np.testing.assert_allclose(read_audio(path)[1000:-1000], tone(16000)[1000:-1000], atol=0.02)


@given(
    crop=st.one_of(st.none(), st.floats(0.001, 2.0)),
    samples=st.integers(2, 20000),
    pad=st.booleans(),
)
def test_crop_and_pad_lengths(crop, samples, pad):
    signal = np.resize(NOISE, samples)
    if crop is None and pad:
        with pytest.raises(ValueError, match=NO_LENGTH):
            RawWaveform(crop_seconds=crop, pad=pad)
        return
    wanted = samples if crop is None else round(16000 * crop)
    cut = RawWaveform(crop_seconds=crop, pad=pad).extract(signal) if wanted > 1 else signal[:wanted]
    if wanted > 1:
        assert len(cut) == (wanted if pad else min(samples, wanted))
        np.testing.assert_array_equal(cut[:samples], signal[:wanted])
        assert not cut[samples:].any()


def test_raw_waveform_is_six_seconds_of_paper_004():
    assert RawWaveform().extract(np.resize(NOISE, 200000)).shape == (96000,)
    assert RawWaveform().extract(NOISE).shape == (16000,)
    assert RawWaveform(pad=True).extract(NOISE.astype(np.float64)).dtype == np.float32


def test_recipe_tells_all_that_defines_it():
    told = RawWaveform(crop_seconds=2.0).to_dict()
    assert told == {"kind": "RawWaveform", "version": 1, "sample_rate_hz": 16000, "crop_seconds": 2.0, "pad": False}
    assert json.loads(json.dumps(told)) == told


def test_base_recipe_has_no_features():
    with pytest.raises(NotImplementedError):
        Recipe().extract(NOISE)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sample_rate_hz": 0}, "sample_rate_hz is 0; allowed are positive rates, whole numbers"),
        ({"crop_seconds": 0.0}, "crop_seconds is 0.0; allowed are None and > 0, at least one sample"),
        (
            {"crop_seconds": None, "pad": True},
            NO_LENGTH,
        ),
    ],
)
def test_senseless_recipes(options, told):
    with pytest.raises(ValueError) as caught:
        RawWaveform(**options)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("signal", "told"),
    [
        (np.zeros((2, 100)), "signal: float64 of shape (2, 100); allowed are floats of shape (samples,)"),
        (np.arange(100), "signal: int64 of shape (100,); allowed are floats of shape (samples,)"),
        (np.zeros(0), "signal: holds no samples"),
        (np.array([0.1, np.nan]), "signal: holds NaN or infinite samples"),
        (np.zeros(1000), "signal: silent, its samples differ by less than one 16-bit step"),
        (np.full(1000, 0.3), "signal: silent, its samples differ by less than one 16-bit step"),
        (
            np.r_[np.zeros(96000), NOISE],
            "signal: silent in its first 6 s, its samples differ by less than one 16-bit step",
        ),
    ],
)
def test_senseless_signals(signal, told):
    with pytest.raises(AudioError) as caught:
        RawWaveform().extract(signal)
    assert str(caught.value) == told


def test_one_step_is_not_silence():
    assert RawWaveform().extract(np.array([0, 1 / 32768])).shape == (2,)
