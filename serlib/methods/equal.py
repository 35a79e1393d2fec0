"""Every loss on equal terms: one small network on functionals, where a training takes a second, in four settings each.

No paper's rows. Three grounds: emobase2010 scaled by each speaker's own statistics (``em-speaker``), the same scaled by
the training part (``em``), and eGeMAPS scaled by the training part (``eg``). The network and its training are those of
paper 004's first stage: 64 neurons, dropout 0.5, 700 updates of 32 utterances, Adam at 2e-3 that falls to 0. Each loss
is given four settings: its own constants where it has any, else the learning rate. ``CHOSEN`` names the one with the
highest mean UA on dev (EMO-DB, leave-one-speaker-out, study profile); a test holds it against the committed runs, and
other corpora take it as it is.
"""

from dataclasses import replace
from functools import partial

from serlib.features import Functionals
from serlib.methods.neural import NeuralMethod
from serlib.methods.recipe import Recipe
from serlib.training import Training

GROUNDS = {  # words, functionals, their number, scaling
    "em-speaker": ("emobase2010, each speaker's own statistics", "emobase2010", 1582, "speaker"),
    "em": ("emobase2010", "emobase2010", 1582, "train"),
    "eg": ("eGeMAPS", "eGeMAPSv02", 88, "train"),
}
TRAINING = Training(updates=700, batch_size=32, learning_rate=2e-3, schedule="cosine")
PROFILES = {"paper": TRAINING, "study": TRAINING, "quick": replace(TRAINING, updates=None, epochs=4)}
RATES = {f"r{thousandths:g}": {"learning_rate": thousandths / 1000} for thousandths in (0.5, 1, 2, 4)}
ANNEALED = {"annealing": {"minimum_at": 0.237}}  # of the training, as in ``serlib.methods.angular``
PAIRS = ((4, 3), (5, 3), (6, 3), (6, 4))  # margins of small classes and of large ones; the last three are paper 000's
LOSSES = {  # class, words, settings: options of the loss, fields of the recipe or of the training
    "softmax": ("SoftmaxLoss", "softmax", RATES),
    "weighted": ("SoftmaxLoss", "class-weighted softmax", {k: v | {"balancing": "loss"} for k, v in RATES.items()}),
    "sampled": ("SoftmaxLoss", "softmax, weighted sampling",
                {k: v | {"balancing": "sampling"} for k, v in RATES.items()}),
    "adjusted": ("LogitAdjustedLoss", "logit adjustment", {k: v | {"tau": 1.0} for k, v in RATES.items()}),
    "focal": ("FocalLoss", "focal loss", {f"g{gamma:g}": {"gamma": gamma} for gamma in (0.5, 1.0, 2.0, 5.0)}),
    "center": ("CenterLoss", "center loss", {f"l{w:g}": {"weight": w} for w in (0.001, 0.003, 0.01, 0.03)}),
    "angular": ("AngularSoftmaxLoss", "angular softmax", {f"m{m}": {"margin": m} | ANNEALED for m in (2, 3, 4, 5)}),
    "class-angular": (
        "AngularSoftmaxLoss", "class-specific angular softmax",
        {f"m{small}{large}": {"margin_pair": (small, large)} | ANNEALED for small, large in PAIRS},
    ),
    "normalised": ("ArcFaceLoss", "normalised softmax", {
        f"s{s:g}": {"margin_rad": 0.0, "scale": s} for s in (2.0, 4.0, 8.0, 16.0)
    }),
    "arcface": ("ArcFaceLoss", "ArcFace", {
        f"m{m:g}-s{s:g}": {"margin_rad": m, "scale": s} for m, s in ((0.5, 2.0), (0.25, 8.0), (0.25, 16.0), (0.5, 16.0))
    }),
    "class-arcface": ("ArcFaceLoss", "class-specific ArcFace", {
        f"m{small:g}-{large:g}-s{s:g}": {"margin_pair": (small, large), "scale": s}
        for small, large in ((0.3, 0.1), (0.5, 0.25)) for s in (8.0, 16.0)
    }),
}  # fmt: skip
CHOSEN = {
    "em-speaker": {
        "softmax": "r2", "weighted": "r2", "sampled": "r1", "adjusted": "r2", "focal": "g1", "center": "l0.003",
        "angular": "m5", "class-angular": "m64", "normalised": "s2", "arcface": "m0.5-s2",
        "class-arcface": "m0.5-0.25-s8",
    },
    "em": {
        "softmax": "r0.5", "weighted": "r4", "sampled": "r0.5", "adjusted": "r2", "focal": "g0.5", "center": "l0.003",
        "angular": "m2", "class-angular": "m63", "normalised": "s4", "arcface": "m0.25-s16",
        "class-arcface": "m0.3-0.1-s16",
    },
    "eg": {
        "softmax": "r2", "weighted": "r2", "sampled": "r0.5", "adjusted": "r2", "focal": "g0.5", "center": "l0.001",
        "angular": "m5", "class-angular": "m53", "normalised": "s8", "arcface": "m0.25-s16",
        "class-arcface": "m0.3-0.1-s8",
    },
}  # fmt: skip
FIELDS = {"learning_rate": "training", "balancing": "training", "margin_pair": "recipe", "annealing": "recipe"}


def recipe(profile: str, *, ground: str, loss: str, setting: str) -> Recipe:
    """Return the recipe of a ground of ``GROUNDS`` under a loss of ``LOSSES`` in one of its settings."""
    (_, feature_set, number, scaling), (kind, _, settings) = GROUNDS[ground], LOSSES[loss]
    changed = {"training": {}, "recipe": {}, "loss": {}}
    for field, value in settings[setting].items():
        changed[FIELDS.get(field, "loss")][field] = value
    return Recipe(
        Functionals(feature_set), "FeatureNetwork", kind, replace(PROFILES[profile], **changed["training"]),
        network_options={"features": number}, loss_options=changed["loss"], normalise="feature", scaling=scaling,
        **changed["recipe"],
    )  # fmt: skip


def name(ground: str, loss: str, setting: str | None = None) -> str:
    """Return a method's name; without a setting that of the one that was chosen on dev."""
    return f"equal/{ground}-{loss}-{setting or CHOSEN[ground][loss]}"


METHODS = [
    NeuralMethod(
        name(ground, loss, setting), "equal terms", f"{where}, {words}, {setting}",
        partial(recipe, ground=ground, loss=loss, setting=setting),
    )
    for ground, (where, *_) in GROUNDS.items()
    for loss, (_, words, settings) in LOSSES.items()
    for setting in settings
]  # fmt: skip
