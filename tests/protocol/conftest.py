"""Corpora without audio and scores without training, for the tests of the protocol."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from serlib.corpora.corpus import COLUMNS, Corpus
from serlib.protocol.scores import Scores

CLASSES = ("anger", "happiness", "neutral", "sadness")


def corpus_of(
    speakers: Sequence[tuple],
    counts: Sequence[int] = (2, 2, 2, 2),
    *,
    classes: Sequence[str] = CLASSES,
    shuffled: int | None = None,
) -> Corpus:
    """Make a corpus from (speaker, sex, session) or (speaker, sex, session, counts): utterances per class."""
    rows = []
    for speaker, sex, session, *own in speakers:
        for emotion, count in zip(classes, own[0] if own else counts, strict=True):
            for k in range(count):
                row = dict.fromkeys(COLUMNS)
                row |= {"file": "x.wav", "duration": 1.0, "emotion": emotion, "speaker": speaker, "sex": sex}
                row |= {"session": session, "sentence": f"t{k // 2}", "take": "ab"[k % 2]}
                rows.append(row | {"utterance": f"{speaker}-{session}-{emotion}-{k:03d}"})
    table = pd.DataFrame(rows).set_index("utterance")
    if shuffled is not None:
        table = table.sample(frac=1, random_state=shuffled)
    return Corpus("made", table, tuple(classes))


def ten(**options) -> Corpus:
    """Ten speakers, five sessions of a woman and a man: the shape of IEMOCAP."""
    return corpus_of([(f"{k:02d}", ("female", "male")[k % 2], f"S{k // 2 + 1}") for k in range(10)], **options)


def scores_of(
    *,
    seeds: Sequence[int] = (0,),
    speakers: int = 10,
    per_speaker: int = 20,
    per_fold: int = 2,
    skill: float = 0.6,
    draw: int = 0,
    **options,
) -> Scores:
    """Make scores: a prediction is right with probability ``skill``, else any class; ``per_fold`` speakers a fold."""
    generator, rows = np.random.default_rng(draw), []
    truth = np.random.default_rng(1).integers(0, len(CLASSES), (speakers, per_speaker))
    for seed in seeds:
        for (speaker, k), true in np.ndenumerate(truth):
            predicted = true if generator.random() < skill else generator.integers(len(CLASSES))
            name = f"{speaker:02d}"
            row = (f"fold-{speaker // per_fold + 1}", seed, f"{name}-{k}", name, CLASSES[true], CLASSES[predicted])
            rows.append(row)
    predictions = pd.DataFrame(rows, columns=["fold", "seed", "utterance", "speaker", "emotion", "predicted"])
    given = {"method": "focal/mfcc-focal", "corpus": "made", "profile": "study", "scheme": "speaker-folds-5"}
    given |= {"classes": CLASSES, "predictions": predictions} | options
    given.setdefault("logits", np.zeros((len(given["predictions"]), len(given["classes"])), np.float32))
    return Scores(**given)


@pytest.fixture(scope="session")
def make_corpus() -> Callable[..., Corpus]:
    return corpus_of


@pytest.fixture(scope="session")
def make_ten() -> Callable[..., Corpus]:
    return ten


@pytest.fixture(scope="session")
def make_scores() -> Callable[..., Scores]:
    return scores_of
