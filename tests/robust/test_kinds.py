"""Bad and odd input of every kind: the right result, or one clear error that says what came and what is allowed."""

import math
import re
import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from serlib import methods, models
from serlib.audio import AudioError, read_audio
from serlib.cli import main
from serlib.corpora import Corpus, CorpusError, check, load_corpus
from serlib.features import MFCC, FeatureStore, Functionals, LinearSpectrogram, LogMel, RawWaveform, SpeedChanged
from serlib.features.segments import SegmentSpectrogram
from serlib.losses import AngularSoftmaxLoss, ArcFaceLoss, MetricLoss, SoftmaxLoss, margins_by_frequency
from serlib.models.pooling import AttentionPooling, MaskedMeanPooling, SpatialPyramidPooling
from serlib.protocol import Fold, compare, default_scheme, folds, leakage, published
from serlib.runs import RunStore, cross_validate
from serlib.training import Hardware, SpectrogramMasks, Training

NAN, INF, LONG = math.nan, math.inf, "x" * 300
NOISE = (0.1 * np.random.default_rng(0).standard_normal(12000)).astype(np.float32)
RECIPES = (RawWaveform, LogMel, MFCC, LinearSpectrogram, Functionals, SegmentSpectrogram)
X, LENGTHS = torch.ones(2, 1, 128, 40), torch.tensor([40, 30])


def tables(**changed: object) -> Corpus:
    """Four speakers, two emotions, no audio."""
    names = [f"{speaker}{emotion}" for speaker in "1234" for emotion in ("anger", "sadness")]
    plain = dict.fromkeys(("start", "end", "sex", "session", "sentence", "take", "raw_label"))
    rows = [{"file": "x.wav", "duration": 1.0, "emotion": n[1:], "speaker": n[0], "audio_sha256": n} for n in names]
    given = {"name": "tiny", "table": pd.DataFrame([plain | row for row in rows], index=names)}
    return Corpus(**{"classes": ("anger", "sadness")} | given | changed)


CORPUS = tables()
# What is called, and how the message of the ValueError begins ("..." stands for anything); of a corpus: CorpusError.
CORPORA = [
    (lambda: load_corpus(None), "unknown corpus None; allowed are synthetic, emodb, "),
    (lambda: load_corpus("EMODB"), "unknown corpus 'EMODB'; allowed are synthetic, emodb, "),
    (lambda: load_corpus(["emodb"]), "unknown corpus ['emodb']; allowed are synthetic, emodb, "),
    (lambda: load_corpus("table", 3), "table: root is 3; allowed is a path, such as 'corpora/table'"),
    (lambda: load_corpus("table", ""), "table: root is ''; allowed is a path"),
    (lambda: load_corpus("emodb", b"x"), "emodb: root is b'x'; allowed is a path"),
    (lambda: load_corpus("ravdess", "a\0b"), "ravdess: root is 'a\\x00b'; allowed is a path"),
    (lambda: load_corpus("table", f"/{LONG}"), f"table: there is no /{LONG}; allowed are a CSV file"),
    (lambda: load_corpus("emodb", f"/{LONG}"), f"emodb: there is no folder /{LONG}; needed is the"),
    (lambda: load_corpus("table", "/", partial=1), "table: partial is 1; allowed are True, False"),
    (lambda: check("table", "/", partial="x"), "table: partial is 'x'; allowed are True, False"),
    (lambda: check("table", "/", on_bad=3), "table: on_bad is 3; allowed are error, drop"),
    (lambda: load_corpus("emodb", "/", duplicates=[1]), "emodb: duplicates is [1]; allowed are None, "),
    (lambda: load_corpus("emodb", "/", scheme="x"), "emodb: unknown option 'scheme'; allowed are dupl"),
    (lambda: load_corpus("table", "/", speaker_pattern=3), "table: speaker_pattern is 3; allowed is text"),
    (lambda: load_corpus("iemocap", "/", scenario=[1]), "iemocap: scenario is [1]; allowed are improv"),
    (lambda: load_corpus("table", "/", emotions=3), "table: emotions is 3; allowed are 'all', some of"),
    (lambda: load_corpus("table", "/", emotions=[]), "table: emotions is []; allowed are 'all'"),
    (lambda: load_corpus("table", "/", emotions={"fear": ""}), "table: emotions is {'fear': ''}; all"),
    (lambda: load_corpus("synthetic", seed="0"), "synthetic: seed is '0'; allowed are whole numbers from"),
    (lambda: load_corpus("synthetic", seed=NAN), "synthetic: seed is nan; allowed are whole numbers"),
    (lambda: load_corpus("synthetic", utterances=True), "synthetic: utterances is True; allowed are whol"),
    (lambda: load_corpus("synthetic", n_jobs=0), "synthetic: n_jobs is 0; allowed are whole numbers but"),
    (lambda: tables(table=None), "tiny: table is a NoneType; allowed is a pandas DataFrame with ['file'"),
    (lambda: tables(table=pd.DataFrame()), "tiny: columns ['file', ...] are missing; needed are ['file'"),
    (lambda: tables(classes="anger"), "tiny: classes are 'anger'; allowed are different names, at least"),
    (lambda: tables(classes=()), "tiny: classes are (); allowed are different names, at least one"),
    (lambda: tables(classes=("a", "a")), "tiny: classes are ('a', 'a'); allowed are different names"),
    (lambda: CORPUS.subset(3), "tiny: cannot choose by int of shape (); allowed are 8 booleans, posit"),
    (lambda: CORPUS.subset([[0], [1]]), "tiny: cannot choose by list of shape (2, 1); allowed are 8 b"),
    (lambda: CORPUS.subset([0, 8]), "tiny: there is no position 8; allowed are -8 to 7"),
    (lambda: CORPUS.subset([NAN]), "tiny: cannot choose by 1 values such as nan; allowed are 8 boolea"),
    (lambda: CORPUS.subset([True]), "tiny: cannot choose by 1 values such as True; allowed are 8 bool"),
    (lambda: CORPUS.subset(["5anger"]), "tiny: cannot choose by 1 values such as '5anger'; allowed are"),
    (lambda: CORPUS.relabel(["anger"]), "tiny: cannot relabel by ['anger']; allowed is a mapping of so"),
    (lambda: CORPUS.relabel({"anger": None}), "tiny: cannot relabel by {'anger': None}; allowed is a map"),
    (lambda: CORPUS.relabel({}), "tiny: cannot relabel by {}; allowed is a mapping of some of anger, s"),
    (lambda: CORPUS.imbalanced(None, 0), "tiny: shares are None; allowed is a mapping of emotions to nu"),
    (lambda: CORPUS.imbalanced({"anger": NAN}, 0), "tiny: share of 'anger' is nan; allowed are positive"),
    (lambda: CORPUS.imbalanced({"anger": "1"}, 0), "tiny: share of 'anger' is '1'; allowed are positive"),
    (lambda: CORPUS.imbalanced({"anger": 1}, -1), "tiny: seed is -1; allowed are whole numbers from 0"),
    (lambda: CORPUS.imbalanced({"anger": 1}, 1.5), "tiny: seed is 1.5; allowed are whole numbers from"),
    (lambda: folds(CORPUS, "speaker-folds-5"), "speaker-folds-5 on tiny: needs at least 5 speakers and"),
]
FEATURES = [
    (lambda: LogMel(n_fft=1.5), "n_fft is 1.5; allowed are 1 and more, whole numbers"),
    (lambda: LogMel(window_length=None), "window_length is None; allowed are 1 and more, whole numbers"),
    (lambda: LogMel(hop_length=True), "hop_length is True; allowed are 1 and more, whole numbers"),
    (lambda: LogMel(window=3), "window is 3; allowed are ('hann', 'hamming')"),
    (lambda: LogMel(center=None), "center is None; allowed are True and False"),
    (lambda: LogMel(n_mels=0), "n_mels is 0; allowed are 1 and more, whole"),
    (lambda: LogMel(f_min_hz=NAN), "f_min_hz nan, f_max_hz 11025.0; allowed is 0 <= f_min_hz < f_max_hz"),
    (lambda: LogMel(f_max_hz="8k"), "f_min_hz 0.0, f_max_hz '8k'; allowed is 0 <= f_min_hz < f_max_hz"),
    (lambda: LogMel(reference=INF), "reference is inf; allowed are 'max' and positive powers"),
    (lambda: LogMel(floor_db=-1), "floor_db is -1; allowed are None and 0 and more"),
    (lambda: LogMel(delta_width=3.5), "delta_width is 3.5; allowed are None, 3, 5, 7, ..."),
    (lambda: MFCC(n_mfcc="40"), "n_mfcc is '40'; allowed are 1 to n_mels = 128"),
    (
        lambda: LinearSpectrogram(n_bins=802),
        "n_bins is 802; allowed are None and 1 to n_fft // 2 + 1 = 801",
    ),
    (lambda: LinearSpectrogram(n_bins=-1), "n_bins is -1; allowed are None and 1 to n_fft // 2 + 1 = 801"),
    (lambda: Functionals(["IS10"]), "feature_set is ['IS10']; allowed are ['eGeMAPSv02', 'ComParE_2016'"),
    (lambda: SegmentSpectrogram(segment_seconds=INF), "segment_seconds is inf; allowed is at least one s"),
    (lambda: SegmentSpectrogram(train_shift_seconds="1"), "train_shift_seconds is '1'; allowed is at le"),
    (lambda: SegmentSpectrogram(pad_samples=1.5), "pad_samples is 1.5; allowed are 0 and more, whole num"),
    (lambda: SpeedChanged(base=None, factor=1.1), "base is None; allowed is a feature recipe"),
    (
        lambda: SpeedChanged(base=LogMel(), factor=NAN),
        "factor is nan; allowed are 0.50 to 2.00, to two dec",
    ),
    (lambda: FeatureStore(3), "root is 3; allowed are a path and None"),
    (lambda: FeatureStore("/x").paths(CORPUS, None), "recipe is None; allowed are those of serlib."),
    (lambda: FeatureStore("/x").paths("emodb", LogMel()), "corpus is 'emodb'; allowed is what load_corpu"),
    (
        lambda: FeatureStore("/x").get(CORPUS, LogMel(), n_jobs=0),
        "n_jobs is 0; allowed are whole numbers b",
    ),
    (lambda: read_audio(None), "None: cannot be read as audio: expected str, bytes or os.PathLike object"),
    (lambda: read_audio(LONG), f"{LONG}: there is no such file"),
    (lambda: read_audio("\0"), "\0: there is no such file"),
    (
        lambda: read_audio("x.wav", sample_rate_hz=0),
        "sample_rate_hz is 0; allowed are whole numbers from 1",
    ),
    (lambda: read_audio("x.wav", sample_rate_hz=16e3), "sample_rate_hz is 16000.0; allowed are whole nu"),
    (lambda: read_audio("x.wav", start="a"), "start is 'a'; allowed are seconds, NaN and None"),
    (lambda: read_audio("x.wav", end=True), "end is True; allowed are seconds, NaN and None"),
]
LEARNING = [
    (lambda: folds(CORPUS, None), "unknown scheme None; allowed are leave-one-speaker-out, "),
    (lambda: methods.get(""), "unknown method ''; known are angular/..., baselines/..., "),
    (lambda: methods.get("focal/mel-focal+x"), "unknown variant 'x'; known are strong, speaker"),
    (lambda: methods.get("focal/mel-focal").recipe(None), "profile is None; allowed are quick, study, pap"),
    (lambda: published("focal/table-9"), "unknown table 'focal/table-9'; focal has table-1, "),
    (lambda: Hardware.choose("tpu"), "device is 'tpu'; this machine has cpu"),
    (
        lambda: Hardware.choose("cpu", "float16"),
        "precision is 'float16'; allowed are float32, bfloat16, auto",
    ),
    (lambda: Training(), "epochs=None and updates=None; exactly one must be given"),
    *(
        (
            lambda given=given: Training(**{"epochs": 2} | given),
            f"{next(iter(given))} is {next(iter(given.values()))!r}; allowed are",
        )
        for given in (
            {"epochs": 1.5},
            {"epochs": True},
            {"epochs": NAN},
            {"epochs": 0},
            {"batch_size": None},
            {"batch_size": "8"},
            {"learning_rate": INF},
            {"learning_rate": 0},
            {"learning_rate": "a"},
            {"weight_decay": NAN},
            {"weight_decay": -1},
            {"momentum": "a"},
            {"clip_norm": 0},
            {"clip_norm": NAN},
        )
    ),
    (lambda: cross_validate("emodb", "focal/mel-focal"), "corpus is 'emodb'; allowed is what load_corpus returns"),
    *(
        (
            lambda seeds=seeds: cross_validate(CORPUS, "focal/mel-focal", seeds=seeds),
            f"seeds are {seeds!r}; allowed are",
        )
        for seeds in ((), 0, None, (1.5,), (-1,), (True,), ("a",))
    ),
    *(
        (lambda own=own: cross_validate(CORPUS, "focal/mel-focal", folds=own), f"folds are {own!r}; allowed are a")
        for own in ([], [1], {})
    ),
    (lambda: Training(epochs=2, ending="best"), "ending is 'best'; allowed are average, last, best-dev, "),
    (lambda: SoftmaxLoss(2.0, 4), "num_classes is 2.0; allowed is an integer of at least 2"),
    (lambda: ArcFaceLoss(3, 4, margin_rad=28.6), "margin_rad is 28.6; allowed is a finite number of at le"),
    (
        lambda: models.ResNet18(width=8)(X, LENGTHS.float()),
        "lengths is torch.float32 (2,); needed is int64",
    ),
    (lambda: models.ResNet18(width=8)(X, LENGTHS + 1), "lengths lie in 31..41; allowed are 1..40 frames"),
    (lambda: models.CRNN(bins=24)(X, LENGTHS), "the batch has 128 frequency bins; this network was made"),
    (lambda: methods.get(None), "unknown method None; known are angular/..., baselines/..., "),
    (lambda: methods.get(["focal/mel-focal"]), "unknown method ['focal/mel-focal']; known are angular/..., "),
    (lambda: published(None), "unknown paper None; there are angular, center, dcaen, "),
    (lambda: Hardware.choose(None), "device is None; this machine has cpu"),
    (lambda: Hardware.choose(0), "device is 0; this machine has cpu"),
    *(
        (lambda rows=rows: Fold("a", rows, [], [9]), f"fold 'a': train is {came}; allowed are positions, whole num")
        for rows, came in (
            ([0.5, 1.0], "float64 of shape (2,), such as [0.5]"),
            ([True, False], "bool of shape (2,), such as [True]"),
            ([0, -1], "int64 of shape (2,), such as [0]"),
            (["u1"], "<U2 of shape (1,), such as ['u1']"),
            ([[0, 1]], "int64 of shape (1, 2), such as [0]"),
            (None, "object of shape (), such as [None]"),
        )
    ),
    (lambda: Fold(None, [0], [], [1]), "name of a fold is None; allowed is text"),
    (lambda: Fold("a", [0], [], [8]).digest(CORPUS), "fold 'a': there is no position 8; tiny has 8 utterances"),
    (lambda: folds(None, "stratified-5"), "corpus is None; allowed is what load_corpus returns"),
    (lambda: folds(CORPUS, "stratified-5", seed=-1), "seed is -1; allowed is an integer of at least 0"),
    (lambda: default_scheme("emodb"), "corpus is 'emodb'; allowed is what load_corpus returns"),
    (lambda: leakage([], CORPUS), "folds are []; allowed are one or more Folds"),
    (lambda: leakage(folds(CORPUS, "leave-one-speaker-out"), {}), "corpus is {}; allowed is what load_corpus"),
    (lambda: compare(None, None), "cannot compare None; allowed is what cross_validate returns"),
    (lambda: compare(None, None, permutations=0), "permutations is 0; allowed is an integer of at least 1"),
    (lambda: compare(None, None, seed=1.5), "seed is 1.5; allowed is an integer of at least 0"),
    *(
        (lambda store=store, root=root: store(root), f"root is {root!r}; allowed are a path and None")
        for store in (RunStore, FeatureStore)
        for root in (3, "", "a\0b", b"x", ["runs"])
    ),
    (lambda: SpectrogramMasks(bands=1.5), "bands is 1.5; allowed is an integer of at least 0"),
    (lambda: SpectrogramMasks(colour=NAN), "colour is nan; allowed is a finite number of at least 0"),
    (lambda: SpectrogramMasks(band_share=NAN), "band_share is nan; allowed is a finite number of at least 0, at"),
    (lambda: AngularSoftmaxLoss(3, 4, annealing=5.0), "annealing is 5.0; allowed are a LambdaAnnealing and None"),
    (lambda: AngularSoftmaxLoss(3, 4, detach_gradient=1), "detach_gradient is 1; allowed are True and False"),
    (lambda: MetricLoss(3, 4, kind=None, weight=1), "kind is None; pytorch-metric-learning has AngularLoss, "),
    *(
        (lambda own=own: MetricLoss(3, 4, kind="TripletMarginLoss", weight=1, options=own), f"options are {own!r}; ")
        for own in (3, {"scale": 1})
    ),
    (lambda: margins_by_frequency(None, 5, 1), "counts are None; allowed is one positive number per class"),
    (lambda: models.DCaEN("egemaps"), "feature is 'egemaps'; allowed are a FeatureNetwork, UnchangedFeatures and"),
    (lambda: models.DCaEN(raw=1), "raw is 1; allowed are a RawWaveformNetwork and None"),
    (lambda: SpatialPyramidPooling(5), "levels is 5; allowed are different whole numbers of at least 1"),
    (lambda: MaskedMeanPooling()(X, [40, 30]), "lengths is list; needed is int64 (2,), one a clip"),
    (lambda: MaskedMeanPooling()(X, LENGTHS > 30), "lengths is torch.bool (2,); needed is int64 (2,), one a clip"),
    (lambda: MaskedMeanPooling()(X[:0], LENGTHS[:0]), "batch: torch.float32 of shape (0, 1, 128, 40); needed is a"),
    (lambda: AttentionPooling(5)(X), "vectors: torch.float32 of shape (2, 1, 128, 40); needed is a floating point"),
    (lambda: models.FeatureNetwork()(X.long()), "functionals: torch.int64 of shape (2, 1, 128, 40); needed is a"),
    (lambda: models.RawWaveformNetwork()(X, LENGTHS), "batch: torch.float32 of shape (2, 1, 128, 40); needed is a"),
    *(
        (
            lambda network=network, x=x: network(x, LENGTHS),
            f"batch: {came}; needed is a floating point tensor of shape (any, 1, any, any)",
        )
        for network in (
            models.CRNN(bins=24, width=0.1),
            models.CNNBiRNN(bins=24, width=0.1),
            models.CNNTFGAP(width=0.1),
            models.ResNet18(width=2),
            models.MultiDilatedCNN(bins=24, width=2, channels=1),
        )
        for x, came in (
            (X.numpy(), "ndarray"),
            (X.long(), "torch.int64 of shape (2, 1, 128, 40)"),
            (X[:, 0], "torch.float32 of shape (2, 128, 40)"),
            (X.repeat(1, 3, 1, 1), "torch.float32 of shape (2, 3, 128, 40)"),
        )
    ),
]
EVERY_RECIPE = {  # options of each recipe
    "sample_rate_hz": ((0, -1, 1.5, NAN, INF, "16000", None, True), "allowed are positive rates, whole numbers"),
    "crop_seconds": ((0, -1, 1e-9, NAN, INF, "2", True), "allowed are None and > 0, at least one sample"),
    "pad": ((None, 1, "yes"), "allowed are True and False"),
}
SIGNALS = {  # what no recipe works on, and what is said of it
    "a list": ([0.1] * 9000, "list; allowed is a numpy array of floats of shape (samples,)"),
    "a name": ("a.wav", "str; allowed is a numpy array of floats of shape (samples,)"),
    "a tensor": (torch.ones(9000), "Tensor; allowed is a numpy array of floats of shape (samples,)"),
    "int16": (np.ones(9000, "i2"), "int16 of shape (9000,); allowed are floats of shape (samples,)"),
    "complex": (np.ones(9000, "c8"), "complex64 of shape (9000,); allowed are floats of shape (samples,)"),
    "objects": (np.array([None] * 9), "object of shape (9,); allowed are floats of shape (samples,)"),
    "two channels": (np.ones((9000, 2)), "float64 of shape (9000, 2); allowed are floats of shape (samples,)"),
    "nothing": (NOISE[:0], "holds no samples"),
    "one NaN": (np.append(NOISE, np.float32(NAN)), "holds NaN or infinite samples"),
    "too large for float32": (1e300 * NOISE.astype(float), "holds NaN or infinite samples"),
    "silence": (np.zeros(9000), "silent, its samples differ by less than one 16-bit step"),
    "one sample": (NOISE[:1], "silent, its samples differ by less than one 16-bit step"),
}


@pytest.mark.parametrize(
    ("call", "begins"), [*CORPORA, *FEATURES, *LEARNING], ids=lambda value: value[:50] if isinstance(value, str) else ""
)
def test_one_clear_error(call, begins):
    pattern = re.escape(begins).replace(r"\.\.\.\]", r".*\]")
    with pytest.raises(CorpusError if (call, begins) in CORPORA else ValueError, match=f"^{pattern}") as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", RECIPES)
def test_options_of_every_recipe(kind):
    for name, (values, allowed) in EVERY_RECIPE.items():
        for value in values:
            with pytest.raises(ValueError, match=f"^{re.escape(f'{name} is {value!r}; {allowed}')}$"):
                kind(**{name: value})


@pytest.mark.parametrize("kind", RECIPES)
@pytest.mark.parametrize("name", SIGNALS)
def test_signals_that_no_recipe_works_on(kind, name):
    signal, told = SIGNALS[name]
    cropped = name == "one NaN" and kind().crop_seconds  # all is looked at, what is cropped too
    with pytest.raises(AudioError, match=f"^{re.escape(f'signal: {told}')}$"):
        kind(crop_seconds=0.5 if cropped else kind().crop_seconds).extract(signal)


@pytest.mark.parametrize("kind", RECIPES)
@pytest.mark.parametrize("samples", [2, 399, 12000, 1_000_000])
def test_signals_of_any_length_and_float(kind, samples):
    signal = np.resize(NOISE, samples)
    if kind is Functionals and samples < 1000:
        with pytest.raises(AudioError, match=r"s are too short for eGeMAPSv02; allowed are 0\.07 s and more$"):
            kind().extract(signal)
        return
    for dtype in ("f4", "f8") if samples < 1e6 else ("f4",):
        made = kind().extract(signal.astype(dtype))
        assert made.dtype == np.float32 and np.isfinite(made).all() and made.size


FLAGS = [  # arguments, and how the last line on standard error begins
    ("", "serlib: error: the following arguments are required: COMMAND"),
    ("sing", "serlib: error: argument COMMAND: invalid choice: 'sing' (choose from "),
    ("run --seeds x", "serlib run: error: argument --seeds: invalid int value: 'x'"),
    ("run --seeds", "serlib run: error: argument --seeds: expected at least one argument"),
    ("run --jobs 1.5", "serlib run: error: argument --jobs: invalid int value: '1.5'"),
    ("run --minutes soon", "serlib run: error: argument --minutes: invalid float value: 'soon'"),
    ("run --profile big", "serlib run: error: argument --profile: invalid choice: 'big' (choose from "),
    ("run --method x", "serlib: unknown method 'x'; known are angular/..., "),
    ("run --method focal/mel-focal --corpus x", "serlib: unknown corpus 'x'; allowed are synthetic, emodb, "),
    ("run --method focal/mel-focal --option x", "serlib: option 'x' is not key=value, such as scenario=improvised"),
    ("run --method focal/mel-focal --option =3", "serlib: synthetic: unknown option ''; allowed are duplicates, "),
    ("run --plan gone.toml", "serlib: no plan gone.toml; allowed are a file and"),
    ("run --plan ''", "serlib: [Errno "),
    ("run --method focal/mel-focal --seeds -1", "serlib: seeds are [-1]; allowed are one or more whole numbers"),
    ("run --method focal/mel-focal --option root=x", "serlib: option 'root' is said by --root and the corpus' name"),
    ("run --dry-run", "serlib: --minutes and --dry-run belong to --plan FILE"),
    ("corpus check", "serlib corpus check: error: the following arguments are required: name"),
    ("corpus check ravdess", "serlib: ravdess: no root is given; needed is the folder that holds Actor_01 to Actor_24"),
    ("corpus check table --root ''", "serlib: table: root is ''; allowed is a path, such as 'corpora/table'"),
    ("corpus check emodb --root gone", "serlib: emodb: there is no folder "),
    ("corpus check table --root . --option on_bad=3", "serlib: table: on_bad is 3; allowed are error, drop"),
    ("results pack --from gone --to packs", "serlib: gone: no folder of runs"),
    ("results list --in gone", "serlib: gone: no folder of results"),
    ("report --only 99", "serlib: no notebook 99 in "),
    ("report --jobs 0", "serlib: jobs is 0; allowed are 1 and more"),
    ("predict", "serlib predict: error: the following arguments are required: files"),
]


@pytest.mark.parametrize(("arguments", "begins"), FLAGS)
def test_one_line_and_exit_code_two(arguments, begins, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(shlex.split(arguments))
    except SystemExit as left:  # argparse's own, below the usage
        code = left.code
    told = capsys.readouterr()
    *usage, last = told.err.splitlines()
    assert code == 2 and last.startswith(begins) and not told.out and (not usage or usage[0].startswith("usage: "))
    assert not list(tmp_path.iterdir())


def test_what_nobody_expected_is_one_line_too_and_debug_shows_where(capsys):
    arguments = ["corpus", "check", "synthetic", "--option", "seed=" + "[" * 100_000]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert re.fullmatch(r"serlib: RecursionError: .+; serlib --debug \.\.\. shows where\n", told)
    with pytest.raises(RecursionError):
        main(["--debug", *arguments])
    with pytest.raises(ValueError, match="unknown method 'x'"):
        main(["--debug", "run", "--method", "x"])


def test_who_reads_no_further_is_told_nothing():
    command = [sys.executable, "-m", "serlib.cli", "run", "--list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert not process.stderr.read()
    assert process.returncode == 141
