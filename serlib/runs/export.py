"""A kept model as one ONNX file: from features, as their recipe gives them, to calibrated probabilities."""

import json
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import nn

from serlib.files import write_whole
from serlib.methods.scaling import Scaler
from serlib.runs.golden import clips
from serlib.runs.kept import KeptModel, load_model

TOLERANCE = 1e-4
NETWORKS = ("FeatureNetwork", "ResNet18")  # of the others, ONNX holds no packed sequences and no pyramid of bins


class Asked(nn.Module):
    """Features (clips, ...), of one length, to probabilities (clips, classes): scaling, network, loss, temperature."""

    def __init__(self, kept: KeptModel) -> None:
        super().__init__()
        scaler = Scaler.of(kept.state)  # which leaves alone what is scaled by speaker
        self.mean, self.deviation = nn.Buffer(torch.tensor(scaler.mean)), nn.Buffer(torch.tensor(scaler.deviation))
        ((self.network, self.loss),) = kept.model.members
        self.temperature = kept.calibration["temperature"]

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Score a batch."""
        scaled = (features - self.mean) / self.deviation
        lengths = torch.ones_like(scaled.flatten(1)[:, 0], dtype=torch.int64) * scaled.shape[-1]
        return (self.loss.get_logits(self.network(scaled, lengths)) / self.temperature).softmax(1)


def export_onnx(model: str | Path, out: str | Path) -> float:
    """Write a kept model as one ONNX file; return how far ONNX Runtime's probabilities lie from torch's, at most.

    Input ``features``: (clips, channels, bins, frames) of one length, or (clips, functionals), as the feature recipe in
    the metadata gives them; of a model that scales by speaker, scaled already. Output ``probabilities``: (clips,
    classes). Metadata, as JSON: ``features``, ``scaling``, ``classes``, ``calibration``, and the ``card``.

    A ValueError tells that the extra ``export`` is missing, the network is none of ``NETWORKS``, or that the two differ
    by more than ``TOLERANCE`` at one of several lengths.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ValueError(f"{error}; pip install -e '.[export]' brings it") from error
    kept = load_model(model)
    name, recipe = kept.method.name, kept.recipe
    if recipe.network not in NETWORKS:
        raise ValueError(f"{name}: {recipe.network} cannot be exported; allowed are {', '.join(NETWORKS)}")
    short, long = clips(recipe.features.sample_rate_hz)
    signals = (short, long, np.concatenate([short, long]), short[: len(short) // 3])
    examples = [np.stack([recipe.features.extract(each)] * (1 + k)) for k, each in enumerate(signals)]
    axes = {"features": {0: "clips"} | ({3: "frames"} if examples[0].ndim == 4 else {}), "probabilities": {0: "clips"}}
    asked, buffer = Asked(kept).eval(), BytesIO()
    with warnings.catch_warnings(action="ignore"):  # of lengths that are not checked there: all are whole
        torch.onnx.export(
            asked, (torch.from_numpy(examples[1]),), buffer, dynamo=False, opset_version=17, dynamic_axes=axes,
            input_names=["features"], output_names=["probabilities"],
        )  # fmt: skip
    made = onnx.load_from_string(buffer.getvalue())
    facts = {"features": recipe.features.to_dict(), "scaling": recipe.scaling, "classes": kept.classes}
    facts |= {"calibration": kept.calibration, "card": kept.facts}
    onnx.helper.set_model_props(made, {key: json.dumps(value) for key, value in facts.items()})
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        pairs = [(session.run(None, {"features": x})[0], asked(torch.from_numpy(x)).numpy()) for x in examples]
    apart = max(float(np.abs(one - other).max()) for one, other in pairs)
    if not apart <= TOLERANCE:
        raise ValueError(f"{name}: ONNX Runtime's probabilities are {apart:.2g} off torch's; allowed is {TOLERANCE}")
    write_whole(out, made.SerializeToString())
    return apart
