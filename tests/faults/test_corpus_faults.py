"""Bad corpora: one clear error each, that names the file and what is allowed; nothing is half-loaded."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from noise import fill, recording

from serlib.corpora import CorpusError, emodb, load_corpus

GO_ON = "on_bad='drop' goes on without them"
FORMS = "a CSV file, a folder with an audformat db.yaml, a folder of folders named by emotion"


def refused(message, name, root=None, **options):
    """Expect exactly this message, with ``{root}`` filled in."""
    with pytest.raises(CorpusError) as caught:
        load_corpus(name, root, **options)
    assert str(caught.value) == message.replace("{root}", str(root))


@pytest.fixture
def berlin(tmp_path):
    """All names of EMO-DB, with noise in them."""
    fill(tmp_path / "wav")
    return tmp_path


@pytest.fixture
def own(tmp_path):
    """A table of three sounds; ``own(text)`` writes the CSV."""
    for name in ("a.wav", "b.wav", "c.wav"):
        (tmp_path / name).write_bytes(recording(name))

    def write(text):
        (tmp_path / "own.csv").write_text(text)
        return tmp_path / "own.csv"

    return write


GOOD = "file,emotion,speaker\na.wav,sad,1\nb.wav,sad,1\nc.wav,sad,2\n"


class TestFolders:
    def test_missing(self, tmp_path):
        root = tmp_path / "nowhere"
        holds = "Session1 to Session5 with sentences/wav and dialog/EmoEvaluation"
        refused("emodb: there is no folder {root}; needed is the folder that holds wav/03a01Fa.wav", "emodb", root)
        refused(f"iemocap: there is no folder {{root}}; needed is the folder that holds {holds}", "iemocap", root)
        refused(f"table: there is no {{root}}; allowed are {FORMS}", "table", root)

    def test_no_root(self):
        holds = "Session1 to Session5 with sentences/wav and dialog/EmoEvaluation"
        refused(f"iemocap: no root is given; needed is the folder that holds {holds}", "iemocap")
        refused(f"table: no root is given; allowed are {FORMS}", "table")

    def test_a_folder_of_something_else(self, tmp_path):
        holds = "Session1 to Session5 with sentences/wav and dialog/EmoEvaluation"
        refused("emodb: there is no folder {root}/wav; needed is the folder that holds 03a01Fa.wav", "emodb", tmp_path)
        refused(f"iemocap: {{root}} holds no session; needed is the folder that holds {holds}", "iemocap", tmp_path)
        refused(f"table: {{root}} holds no .wav, .flac, .ogg files; allowed are {FORMS}", "table", tmp_path)


class TestEmodb:
    def test_foreign_names(self, berlin):
        for name in ("03a01Fx", "song"):
            (berlin / "wav" / f"{name}.wav").write_bytes(recording(name))
        refused(
            "emodb: {root}/wav holds wav files that are not in version 1.4.1: 03a01Fx, song; "
            "allowed are its 535 names such as 03a01Fa",
            "emodb",
            berlin,
        )

    def test_missing_and_faulty_files_come_in_one_error(self, berlin):
        wav = berlin / "wav"
        (wav / "16b10Wb.wav").unlink()
        (wav / "03a01Fa.wav").write_text("no audio at all, but long enough to be some")
        (wav / "08a01Ab.wav").write_bytes(b"")
        soundfile.write(wav / "09a01Ea.wav", np.zeros(0), 16000)
        (wav / "10a01Ac.wav").write_bytes((wav / "11a01Aa.wav").read_bytes())
        (wav / "12a01Fb.wav").write_bytes((wav / "12a01Fb.wav").read_bytes()[:30])
        message = (
            "emodb at {root}: 1 recordings are missing: wav/16b10Wb.wav; partial=True goes on without them\n"
            f"5 recordings cannot be used; {GO_ON}:\n"
            "  wav/03a01Fa.wav: cannot be read as audio: Format not recognised.\n"
            "  wav/08a01Ab.wav: cannot be read as audio: Format not recognised.\n"
            "  wav/09a01Ea.wav: holds no samples\n"
            "  wav/11a01Aa.wav: the recording has come before, as wav/10a01Ac.wav, there fear by 10\n"
            "  wav/12a01Fb.wav: cannot be read as audio: Error in WAV file. No 'data' chunk marker."
        )
        refused(message, "emodb", berlin)
        refused(re.sub(r"1 recordings are missing.*\n", "", message), "emodb", berlin, partial=True)

    def test_many_missing_are_named_up_to_ten(self, berlin):
        gone = emodb.NAMES[20:220]
        for name in gone:
            (berlin / "wav" / f"{name}.wav").unlink()
        names = ", ".join(f"wav/{name}.wav" for name in gone[:10])
        partial = "partial=True goes on without them"
        refused(f"emodb at {{root}}: 200 recordings are missing: {names}, 190 more; {partial}", "emodb", berlin)

    def test_nothing_there(self, tmp_path):
        (tmp_path / "wav").mkdir()
        refused("emodb at {root}: there are no recordings", "emodb", tmp_path, partial=True)

    WAYS = "give root, the folder that holds wav/03a01Fa.wav, or pip install -e '.[corpora]' and be online"

    def test_without_root_and_audb(self, cache, monkeypatch):
        monkeypatch.setitem(sys.modules, "audb", None)
        refused(f"emodb: no root is given and audb is not installed; {self.WAYS}", "emodb")

    def test_without_root_offline(self, cache, monkeypatch):
        def load(name, **options):
            raise ConnectionError("no route to host")

        monkeypatch.setitem(sys.modules, "audb", SimpleNamespace(load=load))
        why = "audb cannot fetch version 1.4.1 (no route to host)"
        refused(f"emodb: no root is given and {why}; {self.WAYS}", "emodb")

    def test_a_busy_cache(self, cache, monkeypatch):
        monkeypatch.setitem(sys.modules, "audb", SimpleNamespace(load=lambda name, **options: None))
        why = "audb cannot fetch version 1.4.1 (another process holds its cache)"
        refused(f"emodb: no root is given and {why}; {self.WAYS}", "emodb")


class TestIemocap:
    def release(self, root, line, session=1):
        evaluation = root / f"Session{session}" / "dialog" / "EmoEvaluation"
        evaluation.mkdir(parents=True)
        (evaluation / "Ses01F_impro01.txt").write_text(
            f"% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n{line}\n"
        )
        return evaluation / "Ses01F_impro01.txt"

    @pytest.mark.parametrize(
        ("session", "line"),
        [
            (1, "[6.2901 - 8.2357] Ses01F_impro01_F000 neu [2.5, 2.5, 2.5]"),
            (1, "[6.2901 - 8.2357]\tSes01F_impro01_X000\tneu\t[2.5, 2.5, 2.5]"),
            (1, "[6.2901 - 8.2357]\tSes01F_impro01_F000"),
            (2, "[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5, 2.5, 2.5]"),
        ],
    )
    def test_lines_that_cannot_be_read(self, tmp_path, session, line):
        path = self.release(tmp_path, line, session)
        form = "[6.2901 - 8.2357]<tab>Ses01F_impro01_F000<tab>neu<tab>[2.5000, 2.5000, 2.5000]"
        message = f"iemocap: cannot read {line!r} in {path}; allowed are lines such as {form!r}"
        refused(message, "iemocap", tmp_path, partial=True)

    def test_options(self, tmp_path):
        message = "iemocap: scenario is 'improv'; allowed are improvised, scripted, all"
        refused(message, "iemocap", tmp_path, scenario="improv")
        refused("iemocap: happiness is 'exc'; allowed are hap, hap+exc", "iemocap", tmp_path, happiness="exc")

    def test_an_incomplete_release(self, tmp_path):
        self.release(tmp_path, "[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]")
        name = "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"
        message = f"5531 recordings are missing: {name}, 5530 more; partial=True goes on without them"
        refused(f"iemocap at {{root}}: {message}", "iemocap", tmp_path)
        refused("iemocap at {root}: there are no recordings", "iemocap", tmp_path, partial=True)


class TestTable:
    def test_the_good_one_is_good(self, own):
        assert len(load_corpus("table", own(GOOD))) == 3

    def test_columns(self, own):
        needed = (
            "needed are file, emotion, speaker; allowed besides are sex, session, sentence, take, start, end, each once"
        )
        path = own(GOOD.replace("emotion", "label"))
        refused(f"table: {{root}} has the columns file, label, speaker; {needed}", "table", path)

    def test_no_speakers_at_all(self, own):
        path = own("file,emotion\na.wav,sad\n")
        needed = r"needed is a column speaker, or the option speaker_pattern, such as r'spk(\d+)'"
        refused(f"table: {{root}} names no speakers; {needed}", "table", path)

    def test_one_without_a_speaker(self, own):
        path = own(GOOD.replace("b.wav,sad,1", "b.wav,sad, "))
        refused("table: b.wav has no speaker; every utterance needs one", "table", path)

    def test_unknown_emotions_come_in_one_error_with_what_can_be_pasted(self, own):
        path = own("file,emotion,speaker\na.wav,blue,1\nb.wav,Calm,1\nc.wav,blue,2\n")
        message = (
            "table: unknown emotions 'blue' (2, first a.wav), 'Calm' (1, first b.wav); allowed are anger, boredom, "
            "disgust, fear, happiness, neutral, sadness, their usual spellings, others by\n"
            "  emotions={'blue': None, 'Calm': 'calm'}, where None leaves out\n"
            '  --option \'emotions={"blue": null, "Calm": "calm"}\' on the command line\n'
            "  emotions='all', which takes in calm, contempt, excitement, frustration, surprise"
        )
        refused(message, "table", path)
        pasted = load_corpus("table", path, emotions={"blue": None, "Calm": "calm"})
        assert pasted.table.index.tolist() == ["b.wav"] and pasted.classes == ("calm",)

    def test_unknown_sex(self, own):
        path = own("file,emotion,speaker,sex\na.wav,sad,1,x\n")
        refused("table: a.wav has the unknown sex 'x'; allowed are female, f, male, m, or none", "table", path)

    def test_times(self, own):
        path = own("file,emotion,speaker,start\na.wav,sad,1,soon\n")
        why = "could not convert string to float: 'soon'"
        refused(f"table: a.wav: start and end must be seconds, or none ({why})", "table", path)

    @pytest.mark.parametrize(
        ("start", "end", "shown"),
        [
            ("0.3", "0.2", "0.3 to 0.2"),
            ("-1", "", "-1 to 0.64"),
            ("0", "3", "0 to 3"),
            ("0.64", "", "0.64 to 0.64"),
        ],
    )
    def test_segments_outside_the_file(self, own, start, end, shown):
        path = own(f"file,emotion,speaker,start,end\na.wav,sad,1,{start},{end}\n")
        fault = f"a.wav: {shown} s is no part of its 0.64 s"
        refused(f"table at {path.parent}: 1 recordings cannot be used; {GO_ON}:\n  {fault}", "table", path)

    def test_missing_unreadable_and_doubled_files_come_in_one_error(self, own):
        path = own(GOOD + "gone.wav,sad,1\nd.wav,sad,2\na.wav,sad,1\nfolder.wav,neutral,2\nempty.wav,sad,1\n")
        (path.parent / "d.wav").write_bytes((path.parent / "c.wav").read_bytes())
        (path.parent / "folder.wav").mkdir()
        (path.parent / "empty.wav").touch()
        keeps = "duplicates='drop' keeps the first"
        faults = [
            "gone.wav: there is no such file",
            f"d.wav: the recording has come before, as c.wav; {keeps}",
            f"a.wav: the recording has come before, as a.wav; {keeps}",
            "folder.wav: there is no such file",
            "empty.wav: cannot be read as audio: Format not recognised.",
        ]
        lines = "\n  ".join([f"5 recordings cannot be used; {GO_ON}:", *faults])
        refused(f"table at {path.parent}: {lines}", "table", path)

    def test_pattern(self, own):
        path = own("file,emotion\na.wav,sad\n")
        message = r"table: speaker_pattern '\\d+' finds no speaker in a.wav; it must match every file"
        refused(message, "table", path, speaker_pattern=r"\d+")
        message = (
            "table: speaker_pattern '(' is no regular expression (missing ), unterminated subpattern at position 0)"
        )
        refused(message, "table", path, speaker_pattern="(")

    def test_no_table_at_all(self, own, tmp_path):
        for content in (b"", b"\xff\xfe\x00", b'a,b\n1,2,3\n"x'):
            (tmp_path / "own.csv").write_bytes(content)
            with pytest.raises(
                CorpusError, match=rf"^table: {tmp_path}/own\.csv is no CSV in UTF-8 or UTF-16 \(.*; allowed are a CSV"
            ):
                load_corpus("table", tmp_path / "own.csv")

    def test_an_empty_table(self, own):
        path = own("file,emotion,speaker\n")
        refused(f"table at {path.parent}: there are no recordings", "table", path)
