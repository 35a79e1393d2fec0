"""Published audformat databases by name: a small one, published by audb itself into a folder, as on its servers."""

import sys

import pandas as pd
import pytest
from test_table import sound

from serlib.cli import main
from serlib.corpora import CorpusError, check, load_corpus
from serlib.runs.commands import command_of

FILES = [f"wav/{k}.wav" for k in range(1, 7)]
FELT = ["happy", "sadness", "happy", "anger", "surprise", None]


@pytest.fixture
def published(cache, monkeypatch):
    """Version 1.0.0: emotions of files in one table, of segments in another; speakers and their gender elsewhere."""
    audb, audformat = pytest.importorskip("audb"), pytest.importorskip("audformat")
    database = audformat.Database("feelings")

    def add(table, column, values, scheme=None):
        database[table][column] = audformat.Column(scheme_id=scheme or column)
        database[table][column].set(values)

    for number, file in enumerate(FILES):
        sound(cache / "made" / file, seconds=2 + number)
    people = database["speaker"] = audformat.MiscTable(pd.Index(["a", "b", "c"], name="speaker", dtype="string"))
    database.schemes["gender"] = audformat.Scheme(labels=["female", "male", "other"])
    people["gender"] = audformat.Column(scheme_id="gender")
    people["gender"].set(["female", "male", "other"])
    database.schemes["speaker"] = audformat.Scheme("str", labels="speaker")
    for scheme in ("emotion", "mood"):
        database.schemes[scheme] = audformat.Scheme(labels=["happy", "sadness", "anger", "surprise"])
    database.schemes["loudness"] = audformat.Scheme("float")
    database["files"] = audformat.Table(audformat.filewise_index(FILES))
    add("files", "speaker", list("aabbcc"))
    add("files", "loudness", [1.0] * 6)
    database["whole"] = audformat.Table(audformat.filewise_index(FILES))
    add("whole", "emotion", FELT)
    database["parts"] = audformat.Table(audformat.segmented_index(FILES[:1] * 2, ["0.5s", "1s"], ["1.25s", "2s"]))
    add("parts", "emotion", ["anger", "sadness"])
    database["others"] = audformat.Table(audformat.filewise_index(FILES[:3]))
    add("others", "mood", ["sadness"] * 3)
    database.save(cache / "made")
    (cache / "host" / "shelf").mkdir(parents=True)
    shelf = audb.Repository("shelf", str(cache / "host"), "file-system")
    monkeypatch.setattr(audb.config, "REPOSITORIES", [shelf])
    audb.publish(str(cache / "made"), "1.0.0", shelf, verbose=False)
    return cache / "cache" / "audb" / "feelings"


def refused(message, root="feelings", **options):
    with pytest.raises(CorpusError) as error:
        load_corpus("audb", root, **options)
    assert str(error.value).splitlines()[0] == message


def test_files_and_segments_have_their_labels_speakers_and_sexes(published, caplog):
    corpus = load_corpus("audb", "feelings", version="1.0.0", emotions={"surprise": None})
    rows = corpus.table[["start", "end", "emotion", "raw_label", "speaker", "sex"]].astype(object)
    assert rows.where(rows.notna(), None).reset_index().to_numpy().tolist() == [
        ["wav/1.wav#0.5-1.25", 0.5, 1.25, "anger", "anger", "a", "female"],
        ["wav/1.wav#1.0-2.0", 1.0, 2.0, "sadness", "sadness", "a", "female"],
        ["wav/1.wav", None, None, "happiness", "happy", "a", "female"],
        ["wav/2.wav", None, None, "sadness", "sadness", "a", "female"],
        ["wav/3.wav", None, None, "happiness", "happy", "b", "male"],
        ["wav/4.wav", None, None, "anger", "anger", "b", "male"],
    ]
    assert corpus.name == "audb-feelings" and corpus.classes == ("anger", "happiness", "sadness")
    asked = "--corpus audb --root feelings --option version=1.0.0 --option 'emotions={\"surprise\": null}'"
    assert command_of(corpus, "quick", "x", [0], ["y"]).startswith(f"serlib run {asked} --profile ")
    (told,) = [record.getMessage() for record in caplog.records]
    labels = "anger is anger (2), happy is happiness (2), sadness is sadness (2), surprise is left out (1)"
    assert told == f"audb-feelings: version 1.0.0, scheme emotion: {labels}, 1 have no label"
    assert {file.name for file in published.rglob("*.wav")} == {"1.wav", "2.wav", "3.wav", "4.wav"}  # no others


def test_what_is_in_the_cache_is_not_fetched_again(published, cache, monkeypatch):
    first = load_corpus("audb", "feelings", version="1.0.0", emotions="all")
    (cache / "host").rename(cache / "gone")
    assert load_corpus("audb", "feelings", version="1.0.0", emotions="all").fingerprint == first.fingerprint


def test_tables_and_scheme_are_chosen(published):
    corpus = load_corpus("audb", "feelings", tables="parts")
    assert corpus.table["start"].tolist() == [0.5, 1.0] and set(corpus.table["speaker"]) == {"a"}
    assert set(load_corpus("audb", "feelings", scheme="mood").table["emotion"]) == {"sadness"}
    assert len(load_corpus("audb", "feelings", tables=["others"])) == 3  # whose only scheme of emotions is mood
    sexes = load_corpus("audb", "feelings", tables=["whole"], emotions="all").table
    assert sexes.loc["wav/5.wav", ["emotion", "sex"]].tolist() == ["surprise", None]


def test_a_check_tells_how_labels_are_read(published, capsys):
    command = ["corpus", "check", "audb", "--root", "feelings", "--option", "version=1.0.0", "--option", "tables=parts"]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "version 1.0.0, scheme emotion: anger is anger (1), sadness is sadness (1)\n" in told
    assert told.endswith("\nok\n") and check("audb", "feelings", tables="parts").ok


def test_what_is_not_there_is_named(published, monkeypatch):
    why = "Cannot find version '9.9.9' for database 'feelings'."
    refused(f"audb: cannot fetch feelings 9.9.9 ({why}); there are the versions 1.0.0", version="9.9.9")
    why = "Cannot find a version for database 'nothing'."
    none = "none: is the name right, and is this machine online?"
    refused(f"audb: cannot fetch nothing ({why}); there are the versions {none}", "nothing")
    refused("audb-feelings: tables is 'halves'; allowed are some of files, others, parts, whole", tables="halves")
    refused("audb-feelings: no scheme 'joy'; scheme= chooses one of mood", scheme="joy", tables="others")
    no = "audb-feelings: no schemes look like emotions; scheme= chooses one of speaker, loudness"
    refused(no, tables=["files"])
    strange = "unknown emotions 'surprise' (1, first wav/5.wav); allowed are anger, boredom, disgust, fear, happiness, "
    refused(f"audb-feelings: {strange}neutral, sadness, their usual spellings, others by")
    assert not [*published.rglob("*.wav")]  # told before a recording is fetched
    refused("audb: version is 1.0; allowed is text, such as '1.4.1'", version=1.0)
    refused("audb: no root is given; needed is the name of a published database, such as emodb", None)
    monkeypatch.setitem(sys.modules, "audb", None)
    refused("audb: feelings needs pip install -e '.[corpora]'")


def test_without_speakers_a_pattern_is_asked_for(published, cache):
    import audb
    import audformat

    database = audformat.Database.load(cache / "made")
    del database["files"].columns["speaker"]
    database["whole"]["mood"] = audformat.Column(scheme_id="emotion")
    database["whole"]["mood"].set(["anger", *FELT[1:]])
    database.save(cache / "made")
    (cache / "made" / "db.parquet").unlink()  # where audb notes what was published
    shelf = audb.config.REPOSITORIES[0]
    audb.publish(str(cache / "made"), "2.0.0", shelf, previous_version=None, verbose=False)
    with pytest.raises(CorpusError, match=r"^audb-feelings: its tables disagree \(.*; tables= chooses some of files, "):
        load_corpus("audb", "feelings")
    needed = "names no speakers; needed is a column speaker, or the option speaker_pattern"
    with pytest.raises(CorpusError, match=f"^audb-feelings: .*2.0.0.* {needed}"):
        load_corpus("audb", "feelings", tables="parts")
    assert set(load_corpus("audb", "feelings", tables="parts", speaker_pattern=r"\d").table["speaker"]) == {"1"}
