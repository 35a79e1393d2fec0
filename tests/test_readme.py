"""The README claims nothing that the repository cannot show."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax

from serlib import methods
from serlib.protocol import published
from serlib.report.best import LEAGUES
from serlib.report.equal import UNEQUAL, WORDS
from serlib.report.readme import renewed
from serlib.runs import stored_scores

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ROW = re.compile(r"^\| `(?P<method>[\w-]+/[\w+-]+)` \|(?P<cells>.*)\|$", re.M)


GROUNDS = (("emodb", "study"), ("emodb", "paper"), ("ravdess", "study"))
PARTS = dict(zip(GROUNDS, re.split("<!-- measured-(?:full-size|ravdess) -->", README), strict=True))


def _rows() -> list[tuple[str, str, str, list[str]]]:
    return [(*ground, m["method"], [c.strip() for c in m["cells"].split("|")])
            for ground, part in PARTS.items() for m in ROW.finditer(part)]  # fmt: skip


def test_what_was_measured_and_learned_stands_as_the_committed_runs_say():
    assert renewed(README) == README, "run make readme"


def test_there_are_rows_and_findings():
    assert len(_rows()) >= 8
    learned = README.split("<!-- learned -->")[1].split("<!-- /learned -->")[0].strip().splitlines()
    learned = [line for line in learned if re.match(r"\d\. ", line)]
    assert 3 <= len(learned) <= 5 and all(re.search(r"\d+\.\d", line) for line in learned)


@pytest.mark.parametrize(
    "corpus,profile,method,cells", _rows(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_measured_numbers_are_those_of_the_committed_runs(corpus, profile, method, cells):
    """Counted anew from the predictions: UA, WA, seeds, the spread over them, what training said of itself."""
    scores = stored_scores(corpus, methods.get(method).name, profile=profile, scheme="leave-one-speaker-out")
    table = scores.predictions.assign(right=lambda t: t["emotion"] == t["predicted"])
    each = [100 * seed.groupby("emotion")["right"].mean().mean() for _, seed in table.groupby("seed")]
    ua, low, high = (float(n) for n in re.findall(r"\d+\.\d", cells[0]))
    assert ua == round(float(np.mean(each)), 1) and low < ua < high
    assert float(cells[1]) == round(100 * float(table["right"].mean()), 1)
    seeds, _, spread = cells[2].partition(", ± ")
    assert int(seeds) == len(each)
    assert (float(spread) if spread else None) == (None if len(each) == 1 else round(float(np.std(each, ddof=1)), 1))
    assert cells[3] == ("" if scores.converged is None else f"{scores.train_ua:.0f}")
    assert cells[4] == {None: "", True: "yes", False: "**no**"}[scores.converged]


def test_the_finding_about_unequal_classes_is_counted_anew():
    """Mean over draws of UA on the whole test parts, each loss' minus softmax'."""
    line = next(line for line in README.splitlines() if "eight times rarer" in line)

    def ua(loss: str) -> float:
        table = stored_scores("emodb 1:8", UNEQUAL[loss], profile="study", scheme="own folds").predictions
        right = (table["emotion"] == table["predicted"]).groupby([table["seed"], table["emotion"]]).mean()
        assert f"; {right.index.get_level_values(0).nunique()} draws; five groups of speakers)" in line
        return 100 * right.groupby("seed").mean().mean()

    first, counted = line.partition("once each has")[0], 0
    for loss, words in WORDS.items():
        for told in re.findall(rf"(?:first: |\), ){re.escape(words)} ([+-]\d+\.\d) ", first):
            assert float(told) == round(ua(loss) - ua("softmax"), 1), loss
            counted += 1
    assert counted >= 3


@pytest.mark.parametrize("league", LEAGUES)
@pytest.mark.parametrize("corpus", ["emodb", "ravdess"])
def test_committees_are_formed_and_chosen_anew(corpus, league):
    """Mean log-probabilities decide; a speaker is answered by the committee that is best on all the others."""
    row = re.search(rf"^\| the best of \d+ committees.*, {re.escape(league)} \|.*$", PARTS[corpus, "study"], re.M)
    cells = [c.strip() for c in row[0].split("|")[1:-1]]
    ground = {"profile": "study", "scheme": "leave-one-speaker-out"}
    there = [s for name in LEAGUES[league].values() if (s := stored_scores(corpus, name, **ground)) is not None]
    seeds, classes = set.intersection(*(set(s.predictions["seed"]) for s in there)), [*there[0].classes]
    key, logs = ["seed", "fold", "utterance", "emotion"], []
    for scores in there:
        table = pd.DataFrame(log_softmax(scores.logits, 1), columns=classes).assign(**scores.predictions[key])
        logs.append(table[table["seed"].isin(seeds)].set_index(key).sort_index())
    asked = [some for size in range(1, len(logs) + 1) for some in combinations(logs, size)]
    right = pd.DataFrame({k: sum(some).idxmax(axis=1) for k, some in enumerate(asked)})
    right = right.eq(right.index.get_level_values("emotion"), axis=0)
    kept = []
    for fold, own in right.groupby("fold"):
        others = right.drop(fold, level="fold").groupby("emotion").mean().mean()
        kept.append(own[others.idxmax()])
    each = 100 * pd.concat(kept).groupby(["seed", "emotion"]).mean().groupby("seed").mean()
    assert cells[0].startswith(f"the best of {len(asked)} committees of {len(there)} networks")
    assert float(cells[1].split()[0]) == round(float(each.mean()), 1) and cells[3].split(",")[0] == str(len(seeds))


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
