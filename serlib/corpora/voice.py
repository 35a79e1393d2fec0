"""A source-filter voice: glottal pulses and breath noise, shaped by formants that move from sound to sound.

Parts as in Klatt (1980), "Software for a cascade/parallel formant synthesizer", JASA 67; the pulse is KLGLOTT88 of
Klatt and Klatt (1990), JASA 87. The same samples must come out on every machine. So random numbers are the plain
uniform ones of the generator; what comes from exp, cos or a sum is rounded to a coarse grid, where a difference in the
last bit vanishes; phase is counted in integers; the rest is float64 addition and multiplication in a fixed order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.signal import lfilter, sosfilt

Syllables = Sequence[tuple[str, str]]  # consonant ("" for none) and vowel
SAMPLE_RATE_HZ = 16000
FRAME = 80  # samples, 5 ms: how often formants and levels move

# F1, F2, F3 in Hz of men: Peterson and Barney (1952), Table II.
VOWELS = {
    "i": (270, 2290, 3010), "I": (390, 1990, 2550), "E": (530, 1840, 2480), "A": (660, 1720, 2410),
    "a": (730, 1090, 2440), "o": (570, 840, 2410), "U": (440, 1020, 2240), "u": (300, 870, 2240),
}  # fmt: skip
# Seconds, level of the voice, level of the hiss, and the place that the formants move to and from.
CONSONANTS = {
    "m": (0.060, 0.30, 0.00, (250, 1100, 2200)), "l": (0.050, 0.50, 0.00, (360, 1300, 2700)),
    "d": (0.050, 0.08, 0.02, (220, 1700, 2600)), "t": (0.070, 0.00, 0.08, (250, 1800, 2600)),
    "s": (0.100, 0.00, 0.20, (300, 1600, 2600)), "f": (0.080, 0.00, 0.08, (300, 1000, 2200)),
    "k": (0.080, 0.00, 0.08, (250, 2000, 2400)), "p": (0.070, 0.00, 0.05, (250, 900, 2200)),
}  # fmt: skip
REST = (500, 1500, 2500)  # Hz: the neutral tube
UPPER = (3500, 4500)  # Hz: F4 and F5 stay
BANDWIDTHS_HZ = np.array([60, 90, 150, 220, 300])
GLIDE_S = np.array([0.050, 0.006, 0.006, 0.025, 0.024, 0.024, 0.024])  # of pitch, voice, hiss, breath, F1, F2, F3


@dataclass(frozen=True)
class Manner:
    """How one utterance is spoken."""

    pitch_st: float  # middle of the pitch, in semitones above 100 Hz
    range_st: float  # pitch accents and declination, in semitones
    syllables_per_s: float  # outside pauses
    pause_rate: float  # probability of a pause after a syllable
    open_quotient: float  # share of a period in which the glottis is open: small is pressed, large is lax
    tilt_db: float  # above 0: how far the source is weakened at 3 kHz
    breath_db: float  # noise against pulses
    jitter: float  # relative spread of the period lengths
    shimmer: float  # relative spread of the pulse heights
    dynamics_db: float  # spread of the syllables' levels
    tract_scale: float  # of all formants: above 1 is a shorter vocal tract


def spread(generator: Generator, *shape: int) -> np.ndarray:
    """Return bell-shaped random numbers, mean 0 and variance 1, within +-6: twelve uniform ones added."""
    return generator.random((12, *shape)).sum(axis=0) - 6.0


def speak(syllables: Syllables, manner: Manner, generator: Generator, *, bounds_s: tuple[float, float]) -> np.ndarray:
    """Speak a row of syllables.

    Args:
        syllables: at least one, of ``CONSONANTS`` and ``VOWELS``.
        manner: how to speak.
        generator: of all random numbers; the same state gives the same samples.
        bounds_s: what would be shorter or longer than this, in seconds, is spoken more slowly or faster.

    Returns:
        float64 (samples,) at 16 kHz, with a root mean square of 1 while the voice sounds.

    Raises:
        ValueError: for no syllables, or a sound that is not known.
    """
    unknown = [pair for pair in syllables if pair[0] not in ("", *CONSONANTS) or pair[1] not in VOWELS]
    if unknown or not syllables:
        allowed = f"consonants {['', *CONSONANTS]} and vowels {list(VOWELS)}"
        raise ValueError(f"cannot speak {unknown[0] if unknown else 'no syllables'}; allowed are {allowed}")
    seconds, targets = np.split(np.array(_segments(syllables, manner, generator)), [1], axis=1)
    seconds *= np.clip(seconds.sum(), *bounds_s) / seconds.sum()
    edges = np.rint(np.cumsum(seconds) * SAMPLE_RATE_HZ / FRAME).astype(np.int64)
    tracks = _glide(np.repeat(targets, np.diff(edges, prepend=0), axis=0))
    voice, hiss, breath = np.repeat(tracks[:, 1:4], FRAME, axis=0).T
    pulses, opening = _glottis(manner.pitch_st + tracks[:, 0], manner, generator)
    noise, friction = generator.random((2, len(pulses))) - 0.5
    breath = (breath + voice * (0.3 + opening)) * _grid(10 ** (manner.breath_db / 20), 20)
    signal = _vocal_tract(voice * pulses + breath * noise, tracks[:, 4:], manner.tract_scale)
    signal += hiss * lfilter([1.0, -1.7, 0.7225], [1.0, 0.4, 0.4], friction)  # rises towards 5 kHz
    return signal * _grid(1 / np.sqrt(np.mean(signal[voice > 0.3 * voice.max()] ** 2)), 16)


def _grid(values: np.ndarray | float, bits: int) -> np.ndarray:
    """Round to multiples of 2**-bits."""
    return np.rint(np.asarray(values) * 2.0**bits) / 2.0**bits


def _segments(syllables: Syllables, manner: Manner, generator: Generator) -> list[tuple]:
    """Lay out sounds and pauses: seconds, pitch in semitones, levels of voice, hiss and breath, F1, F2, F3."""
    stress, length, loudness = spread(generator, 3, len(syllables))
    level = 10 ** (0.6 * manner.dynamics_db * (stress + loudness) / 20)
    length = np.exp(0.25 * length + 0.1 * stress) / manner.syllables_per_s
    pauses = generator.random(len(syllables)) < manner.pause_rate
    pauses[-1], pitch, since = True, 0.0, 0  # since: syllables after the last pause, where pitch is reset
    rows = [(0.04 + 0.06 * generator.random(), pitch, 0, 0, 0, *REST)]
    for i, (consonant, vowel) in enumerate(syllables):
        pitch = manner.range_st * (0.8 + 0.8 * stress[i] - 0.25 * min(since, 8))
        onset, voice, hiss, place = CONSONANTS.get(consonant, (0, 0, 0, REST))
        nucleus = max(0.05, length[i] * (1.35 if pauses[i] else 1.0) - onset)  # the last one is drawn out
        rows.append((onset, pitch, voice * level[i], hiss * level[i], 0, *place))
        rows.append((nucleus, pitch, level[i], 0, 0, *VOWELS[vowel]))
        since += 1
        if pauses[i] and i < len(syllables) - 1:
            pause, since = 0.15 + 0.45 * generator.random(), 0
            rows += [(0.4 * pause, pitch, 0, 0, 0, *REST), (0.6 * pause, 0, 0, 0, 0.6, *REST)]  # then breath is drawn
    return [*rows, (0.06 + 0.06 * generator.random(), pitch, 0, 0, 0, *REST)]


def _glide(steps: np.ndarray) -> np.ndarray:
    """Let targets be approached as by a critically damped spring, never jumped to: (frames, 7) to the same."""
    tracks = np.empty_like(steps)
    for i, pole in enumerate(_grid(np.exp(-FRAME / SAMPLE_RATE_HZ / GLIDE_S), 20)):
        tracks[:, i] = lfilter([(1 - pole) ** 2], [1, -2 * pole, pole**2], steps[:, i] - steps[0, i]) + steps[0, i]
    return _grid(tracks, 16)


def _glottis(pitch_st: np.ndarray, manner: Manner, generator: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the change of the air flow and the flow itself (0..1), each (samples,)."""
    f0 = np.clip(np.rint(1600 * 2 ** (pitch_st / 12)), 16 * 55, 16 * 500)  # whole sixteenths of a hertz
    f0 = np.interp(np.arange(len(f0) * FRAME), np.arange(len(f0)) * FRAME, f0)
    turn = 16 * SAMPLE_RATE_HZ
    period = np.cumsum(np.rint(f0).astype(np.int64)) // turn
    uneven = spread(generator, 2, period[-1] + 1)[:, period]
    phase = np.cumsum(np.rint(f0 * (1 + manner.jitter * uneven[0])).astype(np.int64)) % turn / turn
    opened = np.minimum(phase / manner.open_quotient, 1.0)
    flow = 6.75 * opened * opened * (1 - opened)  # KLGLOTT88, peak 1 at two thirds of the open phase
    # The difference of the flow instead of its sampled derivative: the jump at closure would alias.
    change = np.diff((1 + manner.shimmer * uneven[1]) * flow, prepend=0.0) * 10
    weak = 10 ** (-manner.tilt_db / 10)  # the one-pole low-pass whose power is this at 3 kHz
    half = (1 - weak * np.cos(2 * np.pi * 3000 / SAMPLE_RATE_HZ)) / (1 - weak)
    pole = _grid(half - np.sqrt(half * half - 1), 20)
    return lfilter([1 - pole], [1, -pole], change), flow


def _vocal_tract(excitation: np.ndarray, formants_hz: np.ndarray, tract_scale: float) -> np.ndarray:
    """Send a source (samples,) through five resonators; F1 to F3 (frames, 3) move every 5 ms."""
    centres = np.rint(np.hstack([formants_hz, np.tile(UPPER, (len(formants_hz), 1))]) * tract_scale)
    radius = np.exp(-np.pi * BANDWIDTHS_HZ / SAMPLE_RATE_HZ)
    sections = np.zeros((*centres.shape, 6))
    sections[..., 3] = 1
    sections[..., 4] = _grid(-2 * radius * np.cos(2 * np.pi * centres / SAMPLE_RATE_HZ), 30)
    sections[..., 5] = _grid(radius**2, 30)
    sections[..., 0] = sections[..., 3:].sum(axis=-1)  # gain 1 at 0 Hz
    signal, state = excitation.reshape(-1, FRAME).copy(), np.zeros((centres.shape[1], 2))
    for block, section in zip(signal, sections, strict=True):
        block[:], state = sosfilt(section, block, zi=state)
    return signal.ravel()
