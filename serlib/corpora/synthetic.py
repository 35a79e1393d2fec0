"""The embedded corpus: emotions acted by ten synthetic voices, made on first use, the same on every machine.

No human spoke: it is for learning and for tests. Emotions shift the voice as reviews of acted speech report (Juslin and
Laukka 2003, Psychological Bulletin 129, Table 7; Scherer 2003, Speech Communication 40). Strengths differ between
utterances and speakers, classes overlap, and recording levels are random, so that loudness alone tells little.
"""

import os
import warnings
import wave
from collections import Counter
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from serlib.corpora.corpus import COLUMNS, Corpus, CorpusError
from serlib.corpora.voice import CONSONANTS, SAMPLE_RATE_HZ, VOWELS, Manner, speak, spread
from serlib.files import write_whole
from serlib.paths import cache_dir

GENERATOR_VERSION = 1  # raise it with every change that can change a sample: fingerprints and caches follow
SHARES = {"anger": 0.13, "happiness": 0.12, "neutral": 0.44, "sadness": 0.31}  # IEMOCAP, improvised part
SPEAKERS = tuple(f"S{session}{sex}" for session in range(1, 6) for sex in "FM")
SENTENCES = 40
SUMS = "SHA256SUMS"

# Neutral value, spread of speakers, spread of utterances; shift by anger, happiness, sadness; lowest, highest.
CUES = {
    "pitch_st": (0.0, 1.4, 1.1, 4.0, 4.8, -1.2, -5, 9),
    "range_st": (2.1, 0.3, 0.4, 0.7, 1.8, -0.7, 0.5, 6),
    "syllables_per_s": (5.5, 0.4, 0.6, 0.6, 0.6, -0.7, 3, 8),
    "pause_rate": (0.06, 0.02, 0.02, -0.03, -0.02, 0.05, 0, 0.4),
    "open_quotient": (0.60, 0.03, 0.04, -0.14, 0.02, 0.09, 0.35, 0.9),
    "tilt_db": (9.0, 1.4, 2.0, -7.0, -4.0, 5.0, 0.5, 30),
    "breath_db": (-24.0, 1.5, 2.0, -3.0, 5.0, 4.0, -40, -6),
    "jitter": (0.012, 0.002, 0.002, 0.008, 0.001, 0.003, 0.002, 0.03),
    "shimmer": (0.06, 0.01, 0.015, 0.04, 0.0, 0.01, 0.01, 0.2),
    "dynamics_db": (3.0, 0.5, 0.6, 1.2, 1.2, -0.8, 0.5, 8),
    "tract_scale": (1.0, 0.025, 0.01, 0.0, 0.06, -0.01, 0.9, 1.15),  # a smile shortens the tract
    "level_db": (-24.0, 1.0, 5.0, 4.5, 2.0, -2.5, -40, -8),
}


class Utterance(NamedTuple):
    """One line of the plan; ``take`` tells repetitions of a sentence by one speaker in one emotion apart."""

    name: str
    speaker: str
    emotion: str
    sentence: int
    take: str


def load(root: str | os.PathLike | None = None, *, seed: int = 0, utterances: int = 480, n_jobs: int = -1) -> Corpus:
    """Load the synthetic corpus; what is not there yet, or damaged, is made (all of it: 5 to 30 s on two cores).

    ``audio_sha256`` is not over the samples but over what they follow from: generator version, seed, ``utterances``
    and name. So the fingerprint is known before any audio is. The files are held against the sums written beside them.

    Args:
        root: folder of synthetic corpora, each in a folder of its own; by default ``<cache>/synthetic``.
        seed: of everything: voices, sentences, who says what, and how.
        utterances: how many, 40 to 4800. From 340 on every speaker has every emotion at least four times.
        n_jobs: processes that make audio; -1 is all cores.

    Returns:
        The corpus: 16 kHz, 16 bit, mono, 0.6 to 9 s each; a sentence is a fixed row of syllables.

    Raises:
        CorpusError: for a seed, a number of utterances or of jobs that is not allowed.
    """
    for what, value, least, most in (("seed", seed, 0, 2**63 - 1), ("utterances", utterances, 40, 4800)):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise CorpusError(f"synthetic: {what} is {value!r}; allowed are whole numbers from {least} to {most}")
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or not n_jobs:
        raise CorpusError(f"synthetic: n_jobs is {n_jobs!r}; allowed are whole numbers but 0, -1 for all cores")
    lines = plan(seed, utterances)
    folder = cache_dir() / "synthetic" if root is None else Path(os.path.expanduser(root))
    folder = folder.absolute() / f"v{GENERATOR_VERSION}-seed{seed}-{utterances}"
    _make_missing(folder, lines, seed, n_jobs)
    rows = []
    for u in lines:
        file, sex = folder / f"{u.name}.wav", "female" if u.speaker.endswith("F") else "male"
        seconds = (file.stat().st_size - 44) / 2 / SAMPLE_RATE_HZ  # 44 bytes of header, 2 a sample
        labels = (u.emotion, u.emotion[:3], u.speaker, sex, u.speaker[:2], f"v{u.sentence:02d}", u.take)
        rows.append((u.name, str(file), np.nan, np.nan, seconds, *labels, _digest(seed, utterances, u.name)))
    table = pd.DataFrame(rows, columns=["utterance", *COLUMNS]).set_index("utterance")
    return Corpus("synthetic", table, tuple(SHARES), synthetic=True)


def plan(seed: int, utterances: int) -> list[Utterance]:
    """Decide who says which sentence in which emotion; sorted by name."""
    stream, spoken, lines = _stream(seed, "plan", utterances), Counter(), []
    counts = np.diff(np.rint(np.cumsum(list(SHARES.values())) * utterances), prepend=0).astype(int)
    for emotion, count in zip(SHARES, counts, strict=True):
        sure = min(4, count // len(SPEAKERS)) * len(SPEAKERS)
        for i in range(count):
            chance, sentence = (int(x) for x in stream.random(2) * (len(SPEAKERS), SENTENCES))
            speaker = SPEAKERS[i % len(SPEAKERS) if i < sure else chance]
            take = chr(ord("a") + spoken[speaker, emotion, sentence])
            spoken[speaker, emotion, sentence] += 1
            lines.append(Utterance(f"{speaker}_{emotion[:3]}_v{sentence:02d}{take}", speaker, emotion, sentence, take))
    return sorted(lines)


def render(utterance: Utterance, seed: int) -> np.ndarray:
    """Speak one line of the plan: int16 (samples,) at 16 kHz, peak below 0.95 of full scale."""
    stream = _stream(seed, "utterance", utterance.name)
    manner, level_db = manner_of(utterance, seed)
    signal = speak(_sentence(seed, utterance.sentence), manner, stream, bounds_s=(0.62, 8.98))
    signal = signal * np.rint(2**15 * 10 ** (level_db / 20))
    signal = signal * min(1.0, 0.9 * 2**15 / np.abs(signal).max())
    room = 2 + 10 * stream.random()  # steps of the 16-bit scale: what room and microphone add
    return np.rint(signal + room * (stream.random(len(signal)) - 0.5)).astype(np.int16)


def manner_of(utterance: Utterance, seed: int) -> tuple[Manner, float]:
    """Choose how a speaker says one utterance, and its level in dB of full scale."""
    voice, stream = _stream(seed, "speaker", utterance.speaker), _stream(seed, "manner", utterance.name)
    neutral, speakers, utterances, anger, happiness, sadness, lowest, highest = np.array(list(CUES.values())).T
    shift = {"anger": anger, "happiness": happiness, "neutral": 0 * neutral, "sadness": sadness}[utterance.emotion]
    (habit, style), strength = spread(voice, 2, len(CUES)), max(0.0, 1 + 0.3 * float(spread(stream)))
    values = neutral + speakers * habit + utterances * spread(stream, len(CUES)) + strength * (1 + 0.25 * style) * shift
    cue = dict(zip(CUES, np.clip(values, lowest, highest).tolist(), strict=True))
    cue["pitch_st"] += 12.0 if utterance.speaker.endswith("F") else 2.4
    cue["tract_scale"] *= 1.15 if utterance.speaker.endswith("F") else 1.0
    return Manner(**{name: value for name, value in cue.items() if name != "level_db"}), cue["level_db"]


def _digest(*what: object) -> str:
    return sha256("/".join(["synthetic", str(GENERATOR_VERSION), *map(str, what)]).encode()).hexdigest()


def _stream(*what: object) -> np.random.Generator:
    """Return the random numbers of one purpose, which no other purpose can shift."""
    return np.random.Generator(np.random.PCG64(int(_digest(*what)[:32], 16)))


def _sentence(seed: int, sentence: int) -> list[tuple[str, str]]:
    """Return the syllables of a sentence: 3 to 24, short ones more often."""
    stream, consonants, vowels = _stream(seed, "sentence", sentence), ["", *CONSONANTS], list(VOWELS)
    draws = stream.random((3 + int(22 * stream.random() ** 1.8), 2)) * (len(consonants), len(vowels))
    return [(consonants[int(c)], vowels[int(v)]) for c, v in draws]


def _make_missing(folder: Path, lines: list[Utterance], seed: int, n_jobs: int) -> None:
    """Make every file that is missing or differs from its sum; the sums come last, so that no half passes for whole."""
    sums = _read_sums(folder / SUMS)
    bad = [u for u in lines if u.name not in sums or _sum(folder / f"{u.name}.wav") != sums[u.name]]
    if sums and bad:
        message = f"{folder}: {len(bad)} of {len(lines)} files are damaged or missing and are made again"
        warnings.warn(message, stacklevel=3)
    if not bad:
        return
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    jobs = (delayed(_write)(folder / f"{u.name}.wav", u, seed) for u in bad)
    made = Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    sums |= zip([u.name for u in bad], tqdm(made, "synthetic corpus", len(bad), disable=None), strict=True)
    write_whole(folder / SUMS, "".join(f"{sums[u.name]}  {u.name}.wav\n" for u in lines).encode("ascii"))


def _read_sums(file: Path) -> dict[str, str]:
    """Read sums in the format of sha256sum; lines that are none count as not there."""
    lines = file.read_text(encoding="ascii", errors="replace").splitlines() if file.is_file() else []
    return {name.removesuffix(".wav"): digest for digest, _, name in (line.partition("  ") for line in lines)}


def _sum(file: Path) -> str | None:
    return sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def _write(file: Path, utterance: Utterance, seed: int) -> str:
    """Render one utterance into a WAV file and return the sum of its bytes."""
    content = BytesIO()
    with wave.open(content, "wb") as out:
        out.setparams((1, 2, SAMPLE_RATE_HZ, 0, "NONE", None))
        out.writeframes(render(utterance, seed).astype("<i2").tobytes())
    write_whole(file, content.getvalue())
    return sha256(content.getvalue()).hexdigest()
