import numpy as np
import pandas as pd
import pytest
import soundfile

from serlib.corpora import CorpusError, check, load_corpus
from serlib.corpora.emotions import EMOTIONS, MORE


def sound(path, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(list(path.name.encode())).uniform(-0.1, 0.1, round(8000 * seconds))
    soundfile.write(path, noise, 8000)


def csv(folder, text):
    """Write ``own.csv`` and a second of noise for every wav file that it names."""
    path = folder / "own.csv"
    path.write_text(text)
    for line in text.splitlines()[1:]:
        sound(folder / line.split(",")[0])
    return path


class TestCSV:
    def test_needed_columns(self, tmp_path):
        path = csv(tmp_path, "file,emotion,speaker\na/1.wav,happy,s1\na/2.wav,ANG,s1\n3.wav, neutral ,s2\n")
        corpus = load_corpus("table", path)
        assert corpus.name == "table" and corpus.classes == ("anger", "happiness", "neutral")
        assert corpus.table.index.tolist() == ["a/1.wav", "a/2.wav", "3.wav"]
        assert corpus.table["emotion"].tolist() == ["happiness", "anger", "neutral"]
        assert corpus.table["raw_label"].tolist() == ["happy", "ANG", "neutral"]
        assert corpus.table["duration"].tolist() == [1.0] * 3
        assert corpus.table[["sex", "session", "sentence", "take"]].isna().all(axis=None)

    def test_optional_columns_others_and_a_byte_order_mark(self, tmp_path):
        text = "\ufefffile,emotion,speaker,sex,session,note\n1.wav,sad,1,F,A,x\n2.wav,sad,2,male,,\n3.wav,sad,3,,B,y\n"
        rows = load_corpus("table", csv(tmp_path, text)).table
        assert rows["sex"].tolist() == ["female", "male", None]
        assert rows["session"].tolist() == ["A", None, "B"] and rows["speaker"].tolist() == ["1", "2", "3"]

    def test_a_comma_too_many_does_not_shift_columns(self, tmp_path):
        rows = load_corpus("table", csv(tmp_path, "file,emotion,speaker\n1.wav,sad,1,\n2.wav,neu,2,\n")).table
        assert rows[["emotion", "speaker"]].to_numpy().tolist() == [["sadness", "1"], ["neutral", "2"]]

    def test_segments(self, tmp_path):
        lines = ["x.wav,sad,1,0.25,0.5", "x.wav,joy,1,0.5,", "x.wav,fear,1,,0.125", "x.wav,ang,1,0,"]
        rows = load_corpus("table", csv(tmp_path, "\n".join(["file,emotion,speaker,start,end", *lines]))).table
        assert rows.index.tolist() == ["x.wav#0.25-0.5", "x.wav#0.5-", "x.wav#0-0.125", "x.wav"]
        assert rows[["start", "end", "duration"]].fillna(-1).to_numpy().tolist() == [
            [0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.0, 0.125, 0.125], [-1, -1, 1.0],
        ]  # fmt: skip
        assert rows["audio_sha256"].nunique() == 1

    def test_an_end_rounded_past_the_file_is_the_file_s_end(self, tmp_path):
        text = "file,emotion,speaker,start,end\nx.wav,sad,1,0.5,1.004\n"
        rows = load_corpus("table", csv(tmp_path, text)).table
        assert rows["end"].tolist() == [1.0] and rows["duration"].tolist() == [0.5]

    def test_fingerprint_stays(self, tmp_path):
        """Results are found by it: the digits of a small table, as they have always been."""
        lines = ["file,emotion,speaker,sex,session,start,end", "1.wav,sad,1,F,A,,", "2.wav,joy,2,m,B,0.25,0.5"]
        found = load_corpus("table", csv(tmp_path, "\n".join([*lines, "3.wav,ANG,3,,,,0.5", ""]))).fingerprint
        assert found == "88f9aeffe1a49cad7d1efd6db47c73e2247534db96365554cd79aa71ea0a0e37"

    def test_fingerprint_survives_a_move_and_absolute_paths_are_allowed(self, tmp_path):
        (tmp_path / "one").mkdir()
        path = csv(tmp_path / "one", "file,emotion,speaker\n1.wav,sad,1\n")
        before = load_corpus("table", path).fingerprint
        (tmp_path / "one").rename(tmp_path / "two")
        assert load_corpus("table", tmp_path / "two" / "own.csv").fingerprint == before
        there = tmp_path / "two" / "1.wav"
        (tmp_path / "three.csv").write_text(f"file,emotion,speaker\n{there},sad,1\n")
        assert load_corpus("table", tmp_path / "three.csv").table.index.tolist() == ["two/1.wav"]

    def test_speaker_from_the_file_where_the_table_has_none(self, tmp_path):
        path = csv(tmp_path, "file,emotion\nspk07_x.wav,sad\nspk12_x.wav,neu\n")
        for pattern in (r"spk(\d+)", r"(?<=spk)\d+", r"spk(?P<speaker>\d+)_(?P<sentence>\w)"):
            rows = load_corpus("table", path, speaker_pattern=pattern).table
            assert rows["speaker"].tolist() == ["07", "12"]
        assert rows["sentence"].tolist() == ["x", "x"]

    def test_the_table_goes_before_the_pattern(self, tmp_path):
        path = csv(tmp_path, "file,emotion,speaker\nspk07.wav,sad,anna\nspk12.wav,neu,\n")
        rows = load_corpus("table", path, speaker_pattern=r"spk(\d+)").table
        assert rows["speaker"].tolist() == ["anna", "12"]


@pytest.mark.parametrize(
    ("emotion", "spellings"),
    [
        ("anger", "anger Angry ANG"),
        ("boredom", "boredom bored"),
        ("disgust", "disgust disgusted dis"),
        ("fear", "fear fearful fea afraid"),
        ("happiness", "happiness happy Joy hap joyful"),
        ("neutral", "Neutral neu"),
        ("sadness", "sadness sad SAD"),
    ],
)
def test_spellings(tmp_path, emotion, spellings):
    lines = [f"{i}.wav,{spelling},s" for i, spelling in enumerate(spellings.split())]
    corpus = load_corpus("table", csv(tmp_path, "\n".join(["file,emotion,speaker", *lines])))
    assert corpus.classes == (emotion,) and corpus.table["raw_label"].tolist() == spellings.split()


def test_option_emotions_adds_renames_and_leaves_out(tmp_path):
    path = csv(tmp_path, "file,emotion,speaker\n1.wav,Excited,s\n2.wav,calm,s\n3.wav,surprise,s\n4.wav,sad,s\n")
    corpus = load_corpus("table", path, emotions={"excited": "happiness", "calm": None, "Surprise": "surprise"})
    assert corpus.table["emotion"].to_dict() == {"1.wav": "happiness", "3.wav": "surprise", "4.wav": "sadness"}
    assert corpus.classes == ("happiness", "sadness", "surprise")


class TestFolders:
    def test_emotion_folders_and_a_pattern(self, tmp_path):
        for name in ("angry/03_a.wav", "angry/deep/04_a.flac", "Sad/03_b.wav", "Sad/._03_b.wav", ".trash/x.wav"):
            sound(tmp_path / name)
        (tmp_path / "angry" / "readme.txt").write_text("not audio, not named so")
        corpus = load_corpus("table", tmp_path, speaker_pattern=r"(?P<speaker>\d\d)_(?P<take>\w)\.")
        assert corpus.classes == ("anger", "sadness")
        assert corpus.table[["speaker", "take", "emotion"]].to_numpy().tolist() == [
            ["03", "b", "sadness"], ["03", "a", "anger"], ["04", "a", "anger"],
        ]  # fmt: skip

    def test_a_file_beside_the_folders_has_no_emotion(self, tmp_path):
        sound(tmp_path / "angry" / "03.wav")
        sound(tmp_path / "lost03.wav")
        with pytest.raises(
            CorpusError, match=r"^table: unknown emotions 'lost03\.wav' \(1, first lost03\.wav\); allowed are anger, "
        ):
            load_corpus("table", tmp_path, speaker_pattern=r"\d+")


class TestAudformat:
    @pytest.fixture
    def database(self, tmp_path):
        """Emotions in one table, speakers in another, their gender in a third, as EMO-DB has them."""
        audformat = pytest.importorskip("audformat")
        database = audformat.Database("own")
        files = ["wav/1.wav", "wav/2.wav", "wav/3.wav"]
        for file in files:
            sound(tmp_path / file)
        people = audformat.MiscTable(pd.Index(["s1", "s2"], name="speaker", dtype="string"))
        database["speaker"] = people
        database.schemes["gender"] = audformat.Scheme(labels=["female", "male"])
        people["gender"] = audformat.Column(scheme_id="gender")
        people["gender"].set(["female", "male"])
        database.schemes["speaker"] = audformat.Scheme("str", labels="speaker")
        database.schemes["emotion"] = audformat.Scheme(labels=["anger", "neutral"])
        for name, values in (("emotion", ["anger", "neutral", "anger"]), ("speaker", ["s1", "s2", "s2"])):
            database[f"{name}s"] = audformat.Table(audformat.filewise_index(files))
            database[f"{name}s"][name] = audformat.Column(scheme_id=name)
            database[f"{name}s"][name].set(values)
        database.save(tmp_path)
        return database

    def test_filewise(self, database, tmp_path):
        rows = load_corpus("table", tmp_path).table
        assert rows[["emotion", "speaker", "sex"]].to_numpy().tolist() == [
            ["anger", "s1", "female"], ["neutral", "s2", "male"], ["anger", "s2", "male"],
        ]  # fmt: skip
        assert rows["start"].isna().all() and rows.index.tolist() == ["wav/1.wav", "wav/2.wav", "wav/3.wav"]

    def test_segmented(self, database, tmp_path):
        audformat = pytest.importorskip("audformat")
        del database.tables["emotions"]
        index = audformat.segmented_index(["wav/1.wav"] * 2, ["0.25s", "0.5s"], ["0.5s", pd.NaT])
        database["parts"] = audformat.Table(index)
        database["parts"]["emotion"] = audformat.Column(scheme_id="emotion")
        database["parts"]["emotion"].set(["anger", "neutral"])
        database["parts"]["speaker"] = audformat.Column(scheme_id="speaker")
        database["parts"]["speaker"].set(["s1", "s2"])
        (tmp_path / "db.emotions.parquet").unlink(missing_ok=True)
        database.save(tmp_path)
        rows = load_corpus("table", tmp_path).table
        rows = rows[rows["start"].notna()]
        assert rows[["start", "end", "emotion"]].to_numpy().tolist() == [[0.25, 0.5, "anger"], [0.5, 1.0, "neutral"]]

    def test_pickled_copies_are_never_read(self, database, tmp_path):
        (tmp_path / "db.emotions.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
        assert len(load_corpus("table", tmp_path)) == 3
        for kept in [*tmp_path.glob("db.emotions.parquet"), *tmp_path.glob("db.emotions.csv")]:
            kept.unlink()
        with pytest.raises(CorpusError, match=r"audformat cannot read .*No file found for table"):
            load_corpus("table", tmp_path)

    def test_another_scheme(self, database, tmp_path):
        message = r"has no scheme 'mood'; allowed are emotion, gender, speaker$"
        with pytest.raises(CorpusError, match=message):
            load_corpus("table", tmp_path, scheme="mood")

    def test_without_audformat(self, database, tmp_path, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "audformat", None)
        with pytest.raises(
            CorpusError, match=r"needs pip install -e '\.\[corpora\]'; allowed are a CSV file, a folder"
        ):
            load_corpus("table", tmp_path)


def test_every_spelling_means_one_emotion():
    words = [word for emotion, others in (EMOTIONS | MORE).items() for word in [emotion, *others.split()]]
    assert len(words) == len(set(words)) and all(word == word.lower() for word in words)


class TestSpellingsOfTables:
    """Other programs' headers, delimiters and encodings: read, or named."""

    ROWS = (["file", "emotion", "speaker", "sex"], ["1.wav", "sad", "s1", "F"], ["2.wav", "joy, or so", "s2", "m"])
    EMOTIONS = {"joy, or so": "happiness"}  # noqa: RUF012

    def write(self, folder, separator=",", encoding="utf-8", rows=ROWS):
        for name in ("1.wav", "2.wav"):
            sound(folder / name)
        quoted = [[f'"{cell}"' if "," in cell or separator in cell else cell for cell in row] for row in rows]
        (folder / "own.csv").write_bytes("\n".join(separator.join(row) for row in quoted).encode(encoding))
        return folder / "own.csv"

    @pytest.mark.parametrize("separator", [",", ";", "\t", "|", " , "])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_delimiters_and_encodings(self, tmp_path, separator, encoding):
        rows = self.ROWS if separator != " , " else (*self.ROWS[:2], ["2.wav", "joy", "s2", "m"])
        corpus = load_corpus("table", self.write(tmp_path, separator, encoding, rows), emotions=self.EMOTIONS)
        assert corpus.table[["emotion", "speaker", "sex"]].to_numpy().tolist() == [
            ["sadness", "s1", "female"], ["happiness", "s2", "male"],
        ]  # fmt: skip

    def test_latin_1_is_named(self, tmp_path):
        path = self.write(tmp_path, encoding="latin-1", rows=(*self.ROWS[:2], ["2.wav", "joy", "Jörg", "m"]))
        with pytest.raises(CorpusError, match=r"own\.csv is no CSV in UTF-8 or UTF-16 \('utf-8' codec can't decode "):
            load_corpus("table", path)

    def test_headers_in_capitals_with_spaces_and_gender(self, tmp_path, caplog):
        path = self.write(tmp_path, rows=([" File", "EMOTION ", "Speaker", "Gender"], ["1.wav", "sad", "s1", "F"]))
        assert load_corpus("table", path).table["sex"].tolist() == ["female"] and not caplog.messages

    def test_unknown_columns_are_named_once(self, tmp_path, caplog):
        rows = ([*self.ROWS[0], "gender", "age"], [*self.ROWS[1], "m", "30"], ["2.wav", "sad", "s2", "m", "f", "31"])
        path = self.write(tmp_path, rows=rows)
        assert load_corpus("table", path).table["sex"].tolist() == ["female", "male"]
        assert caplog.messages == ["table: columns that are not read: gender, age"]
        assert check("table", path).notes == ("columns that are not read: gender, age",)

    def test_rows_with_more_cells_than_the_first_are_told(self, tmp_path, caplog, recwarn):
        path = self.write(tmp_path, rows=(self.ROWS[0], [*self.ROWS[1], "and more"], ["2.wav", "joy", "s2", "m"]))
        note = "rows with more cells than the first: these are not read (a comma in a name needs quotes)"
        assert load_corpus("table", path).table["sex"].tolist() == ["female", "male"]
        assert caplog.messages == [f"table: {note}"] and not recwarn.list
        assert check("table", path).notes == (note,)

    def test_a_doubled_column(self, tmp_path):
        path = self.write(tmp_path, rows=([*self.ROWS[0], "Speaker"], [*self.ROWS[1], "s9"]))
        with pytest.raises(CorpusError, match="has the columns file, emotion, speaker, sex, speaker; needed are"):
            load_corpus("table", path)

    @pytest.mark.parametrize("word", ["nan", "None", "NULL", "n/a", " "])
    def test_a_word_for_no_speaker_is_none(self, tmp_path, word):
        path = self.write(tmp_path, rows=(self.ROWS[0], ["1.wav", "sad", word, "F"]))
        with pytest.raises(CorpusError, match=r"^table: 1\.wav has no speaker; every utterance needs one$"):
            load_corpus("table", path)

    def test_a_speaker_of_both_sexes(self, tmp_path):
        path = self.write(tmp_path, rows=(*self.ROWS[:2], ["2.wav", "joy", "s1", "m"]))
        with pytest.raises(CorpusError, match=r"own\.csv gives both sexes to the speakers s1$"):
            load_corpus("table", path)


class TestMoreEmotions:
    TEXT = "file,emotion,speaker\n1.wav,surprised,s\n2.wav,calm,s\n3.wav,sad,s\n4.wav,fru,s\n"

    def test_all_takes_them_in(self, tmp_path):
        corpus = load_corpus("table", csv(tmp_path, self.TEXT), emotions="all")
        assert corpus.classes == ("sadness", "calm", "frustration", "surprise") and len(corpus) == 4

    def test_names_choose(self, tmp_path):
        for chosen in (["calm", "sadness"], "calm, sadness"):
            corpus = load_corpus("table", csv(tmp_path, self.TEXT), emotions=chosen)
            assert corpus.classes == ("sadness", "calm") and len(corpus) == 2


ALLOWED = r"allowed are 'all', some of .*, or a mapping, such as \{'joy': 'happiness', 'fear': None\}$"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speaker_pattern": 3}, r"^table: speaker_pattern is 3; allowed is text, such as r'spk\(\\d\+\)'$"),
        ({"scheme": None}, r"^table: scheme is None; allowed is text, such as 'emotion'$"),
        ({"emotions": 5}, rf"^table: emotions is 5; {ALLOWED}"),
        ({"emotions": ["blue"]}, rf"^table: emotions is \['blue'\]; {ALLOWED}"),
        ({"emotions": [["sadness"]]}, rf"^table: emotions is \[\['sadness'\]\]; {ALLOWED}"),
        ({"emotions": {"calm": 3}}, rf"^table: emotions is \{{'calm': 3\}}; {ALLOWED}"),
        ({"emotions": '{"calm": null'}, rf"^table: emotions is '\{{\"calm\": null'; {ALLOWED}"),
        ({"duplicates": True}, r"^table: duplicates is True; allowed are None, error, drop, keep$"),
        ({"on_bad": ["drop"]}, r"^table: on_bad is \['drop'\]; allowed are error, drop$"),
        ({"partial": 1}, r"^table: partial is 1; allowed are True, False$"),
    ],
)
def test_options_of_the_wrong_type(tmp_path, options, message):
    with pytest.raises(CorpusError, match=message):
        load_corpus("table", csv(tmp_path, TestMoreEmotions.TEXT), **options)


def test_a_root_of_the_wrong_type():
    with pytest.raises(CorpusError, match=r"^table: root is 3; allowed is a path, such as 'corpora/table'$"):
        load_corpus("table", 3)


class TestLinks:
    def test_folders_and_files_behind_links_are_found(self, tmp_path):
        sound(tmp_path / "elsewhere" / "03.wav")
        sound(tmp_path / "aside" / "04.wav")
        (tmp_path / "own" / "sad").mkdir(parents=True)
        (tmp_path / "own" / "angry").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        (tmp_path / "own" / "sad" / "04.wav").symlink_to(tmp_path / "aside" / "04.wav")
        corpus = load_corpus("table", tmp_path / "own", speaker_pattern=r"\d+")
        assert corpus.table.index.tolist() == ["angry/03.wav", "sad/04.wav"]

    def test_a_loop_is_refused(self, tmp_path):
        sound(tmp_path / "own" / "sad" / "03.wav")
        sound(tmp_path / "far" / "04.wav")
        (tmp_path / "own" / "sad" / "x").symlink_to(tmp_path / "far", target_is_directory=True)
        (tmp_path / "far" / "y").symlink_to(tmp_path / "own" / "sad", target_is_directory=True)
        with pytest.raises(CorpusError, match=r"sad/x/y leads back to .*/own/sad: links that make a loop cannot be "):
            load_corpus("table", tmp_path / "own", speaker_pattern=r"\d+")

    def test_a_link_that_leads_nowhere_is_a_fault(self, tmp_path):
        sound(tmp_path / "sad" / "03.wav")
        (tmp_path / "sad" / "04.wav").symlink_to(tmp_path / "gone.wav")
        report = check("table", tmp_path, speaker_pattern=r"\d+")
        assert report.faults == ("sad/04.wav: there is no such file",)

    def test_formats_left_out_are_counted(self, tmp_path, caplog):
        for name in ("sad/1.wav", "sad/2.mp3", "sad/3.MP3", "sad/notes"):
            (tmp_path / "sad").mkdir(exist_ok=True)
            sound(tmp_path / name) if name.endswith("wav") else (tmp_path / name).write_bytes(b"x")
        load_corpus("table", tmp_path, speaker_pattern=r"\d+")
        assert caplog.messages == [
            "table: files left out: 2 .mp3, 1 without a suffix; read are .wav, .flac, .ogg",
        ]  # fmt: skip


def test_home_is_found_wherever_a_path_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    csv(tmp_path, "file,emotion,speaker\n1.wav,sad,s\n")
    (tmp_path / "own.csv").write_text("file,emotion,speaker\n~/1.wav,sad,s\n")
    assert len(load_corpus("table", "~/own.csv")) == 1
    assert len(load_corpus("synthetic", "~/made", utterances=40, n_jobs=1)) == 40 and (tmp_path / "made").is_dir()


class TestNothing:
    """What once was ``ok``: a corpus of no recordings."""

    def test_a_header_alone(self, tmp_path):
        (tmp_path / "own.csv").write_text("file,emotion,speaker\n")
        report = check("table", tmp_path / "own.csv")
        assert not report.ok and str(report).splitlines()[-2:] == ["there are no recordings", "not ok"]

    @pytest.mark.parametrize("pattern", [r"(\w+)_|s(\d+)", "x*", r"(?P<speaker>x)?s", "(x)?"])
    def test_a_pattern_that_finds_nothing(self, tmp_path, pattern):
        sound(tmp_path / "angry" / "s03.wav")
        with pytest.raises(CorpusError, match=r"finds no speaker in angry/s03\.wav; it must match every file$"):
            check("table", tmp_path, speaker_pattern=pattern)
