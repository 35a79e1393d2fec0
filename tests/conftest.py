"""Fixtures that the whole suite shares: EMO-DB where it lies, a tiny corpus, and folders of one's own."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from serlib.corpora import synthetic
from serlib.corpora.corpus import Corpus

EMOTIONS = ("anger", "happiness", "neutral", "sadness")


@pytest.fixture(scope="session")
def emodb_root() -> Path:
    """Root of EMO-DB: ``$SERLIB_EMODB``, or the shared copy beside the project; skips without one."""
    places = [os.environ.get("SERLIB_EMODB"), Path(__file__).parents[2] / "shared" / "corpora" / "emodb"]
    for place in filter(None, places):
        if (Path(place) / "wav").is_dir():
            return Path(place)
    pytest.skip("EMO-DB is neither at ../shared/corpora/emodb nor at $SERLIB_EMODB")


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """Send caches and runs to folders of this test's own."""
    monkeypatch.setenv("SERLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SERLIB_RUNS", str(tmp_path / "runs"))
    return tmp_path


def _tone(emotion: int, speaker: int, take: int) -> np.ndarray:
    """Return a short hum whose pitch tells the speaker and whose brightness tells the emotion."""
    generator = np.random.default_rng([emotion, speaker, take])
    time = np.arange(int(16000 * generator.uniform(0.6, 1.5))) / 16000
    pitch = 100 + 12 * speaker + generator.normal(0, 2)
    partials = sum(np.sin(2 * np.pi * pitch * k * time) / k ** (0.6 + 0.5 * emotion) for k in range(1, 12))
    return (0.1 * partials + 0.002 * generator.standard_normal(len(time))).astype(np.float32)


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory) -> Corpus:
    """Ten speakers in five sessions, four emotions, three takes each: 120 hums of 0.6 to 1.5 s at 16 kHz."""
    from hashlib import sha256

    folder, rows = tmp_path_factory.mktemp("tiny"), []
    for speaker in range(10):
        for index, emotion in enumerate(EMOTIONS):
            for take in range(3):
                path = folder / f"{speaker:02d}_{emotion}_{take}.wav"
                signal = _tone(index, speaker, take)
                soundfile.write(path, signal, 16000, subtype="PCM_16")
                rows.append(
                    {
                        "utterance": path.stem,
                        "file": str(path),
                        "start": np.nan,
                        "end": np.nan,
                        "duration": len(signal) / 16000,
                        "emotion": emotion,
                        "raw_label": emotion[:3],
                        "speaker": f"{speaker:02d}",
                        "sex": ("female", "male")[speaker % 2],
                        "session": f"S{speaker // 2 + 1}",
                        "sentence": f"s{take}",
                        "take": "a",
                        "audio_sha256": sha256(path.read_bytes()).hexdigest(),
                    }
                )
    return Corpus("tiny", pd.DataFrame(rows).set_index("utterance"), EMOTIONS)


@pytest.fixture(scope="session")
def voices(tmp_path_factory) -> Corpus:
    """120 utterances of the synthetic corpus: classes of unequal size, 0.6 to 8 s, several segments each."""
    return synthetic.load(tmp_path_factory.mktemp("voices"), utterances=120, n_jobs=1)
