import hashlib
from fractions import Fraction
from math import floor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serlib.corpora.corpus import COLUMNS, Corpus, CorpusError

CLASSES = ("anger", "neutral", "sadness")


def make(pairs, **columns) -> Corpus:
    """Build a corpus from (speaker, emotion) pairs, with other columns as given."""
    rows = [
        {
            "file": f"/somewhere/{i}.wav",
            "start": np.nan,
            "end": np.nan,
            "duration": 1.0,
            "emotion": emotion,
            "raw_label": emotion[0],
            "speaker": speaker,
            "sex": None,
            "session": None,
            "sentence": None,
            "take": None,
            "audio_sha256": hashlib.sha256(str(i).encode()).hexdigest(),
        }
        for i, (speaker, emotion) in enumerate(pairs)
    ]
    table = pd.DataFrame(rows, index=[f"u{i:03d}" for i in range(len(rows))], columns=list(COLUMNS))
    return Corpus("made", table.assign(**columns), CLASSES)


PAIRS = [(speaker, emotion) for speaker in ("01", "02", "03") for emotion in CLASSES for _ in range(4)]


def test_labels_follow_the_order_of_classes():
    corpus = make([("01", "sadness"), ("01", "anger"), ("02", "neutral")])
    assert corpus.labels.dtype == np.int64
    assert corpus.labels.tolist() == [2, 0, 1]


def test_corpora_compare_by_identity_and_can_be_keys():
    corpus = make(PAIRS)
    assert corpus == corpus and corpus != make(PAIRS)
    assert len({corpus: 1}) == 1


def test_unknown_is_none_in_text_and_nan_in_seconds():
    table = make(PAIRS, session=np.nan, start=None).table
    assert table["session"].tolist() == [None] * len(PAIRS)
    assert table["start"].dtype == float and table["start"].isna().all()
    assert table.index.name == "utterance"


def test_the_given_table_is_left_alone():
    given_table = make(PAIRS).table.assign(session=np.nan)
    before = given_table.copy()
    Corpus("made", given_table, CLASSES)
    pd.testing.assert_frame_equal(given_table, before)


def test_refusals():
    good = make(PAIRS).table
    with pytest.raises(CorpusError, match=r"^made: columns \['sex'\] are missing; needed are \['file', 'start',"):
        Corpus("made", good.drop(columns="sex"), CLASSES)
    with pytest.raises(CorpusError, match=r"^made: utterance 'u000' occurs more than once; names must be unique$"):
        Corpus("made", good.iloc[[0, 1, 0]], CLASSES)
    with pytest.raises(CorpusError, match=r"^made: utterance 'u001' has no speaker; every utterance needs one$"):
        Corpus("made", good.assign(speaker=["01", None, *good["speaker"][2:]]), CLASSES)
    for wrong in ("joy", None, np.nan):
        with pytest.raises(
            CorpusError, match=r"unknown emotion .* of utterance 'u002'; allowed are anger, neutral, sadn"
        ):
            Corpus("made", good.assign(emotion=[*good["emotion"][:2], wrong, *good["emotion"][3:]]), CLASSES)


class TestFingerprint:
    def test_does_not_depend_on_rows_order_paths_or_the_word_for_unknown(self):
        corpus = make(PAIRS)
        shuffled = corpus.table.sample(frac=1, random_state=1)
        assert Corpus("made", shuffled, CLASSES).fingerprint == corpus.fingerprint
        assert make(PAIRS, file="/elsewhere.wav").fingerprint == corpus.fingerprint
        for unknown in (None, np.nan, pd.NA, pd.NaT):
            assert make(PAIRS, session=unknown).fingerprint == corpus.fingerprint
        for unknown in (None, np.nan):
            assert make(PAIRS, start=unknown, end=unknown).fingerprint == corpus.fingerprint
        assert make(PAIRS, start=1, end=2).fingerprint == make(PAIRS, start=np.float32(1), end=2.0).fingerprint

    @pytest.mark.parametrize("column", [c for c in COLUMNS if c not in ("file", "duration", "emotion", "start", "end")])
    def test_changes_with_one_value_of_any_column(self, column):
        values = make(PAIRS).table[column].tolist()
        values[7] = "None"  # the word is a value, not the lack of one
        assert make(PAIRS, **{column: values}).fingerprint != make(PAIRS).fingerprint

    def test_changes_with_emotion_segment_name_and_classes(self):
        corpus = make(PAIRS)
        other = [("01", "neutral"), *PAIRS[1:]]
        renamed = corpus.table.rename(index={"u003": "v003"})
        prints = {
            corpus.fingerprint,
            make(other, raw_label=corpus.table["raw_label"].tolist()).fingerprint,
            make(PAIRS, start=[0.5, *[np.nan] * (len(PAIRS) - 1)]).fingerprint,
            Corpus("made", renamed, CLASSES).fingerprint,
            Corpus("made", corpus.table, CLASSES[::-1]).fingerprint,
            corpus.subset(np.arange(len(PAIRS) - 1)).fingerprint,
        }
        assert len(prints) == 6

    def test_values_cannot_run_into_each_other(self):
        assert make(PAIRS, sentence="ab", take="c").fingerprint != make(PAIRS, sentence="a", take="bc").fingerprint


class TestSubset:
    def test_mask_positions_and_names_agree(self):
        corpus = make(PAIRS)
        mask = corpus.table["speaker"] == "02"
        chosen = corpus.subset(mask)
        assert set(chosen.table["speaker"]) == {"02"} and len(chosen) == 12
        for which in (mask.tolist(), np.flatnonzero(mask), corpus.table.index[mask], list(corpus.table.index[mask])):
            pd.testing.assert_frame_equal(corpus.subset(which).table, chosen.table)

    def test_keeps_order_classes_and_allows_none(self):
        corpus = make(PAIRS)
        assert corpus.subset([5, 2]).table.index.tolist() == ["u005", "u002"]
        assert corpus.subset([5]).classes == CLASSES
        assert len(corpus.subset([])) == 0

    def test_refusals(self):
        corpus = make(PAIRS)
        allowed = "allowed are 36 booleans, positions, names"
        with pytest.raises(CorpusError, match=f"^made: cannot choose by 2 values such as True; {allowed}$"):
            corpus.subset([True, False])
        with pytest.raises(CorpusError, match=f"^made: cannot choose by 1 values such as 'nobody'; {allowed}$"):
            corpus.subset(["nobody"])
        with pytest.raises(CorpusError, match=f"^made: cannot choose by 1 values such as 0.5; {allowed}$"):
            corpus.subset([0.5])
        with pytest.raises(CorpusError, match="occurs more than once"):
            corpus.subset([1, 1])


def test_relabel_renames_merges_and_drops():
    corpus = make(PAIRS)
    merged = corpus.relabel({"sadness": "low", "neutral": "low"})
    assert merged.classes == ("low",) and len(merged) == 24
    assert set(merged.table["raw_label"]) == {"n", "s"}
    assert corpus.relabel({c: c for c in reversed(CLASSES)}).fingerprint == corpus.fingerprint
    with pytest.raises(
        CorpusError, match=r"^made: cannot relabel 'joy'; classes are \['anger', 'neutral', 'sadness'\]$"
    ):
        corpus.relabel({"joy": "anger"})


class TestImbalanced:
    @settings(max_examples=60, deadline=None)
    @given(
        pairs=st.lists(st.tuples(st.sampled_from(["01", "02", "03", "04"]), st.sampled_from(CLASSES)), min_size=1),
        shares=st.dictionaries(st.sampled_from(CLASSES), st.integers(1, 40), min_size=1),
        seed=st.integers(0, 2**32),
    )
    def test_shares_speakers_and_determinism(self, pairs, shares, seed):
        corpus = make(pairs)
        have = corpus.table["emotion"].value_counts()
        shares = {c: s for c, s in shares.items() if c in have}
        ratio = min((Fraction(int(have[c]), s) for c, s in shares.items()), default=0)
        sizes = {c: floor(ratio * s) for c, s in shares.items()}  # exact: as large as can be, rounded down
        if not shares or not all(sizes.values()):
            with pytest.raises(CorpusError, match="share"):
                corpus.imbalanced(shares, seed)
            return
        drawn = corpus.imbalanced(shares, seed)
        counts = drawn.table["emotion"].value_counts()
        assert drawn.classes == tuple(c for c in CLASSES if c in shares)
        assert counts.to_dict() == sizes
        for emotion in shares:
            speakers = corpus.table.loc[corpus.table["emotion"] == emotion, "speaker"].nunique()
            left = drawn.table.loc[drawn.table["emotion"] == emotion, "speaker"].nunique()
            assert left == min(speakers, counts[emotion])  # one of each speaker before a second of any
        pd.testing.assert_frame_equal(drawn.table, corpus.table.loc[drawn.table.index])
        turned = Corpus("made", corpus.table[::-1], CLASSES).imbalanced(dict(reversed(shares.items())), seed)
        assert turned.fingerprint == drawn.fingerprint

    def test_a_class_that_is_short_of_places_goes_to_speakers_who_have_least(self):
        pairs = [(f"{s:02d}", emotion) for s in range(10) for emotion in ("anger", "neutral") for _ in range(2)]
        corpus = make([*pairs, *[("00", "sadness")] * 5])
        for seed in range(20):
            drawn = corpus.imbalanced({"anger": 1, "neutral": 1, "sadness": 1}, seed)
            assert drawn.table["emotion"].value_counts().tolist() == [5, 5, 5]
            assert drawn.table["speaker"].nunique() == 10

    def test_seeds_differ_and_ratios_alone_matter(self):
        corpus = make(PAIRS)
        prints = {corpus.imbalanced({"anger": 1, "neutral": 2}, seed).fingerprint for seed in range(8)}
        assert len(prints) > 4
        same = {corpus.imbalanced({"anger": s / 9, "neutral": 8 * s / 9}, 3).fingerprint for s in (1, 9, 0.07)}
        assert len(same) == 1

    def test_refusals(self):
        corpus = make(PAIRS)
        for wrong in (0, -1, float("nan"), float("inf")):
            message = rf"^made: share of 'anger' is {wrong}; allowed are positive ones of anger, neutral, sadness$"
            with pytest.raises(CorpusError, match=message):
                corpus.imbalanced({"anger": wrong}, 0)
        with pytest.raises(
            CorpusError, match=r"^made: share of 'joy' is 1; allowed are positive ones of anger, neutral,"
        ):
            corpus.imbalanced({"joy": 1}, 0)
        empty = make([("01", "anger")])
        with pytest.raises(CorpusError, match=r"^made: share of 'sadness' is 1; allowed are positive ones of anger$"):
            empty.imbalanced({"anger": 1, "sadness": 1}, 0)
        with pytest.raises(
            CorpusError, match=r"give \{'anger': 0, 'neutral': 12\}; needed is one utterance of each cla"
        ):
            corpus.imbalanced({"anger": 1, "neutral": 99}, 0)
        with pytest.raises(CorpusError, match=r"^made: shares \{\} give \{\}; needed is one utterance of each class$"):
            corpus.imbalanced({}, 0)
