"""Losses in four settings each: their own constants where they have any, else the learning rate; and which was chosen.

``CHOSEN`` names, for each ground of ``serlib.methods.equal``, the setting with the highest mean UA on dev.
"""

from typing import Any

RATES = {f"r{thousandths:g}": {"learning_rate": thousandths / 1000} for thousandths in (0.5, 1, 2, 4)}
ANNEALED = {"annealing": {"minimum_at": 0.237}}  # of the training, as in ``serlib.methods.angular``
PAIRS = ((4, 3), (5, 3), (6, 3), (6, 4))  # margins of small classes and of large ones; the last three are paper 000's
LOSSES = {  # class, words, settings: options of the loss, fields of the recipe or of the training
    "softmax": ("SoftmaxLoss", "softmax", RATES),
    "weighted": ("SoftmaxLoss", "class-weighted softmax", {k: v | {"balancing": "loss"} for k, v in RATES.items()}),
    "sampled": ("SoftmaxLoss", "weighted sampling", {k: v | {"balancing": "sampling"} for k, v in RATES.items()}),
    "adjusted": ("LogitAdjustedLoss", "logit adjustment", {  # in place of class weights, where a paper prints them
        k: v | {"tau": 1.0, "balancing": "none"} for k, v in RATES.items()
    }),
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
CHOSEN_FURTHER = {"cp-speaker": {"softmax": "r0.5"}, "cp": {"softmax": "r0.5"}}  # where softmax alone is asked
CHOSEN_DEEP = {  # spectrogram network, {} for the loss: chosen on dev of the folds that ``data/plans/deep.toml`` names
    "focal/mel-softmax{}+strong": {
        "focal": "g1", "center": "l0.001", "angular": "m2", "class-angular": "m43", "normalised": "s8",
        "arcface": "m0.25-s16", "class-arcface": "m0.3-0.1-s8",
    },
    "multidilated/ff-spp{}": {
        "focal": "g0.5", "center": "l0.001", "angular": "m4", "class-angular": "m64", "normalised": "s4",
        "arcface": "m0.25-s16", "class-arcface": "m0.3-0.1-s8",
    },
}  # fmt: skip
OWN = ("focal", "center", "angular", "class-angular", "normalised", "arcface", "class-arcface")  # constants, that is
UNDER = {loss: (loss, setting) for loss, setting in CHOSEN["em-speaker"].items() if loss != "softmax"} | {
    f"{loss}-{setting}": (loss, setting) for loss in OWN for setting in LOSSES[loss][2]
}  # variants of other networks: a loss in the setting of the functionals' network, or in one that is named
FIELDS = {"learning_rate": "training", "balancing": "training", "margin_pair": "recipe", "annealing": "recipe"}


def variant(loss: str, setting: str | None = None) -> str:
    """Return the name of the variant that asks another network for a loss in a setting (None: the functionals' own)."""
    return loss if setting in (None, CHOSEN["em-speaker"][loss]) else f"{loss}-{setting}"


def parts_of(loss: str, setting: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the class of a loss, and what its setting changes: fields of ``training``, of the ``recipe``, the rest."""
    kind, _, settings = LOSSES[loss]
    changed = {"training": {}, "recipe": {}, "loss": {}}
    for field, value in settings[setting].items():
        changed[FIELDS.get(field, "loss")][field] = value
    return kind, changed
