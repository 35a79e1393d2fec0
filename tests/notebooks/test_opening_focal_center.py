"""Notebooks 03, 04 and 06 open with what came out: from committed results, and what is said where there are none."""

import itertools

import IPython.display
import nbformat
import pytest

from serlib import paths
from serlib.runs import stored_scores

NAMES = {
    "03_focal_resnet": "focal/mel-softmax", "04_center_loss": "center/mel-softmax", "06_dcaen": "dcaen/ftr-eg",
}  # fmt: skip


@pytest.fixture
def opened(monkeypatch):
    """Execute a notebook's cells down to its tools, with the defaults, and return what the opening shows."""
    shown: list[str] = []
    monkeypatch.setattr(IPython.display, "display", lambda text: shown.append(text.data))

    def execute(name: str) -> str:
        cells = nbformat.read(paths.PROJECT / "notebooks" / f"{name}.ipynb", as_version=4).cells
        names: dict = {}
        for cell in itertools.takewhile(lambda cell: "apply_style()" not in cell.source, cells):
            if cell.cell_type == "code":
                exec(cell.source, names)
        return shown[-1]

    return execute


@pytest.mark.parametrize("name", NAMES)
def test_the_opening_tells_committed_results_with_their_ground(name, opened):
    scores = stored_scores("emodb", NAMES[name], profile="study", scheme="leave-one-speaker-out")
    told = opened(name)
    assert told.startswith("## What came out on synthetic") and "Made voices" in told
    bullets = [line for line in told.splitlines() if line.startswith("- ")]
    assert 1 <= len(bullets) <= 5
    assert f"{scores.summary().at['UA', 'pooled']:.1f} %" in bullets[0]
    assert "emodb, study profile, leave-one-speaker-out" in bullets[0]
    assert f"{scores.predictions['seed'].nunique()} seeds" in bullets[0]


@pytest.mark.parametrize("name", [*NAMES][:2])
def test_the_opening_of_a_tree_without_results_says_which_command_makes_them(name, opened, monkeypatch, tmp_path):
    monkeypatch.setattr("serlib.paths.results_dir", lambda: tmp_path)
    (bullet,) = [line for line in opened(name).splitlines() if line.startswith("- ")]
    assert "**not measured yet**" in bullet and bullet.endswith("makes them.")
    assert "`serlib run --corpus emodb --root DIR --profile study --folds leave-one-speaker-out" in bullet
