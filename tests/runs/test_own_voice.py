"""Recordings as they come: formats, rates, lengths, folders, names, and broken ones."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from scipy.special import softmax

from serlib.audio import read_audio
from serlib.cli import main
from serlib.runs.kept import load_model
from serlib.runs.predict import NONE, predict_files
from serlib.runs.train import train_model


@pytest.fixture(scope="module")
def model(tiny_corpus, tmp_path_factory):
    """A small model of the hums, at 22.05 kHz."""
    folder = tmp_path_factory.mktemp("model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERLIB_CACHE", str(folder / "cache"))
        patch.setenv("SERLIB_RUNS", str(folder / "runs"))
        train_model(tiny_corpus, "focal/mfcc-softmax", folder / "hums", profile="quick", device="cpu")
    return folder / "hums"


@pytest.fixture(scope="module")
def hum(tiny_corpus):
    """A file of the corpus, and its samples."""
    file = tiny_corpus.table["file"].iloc[0]
    return file, soundfile.read(file)[0]


def chances(answers):
    return answers.table.iloc[:, 1:].to_numpy(float)


SAME = [  # keep every 16-bit sample
    ("WAV", "PCM_24", 1), ("WAV", "PCM_32", 1), ("WAV", "FLOAT", 1), ("WAV", "DOUBLE", 1), ("WAV", "PCM_16", 2),
    ("WAV", "FLOAT", 5), ("FLAC", "PCM_16", 1), ("AIFF", "PCM_16", 1), ("AU", "PCM_24", 5),
    ("RF64", "PCM_16", 1), ("W64", "PCM_16", 1), ("NIST", "PCM_16", 1),
]  # fmt: skip


@pytest.mark.parametrize("form,subtype,channels", SAME)
def test_what_keeps_the_samples_keeps_the_answer(model, hum, tmp_path, form, subtype, channels):
    file, signal = hum
    soundfile.write(tmp_path / "own", np.stack([signal] * channels, 1), 16000, subtype, format=form)
    found, wanted = predict_files(model, [tmp_path / "own"]), predict_files(model, [file])
    np.testing.assert_allclose(chances(found), chances(wanted), atol=1e-6)


LOSSY = [
    ("WAV", "PCM_U8", 16000), ("WAV", "GSM610", 8000), ("WAV", "ULAW", 8000), ("WAV", "IMA_ADPCM", 11025),
    ("MP3", "MPEG_LAYER_III", 44100), ("OGG", "VORBIS", 48000), ("OGG", "OPUS", 48000), ("VOC", "ALAW", 16000),
    *(("WAV", "PCM_16", rate_hz) for rate_hz in (1000, 8000, 11025, 22050, 44100, 96000, 192000)),
]  # fmt: skip


@pytest.mark.parametrize("form,subtype,rate_hz", LOSSY)
def test_every_format_and_rate_is_heard(model, hum, tmp_path, form, subtype, rate_hz):
    from soxr import resample

    soundfile.write(tmp_path / "own", resample(hum[1], 16000, rate_hz), rate_hz, subtype, format=form)
    answers, kept = predict_files(model, [tmp_path / "own"]), load_model(model)
    assert not answers.refused
    signal = read_audio(tmp_path / "own", sample_rate_hz=kept.recipe.features.sample_rate_hz)
    logits = kept.model.score(kept.method.hear(kept.recipe, [signal], kept.state), kept.hardware)[0]
    np.testing.assert_allclose(chances(answers)[:, 1:], softmax(logits, axis=1), atol=1e-6)
    np.testing.assert_allclose(chances(answers)[:, 1:].sum(), 1, atol=1e-6)


def written(path: Path, signal, rate_hz: int = 16000, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, signal, rate_hz, **options)
    return path


def with_a_gap(value):
    signal = 0.1 * np.sin(np.arange(16000) / 20)
    signal[5000] = value
    return signal


def cut(path: Path, form: str) -> None:
    written(path, with_a_gap(0), format=form)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BROKEN = {
    "nothing": (lambda p: p.write_bytes(b""), "cannot be read as audio: Format not recognised."),
    "no samples": (lambda p: written(p, np.zeros(0)), "holds no samples"),
    "text": (lambda p: p.write_text("no audio"), "cannot be read as audio: Format not recognised."),
    "silence": (lambda p: written(p, np.zeros(16000)), "silent, its samples differ by less than one 16-bit step"),
    "NaN": (lambda p: written(p, with_a_gap(np.nan), subtype="FLOAT"), "holds NaN or infinite samples"),
    "infinity": (lambda p: written(p, with_a_gap(np.inf), subtype="FLOAT"), "holds NaN or infinite samples"),
    "cut": (lambda p: cut(p, "WAV"), "cut off, or its header is wrong: 0.50 of 1.00 s are there"),
    "cut FLAC": (lambda p: cut(p, "FLAC"), "cut off|cannot be read as audio"),
    "missing": (lambda p: None, "there is no such file"),
    "long silence": (lambda p: written(p, np.zeros(16000 * 9)), "silent, its samples differ by less than one 16-bit"),
}


def test_each_broken_file_is_named_with_its_reason_and_the_rest_goes_on(model, hum, tmp_path, capsys):
    broken = {name: tmp_path / f"{name}.wav" for name in BROKEN}
    for name, path in broken.items():
        BROKEN[name][0](path)
    given = [hum[0], *map(str, broken.values()), *([hum[0]] * 2)]
    answers = predict_files(model, given)
    assert answers.table.index.tolist() == [hum[0]]  # said three times, heard once
    assert list(answers.refused) == [str(path) for path in broken.values()]
    for name, path in broken.items():
        assert re.match(BROKEN[name][1], answers.refused[str(path)]), (name, answers.refused[str(path)])
    assert main(["predict", "--model", str(model), *given]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[-1].startswith(hum[0])
    for path, reason in answers.refused.items():
        assert f"serlib: {path}: {reason}\n" in told.err
    assert main(["predict", "--model", str(model), str(broken["text"])]) == 1
    assert capsys.readouterr().out == ""


def test_a_name_that_is_not_utf_8_is_told(model, hum, tmp_path, capfd):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav")
    shutil.copy(hum[0], path)
    assert list(predict_files(model, [path, hum[0]]).refused) == [path]
    assert main(["predict", "--model", str(model), path, hum[0]]) == 1
    assert "cannot be read as audio" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["gänse füßchen.wav", "録音 $x$ 😀.flac", "-dash.wav", 'comma, "quoted".wav'])
def test_names_of_all_kinds_stay_as_they_are(model, hum, tmp_path, monkeypatch, name):
    written(tmp_path / name, hum[1])
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "--model", str(model), "--csv", "out.csv", "--", name]) == 0
    assert pd.read_csv("out.csv", dtype={"file": str})["file"].tolist() == [name]


def test_folders_are_looked_through(model, hum, tmp_path, capsys):
    inside = [tmp_path / name for name in ("a/clip.wav", "b/clip.wav", "b/deep/x.FLAC", "b/y.ogg")]
    for path in inside:
        written(path, hum[1])
    for name in (".hidden.wav", "b/._clip.wav", "notes.txt", "b/table.csv"):
        (tmp_path / name).write_text("no audio")
    (tmp_path / "folder.wav").mkdir()
    written(tmp_path / ".trash" / "old.wav", hum[1])
    answers = predict_files(model, [tmp_path, tmp_path / "a"])
    assert answers.table.index.tolist() == list(map(str, inside)) and not answers.refused
    (tmp_path / "b" / "phone.m4a").write_bytes(b"\0" * 99)  # which libsndfile does not read: told, not passed over
    assert list(predict_files(model, [tmp_path]).refused) == [str(tmp_path / "b" / "phone.m4a")]
    (tmp_path / "empty").mkdir()
    assert main(["predict", "--model", str(model), str(tmp_path / "empty")]) == 2
    assert capsys.readouterr().err == f"serlib: {tmp_path / 'empty'}: a folder without audio files\n"
    with pytest.raises(ValueError, match="got no files; give recordings or folders"):
        predict_files(model, [])


def test_more_files_than_are_heard_at_once_give_the_same(model, tiny_corpus):
    files = tiny_corpus.table["file"].tolist()
    assert len(files) > 64
    answers = predict_files(model, files)
    assert answers.table.index.tolist() == files
    np.testing.assert_allclose(chances(answers)[100:], chances(predict_files(model, files[100:])), atol=1e-6)


RATE_HZ = 22050  # the model's own: nothing is resampled


@pytest.fixture
def talk(tiny_corpus, tmp_path):
    """Hums of 4 s, 4.5 s of faint noise, and hums of another emotion: 12.5 s."""
    files, noise = tiny_corpus.table["file"], np.random.default_rng(0).standard_normal(RATE_HZ * 9 // 2)
    ends = [np.resize(soundfile.read(files.iloc[i])[0], 4 * RATE_HZ) for i in (0, 9)]
    return written(tmp_path / "talk.wav", np.concatenate([ends[0], 1e-4 * noise, ends[1]]), RATE_HZ, subtype="FLOAT")


def test_over_six_seconds_there_is_a_course_of_windows(model, hum, talk, tmp_path):
    answers = predict_files(model, [talk, hum[0]])
    course, classes, signal = answers.course, answers.model.classes, soundfile.read(talk)[0]
    assert set(course.index.get_level_values("file")) == {str(talk)}
    starts = [*map(float, range(10)), 9.5]
    assert course.index.droplevel("file").tolist() == [(start, start + 3) for start in starts]
    pauses = [k for k, start in enumerate(starts) if start >= 4 and start + 3 <= 8.5]
    assert np.flatnonzero(course["confidence"].isna()).tolist() == pauses == [4, 5]
    assert course["predicted"].iloc[pauses].tolist() == ["", ""]
    for k, start in enumerate(starts):
        if k not in pauses:
            first = int(start * RATE_HZ)
            piece = written(tmp_path / "piece.wav", signal[first : first + 3 * RATE_HZ], RATE_HZ, subtype="FLOAT")
            alone = predict_files(model, [piece]).table[classes].to_numpy()
            np.testing.assert_allclose(course[classes].iloc[[k]].to_numpy(), alone, atol=1e-6)
    np.testing.assert_allclose(answers.table.loc[str(talk), classes].astype(float), course[classes].mean(), atol=1e-12)


def test_up_to_six_seconds_a_recording_is_heard_whole(model, hum, tmp_path):
    for samples, windows in ((96000, 0), (96001, 5)):
        path = written(tmp_path / "long.wav", np.resize(hum[1], samples))
        assert len(predict_files(model, [path]).course) == windows


def test_the_command_writes_tables_and_a_picture(model, hum, talk, tmp_path, capsys):
    out, picture = tmp_path / "out.csv", tmp_path / "out.svg"
    assert main(["predict", "--model", str(model), "--csv", str(out), "--plot", str(picture), str(talk), hum[0]]) == 0
    answers = predict_files(model, [talk, hum[0]])
    pd.testing.assert_frame_equal(pd.read_csv(out, index_col=0), answers.table, check_exact=False, check_dtype=False)
    course = pd.read_csv(tmp_path / "out-course.csv", keep_default_na=True).fillna({"predicted": ""})
    pd.testing.assert_frame_equal(course, answers.course.reset_index(), check_exact=False, check_dtype=False)
    assert "<svg" in picture.read_text()
    capsys.readouterr()
    none = ["predict", "--model", str(model), "--csv", str(tmp_path / "b.csv"), "--plot", str(tmp_path / "no.svg")]
    assert main([*none, hum[0]]) == 0
    assert "serlib: nothing to plot: no recording is over 6 s\n" in capsys.readouterr().err
    assert {path.name for path in tmp_path.glob("[bn]*")} == {"b.csv"}


def test_below_the_threshold_it_is_none_of_these(model, tiny_corpus, capsys):
    files = tiny_corpus.table["file"].tolist()[:40]
    sure = predict_files(model, files).table
    least = float(sure["confidence"].median())
    answers = predict_files(model, files, threshold=least)
    wanted = sure["predicted"].where(sure["confidence"] >= least, NONE)
    assert answers.table["predicted"].tolist() == wanted.tolist() and (wanted == NONE).sum() == 20
    assert NONE not in set(sure["predicted"])  # nobody has measured this model: it has no threshold of its own
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=f"threshold is {wrong}; allowed are 0 to 1"):
            predict_files(model, files[:1], threshold=wrong)
    assert main(["predict", "--model", str(model), "--threshold", "1", files[0]]) == 0
    assert "none of these" in capsys.readouterr().out
