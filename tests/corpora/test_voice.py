"""The voice is held against what it was asked for: pitch, formants, pauses, tilt, length; and against itself."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import PCG64, Generator
from scipy.signal import welch

from serlib.corpora.voice import CONSONANTS, SAMPLE_RATE_HZ, VOWELS, Manner, speak, spread

PLAIN = Manner(
    pitch_st=0.0, range_st=0.0, syllables_per_s=4.0, pause_rate=0.0, open_quotient=0.6, tilt_db=8.0, breath_db=-60.0,
    jitter=0.0, shimmer=0.0, dynamics_db=0.0, tract_scale=1.0,
)  # fmt: skip


def said(syllables, seed=0, bounds_s=(0.5, 10.0), **changes):
    return speak(syllables, replace(PLAIN, **changes), Generator(PCG64(seed)), bounds_s=bounds_s)


def spectrum_db(signal):
    frequency, power = welch(signal, SAMPLE_RATE_HZ, nperseg=1600)  # bins of 10 Hz
    return frequency, 10 * np.log10(power + 1e-20)


@pytest.mark.parametrize("pitch_st", [0.0, 7.0, 12.0])
def test_harmonics_stand_at_multiples_of_the_pitch(pitch_st):
    power = np.abs(np.fft.rfft(said([("", "a")] * 6, pitch_st=pitch_st)[4000:20000])) ** 2  # bins of 1 Hz
    f0 = 100 * 2 ** (pitch_st / 12)
    harmonics = sum(power[round(k * f0) - 5 : round(k * f0) + 6].sum() for k in range(1, int(3000 / f0)))
    assert harmonics / power[:3000].sum() > 0.95


@pytest.mark.parametrize("vowel", list(VOWELS))
@pytest.mark.parametrize("tract_scale", [1.0, 1.15])
def test_noise_alone_peaks_at_the_vowels_formants(vowel, tract_scale):
    noise = said([("", vowel)] * 20, breath_db=60.0, tract_scale=tract_scale)  # noise fills every gap of the harmonics
    frequency, level = spectrum_db(noise)
    for formant in np.array(VOWELS[vowel]) * tract_scale:
        near = np.abs(frequency - formant) < 60
        aside = np.abs(np.abs(frequency - formant) - 350) < 50
        assert level[near].mean() > level[aside].mean() + 1.5


def test_formants_move_from_vowel_to_vowel():
    signal = said([("", "i"), ("", "a")] * 4, breath_db=60.0, syllables_per_s=2.0)
    frames = np.abs(np.fft.rfft(signal[: len(signal) // 800 * 800].reshape(-1, 800), axis=1)) ** 2
    frequency = np.arange(frames.shape[1]) * 20
    ratio = np.log(frames[:, (frequency > 900) & (frequency < 1300)].sum(1) / frames[:, frequency > 2000].sum(1))
    loud = frames.sum(1) > 0.01 * frames.sum(1).max()
    turns = np.diff(np.sign(np.convolve(ratio[loud] - np.median(ratio[loud]), np.ones(3), "same")))
    assert 6 <= np.count_nonzero(turns) <= 14  # seven changes between eight vowels, give or take the noise


def test_tilt_weakens_the_heights_by_the_given_decibels():
    flat, steep = (spectrum_db(said([("", "E")] * 12, tilt_db=tilt))[1] for tilt in (3.0, 13.0))
    change = flat - steep
    harmonic = {hertz: change[hertz // 10 - 1 : hertz // 10 + 2].mean() for hertz in (100, 3000)}
    assert harmonic[3000] - harmonic[100] == pytest.approx(10.0, abs=1.5)


def test_a_pressed_voice_has_a_weaker_fundamental():
    pressed, lax = (spectrum_db(said([("", "a")] * 12, open_quotient=q))[1] for q in (0.4, 0.85))
    assert (lax[10] - lax[20]) - (pressed[10] - pressed[20]) > 4.0


def test_breath_fills_the_gaps_between_harmonics():
    clear, breathy = (spectrum_db(said([("", "a")] * 12, breath_db=b))[1] for b in (-60.0, -15.0))
    between = np.arange(25, 305, 10)  # 250, 350, ... Hz at a pitch of 100 Hz
    assert breathy[between].mean() > clear[between].mean() + 10


def test_pauses_are_quiet_and_lengthen_speech():
    signal = said([("", "a")] * 8, pause_rate=1.0)
    level = np.sqrt((signal[: len(signal) // 400 * 400].reshape(-1, 400) ** 2).mean(1))
    quiet = level < 0.05
    assert np.count_nonzero(np.diff(quiet.astype(int)) == 1) == 8  # after each of eight syllables
    assert len(signal) > len(said([("", "a")] * 8)) + 7 * 0.15 * SAMPLE_RATE_HZ


def test_fricatives_hiss_above_the_vowels():
    plain, hissing = (spectrum_db(said([(consonant, "o")] * 12))[1] for consonant in ("", "s"))
    assert hissing[400:700].mean() > plain[400:700].mean() + 15


@pytest.mark.parametrize("consonant", ["", *CONSONANTS])
def test_every_sound_is_finite_and_at_unit_level(consonant):
    signal = said([(consonant, vowel) for vowel in VOWELS], dynamics_db=3.0, jitter=0.02, shimmer=0.1)
    assert signal.dtype == np.float64
    assert np.isfinite(signal).all()
    assert 0.5 < np.sqrt(np.mean(signal**2)) < 1.1


@pytest.mark.parametrize("count", [1, 200])
def test_length_keeps_to_its_bounds(count):
    assert 0.6 <= len(said([("t", "a")] * count, bounds_s=(0.62, 8.98))) / SAMPLE_RATE_HZ <= 9.0


def test_same_stream_same_samples_other_stream_other_samples():
    first, again, other = (said([("s", "a"), ("m", "i")], seed, jitter=0.01) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[:4000], other[:4000])


def test_spread_has_mean_0_and_variance_1():
    numbers = spread(Generator(PCG64(0)), 100_000)
    assert numbers.mean() == pytest.approx(0, abs=0.02)
    assert numbers.var() == pytest.approx(1, abs=0.02)
    assert np.abs(numbers).max() < 6


@pytest.mark.parametrize(
    ("syllables", "message"),
    [([], "cannot speak no syllables"), ([("q", "a")], r"\('q', 'a'\); allowed are consonants \['', 'm'"),
     ([("t", "y")], r"\('t', 'y'\).*vowels \['i', 'I'")],
)  # fmt: skip
def test_unknown_sounds_are_refused(syllables, message):
    with pytest.raises(ValueError, match=message):
        said(syllables)
