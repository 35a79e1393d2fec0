"""Recordings of every encoding, rate, number of channels and name are read right."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from serlib.audio import AudioError, read_audio
from serlib.corpora import load_corpus

NOISE = (0.1 * np.random.default_rng(0).standard_normal(12000)).astype(np.float32)
NAMES = ("\N{OWL}", "it's", '"so"', "-o", "100 % #1?", "a;b|c", "a\nb", " lead", "\u00e9", "e\u0301", "x" * 250)
# All containers but those of samplers, phones and mathematics; a few encodings are listed that no build can write.
CONTAINERS = set(soundfile.available_formats()) - {"RAW", "AVR", "HTK", "MAT4", "MPC2K", "SDS", "SVX", "WVE", "XI"}
NOT_WRITTEN = {("WAV", "MPEG_LAYER_III"), ("MP3", "MPEG_LAYER_I"), ("MP3", "MPEG_LAYER_II")}
ENCODINGS = [(c, s) for c in sorted(CONTAINERS) for s in soundfile.available_subtypes(c) if (c, s) not in NOT_WRITTEN]
HUM = (0.5 * np.sin(np.arange(16000) / 12)).astype(np.float32)


@pytest.mark.parametrize(("container", "subtype"), [pair for pair in ENCODINGS if "DWVW" not in pair[1]])
def test_every_encoding(tmp_path, container, subtype):
    soundfile.write(tmp_path / "hum", HUM, 16000, subtype, format=container)
    heard, seconds = read_audio(tmp_path / "hum"), soundfile.info(tmp_path / "hum").duration
    assert abs(len(heard) / 16000 - seconds) < 1e-4 and 0.99 < seconds < 1.1  # VOC rounds rates
    assert np.std(heard[:15000]) == pytest.approx(np.std(HUM), rel=0.1)
    assert max(np.correlate(heard, HUM[:1500])) / 1500 / np.var(HUM) > 0.9  # an encoder may delay


def test_an_encoding_that_cannot_be_read_is_refused(tmp_path):
    soundfile.write(tmp_path / "hum", HUM, 16000, "DWVW_16", format="AIFF")
    with pytest.raises(AudioError, match="hum: cannot be read as audio: "):
        read_audio(tmp_path / "hum")


@pytest.mark.parametrize("rate_hz", [1, 8, 250, 8000, 11025, 44100, 96000, 192000])
def test_every_rate(tmp_path, rate_hz):
    samples = max(2, rate_hz // 2)
    soundfile.write(tmp_path / "a.wav", np.linspace(-0.5, 0.5, samples), rate_hz)
    heard = read_audio(tmp_path / "a.wav")
    assert len(heard) == pytest.approx(16000 * samples / rate_hz, abs=1) and heard.dtype == np.float32
    assert np.isfinite(heard).all() and 0 < np.ptp(heard) < 1.5


@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_are_averaged(tmp_path, channels):
    sounds = np.random.default_rng(1).uniform(-0.5, 0.5, (1000, channels))
    soundfile.write(tmp_path / "a.wav", sounds, 16000, "FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), sounds.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_recordings(tmp_path, name):
    for emotion in ("anger", "sadness"):
        (tmp_path / "c" / emotion).mkdir(parents=True)
        soundfile.write(tmp_path / "c" / emotion / f"{name}.wav", NOISE * len(emotion) / 9, 16000)
    found = load_corpus("table", tmp_path / "c", speaker_pattern=r"(?s)^(.).*")
    assert list(found.table.index) == [f"anger/{name}.wav", f"sadness/{name}.wav"]
    table = pd.DataFrame({"file": found.table["file"], "emotion": found.table["emotion"], "speaker": name})
    table.to_csv(tmp_path / "c.csv", index=False)
    assert load_corpus("table", tmp_path / "c.csv").table["speaker"].tolist() == [name.strip()] * 2
