"""Paper 002: whole utterances as log-mel with deltas, dilated convolutions, a spatial pyramid, attention, ArcFace.

Printed: 16 kHz, Hamming window of 25 ms every 10 ms, FFT of 512, 40 mel bands, deltas with N = 9 taken twice, mean and
deviation of each channel; 8 layers of 128 filters, 5 x 3, factorised; pyramid (1, 5, 10); z of 32; ArcFace with m = 0.5
and s = 2; class weights N / N_c (eq. 15; alpha = 1 / classes makes them 1 on average); a cyclical learning rate, half a
cycle an epoch, its ends read off a range test; the epoch with the best UA on one held-out speaker.

Not printed, so ours to choose: Adam, batch 16, epochs, gradients clipped at 5, batch normalisation of the pooled
vectors (``pooled_norm``), and the ends of the cycle, ``rate`` and a tenth of it. On a training part of EMO-DB (study
profile, ff-spp) the range test's smoothed loss begins to fall at about 2e-4 and falls no longer at about 5e-3. The rate
at 128 filters is half as high, by common sense. The study profile has fewer filters, a frame every 20 ms (N = 4: about
as long in seconds) and pools 4 of them. As everywhere here, no value lies more than 80 dB below the clip's largest.

Beyond the paper: ``multidilated/try-*`` (see ``TRIES``). ``BEST`` is to be the one with the highest mean UA on dev over
speaker-folds-5 (EMO-DB, study profile); until all are trained anew it stands for the best one that is affordable. A
test holds it against the committed runs where they are. ``multidilated/best`` averages three such networks,
``multidilated/best-plain`` is its twin without masks and speeds. ``multidilated/*-attention-count*`` are not in the
paper's table either: see ``COUNTED``.
"""

from functools import partial
from typing import Any

from serlib.features import LogMel
from serlib.methods.neural import NeuralMethod
from serlib.methods.recipe import Recipe
from serlib.methods.variants import DROPOUT, SPEEDS
from serlib.training import SpectrogramMasks, Training

PAPER = {"hop": 160, "delta": 19, "time_pool": 2, "width": 128, "budget": {"epochs": 60}, "batch": 16, "rate": 1e-3}
STUDY = PAPER | {"hop": 320, "delta": 9, "time_pool": 4, "width": 32, "budget": {"updates": 700}, "rate": 2e-3}
SIZES = {
    "paper": PAPER,
    "study": STUDY,
    "quick": STUDY | {"hop": 640, "delta": 5, "batch": 32, "width": 4, "budget": {"epochs": 2}, "rate": 5e-3},
}

PLAIN = {"factorised": False, "dilations": "none", "levels": (1,), "attention": "none"}
FACTORISED = PLAIN | {"factorised": True}
PYRAMID = FACTORISED | {"levels": (1, 5, 10)}
MULTI = PYRAMID | {"dilations": "multi"}
MARGIN_RAD, SCALE = 0.5, 2.0
ARC = {"margin_rad": MARGIN_RAD, "scale": SCALE}

LADDER = {  # Table 1, row by row: network, options of ArcFace (None: softmax), title
    "gmp": (PLAIN, None, "CNN, global max pooling"),
    "ff-gmp": (FACTORISED, None, "CNN, factorised, global max pooling"),
    "ff-spp": (PYRAMID, None, "CNN, factorised, pyramid"),
    "dilated2": (PYRAMID | {"dilations": "fixed"}, None, "dilated CNN (2), pyramid"),
    "multi": (MULTI, None, "multi-dilated CNN, pyramid"),
    "multi-attention": (MULTI | {"attention": "scale"}, None, "multi-dilated CNN, pyramid, attention"),
    "multi-attention-arcface": (MULTI | {"attention": "scale"}, ARC, "multi-dilated CNN, pyramid, attention, ArcFace"),
    "multi-arcface": (MULTI, ARC, "multi-dilated CNN, pyramid, ArcFace"),
}
# not in Table 1: the same two with the attention's weights times 126, as a vector's mean size is without attention
COUNTED = {
    f"{row.replace('attention', 'attention-count')}": (network | {"rescale": "count"}, arc, f"{title} (weights x 126)")
    for row, (network, arc, title) in LADDER.items() if "attention" in row
}  # fmt: skip
ROWS = tuple(f"multidilated/{row}" for row in LADDER)


def _named(levels: tuple[int, ...]) -> str:
    return "multidilated/spp-" + "-".join(map(str, levels))


SCHEMES = {ROWS[1]: (1,), ROWS[2]: (1, 5, 10)} | {_named(n): n for n in ((1, 2, 5, 10), (1, 2, 5, 8, 10))}  # Table 3
BINS = {_named((1, n)): (1, n) for n in (2, 5, 6, 8, 10)}
DEPTHS = {ROWS[0] if n == 8 else f"multidilated/depth-{n}": n for n in (4, 6, 8, 10, 12, 16, 20)}
ARCFACE = {
    ROWS[7] if (m, s) == (MARGIN_RAD, SCALE) else f"multidilated/arcface-m{m:g}-s{s:g}": (m, s)
    for m in (0.3, 0.5, 0.7)
    for s in (1.5, 2.0, 60.0)
}


def recipe(profile: str, *, network: dict, arcface: dict | None = None, widening: int = 1, **more: Any) -> Recipe:
    """Return the recipe of ``network``, options of ``MultiDilatedCNN``, under softmax, or ArcFace with its options.

    ``widening`` is times the filters of the profile, ``more`` are fields of ``Recipe`` that differ.
    """
    size = SIZES[profile]
    features = LogMel(
        sample_rate_hz=16000, crop_seconds=None, n_fft=512, window_length=400, hop_length=size["hop"], window="hamming",
        n_mels=40, mel_scale="htk", reference=1.0, delta_width=size["delta"],
    )  # fmt: skip
    training = Training(
        **size["budget"], batch_size=size["batch"], learning_rate=size["rate"], schedule="cyclic", clip_norm=5.0,
        balancing="loss", ending="best-dev" if profile == "paper" else "average",
    )  # fmt: skip
    options = {"width": widening * size["width"], "time_pool": size["time_pool"], "pooled_norm": True} | network
    return Recipe(
        features, "MultiDilatedCNN", "ArcFaceLoss" if arcface else "SoftmaxLoss", training, network_options=options,
        loss_options=arcface or {}, **{"normalise": "channel"} | more,
    )  # fmt: skip


def method(name: str, title: str, **options: Any) -> NeuralMethod:
    """Return a method of this paper; ``options`` are those of :func:`recipe`."""
    return NeuralMethod(name, "002", title, partial(recipe, **options))


SPEAKER = {"scaling": "speaker", "normalise": "bin"}
MASKS = {"masks": SpectrogramMasks()}
FASTER = {"speeds": SPEEDS}
BOTH = SPEAKER | MASKS | FASTER
DROP = {"dropout": DROPOUT}
WIDE = {"widening": 2}
OWN = "each speaker's own statistics"
TRIES = {  # what differs from ff-spp: words, network, recipe; softmax where the words do not say ArcFace
    "speaker": (OWN, {}, SPEAKER),
    "both": ("masks, speeds", {}, MASKS | FASTER),
    "speaker-masks": (f"{OWN}, masks", {}, SPEAKER | MASKS),
    "speaker-speeds": (f"{OWN}, speeds", {}, SPEAKER | FASTER),
    "speaker-both": (f"{OWN}, masks, speeds", {}, BOTH),
    "speaker-both-dropout": (f"{OWN}, masks, speeds, dropout", DROP, BOTH),
    "speaker-both-wide": (f"{OWN}, masks, speeds, twice the filters", {}, BOTH | WIDE),
    "speaker-both-wide-dropout": (f"{OWN}, masks, speeds, twice the filters, dropout", DROP, BOTH | WIDE),
    "speaker-both-wide-arcface": (
        f"{OWN}, masks, speeds, twice the filters, ArcFace", {}, BOTH | WIDE | {"arcface": ARC}
    ),
    "speaker-both-multi": (f"{OWN}, masks, speeds, multi-dilated", MULTI, BOTH),
}  # fmt: skip
BEST, NETWORKS = "speaker-both-dropout", 3
CHOSEN = TRIES[BEST][2]
TWIN = {key: value for key, value in CHOSEN.items() if key not in MASKS | FASTER}
METHODS = [
    *(
        method(f"multidilated/{row}", title + ("" if arc else ", softmax"), network=network, arcface=arc)
        for row, (network, arc, title) in (LADDER | COUNTED).items()
    ),
    *(
        method(name, f"CNN, factorised, pyramid {levels}, softmax", network=PYRAMID | {"levels": levels})
        for name, levels in (SCHEMES | BINS).items() if name not in ROWS
    ),
    *(
        method(name, f"CNN of {n} layers, global max pooling, softmax", network=PLAIN | {"blocks": n - 1})
        for name, n in DEPTHS.items() if name not in ROWS
    ),
    *(
        method(name, f"multi-dilated CNN, pyramid, ArcFace, m = {m:g}, s = {s:g}", network=MULTI,
               arcface={"margin_rad": m, "scale": s})
        for name, (m, s) in ARCFACE.items() if name not in ROWS
    ),
    *(
        method(f"multidilated/try-{name}", f"CNN, factorised, pyramid, {words}", network=PYRAMID | network, **more)
        for name, (words, network, more) in TRIES.items()
    ),
    *(
        method(f"multidilated/{name}", f"CNN, factorised, pyramid, {words}, {NETWORKS} networks",
               network=PYRAMID | TRIES[BEST][1], networks=NETWORKS, **more)
        for name, words, more in (("best", TRIES[BEST][0], CHOSEN),
                                  ("best-plain", "as the best one without masks and speeds", TWIN))
    ),
]  # fmt: skip
