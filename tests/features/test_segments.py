"""Segments: how many, which samples, and that their spectrograms are those of ``LinearSpectrogram``."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serlib.features import LinearSpectrogram
from serlib.features.segments import SegmentSpectrogram

PAPER = SegmentSpectrogram()
TINY = SegmentSpectrogram(
    sample_rate_hz=100, segment_seconds=0.2, train_shift_seconds=0.1, eval_shift_seconds=0.04, window_length=8,
    hop_length=2, n_fft=8, n_bins=5, pad_samples=6,
)  # fmt: skip


def hum(seconds, seed=0):
    time = np.arange(int(seconds * 16000)) / 16000
    voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12))
    return (0.1 * voice + 0.01 * np.random.default_rng(seed).standard_normal(len(time))).astype(np.float32)


def test_the_papers_numbers():
    assert PAPER.segment_samples == 32000 and PAPER.frames == 200
    assert SegmentSpectrogram(pad_samples=0).frames == 197
    signal = [hum(4.5)]
    assert len(PAPER.cut(signal, training=True)[0]) == 3
    assert len(PAPER.cut(signal, training=False)[0]) == 7
    assert PAPER.spectrograms(PAPER.cut(signal, training=True)[0]).shape == (3, 1, 400, 200)
    assert 16000 / PAPER.n_fft == 10 and PAPER.n_bins * 10 == 4000  # bins 0 to 3990 Hz
    assert PAPER.window == "hamming" and PAPER.window_length == 0.04 * 16000


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(1, 90), min_size=1, max_size=6), training=st.booleans())
def test_segments_are_the_samples_that_they_say(lengths, training):
    """Against a loop that counts on its fingers; every sample value is its own address."""
    lengths = [*lengths, 20]  # one is as long as a segment
    signals = [1000 * i + np.arange(1, n + 1, dtype=np.float32) for i, n in enumerate(lengths)]
    segments, groups, valid = TINY.cut(signals, training=training)
    expected, windows = [], []
    for i, n in enumerate(lengths):
        start = 0
        while start == 0 or start + 20 <= n:
            expected.append((i, [signals[i][k] if k < n else 0 for k in range(start, start + 20)]))
            whole = [w for w in range(0, 20 + TINY.pad_samples - 8 + 1, 2) if w + 8 <= min(20, n - start)]
            windows.append(max(1, len(whole)))
            start += 10 if training else 4
    assert groups.tolist() == [i for i, _ in expected]
    np.testing.assert_array_equal(segments, [values for _, values in expected])
    np.testing.assert_array_equal(np.bincount(groups), TINY.count(np.array(lengths), training=training))
    assert segments.dtype == np.float32
    assert valid.tolist() == windows and valid.dtype == np.int64 and valid.max() <= TINY.frames


@pytest.mark.parametrize("options", [{}, {"compression": "mu-law"}, {"n_fft": 640, "hop_length": 500, "n_bins": 80}])
def test_one_segment_is_a_linear_spectrogram(options):
    recipe = SegmentSpectrogram(**options)
    segments, _, _ = recipe.cut([hum(2.6)], training=False)
    pictures = recipe.spectrograms(segments)
    assert pictures.dtype == np.float32 and pictures.shape == (2, 1, recipe.n_bins, recipe.frames)
    plain = LinearSpectrogram(**options)
    for segment, picture in zip(segments, pictures, strict=True):
        np.testing.assert_allclose(picture, plain.extract(np.pad(segment, (0, 480))), atol=2e-3)


def test_batches_and_companions_do_not_matter():
    segments, _, _ = PAPER.cut([hum(4.5), hum(1.0, 1)], training=False)
    together = PAPER.spectrograms(segments)
    np.testing.assert_allclose(PAPER.spectrograms(segments, batch_size=3), together, atol=1e-4)
    np.testing.assert_allclose(PAPER.spectrograms(segments[-1:]), together[-1:], atol=1e-4)


def test_a_short_utterance_is_filled_up_and_silence_is_finite():
    segments, groups, valid = PAPER.cut([hum(1.0), hum(2.0)], training=True)
    assert groups.tolist() == [0, 1] and not segments[0, 16000:].any()
    picture = PAPER.spectrograms(segments)[0, 0]
    assert valid.tolist() == [LinearSpectrogram().extract(hum(seconds)).shape[2] for seconds in (1.0, 2.0)] == [97, 197]
    assert picture[:, : valid[0]].std(1).max() < 0.5 * picture.std(1).min()  # what is filled up would be half of it
    np.testing.assert_allclose(picture[:, 105:], np.log(1e-10), atol=1e-4)
    for compression in ("log", "mu-law"):
        silent = SegmentSpectrogram(compression=compression).spectrograms(np.zeros((1, 32000), np.float32))
        assert np.isfinite(silent).all()


def test_all_that_can_change_a_picture_is_in_the_recipe():
    for name, value in {"segment_seconds": 1.0, "eval_shift_seconds": 1.0, "pad_samples": 0, "n_bins": 10}.items():
        assert SegmentSpectrogram(**{name: value}).to_dict()[name] == value != PAPER.to_dict()[name]


def test_refusals():
    with pytest.raises(ValueError, match=r"segments of 2 s are longer than every utterance .* has 1\.50 s"):
        PAPER.cut([hum(1.5), hum(1.0)], training=True)
    assert len(PAPER.cut([hum(1.5)], training=False)[0]) == 1  # a recording of one's own may be short
    with pytest.raises(ValueError, match="train_shift_seconds is 0"):
        SegmentSpectrogram(train_shift_seconds=0)
    with pytest.raises(ValueError, match="pad_samples is -1; allowed are 0 and more"):
        SegmentSpectrogram(pad_samples=-1)
    with pytest.raises(ValueError, match=r"a segment of 0\.01 s is shorter than a window of 640 samples"):
        SegmentSpectrogram(segment_seconds=0.01, pad_samples=0)
    with pytest.raises(ValueError, match="segments need center=False"):
        SegmentSpectrogram(center=True)
