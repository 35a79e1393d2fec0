"""Paper 000: CRNN and CNN-TF-GAP on segments, under softmax and angular softmax (every row of its Tables 1 to 6).

Printed: segments and spectrogram (see ``SegmentSpectrogram``), Adam 0.01, 0.9 of it in every next epoch (CRNN), SGD
with Nesterov momentum 0.9, 0.1, a tenth of it from epochs 21, 41 and 61 on (CNN-TF-GAP), weight decay 0.001, 70 epochs,
batch 64, margins. "Weighted sampling" and "weighted loss" stand on the network's best single margin, as in section 3.4.

Not printed, so ours to choose: gradients clipped at 5 (Adam at 0.01 is a high rate for an LSTM); scaling by the
training part, per bin; no linear layer behind CNN-TF-GAP's mean, so that rows differ in the loss alone; and lambda. The
paper mixes in "original softmax" without saying how much: we take SphereFace's course, lambda =
max(5, 1000 / (1 + 0.12 it)), which ends at iteration 1659. With about 6,500 training segments there are about 100
iterations per epoch on IEMOCAP and 7000 in all, so lambda is at its minimum after ``MINIMUM_AT`` = 1659 / 7000 = 0.237
of the training, in epoch 17 of 70. The small profiles have fewer iterations; they keep this share, not gamma.

The study profile sees 0 to 2 kHz, 25 Hz apart, every 31 ms, with half the channels; its batches, rates and epochs were
chosen in about 19 trainings on dev of one fold of EMO-DB, under softmax and (CNN-TF-GAP) m = 4 too, within what two CPU
cores can do in a few minutes.
"""

from functools import partial

from serlib.features import RawWaveform
from serlib.features.segments import SegmentSpectrogram
from serlib.methods.segmented import SegmentedMethod, SegmentedRecipe, annealing, class_margins
from serlib.training import Training

__all__ = ["BEST_MARGIN", "MARGIN_PAIRS", "METHODS", "MINIMUM_AT", "annealing", "class_margins"]

MINIMUM_AT = 0.237
MARGIN_PAIRS = {"c64": (6, 4), "c63": (6, 3), "c53": (5, 3)}  # small classes, large classes
BEST_MARGIN = {"crnn": 5, "tfgap": 4}
NETWORKS = {"crnn": "CRNN", "tfgap": "CNN-TF-GAP"}
PAPER = {"segments": {}, "width": 1.0, "annealing": {"gamma": 0.12}}
COARSE = {"n_fft": 640, "hop_length": 500, "pad_samples": 140, "n_bins": 80}
STUDY = {"segments": COARSE, "width": 0.5, "annealing": {"minimum_at": MINIMUM_AT}}
SHORT = {"segment_seconds": 1.0, "train_shift_seconds": 2.0, "eval_shift_seconds": 2.0}
QUICK = STUDY | {"segments": COARSE | SHORT | {"n_bins": 40}, "width": 0.125}
SIZES = {"paper": PAPER, "study": STUDY, "quick": QUICK}
# epochs, batch, rate, course of the rate: its factor per epoch (CRNN), epochs after which it falls to a tenth
COURSES = {
    "crnn": {"paper": (70, 64, 0.01, 0.9), "study": (12, 16, 0.002, 0.9), "quick": (2, 64, 0.01, 0.9)},
    "tfgap": {"paper": (70, 64, 0.1, [20, 40, 60]), "study": (12, 32, 0.1, [4, 7, 10]), "quick": (2, 64, 0.1, [1])},
}


def recipe(profile: str, *, network: str, loss: str) -> SegmentedRecipe:
    """Return the recipe: ``network`` of ``NETWORKS``, ``loss`` as in the methods' names, such as ``"m4"``."""
    size, (epochs, batch, rate, course) = SIZES[profile], COURSES[network][profile]
    segments, angular, recurrent = SegmentSpectrogram(**size["segments"]), loss != "softmax", network == "crnn"
    falling = {"schedule": "exponential", "schedule_options": {"gamma": course}}
    stepping = {"schedule": "steps", "schedule_options": {"milestones": course}, "optimiser": "sgd", "nesterov": True}
    margin = int(loss[1:]) if loss[0] == "m" else BEST_MARGIN[network]
    return SegmentedRecipe(
        features=RawWaveform(crop_seconds=None),
        segments=segments,
        network="CRNN" if recurrent else "CNNTFGAP",
        network_options={"width": size["width"]} | ({"bins": segments.n_bins} if recurrent else {}),
        loss="AngularSoftmaxLoss" if angular else "SoftmaxLoss",
        loss_options={"margin": margin} if angular and loss not in MARGIN_PAIRS else {},
        margin_pair=MARGIN_PAIRS.get(loss),
        annealing=size["annealing"] if angular else None,
        training=Training(
            epochs=epochs, batch_size=batch, learning_rate=rate, weight_decay=1e-3, clip_norm=5.0,
            balancing={"wsampling": "sampling", "wloss": "loss"}.get(loss, "none"),
            **(falling if recurrent else stepping),
        ),
    )  # fmt: skip


def words(network: str, loss: str) -> str:
    """Return what a table's row calls a loss."""
    if loss in MARGIN_PAIRS:
        return "angular softmax, m = {} for small classes, {} for large ones".format(*MARGIN_PAIRS[loss])
    best = f"angular softmax, m = {BEST_MARGIN[network]}"
    more = {"softmax": "softmax", "wsampling": f"{best}, weighted sampling", "wloss": f"{best}, weighted loss"}
    return more.get(loss, f"angular softmax, m = {loss[1:]}")


METHODS = [
    SegmentedMethod(
        f"angular/{network}-{loss}", "000", f"{shown}, {words(network, loss)}",
        partial(recipe, network=network, loss=loss),
    )
    for network, shown in NETWORKS.items()
    for loss in ("softmax", "m3", "m4", "m5", "m6", *MARGIN_PAIRS, "wsampling", "wloss")
]  # fmt: skip
