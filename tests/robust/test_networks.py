"""Every option of every network: what is none of its kind is refused with one sentence that names it."""

import math
import re
from inspect import signature

import pytest
import torch

from serlib import models
from serlib.models.pooling import AttentionPooling

NAN, INF = math.nan, math.inf
# Options of networks by their kind, and what none of the kind may be.
SIZE, POSITIVE = "is an integer of at least ", "is a finite number above 0"
KINDS = {
    SIZE: (0, -1, 1.5, NAN, INF, "8", None, True, [8], torch.ones(2)),
    POSITIVE: (0, -1, NAN, INF, "1", None, True, 1j),
    "is a finite number of at least 0, below 1": (-0.1, 1, NAN, INF, "0", None, True),
    "are True and False": (1, 0, None, "yes", NAN),
    "is a list or tuple of ": (2, "ab", (2, 0), (1.5, 1), (True, 1), None, NAN, {2: 2}),
    "are ": ("", "x", None, 1, NAN, ["relu"]),
}
SHARE, FLAG, ROW, NAME = list(KINDS)[2:]
CHANNELS = {"channels": SIZE, "dropout": SHARE}
OPTIONS = {
    models.CRNN: CHANNELS | {"bins": SIZE, "width": POSITIVE, "pool": ROW, "bidirectional": FLAG, "last_states": FLAG,
                             "activation": NAME, "embedding_size": SIZE},
    models.CNNBiRNN: CHANNELS | {"bins": SIZE, "width": POSITIVE, "embedding_size": SIZE},
    models.CNNTFGAP: CHANNELS | {"width": POSITIVE, "padding": NAME},
    models.ResNet18: CHANNELS | {"width": SIZE, "preactivation": FLAG},
    models.MultiDilatedCNN: CHANNELS | dict.fromkeys(("bins", "width", "blocks", "time_pool", "embedding_size"), SIZE)
    | {"factorised": FLAG, "pooled_norm": FLAG, "dilations": NAME, "order": NAME, "attention": NAME, "rescale": NAME},
    models.RawWaveformNetwork: CHANNELS | dict.fromkeys(("frame", "group", "cells", "embedding_size"), SIZE)
    | {"kernels": ROW, "strides": ROW, "attention": NAME, "conv_activation": NAME, "activation": NAME,
       "framewise": FLAG, "input_dropout": SHARE},
    models.FeatureNetwork: {"features": SIZE, "embedding_size": SIZE, "hidden": ROW, "dropout": SHARE,
                            "activation": NAME},
    models.DCaEN: {"frozen": FLAG},
    AttentionPooling: {"size": SIZE, "mode": NAME, "rescale": NAME},
}  # fmt: skip


@pytest.mark.parametrize("network", OPTIONS)
def test_options_of_every_network(network):
    asked = {name for name in signature(network).parameters if name not in ("feature", "raw", "levels")}
    assert set(OPTIONS[network]) == asked - ({"embedding_size"} if network is models.CNNTFGAP else set())
    for name, kind in OPTIONS[network].items():
        called = "activation" if name == "conv_activation" else name
        for value in KINDS[kind]:
            given = {"size": 4} | {name: value} if network is AttentionPooling else {name: value}
            with pytest.raises(ValueError, match=f"^{re.escape(f'{called} is {value!r}; allowed {kind}')}"):
                network(**given)
