"""The feature store: never stale, never half, never twice."""

import hashlib
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serlib.features import (
    MFCC,
    FeatureStore,
    Functionals,
    LinearSpectrogram,
    LogMel,
    RawWaveform,
    read_audio,
)
from serlib.features import store as store_module

CALLS = []


@dataclass(frozen=True, kw_only=True)
class Counted(RawWaveform):
    """The samples, and a note that somebody asked for them."""

    crop_seconds: float | None = 0.1

    def extract(self, signal):
        CALLS.append(len(signal))
        return super().extract(signal)


@pytest.fixture
def few(tiny_corpus):
    return tiny_corpus.subset(np.arange(0, 120, 12))


@pytest.fixture
def store(tmp_path):
    CALLS.clear()
    return FeatureStore(tmp_path / "store")


def get(store, corpus, recipe, **options):
    return store.get(corpus, recipe, progress=False, **options)


def test_gives_what_the_recipe_gives_in_the_order_of_the_table(store, few):
    backwards = few.subset(np.arange(len(few))[::-1])
    for corpus in (few, backwards):
        expected = [RawWaveform().extract(read_audio(file)) for file in corpus.table["file"]]
        arrays = get(store, corpus, RawWaveform())
        assert len(arrays) == len(corpus)
        for array, wanted in zip(arrays, expected, strict=True):
            np.testing.assert_array_equal(array, wanted)
            assert array.dtype == np.float32 and array.flags.writeable


@pytest.mark.parametrize("recipe", [Functionals(), LogMel(), MFCC(n_mfcc=13), LinearSpectrogram()])
def test_many_workers_give_what_one_gives(tmp_path, tiny_corpus, recipe):
    some = tiny_corpus.subset(np.arange(0, 120, 5))
    one = get(FeatureStore(tmp_path / "one"), some, recipe, n_jobs=1)
    two = get(FeatureStore(tmp_path / "two"), some, recipe, n_jobs=2)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_rests_in_the_cache_by_default(cache, few):
    get(FeatureStore(), few, RawWaveform())
    assert len(list((cache / "cache" / "features").rglob("*.npy"))) == len(few)


def test_nothing_is_computed_twice(store, few):
    get(store, few, Counted(), n_jobs=1)
    assert len(CALLS) == len(few)
    get(store, few, Counted())
    get(FeatureStore(store.root), few, Counted())
    assert len(CALLS) == len(few)


def test_more_utterances_compute_only_what_is_new(store, few):
    get(store, few.subset([0, 1, 2]), Counted())
    get(store, few, Counted())
    assert len(CALLS) == len(few)


def test_equal_content_is_computed_once(store, few):
    table = few.table.iloc[[0, 0, 0]].set_axis(["a", "b", "c"])
    arrays = get(store, replace(few, table=table), Counted())
    assert len(arrays) == 3 and len(CALLS) == 1
    arrays[0][:] = 9
    assert not (arrays[1] == 9).any()


def test_stored_features_need_no_audio(store, few, tmp_path):
    before = get(store, few, Counted())
    table = few.table.assign(file=str(tmp_path / "gone.wav"))
    for a, b in zip(before, get(store, replace(few, table=table), Counted()), strict=True):
        np.testing.assert_array_equal(a, b)


# ---- never stale


@given(
    changes=st.dictionaries(
        st.sampled_from([f.name for f in fields(LogMel)]),
        st.integers(0, 3),
        max_size=3,
    )
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_field_of_a_recipe_is_in_the_key(few, changes):
    values = {
        "sample_rate_hz": (22050, 16000, 24000, 44100), "crop_seconds": (6.0, 5.0, 4.0, 3.0), "pad": (False, True),
        "n_fft": (2048, 4096), "window_length": (2048, 1024, 512), "hop_length": (512, 256, 128),
        "window": ("hann", "hamming"), "center": (True, False), "n_mels": (128, 64, 40), "f_min_hz": (0.0, 50.0, 60.0),
        "f_max_hz": (None, 7000.0, 7600.0), "mel_scale": ("slaney", "htk"), "mel_norm": ("slaney", None),
        "reference": ("max", 1.0), "floor_db": (80.0, None), "delta_width": (None, 9, 19),
    }  # fmt: skip
    chosen = {name: values[name][i % len(values[name])] for name, i in changes.items()}
    changed, base, store = LogMel(**chosen), LogMel(), FeatureStore("nowhere")
    same = all(values[name][0] == value for name, value in chosen.items())
    assert (changed == base) is same
    assert (store.paths(few, changed) == store.paths(few, base)) is same
    if not same:
        assert not set(store.paths(few, changed)) & set(store.paths(few, base))


def test_kind_version_and_libraries_are_in_the_key(few, monkeypatch):
    store = FeatureStore("nowhere")
    paths = [store.paths(few, RawWaveform()), store.paths(few, Counted(crop_seconds=6.0))]

    class Later(RawWaveform):
        version: ClassVar[int] = 2

    Later.__name__ = "RawWaveform"
    paths.append(store.paths(few, Later()))
    real = store_module._version
    monkeypatch.setattr(store_module, "_version", lambda name: "99" if name == "soxr" else real(name))
    paths.append(store.paths(few, RawWaveform()))
    mel = store.paths(few, LogMel())
    monkeypatch.setattr(store_module, "_version", lambda name: "99" if name in ("soxr", "torchaudio") else real(name))
    assert store.paths(few, RawWaveform()) == paths[-1]  # torchaudio takes no part in it
    paths += [mel, store.paths(few, LogMel())]
    assert len({path for some in paths for path in some}) == len(paths) * len(few)


def test_content_and_part_are_in_the_key_and_the_place_is_not(few):
    store = FeatureStore("nowhere")
    base = store.paths(few, RawWaveform())
    assert store.paths(replace(few, table=few.table.assign(file="elsewhere.wav")), RawWaveform()) == base
    for changed in ({"audio_sha256": "0" * 64}, {"start": 0.1}, {"end": 0.5}, {"start": 0.1, "end": 0.5}):
        assert not set(store.paths(replace(few, table=few.table.assign(**changed)), RawWaveform())) & set(base)


def test_absent_libraries_have_no_version():
    assert store_module._version("no-such-package-of-ours") is None


def test_parts_are_extracted(store, few):
    parts = replace(few, table=few.table.assign(start=0.1, end=0.3))
    for array, file in zip(get(store, parts, RawWaveform()), few.table["file"], strict=True):
        np.testing.assert_array_equal(array, read_audio(file, start=0.1, end=0.3))


# ---- progress and telling


def test_bar_only_when_something_is_computed(store, few, capsys):
    store.get(few.subset([0, 1]), Counted())
    store.get(few, Counted())
    err = capsys.readouterr().err
    assert "Counted" in err and "10/10" in err and "2/10" in err  # goes on from what is there
    store.get(few, Counted())
    get(store, few, Counted(crop_seconds=0.2))
    assert capsys.readouterr().err == ""


def test_resampling_is_said_once(tmp_path, tiny_corpus, caplog):
    store_module.tell_resampled.cache_clear()
    some = tiny_corpus.subset(np.arange(16))
    with caplog.at_level("WARNING", "serlib"):
        get(FeatureStore(tmp_path), some, LogMel(), n_jobs=2)
        get(FeatureStore(tmp_path), some, LogMel(n_mels=40), n_jobs=1)
    assert caplog.messages == ["audio is resampled from 16000 Hz to 22050 Hz"]


def test_torchs_threads_are_given_back(tmp_path, few):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        get(FeatureStore(tmp_path), few.subset([0]), LogMel(), n_jobs=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# ---- other processes

SCRIPT = """
    import hashlib, sys, time
    from dataclasses import dataclass
    import pandas as pd
    from serlib.corpora.corpus import Corpus
    from serlib.features import FeatureStore, RawWaveform

    @dataclass(frozen=True, kw_only=True)
    class Slow(RawWaveform):
        crop_seconds: float | None = 0.1
        def extract(self, signal):
            time.sleep(0.01)
            with open(sys.argv[3], "a") as log:
                log.write("x")
            return super().extract(signal)

    table = pd.read_csv(sys.argv[1], index_col=0, dtype={"speaker": str})
    corpus = Corpus("tiny", table, ("anger", "happiness", "neutral", "sadness"))
    arrays = FeatureStore(sys.argv[2]).get(corpus, Slow(), n_jobs=int(sys.argv[4]), progress=False)
    print(hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest())
"""


@pytest.fixture
def start(tmp_path, tiny_corpus):
    """Return a function that starts a process which fills the store ``tmp_path / "store"``."""
    tiny_corpus.table.to_csv(tmp_path / "corpus.csv")

    def run(n_jobs=1):
        arguments = [tmp_path / "corpus.csv", tmp_path / "store", tmp_path / "log", n_jobs]
        command = [sys.executable, "-W", "error", "-c", textwrap.dedent(SCRIPT), *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return run


def finish(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_killed_extraction_goes_on_where_it_was(start, tmp_path, n_jobs):
    process = start(n_jobs)
    while len(list((tmp_path / "store").rglob("*.npy"))) < 20:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.kill()
    process.communicate()
    kept = len(list((tmp_path / "store").rglob("*.npy")))
    assert 20 <= kept < 120
    before = (tmp_path / "log").stat().st_size
    finish(start(n_jobs))
    assert (tmp_path / "log").stat().st_size - before == 120 - kept  # no entry that was there is made again
    assert len(list((tmp_path / "store").rglob("*.npy"))) == 120


def test_two_processes_share_a_store(start, tmp_path, tiny_corpus):
    first, second = map(finish, [start(), start()])
    expected = [read_audio(file)[:1600] for file in tiny_corpus.table["file"]]
    assert first == second == hashlib.sha256(b"".join(array.tobytes() for array in expected)).hexdigest()
    assert len(list((tmp_path / "store").rglob("*.npy"))) == 120
    assert not list((tmp_path / "store").rglob("*.tmp"))


def test_what_another_process_has_made_meanwhile_is_taken(store, few):
    path, row = store.paths(few, Counted())[0], {**few.table.iloc[0], "checked": True}
    assert store_module._make(path, row, Counted()) == (16000, None)
    assert store_module._make(path, row, Counted()) == (16000, None)
    assert len(CALLS) == 1


# ---- real speech


@pytest.mark.emodb
def test_emodb_egemaps(store, emodb_root):
    from serlib.corpora import load_corpus

    corpus = load_corpus("emodb", emodb_root)
    some = corpus.subset(np.arange(0, 535, 20))
    rows = np.stack(get(store, some, Functionals()))
    assert rows.shape == (27, 88) and np.isfinite(rows).all()
    semitones = rows[:, Functionals().names.index("F0semitoneFrom27.5Hz_sma3nz_amean")]
    sex = some.table["sex"].to_numpy()
    assert semitones[sex == "female"].mean() - semitones[sex == "male"].mean() > 5
