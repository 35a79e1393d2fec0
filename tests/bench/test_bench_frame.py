"""The benchmark's frame: medians over pairs, marks, one file of one machine. The clock is the test's own."""

import json
import platform
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from serlib.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def frame(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from bench import frame

    return frame


@pytest.fixture
def take(frame, monkeypatch):
    """Return what makes a Measurement whose ways last as long as they are told to, turn by turn."""
    now = [0.0]
    monkeypatch.setattr(frame, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def lasting(seconds, notes):
        rest = iter(seconds)

        def way():
            now[0] += next(rest)
            return notes

        return way

    def made(other, ours, *, name="toy/one", notes=None, **options):
        ways = lasting(other, notes), lasting(ours, notes)
        return frame.Measurement(name, "theirs", "mine", lambda *_: ways, **options)

    return made


def measured(frame, path, *measurements, **options):
    assert frame.run(measurements, path=path, **options) == 0
    return json.loads(path.read_text())["measurements"]


def test_a_row_holds_medians_over_pairs_and_leaves_out_the_warm_up(take):
    # a pair gives a ratio: 2, 9, 3, 4; the median of ratios, 3.5, is not the ratio of medians, 7 / 1.5
    row = take([100, 2, 9, 6, 8], [1, 1, 1, 2, 2], pairs=4).take(None)
    assert row == {
        "other": "theirs", "ours": "mine", "ratio": 3.5, "low": 2.75, "high": 5.25, "other_seconds": 7.0,
        "ours_seconds": 1.5, "pairs": 4,
    }  # fmt: skip


def test_a_turn_is_shared_out_among_its_calls_and_notes_are_kept_once(take):
    row = take([4, 4, 4, 4], [1, 3, 1, 3], pairs=2, calls=2, warm=0, notes="7 of 9").take(None)
    assert (row["other_seconds"], row["ours_seconds"], row["ratio"], row["note"]) == (4, 2, 2, "7 of 9")


def test_what_fell_by_more_than_15_percent_is_marked(frame, take, tmp_path, capsys):
    path = tmp_path / "bench.json"
    frame.run([take([2], [1], name=name, pairs=1, warm=0) for name in ("toy/a", "toy/b", "toy/new")[:2]], path=path)
    capsys.readouterr()
    now = {"toy/a": 1.73, "toy/b": 1.75, "toy/new": 1.0}
    frame.run([take([ratio], [1], name=name, pairs=1, warm=0) for name, ratio in now.items()], path=path)
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if "theirs" in line}
    assert lines["toy/a"].endswith("SLOWER (16%)")
    assert not {name for name in ("toy/b", "toy/new") if "SLOWER" in lines[name]}
    assert lines["toy/b"].split()[-1] == "2" and lines["toy/new"].split()[-1] == "–"


def test_rows_are_merged_in_order_and_those_of_another_machine_go(frame, take, tmp_path, monkeypatch, capsys):
    path, both = tmp_path / "bench.json", lambda: [take([6], [2], name=n, pairs=1, warm=0) for n in ("toy/a", "toy/b")]
    assert list(measured(frame, path, *both(), only="b")) == ["toy/b"]
    assert list(measured(frame, path, *both(), only="toy/a")) == ["toy/a", "toy/b"]
    monkeypatch.setattr(frame, "machine", lambda: {"processor": "another", "cores": 64})
    assert list(measured(frame, path, *both(), only="a")) == ["toy/a"]
    assert "on another machine or with other versions: toy/b\n" in capsys.readouterr().out


def test_what_cannot_be_measured_keeps_its_row_and_what_is_void_does_not(frame, take, tmp_path, capsys):
    path, good = tmp_path / "bench.json", take([3], [1], pairs=1, warm=0)
    before = measured(frame, path, good)

    def left_out(why):
        def make(*_):
            raise why

        return measured(frame, path, replace(good, make=make), take([3], [1], name="toy/two", pairs=1, warm=0))

    assert before.items() < left_out(frame.Skip("there is no bfloat16")).items()
    assert "toy/one: left out, there is no bfloat16\n" in capsys.readouterr().out
    assert [*left_out(frame.Void("they differ"))] == ["toy/two"]


def test_marks_compare_with_the_last_commit(frame, tmp_path):
    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", "-C", tmp_path, *who, *words], check=True, capture_output=True)

    path = tmp_path / "bench.json"
    assert frame.committed(path) == {"measurements": {}}
    path.write_text('{"measurements": {"toy": {"ratio": 2}}}')
    git("init", "-q"), git("add", "bench.json"), git("commit", "-qm", "measured")
    path.write_text('{"measurements": {"toy": {"ratio": 1}}}')
    assert frame.committed(path)["measurements"]["toy"]["ratio"] == 2


def test_the_machine_is_described_and_not_named(frame):
    found = frame.machine()
    assert found["processor"] and found["cores"] >= 1 and found["torch"] and isinstance(found["instructions"], list)
    assert platform.node() not in json.dumps(found)


def test_an_unknown_name_is_told_with_the_names(frame, capsys):
    assert main(["bench", "--only", "nonsense"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("serlib: no measurement 'nonsense'; there are losses/arcface, ")
    assert "features/log-mel" in told and told.rstrip().endswith("whole/nkululeko")


@pytest.mark.parametrize("name", ["losses/arcface", "losses/sphereface", "features/log-mel"])
def test_both_ways_are_checked_to_give_the_same_before_they_are_timed(frame, name):
    from bench import MEASUREMENTS

    (one,) = [each for each in MEASUREMENTS if each.name == name]
    row = replace(one, pairs=2, calls=1).take(None)
    assert row["ratio"] > 0 and row["low"] <= row["ratio"] <= row["high"]


@pytest.mark.parametrize(("ua", "void"), [(66.9, False), (67.3, True)])
def test_a_comparison_with_another_result_is_void(frame, tiny_corpus, tmp_path, monkeypatch, ua, void):
    from bench import whole

    def told(command, **_):
        named = f"DEBUG: reporter: Confusion matrix result for epoch: 0, UAR: {ua / 100:.3f}, (+-0.602/0.681)"
        return named if "nkululeko.nkululeko" in command else "  pooled\nUA  65.0  50.0\n"

    monkeypatch.setattr(whole, "told", told)
    monkeypatch.setattr(whole, "nkululeko", lambda: Path("python"))
    monkeypatch.setattr(whole, "load_corpus", lambda *_: tiny_corpus)
    theirs, ours = whole.leave_one_speaker_out(tmp_path, "emodb")
    assert theirs() == f"UA of nkululeko {ua}"
    lines = (tmp_path / "emodb.csv").read_text().splitlines()
    assert lines[0] == "file,emotion,speaker,fold" and lines[1].endswith(",anger,s00,s00")
    if void:
        with pytest.raises(frame.Void, match=r"^for the two do not the same: UA \{'nkululeko': 67.3"):
            ours()
    else:
        assert ours() == "UA of serlib 65.0"
    with pytest.raises(frame.Skip, match=r"^it needs EMO-DB: --root DIR$"):
        whole.leave_one_speaker_out(tmp_path, None)
