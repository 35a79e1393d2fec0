"""Training: batches, hardware, recipe and the loop. Knows nothing of speech corpora."""

from serlib.training.batches import TrainingBatches, batch_sizes, bucketed, scoring_batches
from serlib.training.endings import chosen_epoch
from serlib.training.examples import Examples
from serlib.training.fit import DivergedError, class_shares, fit
from serlib.training.hardware import Hardware
from serlib.training.masks import SpectrogramMasks
from serlib.training.predict import predict
from serlib.training.range_test import learning_rate_range_test
from serlib.training.recipe import BALANCING, ENDINGS, OPTIMISERS, SCHEDULES, Training
from serlib.training.record import Recorder

__all__ = [
    "BALANCING", "ENDINGS", "OPTIMISERS", "SCHEDULES", "DivergedError", "Examples", "Hardware", "Recorder",
    "SpectrogramMasks", "Training", "TrainingBatches", "batch_sizes", "bucketed", "chosen_epoch", "class_shares",
    "fit", "learning_rate_range_test", "predict", "scoring_batches",
]  # fmt: skip
