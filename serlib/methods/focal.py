"""Paper 001: ResNet-18 on mel spectrograms or MFCC, under softmax or focal loss (the four rows of its Table 4).

Printed: 22.05 kHz, Hann 2048, hop 512, 128 mel bands or 40 MFCC, at most 6 s, ResNet-18, focal loss, five stratified
folds. Not printed, so ours to choose: gamma (2, the paper's example), optimiser (Adam 1e-3 with cosine decay, weight
decay 1e-4, gradients clipped at 5), batch (16), epochs (50), which weights are scored (averaged over the last third),
input scaling (training part, per band).

The study profile has a quarter of the filters and 600 updates, by which the network knows its training part by heart:
more of them change nothing; what is missing is regularisation, see ``serlib.methods.variants.strong``.
"""

from functools import partial

from serlib.features import MFCC, LogMel
from serlib.methods.neural import NeuralMethod
from serlib.methods.recipe import Recipe
from serlib.training import Training

GAMMA = 2.0
PAPER = {"crop": 6.0, "width": 64, "budget": {"epochs": 50}, "batch": 16, "rate": 1e-3}
SIZES = {
    "paper": PAPER,
    "study": PAPER | {"width": 16, "budget": {"updates": 600}, "rate": 2e-3},
    "quick": PAPER | {"crop": 2.0, "width": 4, "budget": {"epochs": 3}, "batch": 32, "rate": 3e-3},
}


def recipe(profile: str, *, features: str, loss: str) -> Recipe:
    """Return the recipe: ``features`` is ``"mel"`` or ``"mfcc"``, ``loss`` is ``"softmax"`` or ``"focal"``."""
    size, kind = SIZES[profile], {"mel": LogMel, "mfcc": MFCC}[features]
    name, options = {"softmax": ("SoftmaxLoss", {}), "focal": ("FocalLoss", {"gamma": GAMMA})}[loss]
    training = Training(
        **size["budget"], batch_size=size["batch"], learning_rate=size["rate"], weight_decay=1e-4, schedule="cosine",
        clip_norm=5.0,
    )  # fmt: skip
    return Recipe(
        kind(crop_seconds=size["crop"]), "ResNet18", name, training, network_options={"width": size["width"]},
        loss_options=options,
    )  # fmt: skip


METHODS = [
    NeuralMethod(
        f"focal/{features}-{loss}", "001", f"ResNet-18, {shown}, {loss} loss",
        partial(recipe, features=features, loss=loss),
    )
    for features, shown in (("mel", "mel spectrogram"), ("mfcc", "MFCC"))
    for loss in ("softmax", "focal")
]  # fmt: skip
