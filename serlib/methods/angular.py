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

The study profile has half the channels and coarser pictures (``SEGMENTS``), whose kernels keep their size in numbers:
CRNN's 12 x 16 span 0.3 kHz and half a second where the paper's span 0.12 kHz and 0.16 s. Each course has the shape of
the paper's (0.9^70 at the end; a tenth after 20, 40 and 60 of 70 epochs), squeezed into the budget; budgets, batches
and CRNN's rate were chosen in about 8 trainings on dev of two folds of EMO-DB, under softmax alone (UA on dev, chosen
ones against others: CRNN 59 against 50 and 51, CNN-TF-GAP 64).
"""

from functools import partial

from serlib.features import RawWaveform
from serlib.features.segments import SegmentSpectrogram
from serlib.methods.neural import NeuralMethod
from serlib.methods.recipe import Recipe
from serlib.training import Training

MINIMUM_AT = 0.237
MARGIN_PAIRS = {"c64": (6, 4), "c63": (6, 3), "c53": (5, 3)}  # small classes, large classes
BEST_MARGIN = {"crnn": 5, "tfgap": 4}
NETWORKS = {"crnn": "CRNN", "tfgap": "CNN-TF-GAP"}
COARSE = {"n_fft": 640, "hop_length": 500, "pad_samples": 140, "n_bins": 80}
SHORT = COARSE | {"segment_seconds": 1.0, "train_shift_seconds": 2.0, "eval_shift_seconds": 2.0, "n_bins": 40}
SEGMENTS = {  # how the study profile sees a segment; the paper's own picture has 400 x 200 numbers
    "crnn": COARSE,  # 0 to 2 kHz: 80 x 64
    "tfgap": {"n_fft": 400, "window_length": 400, "hop_length": 320, "pad_samples": 80, "n_bins": 100},  # to 4 kHz
}
PAPER = {"width": 1.0, "annealing": {"gamma": 0.12}}
STUDY = {"width": 0.5, "annealing": {"minimum_at": MINIMUM_AT}}
SIZES = {"paper": PAPER, "study": STUDY, "quick": STUDY | {"width": 0.125}}
FALLING = {"paper": {"gamma": 0.9}}  # per epoch; elsewhere to the same end
SHARES = (20 / 70, 40 / 70, 60 / 70)  # of the training, after which the paper takes a tenth of the rate
STEPPING = {"schedule": "steps", "schedule_options": {"shares": SHARES}, "optimiser": "sgd", "nesterov": True}
COURSES = {  # budget, batch, rate
    "crnn": {"paper": ({"epochs": 70}, 64, 0.01), "study": ({"updates": 2000}, 16, 0.001),
             "quick": ({"epochs": 2}, 64, 0.01)},
    "tfgap": {"paper": ({"epochs": 70}, 64, 0.1), "study": ({"updates": 500}, 32, 0.1),
              "quick": ({"epochs": 2}, 64, 0.1)},
}  # fmt: skip


def recipe(profile: str, *, network: str, loss: str) -> Recipe:
    """Return the recipe: ``network`` of ``NETWORKS``, ``loss`` as in the methods' names, such as ``"m4"``."""
    size, (budget, batch, rate) = SIZES[profile], COURSES[network][profile]
    angular, recurrent = loss != "softmax", network == "crnn"
    segments = SegmentSpectrogram(**{"paper": {}, "study": SEGMENTS[network], "quick": SHORT}[profile])
    falling = {"schedule": "exponential", "schedule_options": FALLING.get(profile, {"end": 0.9**70})}
    margin = int(loss[1:]) if loss[0] == "m" else BEST_MARGIN[network]
    training = Training(
        **budget, batch_size=batch, learning_rate=rate, weight_decay=1e-3, clip_norm=5.0,
        balancing={"wsampling": "sampling", "wloss": "loss"}.get(loss, "none"),
        ending="last" if profile == "paper" else "average", **(falling if recurrent else STEPPING),
    )  # fmt: skip
    return Recipe(
        RawWaveform(crop_seconds=None), "CRNN" if recurrent else "CNNTFGAP",
        "AngularSoftmaxLoss" if angular else "SoftmaxLoss", training, segments=segments,
        network_options={"width": size["width"]} | ({"bins": segments.n_bins} if recurrent else {}),
        loss_options={"margin": margin} if angular and loss not in MARGIN_PAIRS else {},
        margin_pair=MARGIN_PAIRS.get(loss), annealing=size["annealing"] if angular else None,
    )  # fmt: skip


def words(network: str, loss: str) -> str:
    """Return what a table's row calls a loss."""
    if loss in MARGIN_PAIRS:
        return "angular softmax, m = {} for small classes, {} for large ones".format(*MARGIN_PAIRS[loss])
    best = f"angular softmax, m = {BEST_MARGIN[network]}"
    more = {"softmax": "softmax", "wsampling": f"{best}, weighted sampling", "wloss": f"{best}, weighted loss"}
    return more.get(loss, f"angular softmax, m = {loss[1:]}")


METHODS = [
    NeuralMethod(
        f"angular/{network}-{loss}", "000", f"{shown}, {words(network, loss)}",
        partial(recipe, network=network, loss=loss),
    )
    for network, shown in NETWORKS.items()
    for loss in ("softmax", "m3", "m4", "m5", "m6", *MARGIN_PAIRS, "wsampling", "wloss")
]  # fmt: skip
