"""Fold schemes: what they promise, over random corpora; and every error."""

import string
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import LeaveOneGroupOut

from serlib.corpora.corpus import Corpus, CorpusError
from serlib.protocol import SCHEMES, Fold, default_scheme, folds

INDEPENDENT = tuple(s for s in SCHEMES if s != "stratified-5")
SEXES = st.sampled_from(["female", "male", None])
NAMES = st.text(string.ascii_letters + string.digits + "-_ é", min_size=1, max_size=4)
COUNTS = st.lists(st.integers(1, 6), min_size=3, max_size=3)
quickly = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def speaker_lists(draw) -> list[tuple]:
    """Six or more speakers of any sex, in three or more sessions; some never show the last class."""
    names = draw(st.lists(NAMES, min_size=6, max_size=13, unique=True))
    sessions, pairs = [], len(names) // 2
    for k in range(len(names)):
        sessions.append(f"S{min(k // 2, pairs - 1)}")
    return [(n, draw(SEXES), s, [*draw(COUNTS), draw(st.integers(0, 9))]) for n, s in zip(names, sessions, strict=True)]


def parts(fold: Fold, corpus: Corpus) -> dict[str, set]:
    return {p: set(corpus.table.index[getattr(fold, p)]) for p in ("train", "dev", "test")}


def speakers(fold: Fold, corpus: Corpus) -> dict[str, set]:
    return {p: set(corpus.table["speaker"].iloc[getattr(fold, p)]) for p in ("train", "dev", "test")}


def enough(made: list[tuple]) -> list[tuple]:
    """Give every speaker two of the last class, so that no training part lacks it."""
    return [(*row[:3], [*row[3][:3], max(row[3][3], 2)]) for row in made]


@pytest.mark.parametrize("scheme", SCHEMES)
@quickly
@given(made=speaker_lists())
def test_every_utterance_is_tested_once_and_parts_add_up(make_corpus, scheme, made):
    corpus = make_corpus(enough(made))
    everything = folds(corpus, scheme)
    tested = np.concatenate([fold.test for fold in everything])
    assert sorted(tested) == list(range(len(corpus)))
    assert len({fold.name for fold in everything}) == len(everything)
    for fold in everything:
        joined = np.concatenate([fold.train, fold.dev, fold.test])
        assert sorted(joined) == list(range(len(corpus)))
        assert all(getattr(fold, p).dtype == np.int64 for p in ("train", "dev", "test"))
        assert len(fold.dev) > 0


@pytest.mark.parametrize("scheme", INDEPENDENT)
@quickly
@given(made=speaker_lists())
def test_no_speaker_is_shared(make_corpus, scheme, made):
    corpus = make_corpus(enough(made))
    for fold in folds(corpus, scheme):
        heard = speakers(fold, corpus)
        assert not heard["train"] & heard["test"]
        assert not heard["dev"] & heard["test"]
        assert not heard["train"] & heard["dev"]


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(quickly, max_examples=25)
@given(made=speaker_lists(), order=st.integers(0, 99), seed=st.integers(0, 9))
def test_row_order_does_not_matter_and_seeds_repeat(make_corpus, scheme, made, order, seed):
    one, other = make_corpus(enough(made)), make_corpus(enough(made), shuffled=order)
    first, again, second = folds(one, scheme, seed=seed), folds(one, scheme, seed=seed), folds(other, scheme, seed=seed)
    assert [f.name for f in first] == [f.name for f in second]
    for a, b, c in zip(first, again, second, strict=True):
        assert parts(a, one) == parts(b, one) == parts(c, other)
        assert a.digest(one) == c.digest(other)


@pytest.mark.parametrize("size", [5, 6])
@settings(quickly, max_examples=40)
@given(made=speaker_lists())
def test_speaker_folds_are_balanced_by_sex_then_size(make_corpus, made, size):
    corpus = make_corpus(enough(made))
    sex = dict(zip(corpus.table["speaker"], corpus.table["sex"], strict=True))
    groups = [speakers(f, corpus)["test"] for f in folds(corpus, f"speaker-folds-{size}")]
    assert len(groups) == size and max(map(len, groups)) - min(map(len, groups)) <= 1
    for kind in ("female", "male", None):
        number = [sum(sex[s] == kind for s in group) for group in groups]
        assert max(number) - min(number) <= 1


def test_five_women_and_five_men_make_five_pairs_with_a_pair_in_dev(make_ten):
    corpus = make_ten()
    sex = dict(zip(corpus.table["speaker"], corpus.table["sex"], strict=True))
    made = folds(corpus, "speaker-folds-5")
    for k, fold in enumerate(made):
        heard = speakers(fold, corpus)
        assert sorted(sex[s] for s in heard["test"]) == ["female", "male"]
        assert heard["dev"] == speakers(made[(k + 1) % 5], corpus)["test"]
        assert len(heard["train"]) == 6


def test_twelve_women_and_twelve_men_make_six_groups_of_two_and_two(make_corpus):
    corpus = make_corpus([(f"{k:02d}", ("male", "female")[k % 2], None) for k in range(24)])  # the shape of RAVDESS
    sex = dict(zip(corpus.table["speaker"], corpus.table["sex"], strict=True))
    made = folds(corpus, "speaker-folds-6")
    assert [f.name for f in made] == [f"fold-{k}" for k in range(1, 7)]
    for k, fold in enumerate(made):
        heard = speakers(fold, corpus)
        assert sorted(sex[s] for s in heard["test"]) == ["female", "female", "male", "male"]
        assert heard["dev"] < speakers(made[(k + 1) % 6], corpus)["test"] and len(heard["dev"]) == 2
        assert len(heard["train"]) == 18


def test_many_speakers_leave_one_woman_and_one_man_in_dev(make_corpus):
    corpus = make_corpus([(f"{k:02d}", ("female", "male")[k % 2], None) for k in range(20)])
    sex = dict(zip(corpus.table["speaker"], corpus.table["sex"], strict=True))
    made = folds(corpus, "speaker-folds-5")
    for k, fold in enumerate(made):
        heard = speakers(fold, corpus)
        assert len(heard["test"]) == 4 and len(heard["train"]) == 14
        assert sorted(sex[s] for s in heard["dev"]) == ["female", "male"]
        assert heard["dev"] < speakers(made[(k + 1) % 5], corpus)["test"]


def test_utterance_counts_break_ties(make_corpus):
    sizes = [9, 8, 7, 6, 5, 1, 2, 3, 4, 5]
    people = [(f"{k:02d}", "female" if k < 5 else "male", None, [n] * 4) for k, n in enumerate(sizes)]
    corpus = make_corpus(people)
    assert [len(f.test) for f in folds(corpus, "speaker-folds-5")] == [40] * 5


def test_leave_one_speaker_out_matches_scikit_learn_and_rotates_dev(make_ten):
    corpus = make_ten()
    groups = corpus.table["speaker"].to_numpy(dtype=str)
    made = folds(corpus, "leave-one-speaker-out")
    for fold, (rest, test) in zip(made, LeaveOneGroupOut().split(groups, groups=groups), strict=True):
        assert np.array_equal(fold.test, test)
        assert np.array_equal(np.sort(np.r_[fold.train, fold.dev]), rest)
        heard = speakers(fold, corpus)
        assert fold.name == f"speaker-{heard['test'].pop()}"
        assert len(heard["dev"]) == 1 and len(heard["train"]) == 8
    sex = corpus.table["sex"].to_numpy()
    assert all(sex[f.dev[0]] != sex[f.test[0]] for f in made)
    assert set(Counter(speakers(f, corpus)["dev"].pop() for f in made).values()) == {1}


@settings(quickly, max_examples=40)
@given(made=speaker_lists())
def test_dev_speaker_is_of_the_other_sex_where_there_is_one(make_corpus, made):
    corpus = make_corpus(enough(made))
    sex = dict(zip(corpus.table["speaker"], corpus.table["sex"], strict=True))
    served = Counter()
    for fold in folds(corpus, "leave-one-speaker-out"):
        (tested,), (chosen,) = speakers(fold, corpus)["test"], speakers(fold, corpus)["dev"]
        others = {"female": "male", "male": "female"}.get(sex[tested])
        if others and others in sex.values():
            assert sex[chosen] == others
            served[chosen] += 1
    for kind in ("female", "male"):
        times = [served[s] for s in sex if sex[s] == kind]
        assert not times or max(times) - min(times) <= 1


@pytest.mark.parametrize("sex", [None, "female"])
def test_speakers_of_one_or_no_known_sex_rotate_too(make_corpus, sex):
    corpus = make_corpus([(f"{k}", sex, None) for k in range(5)])
    made = folds(corpus, "leave-one-speaker-out")
    assert sorted(speakers(f, corpus)["dev"].pop() for f in made) == ["0", "1", "2", "3", "4"]
    assert len(folds(corpus, "speaker-folds-5")) == 5


@pytest.mark.parametrize("scheme", ["leave-one-speaker-out", "leave-one-session-out"])
@pytest.mark.parametrize("sexes", [("female", "male"), (None, None), ("male", "male")])
def test_with_two_speakers_dev_is_empty(make_corpus, scheme, sexes):
    corpus = make_corpus([("a", sexes[0], "S1"), ("b", sexes[1], "S2")])
    for fold in folds(corpus, scheme):
        assert (len(fold.train), len(fold.dev), len(fold.test)) == (8, 0, 8)


def test_leave_one_session_out_takes_the_next_session_for_dev(make_ten):
    corpus = make_ten()
    session = corpus.table["session"].to_numpy()
    made = folds(corpus, "leave-one-session-out")
    assert [f.name for f in made] == [f"session-S{k}" for k in range(1, 6)]
    for k, fold in enumerate(made, start=1):
        assert set(session[fold.test]) == {f"S{k}"}
        assert set(session[fold.dev]) == {f"S{k % 5 + 1}"}


def test_session_speaker_splits_the_fifth_session_both_ways(make_ten):
    corpus = make_ten()
    made = folds(corpus, "session-speaker-10")
    assert len(made) == 10
    for fold in made:
        heard, session = speakers(fold, corpus), corpus.table["session"]
        (tested,), (chosen,) = heard["test"], heard["dev"]
        assert int(tested) // 2 == int(chosen) // 2 and tested != chosen
        assert session.iloc[fold.train].nunique() == 4


def test_stratified_keeps_shares_and_seeds_differ(make_ten):
    corpus = make_ten(counts=(12, 8, 16, 4))
    made = folds(corpus, "stratified-5")
    for fold in made:
        assert np.bincount(corpus.labels[fold.test]).tolist() == [24, 16, 32, 8]
        assert np.bincount(corpus.labels[fold.dev]).tolist() == [12, 8, 16, 4]
        assert speakers(fold, corpus)["test"] & speakers(fold, corpus)["train"]
    assert set(made[0].test) != set(folds(corpus, "stratified-5", seed=1)[0].test)
    assert made[0].digest(corpus) != made[1].digest(corpus)


def test_default_scheme(make_ten, make_corpus):
    assert default_scheme(make_ten()) == "leave-one-session-out"
    speakers = [(name, None, "S1" if name == "a" else None) for name in "abcde"]
    assert default_scheme(make_corpus(speakers)) == "speaker-folds-5"
    assert default_scheme(make_corpus(speakers[:4])) == "leave-one-speaker-out"


def test_digest_follows_membership_and_not_names(make_ten):
    corpus = make_ten()
    fold = folds(corpus, "leave-one-speaker-out")[0]
    renamed = Fold("x", fold.train[::-1], fold.dev, fold.test)
    assert fold.digest(corpus) == renamed.digest(corpus)
    swapped = Fold("x", fold.dev, fold.train, fold.test)
    assert fold.digest(corpus) != swapped.digest(corpus)
    assert len(fold.digest(corpus)) == 64 and int(fold.digest(corpus), 16)


@pytest.mark.parametrize("parts", [([0, 1], [1], [2]), ([0, 0], [], [2]), ([], [0], [1]), ([0], [1], [])])
def test_overlapping_or_empty_parts_are_refused(parts):
    train, dev, test = parts
    with pytest.raises(ValueError, match=r"fold 'k': \d \+ \d \+ \d utterances; parts must be disjoint"):
        Fold("k", train, dev, test)


def test_unknown_scheme_lists_the_known(make_ten):
    with pytest.raises(ValueError, match="unknown scheme 'loso'; allowed are leave-one-speaker-out, speaker-folds-5"):
        folds(make_ten(), "loso")


@pytest.mark.parametrize("scheme", ["leave-one-session-out", "session-speaker-10"])
def test_sessions_are_needed(make_corpus, scheme):
    corpus = make_corpus([("a", None, None), ("b", None, "S1"), ("c", None, "S2")])
    needed = "needs at least 2 sessions and one for every utterance; found 2 sessions, 8 utterances without"
    with pytest.raises(CorpusError, match=f"{scheme} on made: {needed}"):
        folds(corpus, scheme)


def test_too_few_speakers(make_corpus):
    four = make_corpus([(f"{k}", None, None) for k in range(4)])
    with pytest.raises(CorpusError, match=r"speaker-folds-5 on made: needs at least 5 speakers .*; found 4 speakers"):
        folds(four, "speaker-folds-5")
    with pytest.raises(CorpusError, match=r"speaker-folds-6 on made: needs at least 6 speakers .*; found 4 speakers"):
        folds(four, "speaker-folds-6")
    with pytest.raises(CorpusError, match=r"on made: needs at least 2 speakers .*; found 1 speakers"):
        folds(make_corpus([("a", None, None)]), "leave-one-speaker-out")


def test_session_with_one_speaker_and_speaker_in_two_sessions(make_corpus):
    alone = make_corpus([("a", None, "S1"), ("b", None, "S2"), ("c", None, "S2")])
    with pytest.raises(CorpusError, match=r"two speakers in each session, and in no other; session S1 has \['a'\]"):
        folds(alone, "session-speaker-10")
    wandering = make_corpus([("a", None, "S1"), ("b", None, "S1"), ("b", None, "S2"), ("c", None, "S2")])
    with pytest.raises(CorpusError, match="session S1 has"):
        folds(wandering, "session-speaker-10")


def test_class_absent_from_training_names_fold_and_class(make_corpus):
    people = [("a", None, None, [2, 2, 2, 2]), ("b", None, None, [2, 2, 2, 0]), ("c", None, None, [2, 2, 2, 0])]
    corpus = make_corpus(people)
    with pytest.raises(CorpusError, match="needs every class in training; fold 'speaker-a' has no sadness there"):
        folds(corpus, "leave-one-speaker-out")


def test_stratified_needs_five_of_each_class(make_corpus):
    corpus = make_corpus([("a", None, None, [9, 4, 9, 9])])
    with pytest.raises(CorpusError, match="needs at least 5 utterances of each class; happiness has 4"):
        folds(corpus, "stratified-5")


def test_stratified_works_from_five_of_each_class_on(make_corpus):
    corpus = make_corpus([("a", None, None, [5, 5, 5, 5])])
    assert [len(f.test) for f in folds(corpus, "stratified-5")] == [4] * 5
