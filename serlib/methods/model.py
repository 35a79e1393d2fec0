"""What a run has trained: networks and their losses, asked together."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import log_softmax, logsumexp
from torch import nn

from serlib.training import Examples, Hardware, predict, scoring_batches


@dataclass
class Model:
    """Networks, each with the loss that owns its class vectors; several are averaged by their probabilities."""

    members: list[tuple[nn.Module, nn.Module]]  # (network, loss) of each
    scaling: dict[str, np.ndarray]  # statistics that inputs are scaled by, by name

    def score(self, examples: Examples, hardware: Hardware) -> tuple[np.ndarray, np.ndarray]:
        """Return logits (utterances, C) and the first network's embeddings (utterances, E), pieces averaged."""
        found = [predict(*pair, examples.inputs, hardware=hardware) for pair in self.members]
        return joined([examples.averaged(logits) for logits, _ in found]), examples.averaged(found[0][1])

    def _all(self) -> nn.ModuleList:
        return nn.ModuleList(nn.ModuleDict(zip(("network", "loss"), pair, strict=True)) for pair in self.members)

    def state(self) -> dict[str, np.ndarray]:
        """Return all tensors by name: ``0.network.*``, ``0.loss.*``, ``1.network.*`` ..., and ``scaler.*``."""
        return {name: tensor.cpu().numpy() for name, tensor in self._all().state_dict().items()} | self.scaling

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Take over what :meth:`state` gave, but for the scaling."""
        tensors = {name: torch.as_tensor(each) for name, each in state.items() if not name.startswith("scaler.")}
        self._all().load_state_dict(tensors)


def joined(logits: list[np.ndarray]) -> np.ndarray:
    """Average several networks' probabilities: the logits themselves of one, else log-probabilities; (N, C) float32."""
    if len(logits) == 1:
        return logits[0]
    chances = logsumexp([log_softmax(each, axis=1) for each in logits], axis=0) - np.log(len(logits))
    return chances.astype(np.float32)


@torch.no_grad()
def attention_of(network: nn.Module, examples: Examples, hardware: Hardware) -> dict[str, np.ndarray]:
    """Return ``attention``, (inputs, N), rows that sum to 1, of a network that weighs pooled vectors; else nothing."""
    if getattr(network, "attention", None) is None or not hasattr(network, "vectors"):
        return {}
    weights = np.zeros((len(examples), network.pool.bins), np.float32)
    for rows, batch, lengths in scoring_batches(examples.inputs, 32, device=hardware.device):
        weights[rows] = network.eval().attention.weights(network.vectors(batch, lengths)).cpu().numpy()
    return {"attention": weights}
