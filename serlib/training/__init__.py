"""Training: batches, hardware, recipe and the loop. Knows nothing of speech corpora."""

from serlib.training.batches import Examples, TrainingBatches, bucketed, collate, scoring_batches
from serlib.training.fit import DivergedError, chosen_epoch, class_shares, fit, predict
from serlib.training.hardware import Hardware
from serlib.training.masks import SpectrogramMasks
from serlib.training.range_test import learning_rate_range_test
from serlib.training.recipe import Training
from serlib.training.record import Recorder

__all__ = [
    "DivergedError",
    "Examples",
    "Hardware",
    "Recorder",
    "SpectrogramMasks",
    "Training",
    "TrainingBatches",
    "bucketed",
    "chosen_epoch",
    "class_shares",
    "collate",
    "fit",
    "learning_rate_range_test",
    "predict",
    "scoring_batches",
]
