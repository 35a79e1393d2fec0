"""Ask a trained model about recordings of one's own."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from serlib import losses, methods, models
from serlib.features.audio import read_audio
from serlib.training import Hardware, predict


def predict_files(run: str | Path, files: Sequence[str | Path], *, device: str = "cpu") -> pd.DataFrame:
    """Score audio files with the model that a run kept (``keep_weights=True``).

    Args:
        run: folder of the run.
        files: audio of any rate and channel count; mixed to mono and resampled.
        device: where to compute.

    Returns:
        One row a file: the predicted emotion and, per class, the softmax of the margin-free logits.

    Raises:
        ValueError: when the run kept no weights, or was made by a method without a network.
    """
    folder = Path(run)
    if not (folder / "model.safetensors").is_file():
        raise ValueError(f"{folder.name} holds no model.safetensors; make the run with --keep-weights")
    manifest = json.loads((folder / "manifest.json").read_text())
    method, classes = methods.get(manifest["method"]), manifest["corpus"]["classes"]
    recipe, state = method.recipe(manifest["profile"]), load_file(folder / "model.safetensors")
    network = getattr(models, recipe.network)(**recipe.network_options)
    loss = getattr(losses, recipe.loss)(len(classes), network.embedding_size, **recipe.loss_options)
    for part, prefix in ((network, "network."), (loss, "loss.")):
        owned = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        part.load_state_dict(owned)
        part.to(device)
    mean, deviation = (state[f"scaler.{n}"].numpy() for n in ("mean", "deviation"))
    rate = recipe.features.sample_rate_hz
    heard = [recipe.features.extract(read_audio(f, sample_rate_hz=rate)) for f in files]
    names, hardware = [Path(f).name for f in files], Hardware.choose(device, "float32")
    read = method.examples(recipe, heard, np.zeros(len(heard), np.int64), names, hardware=hardware, training=False)
    inputs = [(x - mean) / deviation for x in read.inputs]
    logits = read.averaged(predict(network, loss, inputs, hardware=hardware)[0])
    shares = torch.from_numpy(logits).softmax(1).numpy()
    predicted = np.asarray(classes)[logits.argmax(1)]
    table = pd.DataFrame(shares, columns=classes, index=pd.Index(names, name="file"))
    return table.assign(predicted=predicted)[["predicted", *classes]]
