"""What goes wrong with audio and stored features is told, by name, and nothing wrong is kept."""

import hashlib
import os
import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serlib.features import AudioError, FeatureStore, Functionals, RawWaveform, read_audio

NOISE = (0.1 * np.random.default_rng(0).standard_normal(8000)).astype(np.float32)


def get(store, corpus, recipe=None, **options):
    return store.get(corpus, recipe or RawWaveform(), progress=False, **options)


def with_files(corpus, files):
    """Return a corpus whose first utterances lie in ``files``, as if it had just been loaded."""
    table = corpus.table.copy()
    for position, file in enumerate(files):
        table.iloc[position, table.columns.get_loc("file")] = str(file)
        content = Path(file).read_bytes() if Path(file).is_file() else b""
        table.iloc[position, table.columns.get_loc("audio_sha256")] = hashlib.sha256(content).hexdigest()
    return replace(corpus, table=table)


@pytest.fixture
def bad_files(tmp_path):
    """Files that cannot be used: file -> what is to be said of it."""
    (tmp_path / "text.wav").write_text("this is no audio")
    (tmp_path / "nothing.wav").write_bytes(b"")
    (tmp_path / "plain.raw").write_bytes(b"\0" * 100)
    soundfile.write(tmp_path / "empty.wav", NOISE[:0], 16000)
    soundfile.write(tmp_path / "nan.wav", np.r_[NOISE, np.nan], 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "inf.wav", np.r_[NOISE, -np.inf], 16000, subtype="FLOAT")
    return {
        tmp_path / "absent.wav": "there is no such file",
        tmp_path: "there is no such file",
        tmp_path / "text.wav": "cannot be read as audio: Format not recognised.",
        tmp_path / "nothing.wav": "cannot be read as audio: Format not recognised.",
        tmp_path / "plain.raw": "cannot be read as audio: samplerate must be specified",
        tmp_path / "empty.wav": "holds no samples",
        tmp_path / "nan.wav": "holds NaN or infinite samples",
        tmp_path / "inf.wav": "holds NaN or infinite samples",
    }


def test_each_unusable_file_is_refused_by_name(bad_files):
    for file, told in bad_files.items():
        with pytest.raises(AudioError) as caught:
            read_audio(file)
        assert str(caught.value) == f"{file}: {told}"


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (-0.1, None, "-0.1 to 0.5 s was asked for"),
        (0.3, 0.2, "0.3 to 0.2 s was asked for"),
        (0.6, None, "0.6 to 0.5 s was asked for"),
        (0.0, 0.52, "0 to 0.52 s was asked for"),
    ],
)
def test_parts_that_are_not_there(tmp_path, start, end, told):
    soundfile.write(tmp_path / "a.wav", NOISE, 16000)
    with pytest.raises(AudioError) as caught:
        read_audio(tmp_path / "a.wav", start=start, end=end)
    assert str(caught.value) == f"{tmp_path / 'a.wav'}: {told}; allowed are parts of 0 to 0.500 s"


def test_a_part_of_no_length(tmp_path):
    soundfile.write(tmp_path / "a.wav", NOISE, 16000)
    with pytest.raises(AudioError, match=re.escape(f"{tmp_path / 'a.wav'}: holds no samples")):
        read_audio(tmp_path / "a.wav", start=0.2, end=0.2)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_all_unusable_files_are_in_one_error_and_the_others_are_kept(tmp_path, tiny_corpus, bad_files, n_jobs):
    soundfile.write(tmp_path / "short.wav", NOISE[:100], 16000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    bad_files[tmp_path / "short.wav"] = "signal: 0.00625 s are too short for eGeMAPSv02; allowed are 0.07 s and more"
    bad_files[tmp_path / "silent.wav"] = "signal: silent, its samples differ by less than one 16-bit step"
    corpus = with_files(tiny_corpus.subset(np.arange(30)), [file for file in bad_files if file.is_file()])
    store = FeatureStore(tmp_path / "store")
    with pytest.raises(AudioError) as caught:
        get(store, corpus, Functionals(), n_jobs=n_jobs)
    lines = str(caught.value).split("\n  ")
    assert lines[0] == "8 of 30 recordings cannot be used:"
    assert lines[1:] == sorted(f"{file}: {told}" for file, told in bad_files.items() if file.is_file())
    assert [path.exists() for path in store.paths(corpus, Functionals())] == [False] * 8 + [True] * 22
    assert len(get(store, corpus.subset(np.arange(8, 30)), Functionals())) == 22


def test_a_file_that_changed_after_loading_leaves_nothing_behind(tmp_path, tiny_corpus):
    file = tmp_path / "a.wav"
    soundfile.write(file, NOISE, 16000)
    corpus = with_files(tiny_corpus.subset([0]), [file])
    soundfile.write(file, 0.5 * NOISE, 16000)
    store = FeatureStore(tmp_path / "store")
    with pytest.raises(AudioError) as caught:
        get(store, corpus)
    told = f"{file}: changed since the corpus was loaded; load it again"
    assert str(caught.value) == f"1 of 1 recordings cannot be used:\n  {told}"
    assert not list(store.root.rglob("*.npy"))
    np.testing.assert_array_equal(get(store, with_files(corpus, [file]))[0], read_audio(file))


# ---- damage


@given(where=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255), cut=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_is_noticed_told_and_remade(tmp_path, tiny_corpus, where, bits, cut):
    store, one = FeatureStore(tmp_path / "store"), tiny_corpus.subset([0, 1])
    good, _ = get(store, one)
    path, untouched = store.paths(one, RawWaveform())
    content, stamp = path.read_bytes(), untouched.stat().st_mtime_ns
    position = int(where * len(content))
    flipped = bytes([content[position] ^ bits])
    path.write_bytes(content[:position] if cut else content[:position] + flipped + content[position + 1 :])
    with pytest.warns(UserWarning) as caught:
        again, _ = get(store, one)
    assert [str(w.message) for w in caught] == [f"{path}: these features are damaged and are made again"]
    np.testing.assert_array_equal(again, good)
    assert path.read_bytes() == content and untouched.stat().st_mtime_ns == stamp
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        get(store, one)


def test_entries_are_plain_arrays(tmp_path, tiny_corpus):
    store, one = FeatureStore(tmp_path), tiny_corpus.subset([0])
    stored = get(store, one)[0]
    np.testing.assert_array_equal(np.load(store.paths(one, RawWaveform())[0], allow_pickle=False), stored)


@dataclass(frozen=True, kw_only=True)
class Objects(RawWaveform):
    """Gives what only pickle could keep."""

    def extract(self, signal):
        return np.array([signal, None], dtype=object)


def test_pickles_are_never_written(tmp_path, tiny_corpus):
    with pytest.raises(ValueError, match="Object arrays cannot be saved when allow_pickle=False"):
        get(FeatureStore(tmp_path), tiny_corpus.subset([0]), Objects())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_write_that_fails_is_raised_and_leaves_nothing(tmp_path, tiny_corpus, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        get(FeatureStore(tmp_path), tiny_corpus.subset([0]), n_jobs=1)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@dataclass(frozen=True, kw_only=True)
class Broken(RawWaveform):
    """Fails for a reason that is not the file's."""

    def extract(self, signal):
        raise ZeroDivisionError("a mistake in a recipe")


def test_mistakes_in_a_recipe_are_not_blamed_on_the_files(tmp_path, tiny_corpus):
    with pytest.raises(ZeroDivisionError, match="a mistake in a recipe"):
        get(FeatureStore(tmp_path), tiny_corpus.subset([0]), Broken())
