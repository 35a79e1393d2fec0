"""What a pass over the audio finds, in ``check`` and where asked in ``load_corpus``, and what is left out."""

import json

import numpy as np
import pytest
import soundfile
import torch

from serlib import methods, models
from serlib.corpora import CorpusError, check, load_corpus
from serlib.corpora.measure import HEARD_SECONDS, SHORTEST_SECONDS
from serlib.features import AudioError, read_audio

NOISE = (0.1 * np.random.default_rng(0).standard_normal(32000)).astype(np.float32)
SILENT = "silent, its samples differ by less than one 16-bit step"
UNUSABLE = {
    "silent": (np.zeros(32000), {}, SILENT),
    "constant": (np.full(32000, 0.3), {}, SILENT),
    "antiphase": (np.stack([NOISE, -NOISE], axis=1), {}, SILENT),
    "one_sample": (NOISE[:1], {}, SILENT),
    "nan": (np.r_[NOISE, np.nan], {"subtype": "FLOAT"}, "holds NaN or infinite samples"),
    "inf": (np.r_[NOISE, np.inf], {"subtype": "FLOAT"}, "holds NaN or infinite samples"),
}


@pytest.fixture
def own(tmp_path):
    """Return a function that writes a CSV of files that are there, beside two good ones, and gives its path."""

    def write(*files):
        for k, name in enumerate(("good.wav", "fine.wav")):
            soundfile.write(tmp_path / name, NOISE[k : k + 16000], 16000)
        rows = [f"{name},sad,s" for name in ("good.wav", "fine.wav", *files)]
        (tmp_path / "own.csv").write_text("\n".join(["file,emotion,speaker", *rows]))
        return tmp_path / "own.csv"

    return write


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_every_method_refuses_is_told_and_can_be_left_out(own, tmp_path, caplog, name):
    samples, how, told = UNUSABLE[name]
    soundfile.write(tmp_path / "bad.wav", samples, 16000, **how)
    report = check("table", own("bad.wav"))
    assert not report.ok and report.faults == (f"bad.wav: {told}",) and len(report.table) == 2
    assert str(report).splitlines()[-3:] == ["1 cannot be used:", f"  bad.wav: {told}", "not ok"]
    corpus = load_corpus("table", own("bad.wav"), on_bad="drop")
    assert corpus.table.index.tolist() == ["good.wav", "fine.wav"]
    assert caplog.messages == [f"table: 1 of 3 recordings are left out:\n  bad.wav: {told}"]


@pytest.mark.parametrize("form", ["wav", "aiff", "au", "w64", "mp3", "flac", "ogg"])
def test_a_half_file_is_told(own, tmp_path, form):
    path = tmp_path / f"half.{form}"
    soundfile.write(path, NOISE, 16000, format=form)
    assert check("table", own(path.name)).ok
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (fault,) = check("table", own(path.name)).faults
    whole = {"flac": "cannot be read as audio: flac decoder lost sync.", "ogg": "holds no samples"}
    assert fault.startswith(f"half.{form}: {whole.get(form, 'cut off, or its header is wrong: ')}")
    if form in ("wav", "aiff", "au", "w64"):  # the header alone tells
        with pytest.raises(CorpusError, match=r"1 recordings cannot be used; on_bad='drop' goes on without them:\n  "):
            load_corpus("table", own(path.name))


def test_a_stream_of_unknown_length_is_no_half_file(own, tmp_path):
    soundfile.write(tmp_path / "stream.wav", NOISE, 16000)
    content = bytearray((tmp_path / "stream.wav").read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"  # as a program that writes into a pipe leaves them
    (tmp_path / "stream.wav").write_bytes(content)
    assert check("table", own("stream.wav")).ok


def test_where_nothing_is_left_it_is_told_why(own, tmp_path):
    path = own()
    soundfile.write(tmp_path / "good.wav", np.zeros(16000), 16000)
    path.write_text("file,emotion,speaker\ngood.wav,sad,s\n")
    with pytest.raises(CorpusError) as caught:
        load_corpus("table", path, on_bad="drop")
    told = f"there are no recordings\n1 of 1 recordings are left out:\n  good.wav: {SILENT}"
    assert str(caught.value) == f"table at {tmp_path}: {told}"


def test_encodings_that_cannot_seek_are_read(own, tmp_path):
    soundfile.write(tmp_path / "phone.wav", NOISE, 8000, subtype="GSM610")
    assert not soundfile.SoundFile(tmp_path / "phone.wav").seekable()
    assert check("table", own("phone.wav")).ok
    whole = read_audio(tmp_path / "phone.wav", sample_rate_hz=8000)
    part = read_audio(tmp_path / "phone.wav", sample_rate_hz=8000, start=1.0, end=2.5)
    np.testing.assert_array_equal(part, whole[8000:20000])


def test_clips_that_some_methods_refuse_are_named_and_can_be_left_out(own, tmp_path, caplog):
    soundfile.write(tmp_path / "short.wav", NOISE[:4800], 16000)
    soundfile.write(tmp_path / "late.wav", np.r_[np.zeros(16000), NOISE], 16000)
    told = "short.wav: 0.3 s are too short for some networks, 0.51 s suit all"
    late = "late.wav: silent in its first 1 s, and some methods read no more"
    report = check("table", own("short.wav", "late.wav"))
    assert report.ok and list(report.doubtful.values()) == [told, late]
    assert str(report).splitlines()[-4:] == ["2 refused by some methods:", f"  {told}", f"  {late}", "ok"]
    assert len(load_corpus("table", own("short.wav", "late.wav"))) == 4
    assert len(load_corpus("table", own("short.wav", "late.wav"), on_bad="drop")) == 2
    refused = "recordings are refused by some methods; on_bad='drop' goes on without them"
    assert caplog.messages == [
        f"table: 1 {refused}:\n  {told}", f"table: 2 of 4 recordings are left out:\n  {told}\n  {late}",
    ]  # fmt: skip


def test_a_part_that_is_silent_is_told_though_the_file_is_not(own, tmp_path):
    soundfile.write(tmp_path / "late.wav", np.r_[np.zeros(16000), NOISE], 16000)
    path = own()
    path.write_text("file,emotion,speaker,start,end\nlate.wav,sad,s,0.1,0.9\nlate.wav,sad,s,1,\n")
    assert check("table", path).faults == (f"late.wav: {SILENT}",)


def test_duplicates(own, tmp_path, caplog):
    path = own("again.wav")
    (tmp_path / "again.wav").write_bytes((tmp_path / "good.wav").read_bytes())
    told = "again.wav: the recording has come before, as good.wav"
    report = check("table", path)
    assert not report.ok and report.faults == (f"{told}; duplicates='drop' keeps the first",)
    assert check("table", path, duplicates="drop").ok and check("table", path, duplicates="keep").ok
    assert len(load_corpus("table", path, duplicates="keep")) == 3 and not caplog.messages
    assert len(load_corpus("table", path, duplicates="drop")) == 2
    assert caplog.messages == [f"table: 1 of 3 recordings are left out:\n  {told}"]


def test_a_duplicate_that_contradicts_is_a_fault_whatever_the_option(own, tmp_path):
    path = own()
    (tmp_path / "again.wav").write_bytes((tmp_path / "good.wav").read_bytes())
    path.write_text("file,emotion,speaker\ngood.wav,sad,1\nagain.wav,joy,1\n")
    told = "again.wav: the recording has come before, as good.wav, there sadness by 1"
    with pytest.raises(CorpusError) as caught:
        load_corpus("table", path, duplicates="drop")
    assert str(caught.value).endswith(f"1 recordings cannot be used; on_bad='drop' goes on without them:\n  {told}")


def test_names_of_every_kind(own, tmp_path):
    names = ["two words.wav", "äöü.wav", "\N{GRINNING FACE}.wav", f"{'x' * 250}.wav"]
    for k, name in enumerate(names):
        soundfile.write(tmp_path / name, NOISE[1000 * k + 10 :], 16000)
    path = own(*names, f"{'y' * 300}.wav")
    report = check("table", path)
    assert report.faults == (f"{'y' * 300}.wav: there is no such file",) and len(report.table) == 6


def test_names_that_are_not_utf_8_are_left_out_and_counted(tmp_path):
    (tmp_path / "sad").mkdir()
    for name in ("a1.wav", "a2.wav"):
        soundfile.write(tmp_path / "sad" / name, NOISE[: 10000 * int(name[1])], 16000)
    try:
        (tmp_path / "sad" / "a1.wav").rename(tmp_path / "sad" / "b1\udcff.wav")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such name")
    report = check("table", tmp_path, speaker_pattern=r"\d")
    assert len(report.table) == 1
    assert report.notes == ("files left out: 1 of names that are not UTF-8; read are .wav, .flac, .ogg",)


@pytest.fixture(scope="module")
def networks():
    """Every reading of every network: feature recipe, the recipe, the network."""
    found = {}
    for name in methods.names():
        for each in (name, f"{name}+strong"):
            for profile in ("quick", "study", "paper"):
                try:
                    recipe = methods.get(each).recipe(profile)
                except ValueError:  # a baseline has no variants
                    continue
                if not hasattr(models, getattr(recipe, "network", "")) or hasattr(recipe, "waveform"):
                    continue
                for features in recipe.heard(training=True):
                    key = json.dumps([str(features), recipe.network, str(recipe.network_options), str(recipe.segments)])
                    found[key] = features, recipe
    return [
        (features, recipe, getattr(models, recipe.network)(**recipe.network_options).eval())
        for features, recipe in found.values()
    ]


def takes(features, recipe, network, seconds):
    """Tell whether a network takes a clip of so many seconds."""
    signal = NOISE[: round(seconds * features.sample_rate_hz)]
    try:
        read = features.extract(signal)
        if recipe.segments is None:
            pictures, lengths = torch.from_numpy(read)[None], torch.tensor([read.shape[-1]])
        else:
            cut, _, frames = recipe.segments.cut([read], training=False)
            pictures, lengths = torch.from_numpy(recipe.segments.spectrograms(cut)), torch.from_numpy(frames)
        with torch.no_grad():
            network(pictures, lengths)
    except (ValueError, AudioError):
        return False
    return True


def test_the_shortest_clip_suits_every_network_and_a_shorter_one_does_not(networks):
    assert all(takes(*each, SHORTEST_SECONDS) for each in networks)
    assert not all(takes(*each, SHORTEST_SECONDS - 0.01) for each in networks)


def test_no_method_reads_less_of_the_beginning():
    recipes = [methods.get(name).recipe(profile) for name in methods.names() for profile in ("quick", "study", "paper")]
    read = [part for r in recipes for part in (r.features, getattr(r, "waveform", None)) if part is not None]
    assert min(part.crop_seconds for part in read if part.crop_seconds) == HEARD_SECONDS
