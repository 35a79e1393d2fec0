"""Across corpora: the same test voices, judged by networks that learned at home, abroad, or from both.

Paper 002 names cross-dataset evaluation as future work. Each corpus of a joined one is divided by a scheme of its own;
what is tested, and the seed of the network that is asked, is alike under every condition. Only the training part
differs: ``within``, the other speakers of the same corpus; ``across``, the other corpora; ``both``. Of the other
corpora two speakers, a woman and a man where there are both, are dev: a pair in turn.

Run: ``python -m serlib.runs.across --corpora emodb=DIR ravdess=DIR --jobs 2 --minutes 60``, until nothing is open.
"""

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from serlib.corpora import join, load_corpus
from serlib.corpora.corpus import Corpus
from serlib.methods import equal
from serlib.methods.reading import sources
from serlib.protocol import Fold, Scores, folds
from serlib.runs.engine import OWN, Task, plan
from serlib.runs.results import stored_scores
from serlib.runs.series import command, options_of

CONDITIONS = ("within", "across", "both")
FOUR = ("anger", "happiness", "neutral", "sadness")  # those of IEMOCAP
OTHERS = ("weighted", "angular", "arcface", "center")  # losses, besides softmax
DEEP = "focal/mel-softmax"  # ResNet-18, as printed: the best of the papers' networks that hear sound
ALONE, GROUPS = "leave-one-speaker-out", "speaker-folds-5"
Series = dict[tuple[str, str], Scores]


def method(loss: str = "softmax", ground: str = "em-speaker", variant: str = "") -> str:
    """Return a method of ``serlib.methods.equal`` in the setting chosen on dev: of its ground, or else em-speaker's."""
    return equal.name(ground, loss, equal.CHOSEN.get(ground, equal.CHOSEN["em-speaker"])[loss]) + variant


def worth() -> list[tuple[tuple[str, ...], tuple[str, ...], int, str, tuple[str, ...] | None]]:
    """Return what shall be run, the most wanted first: methods, conditions, seeds, scheme, emotions (None: all)."""
    own, plain = ([method(loss, ground) for loss in OTHERS] for ground in ("em-speaker", "em"))
    deep = [DEEP, *(f"{DEEP}+{loss}" for loss in OTHERS)]
    return [
        ((method(),), CONDITIONS, 5, ALONE, None),
        ((method(ground="em"), method(ground="em", variant="+corpus")), CONDITIONS, 5, ALONE, None),
        (tuple(own), ("across", "within"), 5, ALONE, None),
        ((method(),), CONDITIONS, 5, ALONE, FOUR),
        (tuple(plain), ("across", "within"), 5, ALONE, None),
        (tuple(deep), ("across", "within"), 3, GROUPS, None),
        (tuple(own), ("both",), 5, ALONE, None),
        (tuple(plain), ("both",), 5, ALONE, None),
        (tuple(deep), ("both",), 3, GROUPS, None),
    ]


def divided(corpus: Corpus, condition: str, scheme: str = ALONE) -> tuple[Corpus, list[Fold]]:
    """Return a joined corpus, named after the condition, and its folds, such as ``"emodb/speaker-03"``.

    Under ``both``, train and dev are those of ``within`` and ``across`` together.

    Raises:
        ValueError: for an unknown condition or scheme; a CorpusError for a corpus that :func:`serlib.corpora.join` did
            not return, or one of fewer than five speakers.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"unknown condition {condition!r}; allowed are {', '.join(CONDITIONS)}")
    origin, parts = sources(corpus), []
    for name in np.unique(origin):
        here, away = (np.flatnonzero(each) for each in (origin == name, origin != name))
        held = folds(replace(corpus.subset(away), name=f"all but {name}"), GROUPS)
        for k, fold in enumerate(folds(replace(corpus.subset(here), name=str(name)), scheme)):
            pair = held[k % len(held)].dev
            train = {"within": here[fold.train], "across": np.delete(away, pair)}
            dev = {"within": here[fold.dev], "across": away[pair]}
            asked = ("within", "across") if condition == "both" else (condition,)
            learned, watched = (np.sort(np.concatenate([part[each] for each in asked])) for part in (train, dev))
            parts.append(Fold(f"{name}/{fold.name.replace(f'{name}/', '')}", learned, watched, here[fold.test]))
    return replace(corpus, name=f"{corpus.name} {condition}"), parts


def stored_series(
    corpus: Corpus | str, methods: Sequence[str], *, profile: str, conditions: Sequence[str] = CONDITIONS
) -> Series:
    """Return the part of a series that is committed: of just this joined corpus, or by its name, such as "a+b"."""
    named = {c: f"{corpus} {c}" if isinstance(corpus, str) else replace(corpus, name=f"{corpus.name} {c}")
             for c in conditions}  # fmt: skip
    found = {(c, m): stored_scores(named[c], m, profile=profile, scheme=OWN) for c in conditions for m in methods}
    return {key: scores for key, scores in found.items() if scores is not None}


def tested_on(scores: Scores, name: str) -> Scores:
    """Return what was tested on one corpus, without embeddings, history and arrays; another is a ValueError."""
    rows = scores.predictions["fold"].str.startswith(f"{name}/").to_numpy()
    if not rows.any():
        known = sorted({fold.partition("/")[0] for fold in scores.predictions["fold"]})
        raise ValueError(f"nothing of {scores.label} was tested on {name!r}; allowed are {', '.join(known)}")
    return replace(
        scores, corpus=f"{scores.corpus}, on {name}", predictions=scores.predictions[rows].reset_index(drop=True),
        logits=scores.logits[rows], embeddings=None, history=None, arrays=(),
        manifests=[m for m in scores.manifests if m["fold"]["name"].startswith(f"{name}/")],
    )  # fmt: skip


def planned(corpora: Sequence[Corpus], profile: str = "study") -> Iterator[Task]:
    """Yield the runs of :func:`worth`, row by row, in each by seed, then condition, then method, then fold.

    The row of four emotions is passed over where the corpora do not share them.
    """
    for names, conditions, seeds, scheme, emotions in worth():
        if not set(emotions or ()) <= set.intersection(*(set(corpus.classes) for corpus in corpora)):
            continue
        joined = join(corpora, emotions)
        divisions = [divided(joined, condition, scheme) for condition in conditions]
        for seed in range(seeds):
            for named, parts in divisions:
                for name in names:
                    yield from plan(named, name, profile=profile, folds=parts, seeds=[seed])


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the runs of :func:`worth` from the command line, or say what is open; return 1 when one failed."""
    parser = options_of("serlib.runs.across", __doc__)
    parser.add_argument("--corpora", nargs="+", required=True, metavar="NAME=DIR", help="two or more")

    def asked(options: Namespace) -> Iterator[Task]:
        parts = [each.partition("=") for each in options.corpora]
        return planned([load_corpus(name, root or None) for name, _, root in parts], options.profile)

    return command(parser, asked, arguments)


if __name__ == "__main__":
    sys.exit(main())
