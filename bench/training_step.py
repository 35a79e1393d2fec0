"""What a training step is made of: the loss' share of it, and bf16 with channels_last against plain float32.

Networks of the study profile, one CPU thread, batches of 32 clips of 2.8 s. All ways take turns, so that a busy machine
slows them alike; medians. A loss that is timed alone also pays for starting autograd, which a step pays anyhow: what
the mean of the embeddings costs in its place is taken off, and the uncut share stands behind.

Run: ``python -m bench.training_step``.
"""

import statistics
import time
from collections.abc import Callable

import torch

from serlib.losses import AngularSoftmaxLoss, ArcFaceLoss, SoftmaxLoss
from serlib.models import CNNBiRNN, ResNet18
from serlib.training import Hardware

REPEATS = 15
NETWORKS = {
    "ResNet18, width 16": (lambda: ResNet18(width=16), (32, 1, 128, 128)),
    "CNNBiRNN, width 0.25": (lambda: CNNBiRNN(bins=64, width=0.25), (32, 1, 64, 288)),
}
LOSSES = {"softmax": SoftmaxLoss, "angular": AngularSoftmaxLoss, "ArcFace": ArcFaceLoss}


def seconds(call: Callable[[], None]) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def step_of(make: Callable[[], torch.nn.Module], shape: tuple, precision: str) -> tuple[Callable[[], None], int]:
    """Return a whole step under softmax, and the network's embedding size."""
    hardware, network = Hardware.choose("cpu", precision), make()
    loss = SoftmaxLoss(7, network.embedding_size)
    if hardware.channels_last:
        network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam([*network.parameters(), *loss.parameters()])
    batch, lengths, labels = (
        torch.randn(shape),
        torch.randint(shape[-1] // 2, shape[-1], (shape[0],)),
        torch.arange(32) % 7,
    )

    def step() -> None:
        with hardware.context():
            embeddings = network(hardware.place(batch), lengths)
        optimiser.zero_grad(set_to_none=True)
        loss(embeddings.float(), labels).backward()
        optimiser.step()

    return step, network.embedding_size


def loss_alone(kind: type | None, size: int) -> Callable[[], None]:
    """Return forward and backward of a loss on embeddings of that size; None: of their mean."""
    embeddings, labels = torch.randn(32, size, requires_grad=True), torch.arange(32) % 7
    if kind is None:
        return lambda: embeddings.mean().backward()
    loss = kind(7, size)
    return lambda: loss(embeddings, labels).backward()


def main() -> None:
    """Print the ratios."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name, (make, shape) in NETWORKS.items():
        plain, size = step_of(make, shape, "float32")
        calls = {"float32": plain, "bf16": step_of(make, shape, "bfloat16")[0]}
        calls |= {f"{kind} loss": loss_alone(loss, size) for kind, loss in {"no": None, **LOSSES}.items()}
        times: dict[str, list[float]] = {key: [] for key in calls}
        for repeat in range(REPEATS + 3):
            for key, call in calls.items():
                taken = seconds(call)
                if repeat >= 3:
                    times[key].append(taken)
        median = {key: statistics.median(values) for key, values in times.items()}
        fastest = min(median["float32"], median["bf16"])
        print(f"{name}: step {1e3 * median['float32']:.0f} ms in float32; bf16 + channels_last is "
              f"{median['float32'] / median['bf16']:.2f} times as fast")  # fmt: skip
        for kind in LOSSES:
            alone = median[f"{kind} loss"]
            added = 100 * (alone - median["no loss"]) / fastest
            print(f"  {kind} loss: {added:.2f} % of a step (at most 2); uncut {100 * alone / fastest:.2f} %")


if __name__ == "__main__":
    main()
