"""Label files that anybody may have written: rows, or one CorpusError. SERLIB_FUZZ=5000 looks longer than a test."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serlib.corpora import CorpusError, iemocap, table

fuzzed = settings(
    max_examples=int(os.environ.get("SERLIB_FUZZ", "80")), deadline=None, suppress_health_check=list(HealthCheck)
)
WORD = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "a.wav", "../a.wav", "~", "anger", "happy", "NaN", "None", "1e999", "-1", "inf", "0x1", "\0", '"']
    ),
)
NAMES = [
    "file",
    "emotion",
    "speaker",
    "sex",
    "gender",
    "session",
    "start",
    "end",
    "sentence",
    "take",
    "FILE",
    " emotion ",
]
CELL = st.one_of(WORD, WORD.map('"{}"'.format), st.sampled_from(['"a\n,b"', '""""', '"', "\ufeff", "x" * 300]))
ROWS = st.lists(st.lists(CELL, max_size=8), max_size=6)
LABEL = st.sampled_from(["ang", "hap", "exc", "neu", "sad", "fru", "xxx", "", "Ang", "neu "])
TURN = st.one_of(
    st.from_regex(r"Ses0[0-9][FMX]_(impro|script)[0-9a-z_]{0,6}_[FMX][0-9]{0,3}", fullmatch=True), st.text()
)
LINE = st.one_of(
    st.text(max_size=60),
    st.builds("[6.29 - 8.23]\t{}\t{}\t[2.5, 2.5, 2.5]{}".format, TURN, LABEL, st.text(max_size=5)),
    st.builds("[{}\t{}".format, st.text(max_size=9), TURN),
)


@fuzzed
@given(
    header=st.lists(st.one_of(st.sampled_from(NAMES), WORD), min_size=1, max_size=9), rows=ROWS,
    separator=st.sampled_from(",;\t|"), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]), pattern=st.sampled_from([None, r"(\w)", r"(?P<speaker>x)?", ""]),
)  # fmt: skip
def test_any_table(tmp_path, header, rows, separator, encoding, end, pattern):
    text = end.join(separator.join(row) for row in [header, *rows])
    read(tmp_path, text.encode(encoding, errors="replace"), pattern)


@fuzzed
@given(content=st.binary(max_size=200), good=st.booleans())
def test_any_bytes(tmp_path, content, good):
    read(tmp_path, b"file,emotion,speaker\na.wav,anger,1\n" * good + content, None)


def read(folder, content: bytes, pattern: str | None) -> None:
    (folder / "own.csv").write_bytes(content)
    try:
        found = table.survey(folder / "own.csv", speaker_pattern=pattern, emotions={"xxx": None})
    except CorpusError as error:
        assert str(error).startswith("table: ")
        return
    assert found.rows[["file", "emotion", "speaker"]].notna().all(axis=None)
    assert set(found.rows["emotion"]) <= set(found.classes) and set(found.rows["sex"].dropna()) <= {"female", "male"}


@fuzzed
@given(lines=st.lists(LINE, max_size=8), end=st.sampled_from(["\n", "\r\n"]), session=st.integers(1, 5))
def test_any_labels_of_iemocap(tmp_path, lines, end, session):
    labels = tmp_path / f"Session{session}" / "dialog" / "EmoEvaluation"
    labels.mkdir(parents=True, exist_ok=True)
    text = end.join(["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", "", *lines])
    (labels / f"Ses0{session}F_impro01.txt").write_bytes(text.encode("utf-8", errors="surrogatepass"))
    try:
        found = iemocap.survey(tmp_path, scenario="all", happiness="hap+exc")
    except CorpusError as error:
        assert str(error).startswith("iemocap: cannot read ")
    else:
        assert not len(found.rows) and all("/sentences/wav/" in name for name in found.missing)
    (labels / f"Ses0{session}F_impro01.txt").unlink()


@settings(fuzzed, max_examples=fuzzed.max_examples // 4)
@given(columns=st.text(max_size=20), rows=st.lists(WORD, max_size=5), labels=st.lists(WORD, max_size=3))
def test_any_audformat_database(tmp_path, columns, rows, labels):
    pytest.importorskip("audformat")
    schemes = (
        f"schemes:\n  emotion: {{dtype: str, labels: {labels!r}}}\n"
        if labels
        else "schemes:\n  emotion: {dtype: str}\n"
    )
    tables = f"tables:\n  files: {{type: filewise, columns: {{emotion: {{scheme_id: emotion}}, {columns}: {{}}}}}}\n"
    (tmp_path / "db.yaml").write_text(f"name: x\nsource: y\nusage: other\nlanguages: []\n{schemes}{tables}", "utf-8")
    (tmp_path / "db.files.csv").write_text("\n".join(["file,emotion", *rows]), "utf-8", errors="replace")
    try:
        table.survey(tmp_path, speaker_pattern=r"(\w)")
    except CorpusError as error:
        assert str(error).startswith("table: ")
