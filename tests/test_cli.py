"""The command line: what it prints, what it refuses, how it exits."""

import re
from pathlib import Path

import numpy as np
import pytest

from serlib.cli import main


@pytest.fixture
def table(tiny_corpus, cache):
    """A CSV of the tiny corpus, as a user would bring one."""
    path = cache / "mine.csv"
    tiny_corpus.table.reset_index()[["file", "emotion", "speaker", "sex", "session"]].to_csv(path, index=False)
    return str(path)


def test_list_shows_every_method(capsys):
    assert main(["run", "--list"]) == 0
    told = capsys.readouterr().out
    assert "baselines/egemaps-svm" in told and "focal/mfcc-focal" in told and "ResNet-18, MFCC, focal loss" in told


def test_run_prints_leakage_and_scores_of_a_table_of_ones_own(table, capsys):
    arguments = ["run", "--corpus", "table", "--root", table, "--method", "baselines/egemaps-svm", "--jobs", "1"]
    assert main([*arguments, "--folds", "speaker-folds-5"]) == 0
    told = capsys.readouterr().out
    assert "baselines/egemaps-svm · " in told and "speaker-independent" in told
    assert float(re.search(r"UA +([\d.]+)", told)[1]) > 60  # brightness tells the hums' emotion


def test_a_method_option_said_twice_runs_both(table, capsys):
    plain, scaled = "baselines/egemaps-svm", "baselines/egemaps-svm-speakernorm"
    arguments = ["run", "--corpus", "table", "--root", table, "--jobs", "1", "--folds", "leave-one-session-out"]
    assert main([*arguments, "--method", plain, "--method", scaled]) == 0
    told = capsys.readouterr().out
    assert f"{plain} · " in told and f"{scaled} · " in told


def test_an_unknown_method_is_told_before_the_first_trains(table, cache, capsys):
    known, unknown = "baselines/egemaps-svm", "baselines/egemaps-swm"
    arguments = ["run", "--corpus", "table", "--root", table, "--method", known, unknown, "--out", str(cache / "no")]
    assert main(arguments) == 2
    assert unknown in capsys.readouterr().err and not (cache / "no").exists()


def test_run_keeps_weights_and_predict_uses_them(table, tiny_corpus, cache, capsys):
    out = cache / "kept"
    arguments = ["run", "--corpus", "table", "--root", table, "--method", "focal/mfcc-softmax", "--jobs", "1"]
    assert main([*arguments, "--folds", "leave-one-session-out", "--out", str(out), "--keep-weights"]) == 0
    folder = sorted(out.iterdir())[0]
    capsys.readouterr()
    from serlib.runs import RunStore

    run = RunStore(out, shelves=[]).load(folder)
    chosen = run.predictions.head(5)
    by_name = {Path(f).stem: f for f in tiny_corpus.table["file"]}
    paths = [by_name[Path(utterance).stem] for utterance in chosen["utterance"]]
    assert main(["predict", "--run", str(folder), *paths]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in told[-5:]] == chosen["predicted"].tolist()


def test_predict_without_weights_says_how_to_get_them(table, cache, capsys):
    out = cache / "bare"
    main(
        [
            "run",
            "--corpus",
            "table",
            "--root",
            table,
            "--method",
            "baselines/egemaps-svm",
            "--jobs",
            "1",
            "--out",
            str(out),
        ]
    )
    assert main(["predict", "--run", str(sorted(out.iterdir())[0]), "x.wav"]) == 2
    assert "holds no model.safetensors; make the run with --keep-weights" in capsys.readouterr().err


def test_expected_errors_are_one_line_and_exit_code_two(capsys):
    assert main(["run", "--corpus", "klingon", "--method", "baselines/egemaps-svm"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("serlib: ") and "klingon" in told and "emodb" in told and told.count("\n") == 1
    assert main(["run", "--option", "scenario"]) in (0, 2)


def test_corpus_check_exits_with_one_when_something_is_missing(tmp_path, capsys):
    import soundfile

    (tmp_path / "wav").mkdir()
    soundfile.write(tmp_path / "wav" / "03a01Fa.wav", np.zeros(8000), 16000)
    assert main(["corpus", "check", "emodb", "--root", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert "535" in told and re.search(r"71", told)


def test_corpus_check_of_the_whole_corpus_exits_with_zero(emodb_root, capsys):
    assert main(["corpus", "check", "emodb", "--root", str(emodb_root)]) == 0
    assert "535" in capsys.readouterr().out


@pytest.fixture
def written_plan(table, cache):
    """A plan of two rows for the table."""
    path = cache / "plan.toml"
    row = '[[rows]]\ncorpus = "table"\nroot = "%s"\nprofile = "study"\nfolds = "speaker-folds-5"\nmethods = ["%s"]\n'
    methods = ("baselines/egemaps-svm", "baselines/egemaps-svm-speakernorm")
    path.write_text("\n".join(row % (table, method) for method in methods))
    return str(path)


def test_a_plan_is_told_filled_packed_and_listed(written_plan, cache, capsys):
    plain, scaled = "baselines/egemaps-svm", "baselines/egemaps-svm-speakernorm"
    assert main(["run", "--plan", written_plan, "--dry-run", "--jobs", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{plain} · table · study · speaker-folds-5: 0 of 5 done, 5 to do: 5 runs of unknown length",
        f"{scaled} · table · study · speaker-folds-5: 0 of 5 done, 5 to do: 5 runs of unknown length",
        "all: 0 of 10 done, 10 to do, 2 at once: 10 runs of unknown length",
    ]
    assert not (cache / "runs").exists()
    assert main(["run", "--plan", written_plan, "--minutes", "0", "--jobs", "2", "--device", "cpu"]) == 0
    assert "time is up, 10 to do" in capsys.readouterr().out
    assert main(["run", "--plan", written_plan, "--minutes", "20", "--jobs", "2", "--device", "cpu"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10
    assert main(["run", "--plan", written_plan, "--dry-run"]) == 0
    assert "all: 10 of 10 done, 0 to do" in capsys.readouterr().out
    packs = str(cache / "packs")
    assert main(["results", "pack", "--to", packs, "--method", plain]) == 0
    assert (
        "table/baselines_egemaps-svm.study.speaker-folds-5: written, 5 runs, 5 of them new" in capsys.readouterr().out
    )
    assert main(["results", "list", "--in", packs]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{plain} · table · study · speaker-folds-5: 5 folds x 1 seeds, UA [\d.]+ %, no epochs", line)


def test_what_belongs_to_a_plan_is_refused_without_one_and_the_other_way_round(capsys):
    for option in (["--dry-run"], ["--minutes", "3"]):
        assert main(["run", *option]) == 2
        assert capsys.readouterr().err == "serlib: --minutes and --dry-run belong to --plan FILE\n"
    for option in (["--keep-weights"], ["--seeds", "7"], ["--method", "m/a", "--profile", "study"]):
        assert main(["run", "--plan", "study", "--dry-run", *option]) == 2
        told = ", ".join(name for name in option if name.startswith("--"))
        assert capsys.readouterr().err == f"serlib: {told}: the rows of --plan FILE say this\n"
    assert main(["run", "--plan", "nowhere.toml"]) == 2 and "nowhere.toml" in capsys.readouterr().err


def test_packing_from_a_folder_that_is_not_there_is_an_error(cache, capsys):
    assert main(["results", "pack", "--from", str(cache / "nowhere"), "--to", str(cache / "packs")]) == 2
    assert "nowhere" in capsys.readouterr().err and not (cache / "packs").exists()
