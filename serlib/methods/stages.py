"""What a first stage has learned, kept on disk so that every second stage that builds on it shares one copy."""

import hashlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from safetensors.numpy import load, save
from torch import nn

from serlib.corpora.corpus import Corpus
from serlib.losses import SoftmaxLoss
from serlib.models import FeatureNetwork
from serlib.paths import cache_dir
from serlib.protocol import Fold
from serlib.training import Examples, Hardware, Training, fit

Tensors = dict[str, np.ndarray]
# whose code can change what stage 1 learns
CODE = ("methods.stages", "models.feature_network", "losses.softmax", "losses.base", "training.fit", "training.batches",
        "training.recipe")  # fmt: skip


def shared(what: dict[str, Any], make: Callable[[], Tensors]) -> Tensors:
    """Return the tensors that ``make`` gives for ``what``, made by the first who asks and read by all others.

    A file in the cache is named by the content of ``what`` and ends with a checksum over both: one that is damaged or
    belongs to something else is made again, with a warning. It appears whole or not at all, so processes may share it;
    two that are equally fast make the same, and go on with what lies on disk.

    Args:
        what: all that can change the tensors, ready for JSON.
        make: is deterministic.
    """
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).digest()
    path = cache_dir() / "stages" / f"{key.hex()}.safetensors"
    if (found := _read(path, key)) is not None:
        return found
    body, temporary = (
        save({n: np.ascontiguousarray(t) for n, t in make().items()}),
        path.with_name(f"{uuid4().hex}.tmp"),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        temporary.write_bytes(body + hashlib.sha256(key + body).digest())
        if _read(path, key, tell=False) is None:
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return _read(path, key)


def _read(path: Path, key: bytes, *, tell: bool = True) -> Tensors | None:
    """Return the tensors of a file, or None when it is not there or not what it is named."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if hashlib.sha256(key + content[:-32]).digest() == content[-32:]:
        return load(content[:-32])
    if tell:
        warnings.warn(f"{path}: this first stage is damaged and is trained again", stacklevel=3)
    return None


def first_stage(
    corpus: Corpus, fold: Fold, inputs: np.ndarray, feature: dict, training: Training, *, seed: int, hardware: Hardware
) -> tuple[FeatureNetwork, SoftmaxLoss, list[dict]]:
    """Return the feature network of a fold and seed, its classifier and history: trained once, then read.

    Args:
        corpus: whose labels are learned.
        fold: its training part is learned from, the epoch is chosen on its dev part.
        inputs: scaled functionals of the whole corpus, (utterances, F) float32.
        feature: options of ``FeatureNetwork``.
        training: how it is trained.
        seed: of the weights, batches and dropout.
        hardware: on what; always in float32.
    """
    torch.manual_seed(seed)
    network = FeatureNetwork(inputs.shape[1], **feature)
    loss = SoftmaxLoss(len(corpus.classes), network.embedding_size)
    parts: dict[str, nn.Module] = {"network": network, "loss": loss}

    def make() -> Tensors:
        train, dev = (Examples(list(inputs[rows]), corpus.labels[rows]) for rows in (fold.train, fold.dev))
        precise = Hardware(hardware.device, "float32", channels_last=False)
        history = fit(network, loss, train, dev, training, hardware=precise, seed=seed)
        state = {f"{part}.{n}": t.cpu().numpy() for part, m in parts.items() for n, t in m.state_dict().items()}
        return state | {"history": np.frombuffer(json.dumps(history).encode(), np.uint8)}

    files = {name: Path(sys.modules[f"serlib.{name}"].__file__).read_bytes() for name in CODE}
    tensors = shared(
        {
            "inputs": hashlib.sha256(inputs.tobytes()).hexdigest(), "corpus": corpus.fingerprint, "seed": seed,
            "fold": fold.digest(corpus), "feature": feature, "training": asdict(training), "torch": torch.__version__,
            "device": hardware.device, "code": {n: hashlib.sha256(b).hexdigest() for n, b in files.items()},
        },
        make,
    )  # fmt: skip
    for part, module in parts.items():
        module.load_state_dict({n: torch.from_numpy(tensors[f"{part}.{n}"]) for n in module.state_dict()})
        module.to(hardware.device)
    return network, loss, json.loads(tensors["history"].tobytes())
