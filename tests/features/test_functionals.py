"""openSMILE: column counts, names, the wrap at full scale, and file against array."""

import numpy as np
import opensmile
import pytest
import soundfile

from serlib.features import AudioError, Functionals, read_audio

COUNTS = {"eGeMAPSv02": 88, "ComParE_2016": 6373, "emobase2010": 1582}
LOUDNESS = "loudness_sma3_amean"


def sine(peak, seconds=1.0, hertz=250.0):
    time = np.arange(round(16000 * seconds)) / 16000
    return (peak * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def loudness(signal):
    recipe = Functionals("eGeMAPSv02")
    return recipe.extract(signal)[recipe.names.index(LOUDNESS)]


@pytest.mark.parametrize(("feature_set", "count"), COUNTS.items())
def test_counts_and_names(feature_set, count):
    recipe = Functionals(feature_set)
    row = recipe.extract(sine(0.5))
    assert row.dtype == np.float32 and row.shape == (count,) and np.isfinite(row).all()
    assert isinstance(recipe.names, tuple) and len(set(recipe.names)) == count


def test_default_is_egemaps_with_its_names():
    assert Functionals() == Functionals("eGeMAPSv02")
    assert Functionals().names[0] == "F0semitoneFrom27.5Hz_sma3nz_amean"
    assert LOUDNESS in Functionals().names


@pytest.mark.parametrize("feature_set", COUNTS)
def test_file_and_array_agree_with_opensmile(feature_set, tiny_corpus):
    path = tiny_corpus.table["file"].iloc[5]
    packaged = {"emobase2010": "IS10"}.get(feature_set, feature_set)
    reference = opensmile.Smile(opensmile.FeatureSet[packaged]).process_file(path)
    recipe = Functionals(feature_set)
    assert recipe.names == tuple(reference.columns)
    np.testing.assert_array_equal(recipe.extract(read_audio(path)), reference.to_numpy()[0])


def test_emobase2010_is_the_packaged_compat_configuration():
    plain = opensmile.Smile()
    path = f"{plain.default_config_root}/is09-13/IS10_paraling_compat.conf"
    smile = opensmile.Smile(path, "func", sampling_rate=16000)
    np.testing.assert_array_equal(smile(sine(0.5), 16000).ravel(), Functionals("emobase2010").extract(sine(0.5)))


def test_full_scale_does_not_wrap():
    full = sine(1.0)
    assert (full == 1).sum() == 250
    assert loudness(full) == pytest.approx(loudness(sine(0.9999)), rel=1e-3)
    raw = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, sampling_rate=16000)(full, 16000).ravel()
    assert raw[Functionals().names.index(LOUDNESS)] > 4 * loudness(full)  # what the guard is for


@pytest.mark.parametrize("peak", [1.0, -1.0, 1.7, 30.0])
def test_too_loud_is_scaled_to_full_scale(peak):
    assert loudness(sine(peak)) == pytest.approx(loudness(sine(0.9999)), rel=1e-3)


def test_below_full_scale_nothing_is_touched():
    signal = sine(32767 / 32768)
    before = signal.copy()
    direct = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, sampling_rate=16000)(signal, 16000).ravel()
    np.testing.assert_array_equal(Functionals().extract(signal), direct)
    np.testing.assert_array_equal(signal, before)


def test_rate_is_passed_on():
    def pitch(rate_hz, hertz):
        recipe = Functionals(sample_rate_hz=rate_hz)
        time = np.arange(rate_hz) / rate_hz
        buzz = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 10)).astype(np.float32)
        return recipe.extract(0.2 * buzz)[recipe.names.index("F0semitoneFrom27.5Hz_sma3nz_amean")]

    expected = 12 * np.log2(200 / 27.5)  # semitones
    assert pitch(16000, 200) == pytest.approx(expected, abs=0.2)
    assert pitch(44100, 200) == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize(
    ("feature_set", "shortest"), [("eGeMAPSv02", 960), ("ComParE_2016", 960), ("emobase2010", 1120)]
)
def test_shortest_clip(feature_set, shortest):
    noise = (0.1 * np.random.default_rng(0).standard_normal(shortest)).astype(np.float32)
    assert np.isfinite(Functionals(feature_set).extract(noise)).all()
    with pytest.raises(AudioError) as caught:
        Functionals(feature_set).extract(noise[:-1])
    seconds = f"{(shortest - 1) / 16000:g}"
    assert str(caught.value) == f"signal: {seconds} s are too short for {feature_set}; allowed are 0.07 s and more"


def test_too_short_raises_no_warning_of_opensmile(recwarn):
    with pytest.raises(AudioError, match="too short"):
        Functionals().extract(sine(0.5, 0.01))
    assert not recwarn.list


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_silence_is_refused(value):
    with pytest.raises(AudioError, match=r"^signal: silent, its samples differ by less than one 16-bit step$"):
        Functionals().extract(np.full(16000, value, np.float32))


def test_unknown_set():
    with pytest.raises(ValueError) as caught:
        Functionals("GeMAPS")
    assert str(caught.value) == "feature_set is 'GeMAPS'; allowed are ['eGeMAPSv02', 'ComParE_2016', 'emobase2010']"


def test_crop_uses_the_beginning(tmp_path):
    signal = np.r_[sine(0.5), sine(0.05, hertz=400)]
    np.testing.assert_array_equal(Functionals(crop_seconds=1.0).extract(signal), Functionals().extract(sine(0.5)))
    soundfile.write(tmp_path / "a.wav", signal, 16000, subtype="FLOAT")
    part = read_audio(tmp_path / "a.wav", start=0.0, end=1.0)
    np.testing.assert_array_equal(Functionals().extract(part), Functionals(crop_seconds=1.0).extract(signal))
