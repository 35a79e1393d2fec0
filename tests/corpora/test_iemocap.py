import numpy as np
import pytest
import soundfile

from serlib.corpora import check, iemocap, load_corpus

# Two dialogs a session: (dialog, turn, label). The second has turns of the person who does not name the recording.
TURNS = {
    "Ses0{}F_impro01": [("F000", "neu"), ("F001", "xxx"), ("M000", "ang"), ("M001", "exc"), ("M002", "fru")],
    "Ses0{}M_script01_1b": [("M000", "hap"), ("F000", "sad"), ("F001", "neu"), ("M001", "sur")],
}
HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
EXTRA = (
    "C-E2:\tNeutral;\t()\nC-E3:\tNeutral;\t()\nC-F1:\tNeutral; Anger;\t(curious)\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"
)


def write(root):
    """A small release: the layout and the text of the real one."""
    for k in range(1, 6):
        evaluation = root / f"Session{k}" / "dialog" / "EmoEvaluation"
        (evaluation / "Categorical").mkdir(parents=True)
        (evaluation / "Categorical" / f"Ses0{k}F_impro01_e2_cat.txt").write_text("Ses01F_impro01_F000 :Neutral; ()\n")
        for dialog, turns in TURNS.items():
            dialog, text = dialog.format(k), HEADER
            wavs = root / f"Session{k}" / "sentences" / "wav" / dialog
            wavs.mkdir(parents=True)
            for i, (turn, label) in enumerate(turns):
                name = f"{dialog}_{turn}"
                text += f"[{i + 6.2901:.4f} - {i + 8.2357:.4f}]\t{name}\t{label}\t[2.5000, 2.5000, 2.5000]\n{EXTRA}"
                noise = np.random.default_rng(list(name.encode())).uniform(-0.1, 0.1, 1600)
                soundfile.write(wavs / f"{name}.wav", noise, 16000)
            (evaluation / f"{dialog}.txt").write_text(text)
    return root


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return write(tmp_path_factory.mktemp("corpora") / "IEMOCAP")


def load(root, **options):
    return load_corpus("iemocap", root, partial=True, **options)


def test_published_counts():
    """Sums of the table per class, per session and all together, as the papers print them."""
    counts = iemocap.EXPECTED
    assert counts.sum().to_dict() == {"ang": 1103, "hap": 595, "exc": 1041, "neu": 1708, "sad": 1084}
    assert counts.sum(axis=1).tolist() == [1085, 1023, 1151, 1031, 1241]
    assert (counts["hap"] + counts["exc"]).tolist() == [278, 327, 286, 303, 442]


@pytest.mark.parametrize(
    ("options", "raw"),
    [
        ({}, ["neu", "ang"]),
        ({"happiness": "hap+exc"}, ["neu", "ang", "exc"]),
        ({"scenario": "scripted"}, ["hap", "sad", "neu"]),
        ({"scenario": "all"}, ["neu", "ang", "hap", "sad", "neu"]),
        ({"scenario": "all", "happiness": "hap+exc"}, ["neu", "ang", "exc", "hap", "sad", "neu"]),
    ],
)
def test_options_choose_turns(release, options, raw):
    corpus = load(release, **options)
    assert corpus.table["raw_label"].tolist() == raw * 5
    assert corpus.classes == ("anger", "happiness", "neutral", "sadness")


def test_fingerprint_stays(release):
    """Results are found by it: the digits of two choices, as they have always been."""
    assert load(release).fingerprint == "9e8ec51218f2a5dca46b591500d3436f00214fe3e5ca8ff983cdc9cf8ff78bd4"
    both = load(release, scenario="all", happiness="hap+exc")
    assert both.fingerprint == "fa5bdbfee7ec767a70d7e7b9f89eb0be653cac410e52e433576eabf45dcaf9e2"


def test_speaker_is_the_letter_of_the_turn(release):
    table = load(release, scenario="all").table
    row = table.loc["Ses03F_impro01_M000"]
    assert row[["speaker", "sex", "session", "emotion"]].tolist() == ["Ses03M", "male", "Session3", "anger"]
    assert table.loc["Ses03M_script01_1b_F000", ["speaker", "sex"]].tolist() == ["Ses03F", "female"]
    assert sorted(table["speaker"].unique()) == sorted(f"Ses0{k}{sex}" for k in range(1, 6) for sex in "FM")


def test_scripts_are_sentences_that_sessions_share(release):
    table = load(release, scenario="all").table
    assert set(table.loc[table.index.str.contains("script"), "sentence"]) == {"script01_1"}
    assert table.loc[table.index.str.contains("impro"), "sentence"].isna().all()


@pytest.mark.parametrize("name", ["IEMOCAP_full_release", "IEMOCAP"])
def test_the_folder_above_is_a_root_too(tmp_path, name):
    release = write(tmp_path / name)
    assert load(tmp_path).fingerprint == load(release).fingerprint


def test_hidden_copies_are_skipped(tmp_path):
    root = write(tmp_path / "release")
    before = load(root).fingerprint
    for path in [*root.rglob("*.txt"), *root.rglob("*.wav")]:
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07Mac OS X\xff\n[\xff")
    assert load(root).fingerprint == before


@pytest.mark.parametrize(("scenario", "utterance_type"), [("all", None), ("improvised",) * 2, ("scripted",) * 2])
def test_labels_and_paths_agree_with_torchaudio(release, scenario, utterance_type):
    datasets = pytest.importorskip("torchaudio.datasets")
    if not hasattr(datasets, "IEMOCAP"):
        pytest.skip("this torchaudio has no IEMOCAP")
    theirs = datasets.IEMOCAP(release.parent, utterance_type=utterance_type)
    other = {name: (path, label) for path, _, name, label, _ in map(theirs.get_metadata, range(len(theirs)))}
    table = load(release, scenario=scenario, happiness="hap+exc").table
    paths = [file.removeprefix(f"{release}/") for file in table["file"]]
    ours = dict(zip(table.index, zip(paths, table["raw_label"], strict=True), strict=True))
    assert ours == {name: row for name, row in other.items() if row[1] != "fru"}


def test_torchaudio_names_the_wrong_speaker_where_the_letters_differ(release):
    datasets = pytest.importorskip("torchaudio.datasets")
    if not hasattr(datasets, "IEMOCAP"):
        pytest.skip("this torchaudio has no IEMOCAP")
    theirs = datasets.IEMOCAP(release.parent)
    speakers = {name: speaker for _, _, name, _, speaker in map(theirs.get_metadata, range(len(theirs)))}
    table = load(release, scenario="all", happiness="hap+exc").table
    wrong = {name for name, speaker in table["speaker"].items() if speakers[name] != speaker}
    assert wrong == {name for name in table.index if name[5] != name.rpartition("_")[2][0]}
    assert len(wrong) == 4 * 5


def test_check_counts_the_whole_release_whatever_is_chosen(release):
    report = check("iemocap", release)
    assert not report.ok and report.absent == 5531 - 30 and report.faults == ()
    assert report.found.loc["Session2"].to_dict() == {"ang": 1, "hap": 1, "exc": 1, "neu": 2, "sad": 1}
    assert len(report.rows) == 30
    assert report.found.equals(check("iemocap", release, scenario="scripted").found)


def test_check_names_labelled_turns_without_sound(tmp_path):
    release = write(tmp_path / "IEMOCAP")
    gone = release / "Session4" / "sentences" / "wav" / "Ses04F_impro01" / "Ses04F_impro01_M000.wav"
    gone.unlink()
    report = check("iemocap", release)
    assert report.missing == ("Session4/sentences/wav/Ses04F_impro01/Ses04F_impro01_M000.wav",)
    assert f"5502 missing: {report.missing[0]}, 5501 more" in str(report)


def test_a_session_without_labels_counts_as_nothing(tmp_path):
    (tmp_path / "Session1").mkdir()
    report = check("iemocap", tmp_path)
    assert report.absent == 5531 and "5531 missing: 5531 without a known name" in str(report)


def test_a_complete_release_loads_without_partial(release, monkeypatch):
    found = check("iemocap", release).found
    monkeypatch.setattr(iemocap, "EXPECTED", found)
    assert len(load_corpus("iemocap", release)) == 10 and check("iemocap", release).ok
