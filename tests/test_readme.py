"""The README claims nothing that the repository cannot show."""

import json
import re
from pathlib import Path

import pytest

from serlib import methods
from serlib.protocol import published
from serlib.runs import stored_scores

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ROW = re.compile(r"^\| `(?P<method>[\w-]+/[\w+-]+)` \|(?P<cells>.*)\|$", re.M)


def _rows() -> list[tuple[str, list[str]]]:
    return [(m["method"], [c.strip() for c in m["cells"].split("|")]) for m in ROW.finditer(README)]


def test_there_are_rows():
    assert len(_rows()) >= 8


@pytest.mark.parametrize("method,cells", _rows(), ids=lambda value: value if isinstance(value, str) else "")
def test_measured_numbers_are_those_of_the_committed_runs(method, cells):
    """Cells: recipe and protocol, e.g. ``study, leave-one-speaker-out``; UA with interval; WA; seeds; train; rest."""
    assert methods.get(method).name == method
    profile, scheme = (part.strip("` ") for part in cells[0].split(","))
    scores = stored_scores("emodb", method, profile=profile, scheme=scheme)
    summary = scores.summary()
    ua, low, high = (float(n) for n in re.findall(r"\d+\.\d", cells[1]))
    expected = summary.loc["UA", ["pooled", "low", "high"]]
    assert [ua, low, high] == [round(float(v), 1) for v in expected]
    assert float(cells[2]) == round(float(summary.at["WA", "pooled"]), 1)
    seeds, _, spread = cells[3].partition(", ± ")
    assert int(seeds) == len(scores.spread_over_seeds("ua"))
    assert (float(spread) if spread else None) == (
        None if int(seeds) == 1 else round(float(summary.at["UA", "seed_std"]), 1)
    )
    assert cells[4] == ("" if scores.converged is None else f"{scores.train_ua:.0f}")
    assert cells[5] == {None: "", True: "yes", False: "**no**"}[scores.converged]


def test_every_committed_network_is_in_the_table():
    told = {(method, *cells[0].split(", ")) for method, cells in _rows()}
    packs = [json.loads(path.read_text()) for path in (ROOT / "data" / "results" / "emodb").glob("*.json")]
    there = {(p["method"], p["profile"], p["scheme"]) for p in packs if p["scheme"] != "speaker-folds-5"}
    assert there <= told


def test_published_numbers_are_those_of_the_transcribed_tables():
    table = published("focal/table-4").set_index(["method", "metric"])["value"]
    told = re.search(r"\| 001 .*\|", README)[0]
    for number in (table["focal/mfcc-focal", "ua"], table["focal/mfcc-focal", "wa"]):
        assert f"{number:.1f}" in told


def test_links_and_pictures_exist():
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", README) + re.findall(r'<img[^>]*src="([^"]+)"', README)
    assert targets and not [t for t in targets if not (ROOT / t).exists()]


def test_every_notebook_is_in_the_readme_and_no_other():
    named = set(re.findall(r"notebooks/(\d\d_\w+\.ipynb)", README))
    assert named == {p.name for p in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
