"""Corpora joined: what each is called then, which emotions stay, and what cannot be joined."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from serlib.corpora import Corpus, CorpusError, join
from serlib.corpora.corpus import COLUMNS


def corpus(name: str, emotions: str, *, speakers: int = 3, sex: str | None = None, **columns) -> Corpus:
    """A corpus of two utterances of each emotion by each speaker, without files; its classes as they are named."""
    rows = [(f"s{s}", emotion, f"s{s}_{emotion}_{take}")
            for s in range(speakers) for emotion in emotions.split() for take in range(2)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["speaker", "emotion", "utterance"]).set_index("utterance")
    table["audio_sha256"] = [sha256(f"{name} {u}".encode()).hexdigest() for u in table.index]
    table = table.reindex(columns=list(COLUMNS)).assign(duration=1.0, file="", raw_label=table["emotion"], sex=sex)
    return Corpus(name, table.assign(**columns), tuple(emotions.split()))


def test_names_tell_where_an_utterance_and_a_voice_come_from():
    one, two = corpus("b", "sadness anger"), corpus("a", "anger boredom sadness", session="1")
    both = join([one, two])
    assert both.name == "a+b" and both.classes == ("anger", "sadness") and not both.synthetic
    assert len(both) == len(one) + len(two) - 6  # boredom is not shared
    assert both.table["corpus"].value_counts().to_dict() == {"a": 12, "b": 12}
    first, last = both.table.iloc[0], both.table.iloc[-1]
    assert (first.name, first["speaker"], first["session"], first["sentence"]) == ("a/s0_anger_0", "a/s0", "a/1", None)
    assert (last.name, last["speaker"], last["session"]) == ("b/s2_anger_1", "b/s2", None)
    assert both.table["audio_sha256"].tolist()[12:] == one.table["audio_sha256"].tolist()
    assert both.labels.tolist()[:4] == [0, 0, 1, 1] and np.isnan(first["start"])


def test_the_order_in_which_they_are_given_does_not_matter():
    one, two, three = (corpus(name, "anger sadness fear") for name in "abc")
    assert join([one, two, three]).fingerprint == join([three, one, two]).fingerprint
    assert join([three, one]).name == "a+c" and len(join([one, two, three])) == 54


def test_some_of_the_shared_emotions_are_told_in_the_name():
    one, two = (corpus(name, "anger sadness fear") for name in "ab")
    some = join([one, two], ["sadness", "anger"])
    assert some.name == "a+b-2" and some.classes == ("anger", "sadness") and len(some) == 24
    assert join([one, two], ["fear", "sadness", "anger"]).fingerprint == join([one, two]).fingerprint


def test_what_is_made_by_a_machine_in_part_says_so():
    assert join([corpus("a", "anger fear"), replace(corpus("b", "anger fear"), synthetic=True)]).synthetic


@pytest.mark.parametrize(
    "names,emotions,message",
    [
        ("a", None, r"cannot join \['a'\]; allowed are two or more corpora of different names"),
        ("aa", None, r"cannot join \['a', 'a'\]; allowed are two or more corpora of different names"),
        ("ax", None, r"a\+x: shared are \['anger'\]; needed are two or more of them"),
        (
            "ab",
            ["anger", "calm"],
            r"a\+b: emotions \['anger', 'calm'\]; shared are \['anger', 'fear'\]; needed are two",
        ),
        (
            "ab",
            ["anger"],
            r"a\+b: emotions \['anger'\]; shared are \['anger', 'fear'\]; needed are two or more of them",
        ),
    ],
)
def test_what_cannot_be_joined(names, emotions, message):
    corpora = [corpus(name, "anger boredom" if name == "x" else "anger fear") for name in names]
    with pytest.raises(CorpusError, match=message):
        join(corpora, emotions)


def test_a_recording_that_lies_in_both_would_be_trained_on_and_tested():
    one, two = corpus("a", "anger fear"), corpus("b", "anger fear")
    digests = two.table["audio_sha256"].tolist()
    two.table["audio_sha256"] = [one.table["audio_sha256"].iloc[5], *digests[1:]]
    with pytest.raises(
        CorpusError, match="a\\+b: one recording is in two corpora, as 'a/s1_anger_1' and 'b/s0_anger_0'"
    ):
        join([one, two])
