import subprocess
import sys

import pytest
from noise import fill

from serlib.corpora import CorpusError, check, emodb, load_corpus

EMPTY = "cannot be read as audio: Format not recognised."


@pytest.fixture
def root(tmp_path):
    fill(tmp_path / "wav")
    return tmp_path


def test_complete(root):
    report = check("emodb", root)
    assert report.ok and report.absent == 0 and report.missing == () and report.faults == ()
    assert str(report).splitlines()[0] == f"emodb at {root}: found, or found/expected where they differ"
    assert str(report).splitlines()[-2].split() == ["all", "127", "81", "46", "69", "71", "79", "62", "535"]


def test_ten_names_and_the_count_of_the_rest(root):
    gone = emodb.NAMES[:14]
    for name in gone:
        (root / "wav" / f"{name}.wav").unlink()
    report = check("emodb", root)
    assert not report.ok and report.missing == tuple(f"wav/{name}.wav" for name in gone)
    lines = str(report).splitlines()
    assert lines[-2] == f"14 missing: {', '.join(report.missing[:10])}, 4 more"
    assert lines[-1] == "not ok"
    assert "35/49" in lines[3] and lines[-3].endswith("521/535")


def test_faults_are_named_and_counted(root):
    for name in emodb.NAMES[:12]:
        (root / "wav" / f"{name}.wav").write_bytes(b"")
    report = check("emodb", root)
    assert not report.ok and len(report.faults) == 12 and not report.absent
    lines = str(report).splitlines()
    assert lines[-13:-10] == ["12 cannot be used:", f"  wav/03a01Fa.wav: {EMPTY}", f"  wav/03a01Nc.wav: {EMPTY}"]
    assert lines[-2:] == ["  and 2 more", "not ok"]


def test_table_is_counted_by_session_where_all_have_one_else_by_speaker(tmp_path):
    fill(tmp_path / "wav", ["a", "b"])
    path = tmp_path / "own.csv"
    path.write_text("file,emotion,speaker,session\nwav/a.wav,sad,1,x\nwav/b.wav,sad,2,y\n")
    assert check("table", path).found.index.tolist() == ["x", "y"] and check("table", path).ok
    path.write_text("file,emotion,speaker,session\nwav/a.wav,sad,1,x\nwav/b.wav,sad,2,\n")
    report = check("table", path)
    assert report.found.index.tolist() == ["1", "2"] and report.found.index.name == "speaker"
    assert report.expected is None and str(report).endswith("\nok")


def test_synthetic_goes_through_the_same_doors(cache):
    report = check("synthetic", utterances=40, n_jobs=1)
    assert report.ok and report.found.to_numpy().sum() == 40 and report.found.index.name == "session"
    corpus = load_corpus("synthetic", utterances=40)
    assert corpus.synthetic and len(corpus) == 40


def test_unknown_names_and_options():
    with pytest.raises(CorpusError, match=r"^unknown corpus 'savee'; allowed are synthetic, emodb, ravdess, iemocap, "):
        load_corpus("savee")
    general = "duplicates, emotions, {}on_bad, partial"
    allowed = general.format("happiness, ") + ", scenario"
    with pytest.raises(CorpusError, match=rf"^iemocap: unknown option 'fold'; allowed are {allowed}$"):
        load_corpus("iemocap", "/nowhere", fold=1)
    with pytest.raises(CorpusError, match=rf"^emodb: unknown option 'fold'; allowed are {general.format('')}$"):
        check("emodb", "/nowhere", fold=1)
    with pytest.raises(CorpusError, match=r"^emodb: partial is 'no'; allowed are True, False$"):
        load_corpus("emodb", "/nowhere", partial="no")


def test_import_stays_light():
    heavy = "{'torch', 'librosa', 'audb', 'audformat', 'sklearn', 'scipy', 'torchaudio', 'matplotlib'}"
    code = f"import sys, serlib.corpora; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
