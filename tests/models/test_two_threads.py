"""Every network learns on two threads: a convolution's own fault ends the process, so that it has one to itself."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from test_models_all import NETWORKS

from serlib.models import ResNet18

CASES = {
    **NETWORKS,
    "ResNet18, quick": ((1, 128, 88), partial(ResNet18, width=4)),  # ended the process before Projection
    "ResNet18, study": ((1, 64, 88), partial(ResNet18, width=16)),
}
STEPS, CLIPS = 10, 29


def learn(name: str) -> None:
    """Compare each step's gradients on two threads with those of the same network in double precision."""
    torch.set_num_threads(2)
    torch.manual_seed(0)
    shape, make = CASES[name]
    network, exact = make(dropout=0.0), make(dropout=0.0).double()
    exact.load_state_dict(network.state_dict())
    for step in range(STEPS):
        clips, lengths = torch.randn(CLIPS, *shape), torch.randint(shape[-1] // 2, shape[-1] + 1, (CLIPS,))
        lengths[0] = shape[-1] - step % 2
        slope = torch.randn(CLIPS, network.embedding_size)
        for net, batch in ((network, clips), (exact, clips.double())):
            net.zero_grad()
            (net(batch, lengths) * slope.to(batch)).sum().backward()
        pairs = [
            (n, p.grad.double(), q.grad)
            for (n, p), q in zip(network.named_parameters(), exact.parameters(), strict=True)
        ]
        whole = float(torch.stack([right.norm() for *_, right in pairs]).norm())
        for part, ours, right in pairs:  # on one thread too, a ReLU near 0 opens in one of the two: up to a tenth
            wrong, right = float((ours - right).norm()), float(right.norm())
            assert wrong < 0.1 * right + 2e-3 * whole, (part, wrong, right, whole)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_right(name):
    waiting = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}  # beside other work, spinning costs minutes
    command = [sys.executable, "-c", f"from test_two_threads import learn; learn({name!r})"]
    done = subprocess.run(command, cwd=Path(__file__).parent, env=os.environ | waiting, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
