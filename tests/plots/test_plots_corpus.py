import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from serlib.plots import corpus as pictures
from serlib.plots.style import EMOTION_COLOURS, SERIES_COLOURS
from serlib.protocol import folds

SCHEMES = ("leave-one-speaker-out", "stratified-5")


def without_sexes(corpus):
    return replace(corpus, table=corpus.table.assign(sex=None))


def unbalanced(corpus):
    """30 anger, 15 sadness and speakers who differ in what they say; no happiness at all."""
    table = corpus.table
    keep = (table["emotion"] == "anger") | ((table["emotion"] == "sadness") & (table["speaker"] < "05"))
    return corpus.subset(keep.to_numpy())


def values(corpus):
    return pd.DataFrame({"length (s)": corpus.table["duration"], "F0 (Hz)": np.linspace(80, 300, len(corpus))})


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center")]


def test_bars_are_as_long_as_there_are_utterances(tiny_corpus):
    corpus = unbalanced(tiny_corpus)
    left, right = pictures.class_shares(corpus).axes
    assert [bar.get_width() for bar in left.patches] == [30, 0, 0, 15]
    assert [text.get_text().strip() for text in left.texts] == ["30 (67 %)", "0 (0 %)", "0 (0 %)", "15 (33 %)"]
    lengths = {}
    for bar in right.patches:
        key = round(bar.get_y() + bar.get_height() / 2), to_hex(bar.get_facecolor()).upper()
        lengths[key] = bar.get_width()
    for speaker in range(10):
        assert lengths[speaker, EMOTION_COLOURS["anger"]] == 3
        assert lengths[speaker, EMOTION_COLOURS["sadness"]] == (3 if speaker < 5 else 0)
        ends = [b.get_x() + b.get_width() for b in right.patches if round(b.get_y() + b.get_height() / 2) == speaker]
        assert max(ends) == (6 if speaker < 5 else 3)  # stacked, not one over another


def test_speakers_carry_their_sex_where_it_is_known(tiny_corpus):
    labels = [tick.get_text() for tick in pictures.class_shares(tiny_corpus).axes[1].get_yticklabels()]
    assert labels[:3] == ["00 F", "01 M", "02 F"]
    labels = [tick.get_text() for tick in pictures.class_shares(without_sexes(tiny_corpus)).axes[1].get_yticklabels()]
    assert labels[:3] == ["00", "01", "02"]


def test_every_utterance_is_a_point_in_every_panel(tiny_corpus):
    measured = values(tiny_corpus)
    figure = pictures.cues(tiny_corpus, measured)
    for panel, (label, column) in zip(figure.axes, measured.items(), strict=True):
        points = np.concatenate([c.get_offsets() for c in panel.collections if isinstance(c, PathCollection)])
        assert panel.get_xlabel() == label
        np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(column))
        if column.is_unique:  # a point may leave its emotion's line by lane and jitter, but never reach another's
            lines = dict(zip(column, tiny_corpus.labels, strict=True))
            assert all(abs(y - lines[x]) < 0.5 for x, y in points)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["female", "male"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == list(tiny_corpus.classes)


def test_bars_stand_at_the_medians(tiny_corpus):
    measured = values(tiny_corpus)
    for panel, (_, column) in zip(pictures.cues(tiny_corpus, measured).axes, measured.items(), strict=True):
        (lines,) = (c.get_segments() for c in panel.collections if isinstance(c, LineCollection))
        found = [segment[0, 0] for segment in lines]
        expected = [np.median(column[tiny_corpus.labels == i]) for i in range(4)]
        np.testing.assert_allclose(found, expected)
        assert [segment[:, 1].mean() for segment in lines] == pytest.approx([0, 1, 2, 3])


def test_a_corpus_without_sexes_has_one_kind_of_point(tiny_corpus):
    figure = pictures.cues(without_sexes(tiny_corpus), values(tiny_corpus))
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["unknown"]


def test_cues_of_another_corpus_are_refused(tiny_corpus):
    with pytest.raises(ValueError, match=r"values have 119 rows; needed is one for each of 120 utterances"):
        pictures.cues(tiny_corpus, values(tiny_corpus)[1:])


def test_fold_map_tells_whole_speakers_from_parts(tiny_corpus):
    whole, parts = pictures.fold_map(tiny_corpus, {s: folds(tiny_corpus, s) for s in SCHEMES}).axes
    shares = [axes.collections[0].get_array() for axes in (whole, parts)]
    np.testing.assert_array_equal(shares[0], 100 * np.eye(10))
    np.testing.assert_allclose(shares[1].sum(axis=1), 100)  # every utterance is tested once
    assert shares[1].shape == (10, 5) and shares[1].max() < 100
    texts = [text.get_text() for text in whole.texts]
    assert texts.count("100") == 10 and texts.count("dev") == 10 and texts.count("") == 80
    assert "dev" not in [text.get_text() for text in parts.texts]
    assert [tick.get_text() for tick in whole.get_yticklabels()] == sorted(set(tiny_corpus.table["speaker"]))
    assert [tick.get_text() for tick in whole.get_xticklabels()] == sorted(set(tiny_corpus.table["speaker"]))


def test_fold_map_puts_a_fold_where_its_speaker_is(tiny_corpus):
    reordered = folds(tiny_corpus, SCHEMES[0])[::-1]
    (axes,) = pictures.fold_map(tiny_corpus, {"backwards": reordered}).axes
    np.testing.assert_array_equal(axes.collections[0].get_array(), 100 * np.eye(10)[::-1])


def test_fold_map_has_a_column_for_each_fold_whatever_speakers_are_called(tiny_corpus):
    called = tiny_corpus.table.assign(speaker=[f"spk-{s}-F" for s in tiny_corpus.table["speaker"]])
    renamed = replace(tiny_corpus, table=called)
    (axes,) = pictures.fold_map(renamed, {SCHEMES[0]: folds(renamed, SCHEMES[0])}).axes
    np.testing.assert_array_equal(axes.collections[0].get_array(), 100 * np.eye(10))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == sorted(set(called["speaker"]))


def test_bootstrap_marks_the_middle_95_percent():
    narrow, wide = np.arange(1001) / 100, np.arange(1001) / 20  # 0 to 10, 0 to 50
    (axes,) = pictures.bootstrap({"narrow": narrow, "wide": wide}, label="UA, %", title="draws").axes
    bars = [line for line in axes.lines if len(line.get_xdata()) == 2]
    np.testing.assert_allclose([bar.get_xdata() for bar in bars], [[0.25, 9.75], [1.25, 48.75]])
    assert [bar.get_color() for bar in bars] == list(SERIES_COLOURS[:2])
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["narrow: 0.2 to 9.8", "wide: 1.2 to 48.8"]
    assert axes.get_xlabel() == "UA, %"
    assert min(axes.get_yticks()) == 0  # the bars lie below zero, where no draws are counted


@pytest.mark.parametrize("picture", [
    pictures.class_shares, lambda c: pictures.cues(c, values(c)),
    lambda c: pictures.fold_map(c, {s: folds(c, s) for s in SCHEMES}),
], ids=["class_shares", "cues", "fold_map"])  # fmt: skip
def test_titles_say_when_nobody_spoke(tiny_corpus, picture):
    assert "synthetic" not in " ".join(titles(picture(tiny_corpus)))
    assert "synthetic" in " ".join(titles(picture(replace(tiny_corpus, synthetic=True))))
    named = " ".join(titles(picture(replace(tiny_corpus, name="synthetic", synthetic=True))))
    assert "synthetic" in named and "synthetic · synthetic" not in named


def test_import_loads_no_librosa():
    code = "import sys, serlib.plots.corpus; sys.exit('librosa' in sys.modules or 'opensmile' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
