"""The project's own files agree with each other."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINE = re.compile(r"^[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+$")


def _name(requirement: str) -> str:
    return re.split(r"[<>=!~\[ ]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def _required() -> set[str]:
    return {*PROJECT["dependencies"], *(r for extra in PROJECT["optional-dependencies"].values() for r in extra)}


def test_conda_users_get_the_same_requirements():
    lines = (ROOT / "environment.yml").read_text().splitlines()
    listed = {line.strip().removeprefix("- ") for line in lines if line.startswith("      - ")} - {"-e ."}
    assert listed == _required()
    assert f"  - python{PROJECT['requires-python']}" in lines


def test_the_lock_pins_every_requirement_and_holds_no_address():
    lines = [
        line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert all(LINE.match(line) for line in lines), [line for line in lines if not LINE.match(line)]
    pinned = {_name(line) for line in lines}
    assert {_name(r) for r in _required()} <= pinned


def test_torch_and_torchaudio_are_a_pair():
    pins = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line)
    assert pins["torch"] == pins["torchaudio"]


def test_version_is_said_once_the_same_everywhere():
    import serlib

    citation = (ROOT / "CITATION.cff").read_text()
    assert serlib.__version__ == PROJECT["version"]
    assert f"version: {PROJECT['version']}" in citation
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("room", ["serlib", "serlib.runs", "serlib.methods", "serlib.corpora", "serlib.protocol"])
def test_import_stays_light(room):
    heavy = [
        "librosa",
        "opensmile",
        "umap",
        "ray",
        "audb",
        "audformat",
        "papermill",
        "nbconvert",
        "torchaudio",
        "seaborn",
    ]
    code = f"import sys, {room}; print([m for m in {heavy} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_no_file_of_serlib_is_over_250_lines():
    sizes = {p: len(p.read_text().splitlines()) for p in (ROOT / "serlib").rglob("*.py")}
    assert max(sizes.values()) <= 250, max(sizes, key=sizes.get)


SHARED = ("paths", "files", "audio", "checks", "pairs")


def test_arrows_between_rooms_point_one_way():
    allowed = {
        "corpora": set(), "losses": set(), "models": set(), "training": set(), "features": {"corpora"},
        "geometry": {"losses", "models", "training"}, "protocol": {"corpora"},
        "methods": {"corpora", "features", "models", "losses", "training", "protocol"},
        "runs": {"corpora", "features", "methods", "protocol", "training", "models", "losses"},
        "plots": {"corpora", "protocol", "geometry", "losses"},
        "report": {"corpora", "methods", "protocol", "runs", "plots"},
    }  # fmt: skip
    wrong = []
    for room, may in allowed.items():
        for path in (ROOT / "serlib" / room).glob("*.py"):
            used = set(re.findall(r"(?:from|import) serlib\.(\w+)", path.read_text())) - may - {room, *SHARED}
            wrong += [f"{room}/{path.name} imports {other}" for other in used]
    assert not wrong


def test_papers_stand_side_by_side_on_a_frame_that_knows_none_of_them():
    from serlib import methods

    papers = {name.split("/")[0] for name in methods.names()}
    used = {
        path.stem: set(re.findall(r"(?:from|import) serlib\.methods\.(\w+)", path.read_text()))
        for path in (ROOT / "serlib" / "methods").glob("[!_]*.py")
    }
    assert papers <= used.keys() and not {name: found & papers for name, found in used.items() if found & papers}


def test_no_file_names_a_path_of_a_machine_or_pickles():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not listed:
        pytest.skip("not a git checkout")
    pattern = re.compile(r"(?<![\w.])/(root|home|work|farm)/\w")
    texts = {
        f: (ROOT / f).read_text(errors="replace") for f in listed if (ROOT / f).is_file() and not f.endswith(".png")
    }
    assert not [
        f
        for f, text in texts.items()
        if f.endswith((".py", ".md", ".toml", ".yml", ".json", ".ipynb")) and pattern.search(text)
    ]
    unsafe = re.compile("allow_" + "pickle=True|^import pick" + "le|weights_only=" + "False", re.M)
    assert not [f for f, text in texts.items() if f.endswith(".py") and unsafe.search(text)]


def test_make_help_lists_the_targets():
    told = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ}
    ).stdout
    for target in ("report", "test", "lab", "lint", "bench", "run"):
        assert f"make {target} " in told
