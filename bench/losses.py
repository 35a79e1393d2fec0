"""What the margin losses cost beside a linear layer with cross-entropy, and beside pytorch-metric-learning.

One CPU thread, eager, batch 64 of 64-dimensional embeddings, 4 classes. The contestants take turns, so that a busy
machine slows all of them alike; each figure is a median over the turns.

Run: ``python -m bench.losses`` (pytorch-metric-learning comes with the dev extra).
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serlib.losses import AngularSoftmaxLoss, ArcFaceLoss

BATCH, SIZE, CLASSES = 64, 64, 4
LINEAR, ARCFACE, ANGULAR = "linear layer + cross-entropy", "serlib ArcFaceLoss", "serlib AngularSoftmaxLoss"
PML_ARCFACE, PML_SPHEREFACE = "pytorch-metric-learning ArcFaceLoss", "pytorch-metric-learning SphereFaceLoss"
AT_MOST = {ARCFACE: 3.0, ANGULAR: 4.0}  # times LINEAR
AT_LEAST = {(PML_ARCFACE, ARCFACE): 1.8, (PML_SPHEREFACE, ANGULAR): 1.8}


class Linear(nn.Linear):
    """The yardstick, in the convention of the losses."""

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(super().forward(embeddings), labels)


def contestants() -> dict[str, nn.Module]:
    from pytorch_metric_learning import losses as pml

    return {
        LINEAR: Linear(SIZE, CLASSES),
        ARCFACE: ArcFaceLoss(CLASSES, SIZE),
        ANGULAR: AngularSoftmaxLoss(CLASSES, SIZE),
        PML_ARCFACE: pml.ArcFaceLoss(CLASSES, SIZE),
        PML_SPHEREFACE: pml.SphereFaceLoss(CLASSES, SIZE),
    }


def backward_only(loss: nn.Module, embeddings: Tensor, labels: Tensor) -> Callable[[], None]:
    """Forward and backward, to the embeddings and the class vectors."""
    wanted = [embeddings, *loss.parameters()]
    return lambda: torch.autograd.grad(loss(embeddings, labels), wanted)


def training_step(loss: nn.Module, embeddings: Tensor, labels: Tensor) -> Callable[[], None]:
    """The same inside a step: gradients cleared, forward, backward, SGD on the class vectors."""
    optimiser = torch.optim.SGD([embeddings, *loss.parameters()], lr=1e-6)

    def step() -> None:
        optimiser.zero_grad()
        loss(embeddings, labels).backward()
        optimiser.step()

    return step


def medians_us(kind: Callable, turns: int = 150, calls: int = 10) -> dict[str, float]:
    """Median microseconds per call of each contestant, over turns taken in rotation."""
    torch.manual_seed(0)
    labels = torch.randint(CLASSES, (BATCH,))
    calls_of = {
        name: kind(loss, torch.randn(BATCH, SIZE, requires_grad=True), labels) for name, loss in contestants().items()
    }
    times = {name: [] for name in calls_of}
    for turn in range(turns + 2):  # two to warm up
        for name, call in calls_of.items():
            start = time.thread_time()
            for _ in range(calls):
                call()
            if turn >= 2:
                times[name].append((time.thread_time() - start) / calls * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def report(title: str, times: dict[str, float]) -> None:
    print(f"\n{title}")
    for name, time_us in times.items():
        limit = f"  (at most {AT_MOST[name]})" if name in AT_MOST else ""
        print(f"  {name:40s} {time_us:7.1f} us  {time_us / times[LINEAR]:5.2f} x{limit}")
    for (slow, fast), limit in AT_LEAST.items():
        print(f"  {slow} / {fast}: {times[slow] / times[fast]:.2f}  (at least {limit})")


def main() -> None:
    torch.set_num_threads(1)
    print(f"losses at ({BATCH} x {SIZE}, {CLASSES} classes), one thread, torch {torch.__version__}")
    report("forward + backward", medians_us(backward_only))
    report("zero_grad + forward + backward + SGD step", medians_us(training_step))


if __name__ == "__main__":
    main()
