"""Two embeddings under a constraint, small enough to draw: one is frozen, the other learns beside it (paper 004).

Four toy emotions lie at the corners of arousal and valence. The frozen embedding holds arousal and a number that tells
nothing; the other network is given valence too, and trains under w L_cos + (1 - w) L_ce on both embeddings together.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from serlib.losses import SoftmaxLoss, complementary_loss

EMOTIONS = ("anger", "happiness", "neutral", "sadness")
_CORNERS = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]])  # arousal, valence


@dataclass(frozen=True)
class Pair:
    """A frozen and a learned embedding, and the course of the training."""

    frozen: np.ndarray  # (200, 2)
    learned: np.ndarray  # (200, 2)
    labels: np.ndarray  # (200,) class indices
    cosine: np.ndarray  # (steps + 1,) means before every step and after the last one
    cross_entropy: np.ndarray  # (steps + 1,)

    def views(self) -> dict[str, np.ndarray]:
        """Return what a classifier may be given: each embedding, both, and with only a part of the second one."""
        length = np.linalg.norm(self.learned, axis=1, keepdims=True)
        parts = {"both": self.learned, "frozen + length of learned": length}
        parts["frozen + direction of learned"] = self.learned / np.maximum(length, 1e-9)
        beside = {name: np.hstack([self.frozen, part]) for name, part in parts.items()}
        return {"frozen": self.frozen, "learned": self.learned, **beside}


def train_pair(weight: float, *, sign: int = 1, relu: bool = False, steps: int = 300, seed: int = 0) -> Pair:
    """Train the second embedding under weight * L_cos + sign * (1 - weight) * L_ce, ``steps`` of Adam on full batches.

    ``weight`` is w of paper 004, eq. 3, from 0 to 1; ``sign`` 1, or the -1 that eq. 3 prints; ``relu`` lets both
    embeddings pass a ReLU. Equal seeds give equal points and networks whatever else is set.
    """
    generator, labels = np.random.default_rng(seed), np.repeat(np.arange(4), 50)
    cues = _CORNERS[labels] + generator.normal(0, 0.45, (len(labels), 2))
    said = np.stack([cues[:, 0], generator.normal(0, 0.5, len(labels)), cues[:, 1]], 1).astype(np.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network, head = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 2)), SoftmaxLoss(4, 4)
    inputs, target, bend = torch.from_numpy(said), torch.from_numpy(labels), torch.relu if relu else nn.Identity()
    frozen, course = bend(inputs[:, :2]), []
    optimiser = torch.optim.Adam([*network.parameters(), *head.parameters()], 0.02)
    for _ in range(steps + 1):  # the last update goes into nothing that is returned
        learned = bend(network(inputs))
        cosine, entropy = complementary_loss(frozen, learned), head(torch.cat([frozen, learned], 1), target)
        course.append((cosine.item(), entropy.item()))
        optimiser.zero_grad()
        (weight * cosine + sign * (1 - weight) * entropy).backward()
        optimiser.step()
    return Pair(frozen.numpy(), learned.detach().numpy(), labels, *np.array(course).T)
