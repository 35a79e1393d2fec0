"""What CONTRIBUTING tells is tried: each toy goes into a copy of the project as the page has it, and works there."""

import ast
import doctest
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from serlib import methods
from serlib.runs.code import digest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
OWN = re.compile(r"^```\w+\n# (\S+)\n(.*?)^```", re.M | re.S)  # a file, named in its first line
ELSEWHERE = re.compile(r"^- `([^`]+)`: (.+)$", re.M)  # lines in files that are there
LINE = re.compile(r"`([^`]+)`(?: in `(\w+)`)?")
WITNESS = "center/mel-softmax+strong"  # a method that none of the toys concerns

USED = {  # each prints what is expected below it, in a process that knows the copy alone
    "A corpus": """
        import sys; from serlib.cli import main
        from serlib.corpora import load_corpus; from serlib.protocol import folds
        corpus = load_corpus("hums", sys.argv[1])
        assert main(["corpus", "check", "hums", "--root", sys.argv[1]]) == 0
        print(len(corpus), corpus.classes[0], corpus.table["speaker"].nunique(), len(folds(corpus, "speaker-folds-5")))
        (open(sys.argv[1] + "/s1-odd-1.wav", "w").close(), main(["corpus", "check", "hums", "--root", sys.argv[1]]))
    """,
    "A loss": """
        import torch; from serlib.losses import ArcFaceLoss, CosFaceLoss
        loss, plain = CosFaceLoss(3, 4, margin=0.5, scale=2), ArcFaceLoss(3, 4, margin_rad=0, scale=2)
        plain.load_state_dict(loss.state_dict())
        x, y = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
        lowered = plain.get_logits(x) - 2 * 0.5 * torch.nn.functional.one_hot(y, 3)
        torch.testing.assert_close(loss(x, y), torch.nn.functional.cross_entropy(lowered, y))
        torch.testing.assert_close(loss.get_logits(x), plain.get_logits(x))
        import pytest
        assert pytest.main(["-q", "-p", "no:cacheprovider", "-k", "cosface", "tests/losses/test_losses_all.py"]) == 0
    """,
    "A network": """
        import sys, torch; sys.path.insert(0, "tests")
        from padding import alone_and_together; from serlib.models import MeanSpectrum
        clip, other = torch.randn(1, 1, 8, 5), torch.randn(1, 1, 8, 9)
        pair = alone_and_together(MeanSpectrum(bins=8), clip, [other], padding=3, place=1, garbage=float("nan"))
        torch.testing.assert_close(*pair)
        import pytest
        assert pytest.main(["-q", "-p", "no:cacheprovider", "-k", "MeanSp", "tests/models/test_models_all.py"]) == 0
    """,
    "A paper": """
        import sys; from serlib import cross_validate, load_corpus, methods; from serlib.protocol import folds
        corpus = load_corpus("table", sys.argv[1], speaker_pattern=r"s\\d")
        titles = [methods.get(name).title for name in methods.names() if name.startswith("toy/")]
        assert titles == ["ResNet-18, softmax", "ResNet-18, arcface"]
        scores = cross_validate(corpus, "toy/arcface", folds=folds(corpus, "leave-one-speaker-out")[:1])
        beside = scores.beside_published("toy/table-1").set_index("method").loc["toy/arcface"]
        print(beside["published"], beside["comparable"], 0 <= beside["measured"] <= 100)
    """,
}
PRINTED = {
    "A corpus": ["40 anger 5 5", "serlib: hums: cannot read the name s1-odd-1.wav; allowed are such as s1-ang-2.wav"],
    "A loss": [],
    "A network": [],
    "A paper": ["72.5 False True"],
}


def _insert(text: str, line: str, name: str) -> str:
    """Put an entry first into the tuple or dict ``name``, or a line behind the imports."""
    if name:
        text, count = re.subn(rf"^({name}\b[^=\n]*= [({{])", lambda m: f"{m[1]}{line}, ", text, flags=re.M)
        assert count == 1, f"there is no {name}"
        return text
    imports = [node.end_lineno for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    lines = text.splitlines()
    return "\n".join([*lines[: imports[-1]], line, *lines[imports[-1] :], ""])


@pytest.fixture
def copy(request, tmp_path):
    """A copy of the project with what one section adds: its folder, its own files, and the others."""
    folder, section = tmp_path / "copy", SECTIONS[request.param]
    for part in ("serlib", "tests", "data/published"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    own, others = dict(OWN.findall(section)), ELSEWHERE.findall(section)
    for file, text in own.items():
        assert not (folder / file).exists(), f"{file} is there already"
        (folder / file).write_text(text, encoding="utf-8")
    for file, told in others:
        for line, name in LINE.findall(told):
            path = folder / file
            path.write_text(_insert(path.read_text(encoding="utf-8"), line, name), encoding="utf-8")
    return request.param, folder, [*own], [file for file, _ in others]


@pytest.fixture
def hums(tmp_path, tiny_corpus) -> Path:
    """The tiny corpus' hums of five speakers under names that the toy corpus reads, in a folder for each emotion."""
    for row in tiny_corpus.table.itertuples():
        if int(row.speaker) < 5 and int(row.sentence[1:]) < 2:
            place = tmp_path / "hums" / row.emotion
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(row.file, place / f"s{row.speaker[1]}-{row.raw_label}-{row.sentence}.wav")
    return tmp_path / "hums"


@pytest.mark.parametrize("copy", USED, indirect=True)
def test_what_the_page_adds_works_and_moves_nothing_else(copy, hums, cache):
    section, folder, own, others = copy
    assert own and len(set(others)) == len(others) <= 2
    code = dedent(USED[section]) + dedent(f"""
        from serlib import __file__, methods; from serlib.runs.code import digest
        print(__file__, digest(methods.get({WITNESS!r}).modules("study")), sep="\\n")
    """)
    env = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run([sys.executable, "-c", code, hums], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *told, where, kept = (done.stderr + done.stdout).splitlines()
    assert Path(where).parent == folder / "serlib"
    assert kept == digest(methods.get(WITNESS).modules("study"))
    assert [line for line in PRINTED[section] if line not in told] == []


@pytest.mark.parametrize("copy", USED, indirect=True)
def test_the_page_keeps_to_the_house_rules(copy):
    _, folder, own, _ = copy
    for rule in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *rule, "--no-cache", *(file for file in own if file.endswith(".py"))],
            cwd=folder, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_section_is_tried():
    assert [*SECTIONS] == [*USED] == [*PRINTED]


@pytest.mark.parametrize("path", [p for p in (ROOT / "serlib").rglob("*.py") if ">>>" in p.read_text()], ids=str)
def test_examples_in_docstrings_run(path):
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    failed, attempted = doctest.testmod(module)
    assert attempted and not failed
