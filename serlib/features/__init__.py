"""From recordings to arrays: reading, recipes, and the store; heavy libraries load when something is computed."""

from serlib.audio import AudioError, read_audio
from serlib.features.audio import RawWaveform, Recipe
from serlib.features.functionals import Functionals
from serlib.features.spectrograms import MFCC, LinearSpectrogram, LogMel
from serlib.features.speed import SpeedChanged
from serlib.features.store import FeatureStore

__all__ = [
    "MFCC", "AudioError", "FeatureStore", "Functionals", "LinearSpectrogram", "LogMel", "RawWaveform", "Recipe",
    "SpeedChanged", "read_audio",
]  # fmt: skip
