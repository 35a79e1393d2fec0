"""RAVDESS: names, layouts, what is left out, the doubled recording, folds; on stand-ins and on the real copy."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from noise import recording

from serlib.corpora import CorpusError, check, load_corpus, ravdess
from serlib.protocol import folds

CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "calm", "surprise")
FOUR = ["anger", "happiness", "neutral", "sadness"]


def fill(folder: Path, names=ravdess.NAMES) -> Path:
    """Write a recording of its own for every name, in the actors' folders."""
    for name in names:
        (folder / f"Actor_{name[-2:]}").mkdir(parents=True, exist_ok=True)
        (folder / f"Actor_{name[-2:]}" / f"{name}.wav").write_bytes(recording(name))
    return folder


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    """The 1,440 names with noise in them, two of them with the same."""
    root = fill(tmp_path_factory.mktemp("ravdess"))
    first, second = (root / "Actor_07" / f"03-01-03-01-02-0{k}-07.wav" for k in (1, 2))
    second.write_bytes(first.read_bytes())
    return root


@pytest.fixture(scope="session")
def real():
    root = Path(__file__).parents[3] / "shared" / "corpora" / "ravdess"
    if not root.is_dir():
        pytest.skip("RAVDESS is not at ../shared/corpora/ravdess")
    return root


def test_names_agree_with_the_published_counts():
    emotions = [ravdess.CODES[name[6:8]] for name in ravdess.NAMES]
    assert {e: emotions.count(e) for e in CLASSES} == {e: 96 if e == "neutral" else 192 for e in CLASSES}
    assert all(sum(name.endswith(f"-{actor:02d}") for name in ravdess.NAMES) == 60 for actor in range(1, 25))
    assert len(set(ravdess.NAMES)) == 1440


def test_stand_in_loads_without_the_doubled_recording(standin, caplog):
    corpus = load_corpus("ravdess", standin)
    assert len(corpus) == 1439 and corpus.classes == CLASSES
    row = corpus.table.loc["03-01-05-02-01-02-12"]
    assert row[["emotion", "raw_label", "speaker", "sex", "sentence", "take"]].tolist() == [
        "anger", "05", "12", "female", "01", "02-02",
    ]  # fmt: skip
    assert corpus.table.groupby("speaker")["sex"].first().tolist() == ["male", "female"] * 12
    assert caplog.messages == [
        "ravdess: 1 of 1440 recordings are left out:\n  Actor_07/03-01-03-01-02-02-07.wav: the recording has come "
        "before, as Actor_07/03-01-03-01-02-01-07.wav"
    ]


def test_the_doubled_recording_is_kept_or_refused_where_that_is_asked_for(standin):
    assert len(load_corpus("ravdess", standin, duplicates="keep")) == 1440
    with pytest.raises(CorpusError, match=r"-02-01-07\.wav; duplicates='drop' keeps the first$"):
        load_corpus("ravdess", standin, duplicates="error")


def test_emotions_shared_with_other_corpora(standin):
    whole = load_corpus("ravdess", standin)
    four = load_corpus("ravdess", standin, emotions=FOUR)
    assert four.classes == tuple(FOUR) and len(four) == 3 * 192 - 1 + 96
    assert four.fingerprint == whole.relabel({e: e for e in FOUR}).fingerprint
    assert load_corpus("ravdess", standin, emotions="anger,happiness, neutral,sadness").fingerprint == four.fingerprint
    six = load_corpus("ravdess", standin, emotions={"calm": None, "surprise": None})
    assert six.classes == CLASSES[:6] and len(six) == 1439 - 384
    merged = load_corpus("ravdess", standin, emotions={"calm": "neutral"})
    assert merged.classes == (*CLASSES[:6], "surprise") and (merged.table["emotion"] == "neutral").sum() == 288


def test_emotions_that_it_has_not_are_refused_before_audio_is_read(standin):
    message = "ravdess: emotions is 'anger,boredom'; allowed are 'all', some of anger, disgust, fear, happiness, "
    for door in (load_corpus, check):
        with pytest.raises(CorpusError, match=f"^{message}"):
            door("ravdess", standin, emotions="anger,boredom")


def test_the_layout_of_the_release_flac_and_second_copies(tmp_path, caplog):
    names = ravdess.NAMES[:60:7]
    fill(tmp_path / "audio_speech_actors_01-24", names)
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 48000)
    soundfile.write(tmp_path / "audio_speech_actors_01-24" / "Actor_01" / f"{ravdess.NAMES[1]}.flac", noise, 48000)
    before = load_corpus("ravdess", tmp_path, partial=True)
    assert len(before) == len(names) + 1 and not caplog.messages
    fill(tmp_path / "zz", names)
    assert load_corpus("ravdess", tmp_path, partial=True).fingerprint == before.fingerprint
    assert caplog.messages == [f"ravdess: files left out: {len(names)} second copies"]


def test_songs_and_video_are_left_out_and_counted(tmp_path):
    folder = fill(tmp_path, ravdess.NAMES) / "Actor_01"
    for name in ("03-02-01-01-01-01-01.wav", "03-02-02-01-01-01-01.wav", "01-01-01-01-01-01-01.mp4", "mine.wav"):
        (folder / name).write_bytes(recording(name))
    (folder / "03-01-09-01-01-01-01.wav").write_bytes(recording("emotion 9"))
    report = check("ravdess", tmp_path)
    assert report.ok and len(report.table) == 1440
    assert report.notes == ("files left out: 1 with video, 2 of other names, 2 of songs",)
    assert report.notes[0] in str(report).splitlines()


def test_what_is_missing_is_named(standin, tmp_path):
    fill(tmp_path, ravdess.NAMES[2:])
    message = "2 recordings are missing: Actor_01/03-01-01-01-01-01-01, Actor_01/03-01-01-01-01-02-01; partial=True"
    with pytest.raises(CorpusError, match=message):
        load_corpus("ravdess", tmp_path)
    with pytest.raises(CorpusError, match=r"needed is the folder that holds Actor_01 to Actor_24$"):
        load_corpus("ravdess", tmp_path / "nowhere")


@pytest.mark.parametrize(("scheme", "number"), [("leave-one-speaker-out", 24), ("speaker-folds-6", 6)])
def test_folds_are_disjoint_and_balanced(standin, scheme, number):
    corpus = load_corpus("ravdess", standin)
    made = folds(corpus, scheme)
    speakers, sexes = corpus.table["speaker"].to_numpy(), corpus.table["sex"].to_numpy()
    assert len(made) == number
    assert sorted(np.concatenate([fold.test for fold in made])) == list(range(1439))
    for fold in made:
        train, dev, test = (set(speakers[part]) for part in (fold.train, fold.dev, fold.test))
        assert not train & dev and not train & test and not dev & test and len(train | dev | test) == 24
        assert len(test) == 24 // number and len(dev) == (1 if number == 24 else 2)
        assert {*sexes[fold.test], *sexes[fold.dev]} == {"female", "male"}
        if number == 6:
            assert len({s for s in test if int(s) % 2}) == 2


def test_the_real_copy(real):
    report = check("ravdess", real)
    assert report.ok and len(report.table) == 1439 and len(report.rows) == 1440
    assert report.doubled == (
        "Actor_07/03-01-03-01-02-02-07.flac: the recording has come before, as Actor_07/03-01-03-01-02-01-07.flac",
    )
    assert [name[-2:] for name in report.doubtful] == ["20"] * 4  # a second of digital silence before they speak
    assert round(report.table["duration"].sum() / 3600, 2) == 1.48
    assert report.table["duration"].between(2.9, 5.3).all()
