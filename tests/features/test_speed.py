"""Speed change: length and pitch move together, as on a tape."""

import numpy as np
import pytest

from serlib.features import LogMel, RawWaveform, SpeedChanged

RATE = 16000
BASE = RawWaveform(crop_seconds=None)


def tone(frequency_hz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(int(RATE * seconds)) / RATE)).astype(np.float32)


def pitch_hz(signal: np.ndarray) -> float:
    windowed = signal * np.hanning(len(signal))
    return float(np.abs(np.fft.rfft(windowed, 1 << 18)).argmax() * RATE / (1 << 18))


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 1.25, 2.0])
def test_a_tone_becomes_shorter_and_higher(factor):
    changed = SpeedChanged(base=BASE, factor=factor).extract(tone(440))
    assert abs(len(changed) - RATE / factor) <= 1
    assert pitch_hz(changed) == pytest.approx(440 * factor, rel=1e-3)
    assert np.abs(changed[500:-500]).max() == pytest.approx(0.5, rel=0.02)  # as loud as before


def test_factor_one_changes_nothing():
    np.testing.assert_array_equal(SpeedChanged(base=BASE, factor=1.0).extract(tone(300)), tone(300))


def test_there_and_back_again():
    once = SpeedChanged(base=BASE, factor=0.8).extract(tone(300))
    back = SpeedChanged(base=BASE, factor=1.25).extract(once)
    middle = slice(1000, 15000)
    np.testing.assert_allclose(back[:RATE][middle], tone(300)[middle], atol=5e-3)


def test_frames_follow_the_speed_and_the_base_stays_itself():
    base = LogMel(sample_rate_hz=RATE, crop_seconds=None, n_fft=512, window_length=400, hop_length=160, n_mels=40)
    recipe = SpeedChanged(base=base, factor=0.9)
    assert recipe.extract(tone(440)).shape == (1, 40, 1 + round(RATE / 0.9) // 160)
    assert recipe.sample_rate_hz == RATE and recipe.to_dict()["base"] == base.to_dict()
    assert recipe.to_dict() != SpeedChanged(base=base, factor=1.1).to_dict()
    assert np.array_equal(recipe.quiet, base.quiet) and base.quiet > 0
    assert SpeedChanged(base=BASE, factor=0.9).quiet == BASE.quiet == 0
    assert recipe.prefer == base.prefer and set(recipe.libraries) >= {"torch", "torchaudio"}
    assert len(set(recipe.libraries)) == len(recipe.libraries)


@pytest.mark.parametrize("factor", [0.49, 2.01, 0.955, 0.0, -1.0, float("nan")])
def test_factors_that_are_refused(factor):
    with pytest.raises(ValueError, match=r"factor is .*; allowed are 0\.50 to 2\.00, to two decimals"):
        SpeedChanged(base=BASE, factor=factor)


@pytest.mark.parametrize(
    "signal,message",
    [
        (np.zeros(0, np.float32), "holds no samples"),
        (np.array([0.1, np.nan]), "holds NaN"),
        (np.zeros((2, 9)), "shape"),
    ],
)
def test_signals_that_are_refused(signal, message):
    with pytest.raises(ValueError, match=message):
        SpeedChanged(base=BASE, factor=0.9).extract(signal)


def test_silence_is_refused_by_the_base():
    with pytest.raises(ValueError, match="silent"):
        SpeedChanged(base=BASE, factor=0.9).extract(np.zeros(1000, np.float32))
