"""The measured parts of the README, written from the committed runs: ``python -m serlib.report.readme``."""

import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from serlib.methods import equal
from serlib.protocol import Scores
from serlib.report.asked import committed
from serlib.report.best import LEAGUES, best
from serlib.report.equal import PAPERS, at_length
from serlib.report.findings import findings

CORPUS = "emodb"
SAME_PART = ("baselines/compare-svm-trainpart", "baselines/compare-svm-trainpart-speakernorm")  # as networks
ROWS = (
    "baselines/egemaps-svm", "baselines/compare-svm", "baselines/compare-svm-speakernorm", *SAME_PART,
    "angular/crnn-softmax", "angular/crnn-m5", "angular/crnn-c64",
    "angular/tfgap-softmax", "angular/tfgap-m4", "angular/tfgap-c64",
    "focal/mel-softmax", "focal/mel-focal", "focal/mel-softmax+strong", "focal/mel-softmax+strong+speaker",
    "center/mel-softmax", "center/mel-center", "center/mel-softmax+strong",
    "multidilated/ff-spp", "multidilated/ff-spp+strong",
    *(at_length(f"multidilated/{rung}", "study")
      for rung in ("ff-spp", "multi", "multi-attention", "multi-attention-arcface")),
    "dcaen/raw", "dcaen/r-c", "dcaen/ftr-eg", "dcaen/e-nc", "dcaen/dcaen", "dcaen/ftr-em",
    equal.name("cp-speaker", "softmax"),
)  # fmt: skip
IDEAS = tuple(dict.fromkeys(method for pair in PAPERS.values() for method in pair[::-1]))
SECOND = "ravdess"
SECOND_ROWS = (*(f"baselines/{name}-svm{own}" for name in ("egemaps", "compare") for own in ("", "-speakernorm")),
               *SAME_PART, equal.name("eg", "softmax"), equal.name("em", "softmax"), equal.name("cp", "softmax"),
               equal.name("em-speaker", "softmax"), equal.name("em-speaker", "arcface"),
               equal.name("em-speaker", "center"), equal.name("cp-speaker", "softmax"))  # fmt: skip
HEAD = "| method | UA | WA | seeds | train UA | at rest |\n|---|---|---|---|---|---|\n"


def learned() -> str:
    """Return the findings as a numbered list in Markdown, what is beyond their first sentences folded."""
    lines = []
    for number, found in enumerate(findings(CORPUS), 1):
        lines.append(f"{number}. {found.text} [{found.notebook[:2]}](notebooks/{found.notebook})")
        if found.more:
            lines.append(f"\n   <details><summary>More</summary>\n\n   {found.rest(found.more)}\n\n   </details>\n")
    return "\n".join(lines).rstrip("\n")


def measured(corpus: str = CORPUS, methods: Sequence[str] = ROWS, profile: str = "study") -> str:
    """Return the table of scores in Markdown: of each of the methods that has committed runs, and of committees."""
    rows = [row(scores) for method in methods if (scores := committed(corpus, method, profile)) is not None]
    for league in LEAGUES:
        if top := best(corpus, league, profile=profile, scheme="leave-one-speaker-out"):
            called = f"the best of {top.many} committees of {len(top.members)} networks, {league}"
            rows += [row(top.scores, called), row(top.whole, "the same, the networks of all seeds together")]
    return HEAD + "\n".join(rows)


def row(scores: Scores, called: str = "") -> str:
    """Return a row, by its method or as it is ``called``.

    It has UA (95 % interval), WA, seeds with their spread, UA in training, whether that is at rest.
    """
    table, seeds = scores.summary(), len(scores.spread_over_seeds())
    ua, spread = table.loc["UA"], table.at["UA", "seed_std"]
    cells = [
        called or f"`{scores.method}`", f"{ua['pooled']:.1f} ({ua['low']:.1f} – {ua['high']:.1f})",
        f"{table.at['WA', 'pooled']:.1f}", f"{seeds}, ± {spread:.1f}" if seeds > 1 else f"{seeds}",
        "" if scores.converged is None else f"{scores.train_ua:.0f}",
        {None: "", True: "yes", False: "**no**"}[scores.converged],
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


PARTS = {
    "learned": learned, "measured": measured, "measured-full-size": partial(measured, methods=IDEAS, profile="paper"),
    "measured-ravdess": partial(measured, SECOND, SECOND_ROWS),
}  # fmt: skip


def renewed(text: str) -> str:
    """Return the README's text with what stands between ``<!-- name -->`` and ``<!-- /name -->`` written anew."""
    for name, make in PARTS.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
        if not pattern.search(text):
            raise ValueError(f"no <!-- {name} --> ... <!-- /{name} --> in the text")
        made = make()
        text = pattern.sub(lambda found, made=made: f"{found[1]}{made}\n{found[2]}", text)
    return text


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "README.md")
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
