"""Features: log-mel against librosa, eGeMAPS by all cores and from the store."""

from functools import partial
from itertools import count
from pathlib import Path

import librosa
import numpy as np

from bench.frame import Measurement, Way
from serlib import load_corpus
from serlib.corpora.corpus import Corpus
from serlib.features import Functionals, LogMel
from serlib.features.store import FeatureStore

UTTERANCES = 160


def speech(root: str | None) -> Corpus:
    """Return the first utterances of EMO-DB, or of the synthetic corpus where there is no root."""
    corpus = load_corpus("emodb", root) if root else load_corpus("synthetic")
    return corpus.subset(np.arange(UTTERANCES))


def log_mel(*_: object) -> tuple[Way, Way]:
    """Paper 001's picture of 3 s; both in double precision, and equal within what librosa rounds its filters by."""
    recipe, signal = LogMel(), np.random.default_rng(0).standard_normal(3 * 22050).astype(np.float32) / 10
    double = signal.astype(np.float64)

    def theirs() -> np.ndarray:
        power = librosa.feature.melspectrogram(y=double, sr=22050, n_fft=2048, hop_length=512, n_mels=128,
                                               pad_mode="constant", dtype=np.float64)  # fmt: skip
        return librosa.power_to_db(power, ref=np.max, top_db=80)

    np.testing.assert_allclose(recipe.extract(signal)[0], theirs(), atol=1e-3)
    return theirs, partial(recipe.extract, signal)


def cores(folder: Path, root: str | None) -> tuple[Way, Way]:
    """Extract by one process and by one a core, into an empty store; the processes are there already."""
    corpus, fresh = speech(root), count()

    def extract(jobs: int) -> None:
        store = FeatureStore(folder / str(next(fresh)))
        store.get(corpus, Functionals("eGeMAPSv02"), n_jobs=jobs, progress=False)

    return partial(extract, 1), partial(extract, -1)


def stored(folder: Path, root: str | None) -> tuple[Way, Way]:
    """Extract by all cores, and read the same again."""
    corpus = speech(root)
    extract = cores(folder, root)[1]
    read = partial(FeatureStore(folder / "kept").get, corpus, Functionals("eGeMAPSv02"), progress=False)
    read()
    return extract, read


MEASUREMENTS = [
    Measurement("features/log-mel", "librosa", "LogMel", log_mel, pairs=50),
    Measurement("features/cores", "eGeMAPS, one process", "eGeMAPS, all cores", cores, pairs=3),
    Measurement("features/store", "eGeMAPS, all cores", "eGeMAPS from the store", stored, pairs=3),
]
