"""Paper 004: eGeMAPS and the raw waveform, whose embedding must point away from that of eGeMAPS (Tables I and II).

Printed: functionals z-scored by each speaker, 64 neurons with dropout 0.5, the first 6 s at 16 kHz (shorter clips are
filled up with zeros) as 150 frames of 640, the network's sizes, w = 0.6, Adam 1e-3, 20 epochs, batches of 32. Not
printed, so ours to choose: the gain of the waveform (training part), tanh on the embedding of the functionals and none
on that of the waveform, and the kind of attention. E_Ceg has no feature network: the 88 functionals stand in its place
and the waveform's embedding has 88 numbers, for without as many there is no cosine. Short clips end where they end in
quick and study.
"""

from functools import partial

from serlib.features import Functionals, RawWaveform
from serlib.methods.dual import DualMethod, DualRecipe
from serlib.methods.neural import NeuralMethod
from serlib.methods.recipe import Recipe
from serlib.training import Training

WEIGHT = 0.6  # w of eq. 3
PRINTED = {"epochs": 20, "batch_size": 32, "learning_rate": 1e-3, "ending": "last"}
PAPER = {"seconds": 6.0, "pad": True, "raw": {}, "stage_1": PRINTED, "training": PRINTED}
SMALL = {"channels": 16, "group": 4, "kernels": (20, 10), "strides": (16, 1), "cells": 64}
STUDY = {
    "seconds": 3.0,
    "pad": False,
    "raw": SMALL,
    "stage_1": {"updates": 700, "batch_size": 32, "learning_rate": 2e-3, "schedule": "cosine"},
    "training": {"updates": 1000, "batch_size": 16, "learning_rate": 4e-3, "schedule": "cosine", "clip_norm": 5.0},
}
QUICK = STUDY | {
    "seconds": 1.0, "raw": SMALL | {"channels": 8, "cells": 16}, "stage_1": PRINTED | {"epochs": 4},
    "training": STUDY["training"] | {"updates": None, "epochs": 2},
}  # fmt: skip
SIZES = {"paper": PAPER, "study": STUDY, "quick": QUICK}
FUNCTIONALS = {"eGeMAPSv02": 88, "emobase2010": 1582}  # their number


def recipe(
    profile: str, *, feature_set: str = "eGeMAPSv02", scaling: str = "speaker", embedded: bool = True,
    frozen: bool = True, **loss: float | str,
) -> DualRecipe:  # fmt: skip
    """Return the recipe of both stages; where functionals are not ``embedded`` there is no first.

    ``loss`` are options of ``DCaENLoss``, the rest is as of ``DualRecipe``.
    """
    size = SIZES[profile]
    return DualRecipe(
        Functionals(feature_set), "DCaEN", "DCaENLoss", Training(**size["training"]),
        loss_options={"weight": WEIGHT} | loss, normalise="feature", scaling=scaling,
        waveform=RawWaveform(crop_seconds=size["seconds"], pad=size["pad"]), stage_1=Training(**size["stage_1"]),
        feature={} if embedded else None, raw=size["raw"] | ({} if embedded else {"embedding_size": 88}),
        frozen=frozen,
    )  # fmt: skip


def first(profile: str, *, feature_set: str = "eGeMAPSv02", scaling: str = "speaker") -> Recipe:
    """Return the recipe of the network on functionals alone."""
    return Recipe(
        Functionals(feature_set), "FeatureNetwork", "SoftmaxLoss", Training(**SIZES[profile]["stage_1"]),
        network_options={"features": FUNCTIONALS[feature_set]}, normalise="feature", scaling=scaling,
    )  # fmt: skip


ROWS = {
    "raw": ("raw waveform", {"head": "raw", "weight": 0.0}),
    "ftr-eg": ("eGeMAPS", {"feature_set": "eGeMAPSv02"}),
    "ftr-em": ("emobase2010", {"feature_set": "emobase2010"}),
    "e-nc": ("both, no constraint", {"weight": 0.0}),
    "e-ceg": ("both, against eGeMAPS itself", {"embedded": False}),
    "e-uf": ("both, eGeMAPS not frozen", {"frozen": False}),
    "e-c0": ("both, constraint at 0", {"threshold": 0.0}),
    "r-c": ("raw waveform, constraint", {"head": "raw"}),
    "dcaen": ("both, constraint at -1", {}),
}
# at 0 and at -1 another row is the same (eq. 4 at -1 is eq. 3 and a constant), so these need not be trained again
THRESHOLDS = {
    0.0: "dcaen/e-c0", **{-t / 100: f"dcaen/dcaen-t{t}" for t in (50, 60, 70, 80)}, -1.0: "dcaen/dcaen",
}  # fmt: skip
TABLE_1 = [f"dcaen/{row}" for row in ROWS]
TRAIN_SCALED = {"scaling": "train"}
MORE = {
    "dcaen-t0": ROWS["e-c0"],
    **{f"dcaen-t{t}": (f"both, constraint at {-t / 100:g}", {"threshold": -t / 100}) for t in (50, 60, 70, 80)},
    "ftr-eg-trainnorm": ("eGeMAPS, training part's statistics", TRAIN_SCALED),
    "dcaen-trainnorm": ("both, constraint at -1, training part's statistics", TRAIN_SCALED),
}  # fmt: skip

METHODS = [
    NeuralMethod(f"dcaen/{variant}", "004", f"DCaEN: {words}", partial(first, **options))
    if variant.startswith("ftr")
    else DualMethod(f"dcaen/{variant}", "004", f"DCaEN: {words}", partial(recipe, **options))
    for variant, (words, options) in (ROWS | MORE).items()
]
