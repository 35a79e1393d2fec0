"""The best that the committed networks reach together, in two leagues; whom to ask is chosen on the other folds."""

from dataclasses import dataclass

import pandas as pd

from serlib.corpora import Corpus
from serlib.methods import equal
from serlib.protocol import Scores
from serlib.protocol.fused import averaged, chosen, committees
from serlib.report.stored import alike
from serlib.report.told import held

LEAGUES = {  # all under softmax; in the first the test speaker's other recordings are used too (transductive)
    "each speaker's own statistics": {
        "emobase2010": "dcaen/ftr-em", "eGeMAPS": "dcaen/ftr-eg", "ComParE": equal.name("cp-speaker", "softmax"),
        "ResNet-18": "focal/mel-softmax+strong+speaker",
    },
    "the training part's statistics": {
        "emobase2010": equal.name("em", "softmax"), "eGeMAPS": equal.name("eg", "softmax"),
        "ComParE": equal.name("cp", "softmax"),
        "ResNet-18": "focal/mel-softmax+strong", "CNN-BiRNN": "center/mel-softmax+strong",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Best:
    """A league's members by their words, cut to the seeds that all have, and the committee chosen for each fold.

    ``scores``: the answers of the chosen, seed by seed; ``asked``: their names, by fold; ``many``: how many committees
    there were to choose from; ``whole``: the same anew with the networks of all seeds asked together.
    """

    members: dict[str, Scores]
    scores: Scores
    asked: pd.Series
    many: int
    whole: Scores


def best(corpus: Corpus | str, league: str, *, profile: str, scheme: str) -> Best | None:
    """Return the best of a league of ``LEAGUES``; None below two members at rest that share seeds."""
    called = {method: words for words, method in LEAGUES[league].items()}
    there = {called[n]: s for n, s in held(corpus, called, profile=profile, scheme=scheme)[0].items() if s.converged}
    members = dict(zip(there, alike([*there.values()]), strict=False)) if len(there) > 1 else {}
    if not members:
        return None
    candidates = dict(committees(members))
    scores, asked = chosen(candidates)
    whole, _ = chosen({name: averaged(each) for name, each in candidates.items()})
    return Best(members, scores, asked, len(candidates), whole)
