"""A training step reads nothing back: on a GPU, whatever looks at a value waits for all that was asked before it.

The whole of ``fit`` runs on torch's meta device, where tensors have shapes but no values: whatever reads one (``item``,
``bool``, ``nonzero``, a boolean index, a copy to the CPU) fails, and so does whatever mixes devices. A copy to the
device that is not ``non_blocking`` would wait too. Lengths and rows lie on the CPU by design and may be asked.
"""

from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch
from small import Mean
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from serlib.losses import AngularSoftmaxLoss, ArcFaceLoss, CenterLoss, DCaENLoss, FocalLoss, SoftmaxLoss
from serlib.models import (
    CNNTFGAP,
    CRNN,
    CNNBiRNN,
    DCaEN,
    FeatureNetwork,
    MultiDilatedCNN,
    RawWaveformNetwork,
    ResNet18,
)
from serlib.training import BALANCING, Examples, Hardware, SpectrogramMasks, Training, fit
from serlib.training.fit import _epoch

BINS, CLASSES = 24, 3
META = Hardware("meta")
RAW = {"frame": 16, "channels": 4, "kernels": (5, 4), "strides": (2, 1), "group": 2, "cells": 5, "embedding_size": 4}
NETWORKS = {  # shape of a clip but for time, and the network
    "ResNet18": ((1, BINS), partial(ResNet18, width=2, dropout=0.1)),
    "ResNet18, preactivation": ((1, BINS), partial(ResNet18, width=2, preactivation=True)),
    "CNNBiRNN": ((1, BINS), partial(CNNBiRNN, bins=BINS, width=0.05, dropout=0.1)),
    "CRNN": ((1, BINS), partial(CRNN, bins=BINS, width=0.1)),
    "CRNN, mean": ((1, BINS), partial(CRNN, bins=BINS, width=0.1, last_states=False)),
    "CNNTFGAP": ((1, BINS), partial(CNNTFGAP, width=0.1, dropout=0.1)),
    "MultiDilatedCNN": ((3, BINS), partial(MultiDilatedCNN, bins=BINS, width=2, dropout=0.1)),
    "MultiDilatedCNN, plain": (
        (3, BINS), partial(MultiDilatedCNN, bins=BINS, width=2, levels=(1,), attention="none", pooled_norm=True),
    ),
    "RawWaveformNetwork": ((), partial(RawWaveformNetwork, **RAW)),
    "RawWaveformNetwork, whole": ((), partial(RawWaveformNetwork, **RAW, framewise=False)),
    "RawWaveformNetwork, last": ((), partial(RawWaveformNetwork, **RAW, attention="last")),
    "FeatureNetwork": ((), partial(FeatureNetwork, 20, embedding_size=4)),
    "DCaEN": ((), lambda: DCaEN(FeatureNetwork(20, embedding_size=4), RawWaveformNetwork(**RAW))),
}  # fmt: skip
LOSSES = {  # of 4 values; a pair loss of another library (MetricLoss) looks for pairs and has to wait
    "softmax": SoftmaxLoss,
    "focal": FocalLoss,
    "center": partial(CenterLoss, weight=0.1),
    "angular": AngularSoftmaxLoss,
    "angular by class": partial(AngularSoftmaxLoss, margin=(6, 4, 2), scale=8.0),
    "angular without annealing": partial(AngularSoftmaxLoss, annealing=None),
    "arcface": ArcFaceLoss,
    "arcface by class": partial(ArcFaceLoss, margin_rad=(0.6, 0.4, 0.2)),
    "dcaen": partial(DCaENLoss, feature_size=2),
    "dcaen with threshold": partial(DCaENLoss, feature_size=2, threshold=-0.5),
}


COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)  # the last argument is where it comes from


class Blocking(TorchDispatchMode):
    """Refuses copies to the device that wait for their end, once the first step is over, which may prepare."""

    def __init__(self, done: list[int]) -> None:
        super().__init__()
        self.done = done

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if func in COPIES and self.done and found.device.type == "meta" and args[-1].device.type == "cpu":
            assert (kwargs or {}).get("non_blocking"), "a copy that waits"
        return found


@pytest.fixture
def steps(monkeypatch) -> list[int]:
    """Let the meta device pass for a GPU: without autocast, and with ``cpu()`` where no step is under way."""
    done, (autocast, is_enabled, cpu) = [], (torch.autocast, torch.is_autocast_enabled, torch.Tensor.cpu)

    def off(kind: str, *args, **options):
        return nullcontext() if kind == "meta" else autocast(kind, *args, **options)

    def read(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.device.type != "meta":
            return cpu(tensor)
        assert len(done) % 4 == 0, "read within an epoch"
        return torch.zeros(tensor.shape, dtype=tensor.dtype)

    def watched(*args, **options):
        with Blocking(done):
            return _epoch(*args, **options)

    monkeypatch.setattr(torch, "autocast", off)
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda kind: kind != "meta" and is_enabled(kind))
    monkeypatch.setattr(torch.Tensor, "cpu", read)
    monkeypatch.setitem(fit.__globals__, "_epoch", watched)
    return done


def trained(shape, network: nn.Module, loss: nn.Module, steps: list[int], **options) -> None:
    """Train for an epoch (unless told otherwise) of four batches, masked where clips are images."""

    class Watched(Training):
        def make_optimiser(self, parameters):
            optimiser = super().make_optimiser(parameters)
            optimiser.register_step_post_hook(lambda *_: steps.append(len(steps)))
            return optimiser

    generator = np.random.default_rng(0)
    inputs = [np.zeros((*shape, n), np.float32) for n in generator.integers(24, 60, 16)]
    recipe = Watched(**{"epochs": 1, "batch_size": 4, "clip_norm": 1.0, "schedule": "cosine"} | options)
    fit(
        network, loss, Examples(inputs, np.arange(16) % CLASSES), None, recipe, hardware=META, seed=0,
        augment=SpectrogramMasks() if len(shape) == 2 else None,
    )  # fmt: skip
    assert len(steps) == 4 * recipe.epochs


@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_is_read_within_a_step(name, steps):
    shape, make = NETWORKS[name]
    network = make()
    trained(shape, network, SoftmaxLoss(CLASSES, network.embedding_size), steps)


@pytest.mark.parametrize("class_weight", [None, [0.5, 1, 2]])
@pytest.mark.parametrize("name", LOSSES)
def test_nor_is_a_loss(name, class_weight, steps):
    """Whatever the network: a loss sees its embeddings alone."""
    trained((3,), Mean(norm=True), LOSSES[name](CLASSES, 4, class_weight=class_weight), steps)


@pytest.mark.parametrize("options", [
    *({"optimiser": name} for name in ("adam", "adamw", "sgd")), *({"balancing": name} for name in BALANCING),
    {"ending": "last", "clip_norm": None}, {"schedule": "cyclic"}, {"schedule": "one-cycle"},
])  # fmt: skip
def test_nor_does_the_loop_itself(options, steps):
    trained((3,), Mean(norm=True, dropout=0.1), SoftmaxLoss(CLASSES, 4), steps, epochs=2, **options)


FAULTS = {
    "item": lambda z, _: z * z.sum().item(),
    "float": lambda z, _: z * float(z.detach().sum()),
    "bool": lambda z, _: z if torch.isfinite(z).all() else -z,
    "cpu": lambda z, _: z + 0 * z.cpu().to("meta"),
    "to cpu": lambda z, _: z + 0 * z.to("cpu").to("meta"),
    "tolist": lambda z, _: z * z.sum().tolist(),
    "boolean index": lambda z, _: z * z[z > 0].sum(),
    "nonzero": lambda z, _: z * len(torch.nonzero(z)),
    "lengths moved": lambda z, lengths: z * int(lengths.to(z.device, non_blocking=True).max()),
    "a copy that waits": lambda z, lengths: z * lengths.to(z.device)[:, None],
    "another device": lambda z, lengths: z * lengths[:, None],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_reads_is_caught(fault, steps):
    """So that the tests above mean something."""

    class Reading(Mean):
        def forward(self, x, lengths):
            return FAULTS[fault](super().forward(x, lengths), lengths)

    with pytest.raises((RuntimeError, NotImplementedError, AssertionError)):
        trained((3,), Reading(), SoftmaxLoss(CLASSES, 4), steps)
