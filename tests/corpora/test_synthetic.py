"""The embedded corpus: what it promises about difficulty, reproducibility, caching and plain sanity."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from serlib.corpora import synthetic
from serlib.corpora.corpus import CorpusError

pytestmark = pytest.mark.xdist_group("synthetic")  # one corpus and one measuring of it for all

# Over the samples of every 60th line of the plan. When it changes, raise GENERATOR_VERSION.
GOLDEN = {1: "506180cc6d09db68fa3beadb746c44b805438344d20aa3fb8fe861007b84130f"}
PRINT_DIGEST = """
from hashlib import sha256
from serlib.corpora import synthetic
digest = sha256()
for line in synthetic.plan(0, 480)[::60]:
    digest.update(synthetic.render(line, 0).astype("<i2").tobytes())
print(digest.hexdigest())
"""
PRINT_FINGERPRINT = """
import sys
from serlib.corpora import synthetic
print(synthetic.load(sys.argv[1], utterances=60, n_jobs=1).fingerprint)
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return synthetic.load(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="module")
def signals(corpus):
    return [soundfile.read(file) for file in corpus.table["file"]]


@pytest.fixture(scope="module")
def egemaps(corpus):
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals, num_workers=2)
    return smile.process_files(list(corpus.table["file"])).reset_index(drop=True)


def unweighted_accuracy(corpus, features, class_weight):
    model = make_pipeline(StandardScaler(), SVC(C=1.0, class_weight=class_weight))
    speakers = corpus.table["speaker"]
    return balanced_accuracy_score(
        corpus.labels, cross_val_predict(model, features, corpus.labels, groups=speakers, cv=LeaveOneGroupOut())
    )


def level_db(signals):
    return np.array([20 * np.log10(np.sqrt(np.mean(signal**2))) for signal, _ in signals])


def bytes_of(corpus):
    return {name: Path(file).read_bytes() for name, file in corpus.table["file"].items()}


def small(root, **options):
    return synthetic.load(root, utterances=40, n_jobs=1, **options)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small corpus, whole: its root and the bytes of its files."""
    root = tmp_path_factory.mktemp("made")
    return root, bytes_of(small(root))


@pytest.fixture
def copy(made, tmp_path):
    """The folder of a copy of the small corpus, to be spoiled."""
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    (folder,) = tmp_path.iterdir()
    return folder


# --- difficulty


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_egemaps_and_svm_lie_between_55_and_80_percent(corpus, egemaps, class_weight):
    assert 0.55 <= unweighted_accuracy(corpus, egemaps.to_numpy(), class_weight) <= 0.80


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_duration_and_level_stay_below_45_percent(corpus, signals, class_weight):
    cheap = np.column_stack([corpus.table["duration"], level_db(signals)])
    assert unweighted_accuracy(corpus, cheap, class_weight) < 0.45


def test_opensmile_finds_plausible_pitch_and_harmonicity(egemaps):
    f0_hz = 27.5 * 2 ** (egemaps["F0semitoneFrom27.5Hz_sma3nz_amean"] / 12)
    assert f0_hz.between(80, 350).mean() >= 0.97
    hnr_db = egemaps["HNRdBACF_sma3nz_amean"]
    assert hnr_db.between(2, 18).mean() >= 0.99  # EMO-DB: 2 to 14 dB
    assert 5 < hnr_db.median() < 11


def test_opensmile_finds_the_pitch_that_was_asked_for(egemaps):
    asked_st = np.array([synthetic.manner_of(line, 0)[0].pitch_st for line in synthetic.plan(0, 480)])
    found_st = egemaps["F0semitoneFrom27.5Hz_sma3nz_amean"] - 12 * np.log2(100 / 27.5)
    assert abs(np.median(found_st - asked_st)) < 1.0
    assert np.corrcoef(found_st, asked_st)[0, 1] > 0.9


def test_emotions_shift_the_voice_as_the_literature_says(corpus, egemaps, signals):
    table = pd.DataFrame(
        {
            "f0": egemaps["F0semitoneFrom27.5Hz_sma3nz_amean"].to_numpy(),
            "range": egemaps["F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2"].to_numpy(),
            "dark": egemaps["hammarbergIndexV_sma3nz_amean"].to_numpy(),
            "tempo": egemaps["VoicedSegmentsPerSec"].to_numpy(),
            "level": level_db(signals),
            "emotion": corpus.table["emotion"].to_numpy(),
        }
    )
    mean = table.groupby("emotion").mean()
    for cue in ("f0", "range", "level", "tempo"):
        assert mean.loc["sadness", cue] < mean.loc["neutral", cue] < mean.loc[["anger", "happiness"], cue].min()
    assert mean["range"].idxmax() == "happiness"
    assert mean.loc["anger", "dark"] < mean.loc["neutral", "dark"] < mean.loc["sadness", "dark"]
    assert mean["level"].idxmax() == "anger"


def test_classes_overlap_in_every_single_cue(corpus, egemaps):
    f0 = pd.Series(egemaps["F0semitoneFrom27.5Hz_sma3nz_amean"].to_numpy()).groupby(corpus.table["emotion"].to_numpy())
    assert f0.quantile(0.9)["neutral"] > f0.quantile(0.1)["anger"]
    assert f0.quantile(0.9)["sadness"] > f0.quantile(0.1)["neutral"]


# --- what is in it


def test_table_has_the_promised_speakers_sessions_and_classes(corpus):
    table = corpus.table
    assert (corpus.name, corpus.synthetic, len(corpus)) == ("synthetic", True, 480)
    assert corpus.classes == ("anger", "happiness", "neutral", "sadness")
    assert table["emotion"].value_counts().to_dict() == {"neutral": 211, "sadness": 149, "anger": 62, "happiness": 58}
    assert table.groupby("session")["sex"].unique().map(sorted).tolist() == [["female", "male"]] * 5
    assert table.groupby("speaker")[["session", "sex"]].nunique().eq(1).all(axis=None)
    assert table["speaker"].nunique() == 10
    assert table.groupby(["speaker", "emotion"]).size().unstack().min().min() >= 4
    assert not table.duplicated(["speaker", "emotion", "sentence", "take"]).any()
    assert table["audio_sha256"].is_unique


def test_no_file_is_silent_clipped_or_out_of_length(corpus, signals):
    for (signal, rate), duration in zip(signals, corpus.table["duration"], strict=True):
        assert rate == 16000
        assert np.isfinite(signal).all()
        assert 0.6 <= len(signal) / rate <= 9.0
        assert len(signal) / rate == duration
        assert 0.01 < np.abs(signal).max() < 0.95
    assert (level_db(signals) > -50).all()
    assert corpus.table["duration"].min() < 0.8
    assert corpus.table["duration"].max() > 7.0


def test_speakers_differ_in_pitch_and_tract(corpus):
    neutral = corpus.table[corpus.table["emotion"] == "neutral"].groupby("speaker").head(5)
    lines = {line.name: line for line in synthetic.plan(0, 480)}
    manners = [synthetic.manner_of(lines[name], 0)[0] for name in neutral.index]
    cues = pd.DataFrame({"pitch": [m.pitch_st for m in manners], "tract": [m.tract_scale for m in manners]})
    mean = cues.groupby(neutral["speaker"].to_numpy()).mean()
    women = mean.index.str.endswith("F")
    assert (mean[women].min() > mean[~women].max()).all()
    assert mean["pitch"].round(1).nunique() >= 8
    assert mean["tract"].round(3).nunique() >= 8


def test_a_sentence_is_the_same_row_of_syllables_for_everyone():
    sentences = [synthetic._sentence(0, i) for i in range(synthetic.SENTENCES)]
    assert len({tuple(s) for s in sentences}) == synthetic.SENTENCES
    assert min(map(len, sentences)) >= 3
    assert max(map(len, sentences)) <= 24


# --- the same everywhere


def test_two_makings_agree_to_the_byte(made, tmp_path):
    again = synthetic.load(tmp_path, utterances=40, n_jobs=2)
    assert bytes_of(again) == made[1]
    assert again.fingerprint == small(made[0]).fingerprint


def test_other_seed_other_corpus(made, tmp_path):
    other = small(tmp_path, seed=1)
    assert other.fingerprint != small(made[0]).fingerprint
    assert not set(bytes_of(other).values()) & set(made[1].values())


def test_fingerprint_follows_from_version_seed_and_size_not_from_samples(made, tmp_path, monkeypatch):
    short = np.full(9600, 1000, np.int16)
    monkeypatch.setattr(synthetic, "render", lambda line, seed: short)
    before = small(tmp_path)
    assert before.fingerprint == small(made[0]).fingerprint
    assert synthetic.load(tmp_path, utterances=41, n_jobs=1).fingerprint != before.fingerprint
    monkeypatch.setattr(synthetic, "GENERATOR_VERSION", synthetic.GENERATOR_VERSION + 1)
    after = small(tmp_path)
    assert after.fingerprint != before.fingerprint
    assert Path(after.table["file"].iloc[0]).parent != Path(before.table["file"].iloc[0]).parent


def test_samples_are_those_of_this_version_whatever_the_processor_offers():
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    enabled = " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))
    plain = {"NPY_DISABLE_CPU_FEATURES": enabled, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F"}
    for changes in ({}, plain):
        run = subprocess.run(
            [sys.executable, "-c", PRINT_DIGEST], env=os.environ | changes, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == GOLDEN[synthetic.GENERATOR_VERSION]


# --- cache


def test_default_place_is_the_cache(cache, made):
    shutil.copytree(made[0], cache / "cache" / "synthetic")
    corpus = small(None)
    assert Path(corpus.table["file"].iloc[0]).is_relative_to(cache / "cache" / "synthetic")


def test_fingerprint_stays(corpus, made):
    """Results are found by it, so it changes with GENERATOR_VERSION only."""
    assert corpus.fingerprint == "1c346b31f18009ec15d0be68debe508d8d863216c9e80e6e870c4a485224ac8e"
    assert small(made[0]).fingerprint == "e7605ddfff417bd0093548a1a3174c19af7b1f6359f4b5c019f9d8bb39664242"


def test_a_second_load_makes_nothing(corpus):
    folder = Path(corpus.table["file"].iloc[0]).parent
    before = {f.name: f.stat().st_mtime_ns for f in folder.iterdir()}
    again = synthetic.load(folder.parent)
    assert {f.name: f.stat().st_mtime_ns for f in folder.iterdir()} == before
    assert again.fingerprint == corpus.fingerprint
    pd.testing.assert_frame_equal(again.table, corpus.table)


def spoil_flip(file):
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(data)


SPOIL = {"flipped bit": spoil_flip, "cut": lambda f: f.write_bytes(f.read_bytes()[:500]), "missing": Path.unlink}


@pytest.mark.parametrize("how", SPOIL)
def test_damaged_files_are_noticed_told_and_made_again(made, copy, how):
    spoiled, *others = sorted(copy.glob("*.wav"))
    untouched = {f: f.stat().st_mtime_ns for f in others}
    SPOIL[how](spoiled)
    with pytest.warns(UserWarning, match="1 of 40 files are damaged or missing and are made again"):
        again = small(copy.parent)
    assert bytes_of(again) == made[1]
    assert {f: f.stat().st_mtime_ns for f in untouched} == untouched


@pytest.mark.parametrize("text", [None, "no sums at all\n", "\0\xff"])
@pytest.mark.filterwarnings("ignore:.*are damaged or missing")
def test_lost_sums_are_made_again(made, copy, text):
    sums = (copy / synthetic.SUMS).read_text()
    (copy / synthetic.SUMS).unlink()
    if text is not None:
        (copy / synthetic.SUMS).write_text(text, encoding="latin-1")
    next(copy.glob("*.wav")).write_bytes(b"nonsense")
    assert bytes_of(small(copy.parent)) == made[1]
    assert (copy / synthetic.SUMS).read_text() == sums


def test_an_interrupted_making_leaves_nothing_that_passes_for_whole(made, tmp_path, monkeypatch):
    rendered, render = Counter(), synthetic.render

    def interrupted(line, seed):
        rendered[line.name] += 1
        if len(rendered) == 10:
            raise KeyboardInterrupt
        return render(line, seed)

    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "render", interrupted)
        with pytest.raises(KeyboardInterrupt):
            small(tmp_path)
    assert len(list(tmp_path.rglob("*.wav"))) == 9 and not list(tmp_path.rglob(synthetic.SUMS))
    assert bytes_of(small(tmp_path)) == made[1]


def test_two_processes_at_once_do_not_collide(tmp_path):
    processes = [
        subprocess.Popen([sys.executable, "-c", PRINT_FINGERPRINT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in "ab"
    ]
    prints = {process.communicate(timeout=120)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert len(prints) == 1
    (folder,) = tmp_path.iterdir()  # no temporary folder is left
    sums = dict(reversed(line.split()) for line in (folder / synthetic.SUMS).read_text().splitlines())
    assert {f.name: sha256(f.read_bytes()).hexdigest() for f in folder.glob("*.wav")} == sums
    assert len(sums) == 60


# --- options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed is -1; allowed are whole numbers from 0"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"seed": True}, "seed is True"),
        ({"utterances": 39}, "utterances is 39; allowed are whole numbers from 40 to 4800"),
        ({"utterances": "480"}, "utterances is '480'"),
    ],
)
def test_bad_options_are_refused_before_anything_is_made(tmp_path, options, message):
    with pytest.raises(CorpusError, match=message):
        synthetic.load(tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("utterances", [40, 41, 97, 340, 480, 4800])
def test_plan_has_the_shares_and_the_number_asked_for(utterances):
    lines = synthetic.plan(3, utterances)
    assert len({line.name for line in lines}) == len(lines) == utterances
    counts = Counter(line.emotion for line in lines)
    for emotion, share in synthetic.SHARES.items():
        assert abs(counts[emotion] - share * utterances) <= 1
    each = Counter((line.speaker, line.emotion) for line in lines)
    assert utterances < 340 or (len(each) == 40 and min(each.values()) >= 4)
    assert all("a" <= line.take <= "z" for line in lines)
