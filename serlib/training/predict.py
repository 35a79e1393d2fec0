"""Scoring: what a trained network says of inputs, whatever their companions."""

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import nn

from serlib.training.batches import scoring_batches
from serlib.training.hardware import Hardware, exact


@torch.no_grad()
def predict(
    network: nn.Module, loss: nn.Module, inputs: Sequence[np.ndarray], *, hardware: Hardware, batch_size: int = 32,
    precise: bool = True,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Score every input, time last, in evaluation mode, by the loss' logits without margin.

    The scores do not depend on ``batch_size``: unless ``precise`` is False, which follows ``hardware``, all is computed
    in float32.

    Returns:
        Logits (len(inputs), classes) and embeddings (len(inputs), E), float32.
    """
    network.eval(), loss.eval()
    rows, logits, embeddings = [], [], []
    with exact() if precise else nullcontext():
        for chosen, batch, lengths in scoring_batches(inputs, batch_size, device=hardware.device):
            with torch.autocast(hardware.device.split(":")[0], enabled=False) if precise else hardware.context():
                embedded = network(hardware.place(batch), lengths).float()
            rows.append(chosen)
            embeddings.append(embedded)
            logits.append(loss.get_logits(embedded).float())
    order = np.argsort(np.concatenate(rows))
    return torch.cat(logits).cpu().numpy()[order], torch.cat(embeddings).cpu().numpy()[order]
