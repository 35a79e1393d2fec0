"""Committed scores as findings ask for them: one method, pairs of methods, every loss on a ground."""

import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pandas as pd

from serlib import paths
from serlib.methods import equal
from serlib.protocol import Scores
from serlib.report import equal as terms
from serlib.report.stored import alike
from serlib.runs.results import stored_scores

GROUND = "em-speaker"  # of ``serlib.methods.equal``: the one on which settings were chosen
WHOLE = "leave-one-speaker-out"


def committed(corpus: str, method: str, profile: str = "study", scheme: str = WHOLE) -> Scores | None:
    """Return a method's committed scores, seeds that are not whole left out unsaid; None: not stored."""
    return _read(paths.results_dir(), corpus, method, profile, scheme)


@cache
def _read(results: Path, corpus: str, method: str, profile: str, scheme: str) -> Scores | None:
    """Read a pack once for all findings and pictures of a process; ``results`` tells one folder from another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stored_scores(corpus, method, profile=profile, scheme=scheme)


def both_of(corpus: str, *methods: str, profile: str = "study", scheme: str = WHOLE) -> list[Scores]:
    """Return two methods' scores on the seeds that both have; empty where there are none."""
    both = [committed(corpus, method, profile, scheme) for method in methods]
    return [] if None in both else alike(both)


def stored_pairs(
    corpus: str, asked: Mapping[str, tuple[str, str]], profile: str = "study", scheme: str = WHOLE
) -> dict[str, list[Scores]]:  # fmt: skip
    """Return those of the pairs of methods that are stored."""
    there = {words: both_of(corpus, *names, profile=profile, scheme=scheme) for words, names in asked.items()}
    return {words: both for words, both in there.items() if both}


def losses(corpus: str, ground: str = GROUND) -> tuple[pd.DataFrame, terms.Results] | None:
    """Return every loss against softmax on equal terms: rows of ``compare_family`` by its words, and all scores.

    None below three losses, softmax among them, that share two seeds.
    """
    there = {(ground, loss): committed(corpus, equal.name(ground, loss)) for loss in equal.LOSSES}
    found = terms.on_shared_seeds({key: scores for key, scores in there.items() if scores is not None})
    if len(found) < 3 or len(found[ground, "softmax"].spread_over_seeds()) < 2:
        return None
    table = terms.families(found).loc[ground].xs("softmax", level="against")
    return table.rename(index=terms.WORDS), found
