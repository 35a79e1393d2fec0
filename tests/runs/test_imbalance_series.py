"""Controlled imbalance: what is drawn, what stays, that all losses learn from the same, and the table's arithmetic."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from serlib.corpora import CorpusError
from serlib.protocol import Scores, folds
from serlib.runs import RunStore, pack_results
from serlib.runs import imbalance as series_of

CLASSES = ("anger", "happiness", "neutral", "sadness")
PAIR = ("angular/crnn-softmax", "angular/crnn-c64")


@pytest.mark.parametrize("condition", list(series_of.CONDITIONS))
def test_only_training_parts_are_drawn_and_in_the_shares(tiny_corpus, condition):
    whole = folds(tiny_corpus, "speaker-folds-5")
    four, parts = series_of.drawn(tiny_corpus, condition, 3)
    assert four.name == f"tiny {condition}" and four.fingerprint == tiny_corpus.fingerprint
    shares = series_of.CONDITIONS[condition]
    for fold, before in zip(parts, whole, strict=True):
        assert fold.dev.tolist() == before.dev.tolist() and fold.test.tolist() == before.test.tolist()
        assert set(fold.train) <= set(before.train)
        counts = np.bincount(four.labels[fold.train], minlength=4)
        full = np.bincount(four.labels[before.train], minlength=4)
        scale = min(full[i] / shares[c] for i, c in enumerate(CLASSES))
        assert counts.tolist() == [int(scale * shares[c] + 1e-9) for c in CLASSES]


def test_the_draw_follows_its_seed(tiny_corpus):
    first, again, other = (series_of.drawn(tiny_corpus, "1:4", seed)[1] for seed in (0, 0, 1))
    assert all(a.digest(tiny_corpus) == b.digest(tiny_corpus) for a, b in zip(first, again, strict=True))
    assert any(a.digest(tiny_corpus) != b.digest(tiny_corpus) for a, b in zip(first, other, strict=True))


def test_the_printed_shares_and_the_small_classes():
    printed = series_of.CONDITIONS["iemocap"]
    assert sum(printed.values()) == pytest.approx(100) and min(printed, key=printed.get) == "happiness"
    for ratio in (1, 2, 4, 8):
        shares = series_of.CONDITIONS[f"1:{ratio}"]
        assert {shares[c] / shares[s] for c in series_of.LARGE for s in series_of.SMALL} == {ratio}


def test_a_series_is_made_once_joined_over_seeds_and_can_be_paired(tiny_corpus, cache, monkeypatch):
    store = RunStore(cache / "series", shelves=[])
    options = {"conditions": ("1:2",), "methods": PAIR, "seeds": (0, 1), "store": store, "progress": False}
    made = series_of.imbalance_series(tiny_corpus, device="cpu", **options)
    assert list(made) == [("1:2", name) for name in PAIR]
    plain, special = (made["1:2", name] for name in PAIR)
    assert set(plain.predictions["seed"]) == {0, 1} and len(plain.manifests) == len(plain.arrays) == 10
    assert len(plain.predictions) == len(plain.logits) == len(plain.embeddings) == 2 * len(tiny_corpus)
    assert plain.corpus == "tiny 1:2" and plain.scheme == "own folds"
    found, beside = special.compare(plain), series_of.series_table(made, relative_to=PAIR[0]).iloc[1]
    assert found.units == 10  # networks: 5 folds x 2 draws
    assert beside[["ua", "ua_low", "ua_high"]].tolist() == pytest.approx([found.effect, found.low, found.high])
    alone, summary = series_of.series_table(made).iloc[0], plain.summary().loc["WA"]
    assert alone[["wa", "wa_low", "wa_high"]].tolist() == pytest.approx(summary[["pooled", "low", "high"]].tolist())
    assert [m["notes"]["margin"] for m in special.manifests] == [[6, 6, 4, 4]] * 10

    pack_results(store.root, cache / "results")
    monkeypatch.setattr(series_of, "finish", None)  # nothing may be trained from here on
    monkeypatch.setattr("serlib.paths.results_dir", lambda: cache / "results")
    stored = series_of.stored_series(tiny_corpus, profile="quick", conditions=("1:2",), methods=PAIR)
    pd.testing.assert_frame_equal(series_of.series_table(stored), series_of.series_table(made))
    by_name = series_of.stored_series("tiny", profile="quick", conditions=("1:2",), methods=PAIR)
    pd.testing.assert_frame_equal(series_of.series_table(by_name), series_of.series_table(made))
    assert series_of.stored_series("other", profile="quick", conditions=("1:2",), methods=PAIR) is None
    assert series_of.stored_series(tiny_corpus, profile="quick", conditions=("1:2", "1:4"), methods=PAIR) is None
    assert series_of.stored_series(tiny_corpus, profile="study", conditions=("1:2",), methods=PAIR) is None
    for other in (tiny_corpus.subset(tiny_corpus.table["speaker"] > "01"), tiny_corpus.relabel({"anger": "anger"})):
        assert series_of.stored_series(other, profile="quick", conditions=("1:2",), methods=PAIR) is None


def scores_of(right: dict[str, tuple[int, int]], condition="1:4") -> Scores:
    """Scores with (right, all) utterances of each class for one of two equal speakers."""
    rows = []
    for speaker in ("a", "b"):
        for emotion, (hits, size) in right.items():
            wrong = CLASSES[(CLASSES.index(emotion) + 1) % 4]
            said = [emotion] * hits + [wrong] * (size - hits)
            rows += [(f"{speaker}{emotion}{i}", speaker, emotion, p) for i, p in enumerate(said)]
    table = pd.DataFrame(rows, columns=["utterance", "speaker", "emotion", "predicted"]).assign(seed=0)
    table["fold"] = table["speaker"]
    return Scores("m", f"tiny {condition}", "quick", "own folds", CLASSES, table, np.zeros((len(table), 4), np.float32))


def test_the_table_by_hand():
    one = scores_of({"anger": (1, 4), "happiness": (1, 2), "neutral": (3, 4), "sadness": (4, 4)})
    two = scores_of({"anger": (2, 4), "happiness": (1, 2), "neutral": (2, 4), "sadness": (4, 4)})
    table = series_of.series_table({("1:4", "one"): one, ("1:4", "two"): two}).set_index("method")
    assert table.loc["one", "recall_small"] == pytest.approx(100 * (0.25 + 0.5) / 2)
    assert table.loc["one", "recall_large"] == pytest.approx(100 * (0.75 + 1) / 2)
    assert table.loc["one", "ua"] == pytest.approx(62.5)
    assert table.loc["one", "wa"] == pytest.approx(100 * 9 / 14)
    assert table.loc["one", "wa_at_shares"] == pytest.approx(100 * (0.25 + 0.5 + 4 * 0.75 + 4 * 1) / 10)
    paired = series_of.series_table({("1:4", "one"): one, ("1:4", "two"): two}, relative_to="one").set_index("method")
    assert paired.loc["one", ["ua", "wa_low", "wa_high"]].tolist() == [0, 0, 0]
    assert paired.loc["two", "recall_small"] == pytest.approx(12.5)
    assert paired.loc["two", "wa_at_shares"] == pytest.approx(100 * (0.25 - 4 * 0.25) / 10)
    assert paired.loc["two", "wa_at_shares_low"] == pytest.approx(paired.loc["two", "wa_at_shares"])  # speakers alike


def test_refusals(tiny_corpus):
    with pytest.raises(ValueError, match="unknown condition '1:3'; allowed are 1:1, 1:2, 1:4, 1:8, iemocap"):
        series_of.drawn(tiny_corpus, "1:3", 0)
    with pytest.raises(CorpusError, match="cannot relabel 'sadness'"):
        series_of.drawn(tiny_corpus.relabel({c: c for c in CLASSES[:3]}), "1:2", 0)
    few = tiny_corpus.subset(np.arange(0, len(tiny_corpus), 3))
    with pytest.raises(CorpusError, match="needed is one utterance of each class"):
        series_of.drawn(replace(few, name="few"), "1:8", 0)


def test_from_the_command_line(tiny_corpus, capsys, monkeypatch):
    monkeypatch.setattr("serlib.runs.series.load_corpus", lambda name, root: tiny_corpus)
    command = ["--seeds", "0", "1", "--profile", "quick", "--methods", *PAIR]
    assert series_of.main([*command, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert f"{PAIR[1]} · tiny 1:8 · quick · own folds: 0 of 10 done" in told and "0 of 100 done" in told
    assert series_of.main([*command, "--minutes", "0"]) == 0  # no time: nothing is started
    assert capsys.readouterr().out.startswith("time is up, 100 to do")
    tasks = list(series_of.planned(tiny_corpus, PAIR, profile="quick", seeds=(0, 1)))
    assert [task.seed for task in tasks] == [0] * 50 + [1] * 50
    for pair in zip(tasks[:5], tasks[5:10], strict=True):  # of all methods, the same utterances
        assert pair[0].fold.digest(tiny_corpus) == pair[1].fold.digest(tiny_corpus)
