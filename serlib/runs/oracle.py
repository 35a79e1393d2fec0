"""What choosing the epoch on the test part is worth: an oracle that nobody has, and that some tables print.

Every utterance gets a double, and the doubles of a fold's test part are its dev part. So the usual training is watched
on test, epoch by epoch, and the best of these numbers is what a study reports that keeps the epoch with the best score
on test. What trains, and what is scored, is as in the scheme; nothing else in serlib can choose on test.

Run: ``python -m serlib.runs.oracle --corpus emodb --root corpora/emodb --seeds 0 1 2 --jobs 2 --minutes 60``.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from serlib.corpora.corpus import Corpus
from serlib.protocol import Fold, Scores, folds
from serlib.protocol.intervals import draw_units, t_interval
from serlib.runs.engine import OWN, Task, plan
from serlib.runs.results import stored_scores
from serlib.runs.series import on_one_corpus

METHODS = (
    "equal/em-speaker-softmax-r2", "equal/em-softmax-r0.5", "dcaen/ftr-eg", "multidilated/ff-spp",
    "focal/mel-softmax+strong", "center/mel-softmax",
)  # fmt: skip
SCHEME, NAMED = "leave-one-speaker-out", "{} watched on test"


def watched_on_test(corpus: Corpus) -> tuple[Corpus, list[Fold]]:
    """Return the corpus, named so, with a double of every utterance, and folds whose dev part doubles the test part.

    The own dev part of ``SCHEME`` rests, so that training parts are the usual ones.
    """
    table = corpus.table
    both = pd.concat([table, table.set_axis(table.index + " again")])
    parts = [replace(fold, dev=fold.test + len(table)) for fold in folds(corpus, SCHEME)]
    return replace(corpus, name=NAMED.format(corpus.name), table=both), parts


def planned(corpus: Corpus, methods: Sequence[str], *, profile: str, seeds: Sequence[int] = (0,)) -> Iterator[Task]:
    """Yield the runs by seed, method and fold."""
    watched, parts = watched_on_test(corpus)
    for seed in seeds:
        for method in methods:
            yield from plan(watched, method, profile=profile, folds=parts, seeds=[seed])


def stored_watched(corpus: Corpus | str, methods: Sequence[str] = METHODS, *, profile: str) -> dict[str, Scores]:
    """Return by method its committed trainings that were watched on test, where there are any.

    Of a Corpus come those of just its utterances under its usual scheme; by a name, whatever is committed under it.
    """
    wanted = NAMED.format(corpus) if isinstance(corpus, str) else watched_on_test(corpus)[0]
    stored = {method: stored_scores(wanted, method, profile=profile, scheme=OWN) for method in methods}
    return {method: scores for method, scores in stored.items() if scores is not None}


def looked_up(watched: Scores) -> pd.DataFrame:
    """Return UA on test in percent by (fold, seed): ``averaged``, as scored; ``last``, ``best`` epoch; ``epochs``.

    ``best`` is the best that was seen on test, each fold's own.
    """
    seen = watched.history.groupby(["fold", "seed"])["dev_ua"]
    averaged = watched.per_fold()["UA"]
    made = {"averaged": averaged, "last": 100 * seen.last(), "best": 100 * seen.max(), "epochs": seen.size()}
    return pd.DataFrame(made).astype(float)


def promise(watched: Scores) -> tuple[float, float, float]:
    """Return by how many points of UA the best epoch on test lies above the averaged weights: mean, low, high.

    The interval of 95 % draws folds, with the runs of all seeds (t-type, see ``serlib.protocol.intervals``).
    """
    table = looked_up(watched)
    gains = (table["best"] - table["averaged"]).groupby("fold").mean().to_numpy()
    low, high, _ = t_interval(draw_units(len(gains)) @ gains / len(gains), len(gains))
    return float(np.mean(gains)), low, high


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the runs from the command line, or say what is open; return 1 when one failed."""
    return on_one_corpus("serlib.runs.oracle", __doc__, METHODS, planned, arguments)


if __name__ == "__main__":
    sys.exit(main())
