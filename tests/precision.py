"""Training under reduced precision, as every convolutional network here must bear it."""

import torch
from torch import Tensor, nn

from serlib.training import Hardware


def learned_in_bfloat16(network: nn.Module, batch: Tensor, lengths: list[int]) -> Tensor:
    """Run a network forward (bfloat16, channels_last) and backward; every gradient is there and finite.

    Returns:
        The embeddings (B, E).
    """
    hardware = Hardware("cpu", "bfloat16", channels_last=True)
    network.to(memory_format=torch.channels_last)
    with hardware.context():
        z = network(hardware.place(batch), torch.tensor(lengths))
    z.float().square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    return z
