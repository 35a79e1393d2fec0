"""Spectrograms against librosa, against plain numpy, and against what the papers count."""

import warnings

import librosa
import numpy as np
import pytest

from serlib.features import MFCC, LinearSpectrogram, LogMel

PAPER_002 = {
    "sample_rate_hz": 16000, "n_fft": 512, "window_length": 400, "hop_length": 160, "window": "hamming", "n_mels": 40,
    "crop_seconds": None, "mel_scale": "htk", "mel_norm": None, "reference": 1.0, "floor_db": None,
}  # fmt: skip


def glide(seconds, rate_hz=22050):
    """A harmonic glide that swells and fades over noise, 60 dB and more from its loudest to its softest part."""
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * (120 * time + 15 * time**2)
    voice = sum(np.sin(k * phase) / k for k in range(1, 15)) * np.sin(np.pi * time / time[-1]) ** 4
    noise = 1e-4 * np.random.default_rng(0).standard_normal(len(time))
    return (0.1 * voice + noise).astype(np.float32)


def librosa_mel(signal, **options):
    """librosa's mel power of a float64 copy, so that only the method can differ."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a clip shorter than the window
        return librosa.feature.melspectrogram(y=signal.astype(np.float64), dtype=np.float64, **options)


@pytest.mark.parametrize("seconds", [0.02, 0.05, 0.3, 2.5, 6.0, 8.1])  # 0.02 s: less than half a window
def test_log_mel_is_librosas(seconds):
    signal = glide(seconds)
    power = librosa_mel(signal[:132300], sr=22050, n_fft=2048, hop_length=512, n_mels=128)
    expected = librosa.power_to_db(power, ref=np.max, top_db=80)
    features = LogMel().extract(signal)
    assert features.dtype == np.float32
    assert features.shape == (1, *expected.shape) == (1, 128, 1 + min(len(signal), 132300) // 512)
    np.testing.assert_allclose(features[0], expected, atol=2e-3)  # dB; torchaudio's filters are float32


def test_all_but_the_rounding_of_the_filters_is_librosas(monkeypatch):
    import torch

    from serlib.features import spectrograms

    filters = torch.from_numpy(librosa.filters.mel(sr=22050, n_fft=2048, dtype=np.float64))
    np.testing.assert_allclose(
        spectrograms._filters(1025, 0.0, 11025.0, 128, 22050, "slaney", "slaney"), filters, atol=2e-4 * filters.max()
    )
    monkeypatch.setattr(spectrograms, "_filters", lambda *options: filters)
    signal = glide(6.0)
    expected = librosa.power_to_db(librosa_mel(signal, sr=22050), ref=np.max)
    np.testing.assert_allclose(LogMel().extract(signal)[0], expected, atol=1e-5)
    np.testing.assert_allclose(MFCC().extract(signal)[0], librosa.feature.mfcc(S=expected, n_mfcc=40), atol=5e-4)


@pytest.mark.parametrize("seconds", [0.02, 2.5, 8.1])
def test_mfcc_is_librosas(seconds):
    signal = glide(seconds)
    power = librosa_mel(signal[:132300], sr=22050)
    expected = librosa.feature.mfcc(S=librosa.power_to_db(power, ref=np.max), n_mfcc=40)
    features = MFCC().extract(signal)
    assert features.shape == (1, *expected.shape) and features.dtype == np.float32
    np.testing.assert_allclose(features[0], expected, atol=2e-3)


def test_mfcc_with_librosas_own_reference():
    signal = glide(1.0)
    expected = librosa.feature.mfcc(y=signal.astype(np.float64), sr=22050, n_mfcc=13)
    np.testing.assert_allclose(MFCC(reference=1.0, n_mfcc=13).extract(signal)[0], expected, atol=2e-3)


def test_paper_002_is_librosas():
    signal = glide(1.3, 16000)
    power = librosa_mel(
        signal, sr=16000, n_fft=512, win_length=400, hop_length=160, window="hamming", n_mels=40, htk=True, norm=None
    )
    expected = librosa.power_to_db(power, top_db=None)
    features = LogMel(**PAPER_002, delta_width=19).extract(signal)
    assert features.shape == (3, *expected.shape)
    np.testing.assert_allclose(features[0], expected, atol=2e-3)
    slope = librosa.feature.delta(expected, width=19, mode="nearest")  # nearest: the edge value goes on
    inner = slice(18, -18)
    np.testing.assert_allclose(features[1][:, inner], slope[:, inner], atol=5e-4)
    np.testing.assert_allclose(
        features[2][:, inner], librosa.feature.delta(slope, width=19, mode="nearest")[:, inner], atol=5e-4
    )


def test_delta_of_a_ramp_is_one(monkeypatch):
    import torch

    ramp = torch.arange(60, dtype=torch.float64).expand(40, 60)
    monkeypatch.setattr(LogMel, "_levels", lambda self, signal: ramp)
    _, slope, curve = LogMel(**PAPER_002, delta_width=19).extract(glide(0.1))
    np.testing.assert_allclose(slope[:, 9:-9], 1, rtol=1e-6)  # equation 5 with N = 9; denominator 570
    np.testing.assert_allclose(curve[:, 18:-18], 0, atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "mel"), [("htk", lambda f: 2595 * np.log10(1 + f / 700)), ("slaney", librosa.hz_to_mel)]
)
def test_bands_lie_evenly_on_the_mel_scale(scale, mel):
    from serlib.features.spectrograms import _filters

    filters = _filters(4001, 0.0, 8000.0, 20, 16000, None, scale).numpy()
    peaks_hz = 2.0 * filters.argmax(axis=1)  # bins are 2 Hz apart
    edges = np.linspace(mel(0.0), mel(8000.0), 22)
    np.testing.assert_allclose(mel(peaks_hz), edges[1:-1], atol=mel(1002.0) - mel(998.0))


def test_pad_fills_up_to_six_seconds_with_zeros():
    signal = glide(2.0)
    padded = LogMel(pad=True).extract(signal)
    assert padded.shape == (1, 128, 259) and MFCC(pad=True).extract(signal).shape == (1, 40, 259)
    np.testing.assert_array_equal(padded, LogMel().extract(np.pad(signal, (0, 132300 - len(signal)))))
    assert (padded[..., 100:] == -80).all()


def test_level_does_not_matter_with_the_clips_own_reference():
    signal = glide(1.0)
    np.testing.assert_allclose(LogMel().extract(0.25 * signal), LogMel().extract(signal), atol=1e-4)
    absolute = LogMel(reference=1.0, floor_db=None)
    loud, soft = absolute.extract(signal), absolute.extract(0.1 * signal)
    np.testing.assert_allclose(soft, np.maximum(loud - 20, -100), atol=1e-3)  # librosa's amin is -100 dB


def test_range_is_the_floor():
    features = LogMel().extract(glide(6.0))
    assert features.max() == 0 and features.min() == -80


def test_sixteen_kilohertz_speech_leaves_the_top_bands_empty():
    from serlib.audio import _resample

    # methods.md G: at 22.05 kHz, 11 to 12 of the 128 bands lie above 8 kHz
    noise = np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    empty = (LogMel().extract(_resample(0.1 * noise, 16000, 22050))[0].mean(axis=1) < -50).sum()
    assert empty in (11, 12)


def syllables(depth_db: float, *, start: float = 0.0, seed: int = 0) -> np.ndarray:
    """2 s of noise at 16 kHz that swells and fades by ``depth_db`` four times a second, heard from ``start`` on."""
    time = start + np.arange(32000) / 16000
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return (0.1 * 10 ** (-depth_db / 40 * (1 + np.cos(2 * np.pi * 4 * time))) * noise).astype(np.float32)


def quieter(recipe, signals) -> np.ndarray:
    """How many bands of each channel move by less than the recipe calls quiet, over all signals: (channels,)."""
    features = [recipe.extract(signal) for signal in signals]
    return (np.concatenate(features, -1).std(-1, keepdims=True) < recipe.quiet).sum((1, 2))


def test_bands_without_sound_are_quiet_and_no_other_is():
    """One clip begins at its loudest: a click in the bands above 8 kHz, which hold nothing else."""
    from serlib.audio import _resample

    signals = [syllables(60.0, start=0.125 * (seed == 3), seed=seed) for seed in range(10)]
    (empty,) = quieter(LogMel(), [_resample(signal, 16000, 22050) for signal in signals])
    assert empty in (11, 12)
    signals = [syllables(30.0, seed=seed) for seed in range(10)]
    for recipe in (
        LogMel(**PAPER_002, delta_width=9), LogMel(**PAPER_002, delta_width=19), LinearSpectrogram(),
        LinearSpectrogram(compression="mu-law"),
    ):  # fmt: skip
        assert not quieter(recipe, signals).any(), recipe


@pytest.mark.emodb
def test_no_band_of_speech_is_called_quiet(emodb_root):
    """Nor any of its deltas, whose deltas move by little: a floor above them would shrink a whole channel."""
    from serlib import load_corpus
    from serlib.features import read_audio

    files = load_corpus("emodb", emodb_root).table["file"].iloc[::30]
    signals = [read_audio(file) for file in files]
    for recipe in (LogMel(**PAPER_002, delta_width=19), MFCC(sample_rate_hz=16000), LinearSpectrogram()):
        assert not quieter(recipe, signals).any(), recipe


@pytest.mark.parametrize("kind", [LogMel, MFCC])
def test_quiet_broadcasts_to_channels(kind):
    assert kind().quiet.shape == (1, 1, 1) and kind(delta_width=9).quiet.shape == (3, 1, 1)
    assert LinearSpectrogram().quiet == pytest.approx(np.log(10**0.3))  # 3 dB in nepers


def slow_linear(signal, compression):
    """Paper 000, window by window in numpy."""
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(640) / 640)
    starts = range(0, len(signal) - 640 + 1, 160)
    power = np.array([np.abs(np.fft.rfft(window * signal[s : s + 640], 1600)) ** 2 for s in starts]).T[:400]
    return np.log(power + 1e-10) if compression == "log" else np.log(1 + 255 * power / power.max()) / np.log(256)


@pytest.mark.parametrize("compression", ["log", "mu-law"])
def test_linear_spectrogram_of_paper_000(compression):
    signal = glide(0.5, 16000)
    features = LinearSpectrogram(compression=compression).extract(signal)
    np.testing.assert_allclose(features[0], slow_linear(signal.astype(np.float64), compression), atol=1e-5)


@pytest.mark.parametrize(("samples", "frames"), [(32480, 200), (32000, 197), (640, 1), (799, 1), (800, 2), (100, 1)])
def test_linear_frames(samples, frames):
    assert LinearSpectrogram().extract(glide(3.0, 16000)[10000 : 10000 + samples]).shape == (1, 400, frames)


def test_linear_tone_is_in_its_bin():
    tone = np.sin(2 * np.pi * 1230 * np.arange(16000) / 16000).astype(np.float32)
    assert (LinearSpectrogram().extract(tone)[0].argmax(axis=0) == 123).all()  # 10 Hz apart
    assert LinearSpectrogram(n_bins=None).extract(tone).shape == (1, 801, 97)


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        (LogMel, {"window": "kaiser"}, "window is 'kaiser'; allowed are ('hann', 'hamming')"),
        (LogMel, {"window_length": 4096}, "window_length is 4096; allowed are 1 to n_fft = 2048"),
        (LogMel, {"hop_length": 0}, "hop_length is 0; allowed are 1 and more, whole numbers"),
        (LogMel, {"mel_scale": "bark"}, "mel_scale is 'bark'; allowed are 'slaney', 'htk'"),
        (LogMel, {"mel_norm": "l1"}, "mel_norm is 'l1'; allowed are 'slaney' and None"),
        (LogMel, {"reference": "mean"}, "reference is 'mean'; allowed are 'max' and positive powers"),
        (LogMel, {"reference": -1.0}, "reference is -1.0; allowed are 'max' and positive powers"),
        (LogMel, {"delta_width": 4}, "delta_width is 4; allowed are None, 3, 5, 7, ..."),
        (
            LogMel,
            {"sample_rate_hz": 16000, "f_max_hz": 11025.0},
            "f_min_hz 0.0, f_max_hz 11025.0; allowed is 0 <= f_min_hz < f_max_hz <= half the rate",
        ),
        (MFCC, {"n_mfcc": 129}, "n_mfcc is 129; allowed are 1 to n_mels = 128"),
        (LinearSpectrogram, {"compression": "a-law"}, "compression is 'a-law'; allowed are 'log' and 'mu-law'"),
    ],
)
def test_senseless_spectrograms(kind, options, told):
    with pytest.raises(ValueError) as caught:
        kind(**options)
    assert str(caught.value) == told
