import hashlib
import json
import re
import sys
from inspect import signature
from types import SimpleNamespace

import pytest
from noise import fill, recording

from serlib.corpora import Corpus, CorpusError, check, emodb, load_corpus

CLASSES = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness")


@pytest.fixture
def standin(tmp_path):
    """The 535 names with noise in them."""
    fill(tmp_path / "emodb" / "wav")
    return tmp_path / "emodb"


def test_names_agree_with_the_published_counts():
    """Counts per class, per speaker and of the lonely cells, as the corpus' description gives them."""
    assert len(emodb.NAMES) == len(set(emodb.NAMES)) == 535
    letters = [name[5] for name in emodb.NAMES]
    published = {"W": 127, "L": 81, "N": 79, "F": 71, "A": 69, "T": 62, "E": 46}
    assert {letter: letters.count(letter) for letter in published} == published
    speakers = {"03": 49, "08": 58, "09": 43, "10": 38, "11": 55, "12": 35, "13": 61, "14": 69, "15": 56, "16": 71}
    assert {s: sum(name[:2] == s for name in emodb.NAMES) for s in speakers} == speakers
    cells = {cell: sum(name[:2] + name[5] == cell for name in emodb.NAMES) for cell in ("08E", "03E", "10E", "09A")}
    assert cells == {"08E": 0, "03E": 1, "10E": 1, "09A": 1}


def test_stand_in_loads(standin):
    corpus = load_corpus("emodb", standin)
    assert isinstance(corpus, Corpus) and corpus.classes == CLASSES and not corpus.synthetic
    row = corpus.table.loc["03a01Fa"]
    assert row[["emotion", "raw_label", "speaker", "sex", "sentence", "take"]].tolist() == [
        "happiness", "F", "03", "male", "a01", "a",
    ]  # fmt: skip
    assert corpus.table["session"].isna().all() and corpus.table["start"].isna().all()
    assert row["file"] == str((standin / "wav" / "03a01Fa.wav").resolve()) and row["duration"] == 0.64


def test_hidden_files_and_other_folders_are_left_alone(standin):
    (standin / "wav" / "._03a01Fa.wav").write_bytes(b"macOS")
    (standin / "wav" / "notes.txt").write_text("x")
    (standin / "laryngo").mkdir()
    (standin / "laryngo" / "03a01Fa.wav").write_bytes(b"x")
    assert len(load_corpus("emodb", standin)) == 535


def test_the_same_corpus_elsewhere_has_the_same_fingerprint(standin, tmp_path):
    before = load_corpus("emodb", standin).fingerprint
    standin.rename(tmp_path / "moved")
    assert load_corpus("emodb", tmp_path / "moved").fingerprint == before


def test_partial_loads_what_is_there(standin):
    (standin / "wav" / "03a01Fa.wav").unlink()
    corpus = load_corpus("emodb", standin, partial=True)
    assert len(corpus) == 534 and "03a01Fa" not in corpus.table.index


@pytest.mark.emodb
class TestReal:
    def test_counts_seconds_and_sexes(self, emodb_root):
        corpus = load_corpus("emodb", emodb_root)
        counts = corpus.table["emotion"].value_counts().to_dict()
        assert counts == dict(zip(CLASSES, (127, 81, 46, 69, 71, 79, 62), strict=True))
        assert round(corpus.table["duration"].sum()) == 1487  # 24:47
        assert round(corpus.table["duration"].median(), 2) == 2.59
        sexes = corpus.table.groupby("speaker")["sex"].unique().map(list).to_dict()
        men = ("03", "10", "11", "12", "15")
        assert sexes == {s: ["male" if s in men else "female"] for s in sexes} and len(sexes) == 10

    def test_fingerprint_from_the_list_of_sums(self, emodb_root):
        """The same digits from ``SHA256SUMS`` and the rule of the names alone, without reading any audio."""
        if not (emodb_root / "SHA256SUMS").is_file():
            pytest.skip("this copy of EMO-DB has no SHA256SUMS")
        emotions = dict(zip("WLEAFNT", CLASSES, strict=True))
        rows = []
        for line in (emodb_root / "SHA256SUMS").read_text().splitlines():
            digest, name = re.fullmatch(r"([0-9a-f]{64})  (\w{7})\.wav", line).groups()
            sex = "male" if name[:2] in ("03", "10", "11", "12", "15") else "female"
            rows.append([name, None, None, emotions[name[5]], name[5], name[:2], sex, None, name[2:5], name[6], digest])
        expected = hashlib.sha256(json.dumps([list(CLASSES), *sorted(rows)]).encode()).hexdigest()
        assert load_corpus("emodb", emodb_root).fingerprint == expected
        assert expected == "5e3241883697161bcc92a886f8fd2ffb54c8dfe579f2619249d75d5ec47f4f44"  # of committed results

    def test_check(self, emodb_root):
        report = check("emodb", emodb_root)
        assert report.ok and report.found.to_numpy().sum() == 535 and str(report).endswith("\nok")


class TestFetch:
    def fake(self, monkeypatch, load):
        sums = {f"wav/{name}.wav": hashlib.md5(recording(name)).hexdigest() for name in emodb.NAMES}
        published = SimpleNamespace(checksum=sums.__getitem__)
        audb = SimpleNamespace(load=load, dependencies=lambda name, *, version, cache_root: published)
        monkeypatch.setitem(sys.modules, "audb", audb)

    def test_fetched_once_then_read_from_the_cache(self, cache, monkeypatch):
        calls = []

        def load(name, **options):
            calls.append((name, options))
            root = cache / "cache" / "audb" / "emodb" / "1.4.1" / "d3b62a9b"
            fill(root / "wav")
            return SimpleNamespace(root=str(root))

        self.fake(monkeypatch, load)
        corpus = load_corpus("emodb")
        assert len(corpus) == 535 and corpus.fingerprint == load_corpus("emodb").fingerprint
        assert len(calls) == 1
        name, options = calls[0]
        assert (name, options["version"], options["verbose"]) == ("emodb", "1.4.1", True)
        assert options["cache_root"] == str(cache / "cache" / "audb") and options["pickle_tables"] is False

    def test_what_came_otherwise_than_published_is_refused(self, cache, monkeypatch):
        root = cache / "cache" / "audb" / "emodb" / "1.4.1" / "d3b62a9b"

        def load(name, **options):
            fill(root / "wav")
            (root / "wav" / "03a01Fa.wav").write_bytes(recording("another"))
            return SimpleNamespace(root=str(root))

        self.fake(monkeypatch, load)
        with pytest.raises(CorpusError, match=r"\(not as published: wav/03a01Fa.wav; all is removed, try again\)"):
            load_corpus("emodb")
        assert not root.exists()

    def test_the_call_is_one_that_audb_understands(self, cache, monkeypatch):
        audb = pytest.importorskip("audb")
        real = signature(audb.load)

        def load(*args, **options):
            real.bind(*args, **options)
            raise RuntimeError("bound")

        self.fake(monkeypatch, load)
        with pytest.raises(CorpusError, match=r"\(bound\)"):
            load_corpus("emodb")

    def test_an_interrupted_fetch_is_taken_up_again(self, cache, monkeypatch):
        root = cache / "cache" / "audb" / "emodb" / "1.4.1" / "d3b62a9b"
        fill(root / "wav", emodb.NAMES[:100])

        def load(name, **options):
            (root / "wav").rename(root / "part")
            fill(root / "wav")
            return SimpleNamespace(root=str(root))

        self.fake(monkeypatch, load)
        assert len(load_corpus("emodb")) == 535

    def test_what_was_fetched_is_checked(self, cache, monkeypatch):
        def load(name, **options):
            fill(cache / "got" / "wav", emodb.NAMES[1:])
            return SimpleNamespace(root=str(cache / "got"))

        self.fake(monkeypatch, load)
        with pytest.raises(CorpusError, match=r"1 recordings are missing: wav/03a01Fa\.wav"):
            load_corpus("emodb")
