"""Every command and every piece of code of the two READMEs is tried: for real where that takes seconds, else parsed."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import torch
import yaml

from serlib.cli import main, parser

ROOT = Path(__file__).parents[1]
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "data/README.md", "CONTRIBUTING.md")}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
COMMAND = re.compile(r"^((?:make|serlib) .*?)(?: *#.*)?$")
README = [code for language, code in BLOCK.findall(PAGES["README.md"]) if language == "python"]


def commands(program: str) -> list[str]:
    """Return all commands of a program, from lines of blocks and from words in the text."""
    found = []
    for text in PAGES.values():
        lines = [line for _, block in BLOCK.findall(text) for line in block.splitlines()]
        found += [m[1] for line in [*lines, *re.findall(r"`([^`\n]+)`", text)] if (m := COMMAND.match(line.strip()))]
    return sorted({command for command in found if command.startswith(f"{program} ")})


def made(command: str) -> list[str]:
    """Return the commands that make would start."""
    words = [word for word in shlex.split(command) if word != "..."]  # which says that more fits
    told = subprocess.run([words[0], "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return told.stdout.splitlines()


def test_there_are_commands():
    assert len(commands("make")) >= 7 and len(commands("serlib")) >= 12 and len(README) == 3


@pytest.mark.parametrize("command", commands("make"))
def test_make_knows_what_it_is_asked_for(command):
    lines = made(command)
    assert lines
    for line in (line for line in lines if "bin/serlib " in line):
        parser().parse_args(shlex.split(line)[1:])


def test_options_of_make_reach_the_report():
    asked = "make report CORPUS=emodb ROOT=path/to/emodb OPTION=emotions=anger,fear PROFILE=study"
    (line,) = [c for c in made(asked) if "bin/serlib" in c]
    options = parser().parse_args(shlex.split(line)[1:])
    assert (options.corpus, options.root, options.profile) == ("emodb", "path/to/emodb", "study")
    assert options.option == ["emotions=anger,fear"]


@pytest.mark.parametrize("command", commands("serlib"))
def test_the_command_line_takes_every_command(command):
    assert callable(parser().parse_args(shlex.split(command)[1:]).call)


@pytest.mark.parametrize("command", ["report", "run", "results", "results pack", "corpus check", "predict", "bench"])
def test_help_is_told(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([*command.split(), "--help"])
    assert left.value.code == 0 and f"usage: serlib {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [c for c in commands("serlib") if re.search("--list|results list|levels[.]toml", c)]
)
def test_quick_commands_end_well(command, emodb_root, cache, capsys):
    words = [str(emodb_root) if word in ("DIR", "corpora/emodb") else word for word in shlex.split(command)[1:]]
    words = [str(ROOT / word) if (ROOT / word).is_file() else word for word in words]
    assert main(words + ["--dry-run"] * ("--plan" in words and "--dry-run" not in words)) == 0
    assert len(capsys.readouterr().out.splitlines()) > 3


@pytest.fixture
def table(tiny_corpus, cache) -> Path:
    """A CSV of the tiny corpus."""
    tiny_corpus.table.reset_index()[["file", "emotion", "speaker", "sex", "session"]].to_csv(cache / "my.csv")
    return cache / "my.csv"


def test_the_code_of_the_readme_runs(table):
    """On another corpus, other folds, and in the quick profile; the names of corpus, profile and scheme are put in."""
    other = {
        '"emodb", "path/to/emodb"': f'"table", {str(table)!r}', 'profile="study"': 'profile="quick"',
        '"leave-one-speaker-out"': '"leave-one-session-out"',
    }  # fmt: skip
    names = {"embeddings": torch.randn(6, 64), "labels": torch.tensor([0, 1, 2, 3, 0, 1])}
    code = README[0]
    for old, new in other.items():
        assert old in code
        code = code.replace(old, new)
    exec(code, names)
    assert len(names["scores"].predictions) == 120 and len(names["corpus"]) == 120
    names |= {"focal": names["scores"], "softmax": names["scores"], "center": names["scores"]}
    exec(README[1], names)
    exec(README[2], names)
    assert names["loss"].margin == (6, 6, 4, 4)


def test_the_workflow_calls_what_is_there_and_publishes_by_hand_alone():
    jobs = (flow := yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text()))["jobs"]
    assert [*flow[True]] == ["push", "pull_request", "workflow_dispatch"]  # YAML 1.1 reads the key "on" as True
    for job in jobs.values():
        assert {"runs-on", "timeout-minutes", "steps"} <= job.keys() and {job.get("needs", "check")} <= jobs.keys()
        assert all(len({"uses", "run"} & step.keys()) == 1 for step in job["steps"])
        assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in job["steps"] if "uses" in step)
    assert jobs["report"]["if"] == "github.event_name == 'workflow_dispatch'" and jobs["publish"]["needs"] == "report"
    assert flow["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
    steps = [step for job in jobs.values() for step in job["steps"]]
    lines = [line.strip() for step in steps for line in step.get("run", "").splitlines()]
    assert ".ci/run" in lines and (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert any("serlib report --corpus emodb" in c for line in lines if line.startswith("make ") for c in made(line))
