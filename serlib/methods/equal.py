"""Every loss on equal terms: one small network on functionals, where a training takes a second, in four settings each.

No paper's rows. Three grounds: emobase2010 scaled by each speaker's own statistics (``em-speaker``), the same scaled by
the training part (``em``), and eGeMAPS scaled by the training part (``eg``). The network and its training are those of
paper 004's first stage: 64 neurons, dropout 0.5, 700 updates of 32 utterances, Adam at 2e-3 that falls to 0. Each loss
is given four settings (``serlib.methods.settings``); that with the highest mean UA on dev was chosen (EMO-DB,
leave-one-speaker-out, study profile). A test holds it against the committed runs; other corpora take it as it is.
"""

from dataclasses import replace
from functools import partial

from serlib.features import Functionals
from serlib.methods.neural import NeuralMethod
from serlib.methods.recipe import Recipe
from serlib.methods.settings import CHOSEN, CHOSEN_FURTHER, LOSSES, parts_of
from serlib.training import Training

GROUNDS = {  # words, functionals, their number, scaling
    "em-speaker": ("emobase2010, each speaker's own statistics", "emobase2010", 1582, "speaker"),
    "em": ("emobase2010", "emobase2010", 1582, "train"),
    "eg": ("eGeMAPS", "eGeMAPSv02", 88, "train"),
}
FURTHER = {  # asked under softmax alone: members of ``serlib.report.best``, no ground of a comparison
    "cp-speaker": ("ComParE, each speaker's own statistics", "ComParE_2016", 6373, "speaker"),
    "cp": ("ComParE", "ComParE_2016", 6373, "train"),
}
INPUTS = GROUNDS | FURTHER
TRAINING = Training(updates=700, batch_size=32, learning_rate=2e-3, schedule="cosine")
PROFILES = {"paper": TRAINING, "study": TRAINING, "quick": replace(TRAINING, updates=None, epochs=4)}


def recipe(profile: str, *, ground: str, loss: str, setting: str) -> Recipe:
    """Return the recipe of one of ``INPUTS`` under a loss of ``LOSSES`` in one of its settings."""
    _, feature_set, number, scaling = INPUTS[ground]
    kind, changed = parts_of(loss, setting)
    return Recipe(
        Functionals(feature_set), "FeatureNetwork", kind, replace(PROFILES[profile], **changed["training"]),
        network_options={"features": number}, loss_options=changed["loss"], normalise="feature", scaling=scaling,
        **changed["recipe"],
    )  # fmt: skip


def name(ground: str, loss: str, setting: str | None = None) -> str:
    """Return a method's name; without a setting that of the one that was chosen on dev."""
    return f"equal/{ground}-{loss}-{setting or (CHOSEN | CHOSEN_FURTHER)[ground][loss]}"


METHODS = [
    NeuralMethod(
        name(ground, loss, setting), "equal terms", f"{where}, {words}, {setting}",
        partial(recipe, ground=ground, loss=loss, setting=setting),
    )
    for ground, (where, *_) in INPUTS.items()
    for loss, (_, words, settings) in LOSSES.items()
    if ground in GROUNDS or loss == "softmax"
    for setting in settings
]  # fmt: skip
