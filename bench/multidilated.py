"""What paper 002's full-width training step costs: bf16 with channels_last against plain float32, masked SPP, padding.

16 clips of about 3 s (EMO-DB's), 128 filters, one CPU thread, or the GPU where there is one (there also with CUDA
graphs through ``torch.compile``). The ways take turns, so that a busy machine slows them alike; medians. The pyramid's
share is that of its forward and backward pass on maps as the step makes them.

Run: ``python -m bench.multidilated`` (about two minutes on one core).
"""

import statistics
import time
from collections.abc import Callable

import torch

from serlib.losses import ArcFaceLoss
from serlib.models import MultiDilatedCNN
from serlib.models.pooling import SpatialPyramidPooling
from serlib.training import Hardware

BATCH, FRAMES, CLASSES = 16, 300, 7
FASTER, SHARE = {"cpu": 3.0, "cuda": 8.0}, 0.15


def seconds(call: Callable[[], None], device: str) -> float:
    """Time one call: of the one thread, or on a GPU until it is done."""
    clock = time.perf_counter if device == "cuda" else time.thread_time
    start = clock()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def median_seconds(calls: dict[str, Callable[[], None]], device: str, turns: int) -> dict[str, float]:
    """Median of each call, taking turns, after one turn to warm up."""
    times = {name: [] for name in calls}
    for turn in range(turns + 1):
        for name, call in calls.items():
            taken = seconds(call, device)
            if turn:
                times[name].append(taken)
    return {name: statistics.median(values) for name, values in times.items()}


def batch_of(lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random clips padded to the longest, their lengths and labels."""
    return torch.randn(len(lengths), 3, 40, int(lengths.max())), lengths, torch.arange(len(lengths)) % CLASSES


def step_of(hardware: Hardware, batch: tuple, *, compiled: bool = False) -> Callable[[], None]:
    """Return a whole training step of the paper's network."""
    torch.manual_seed(0)
    x, lengths, labels = batch
    network = MultiDilatedCNN().to(hardware.device)
    loss = ArcFaceLoss(CLASSES, network.embedding_size).to(hardware.device)
    if hardware.channels_last:
        network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam([*network.parameters(), *loss.parameters()])
    called, labels = torch.compile(network) if compiled else network, labels.to(hardware.device)

    def step() -> None:
        with hardware.context():
            embeddings = called(hardware.place(x), lengths)
        optimiser.zero_grad(set_to_none=True)
        loss(embeddings.float(), labels).backward()
        optimiser.step()

    return step


def pyramid_of(hardware: Hardware, lengths: torch.Tensor) -> Callable[[], None]:
    """Return forward and backward of the masked pyramid alone."""
    pool, dtype = SpatialPyramidPooling(), torch.bfloat16 if hardware.autocast == "bfloat16" else torch.float32
    maps = hardware.place(torch.randn(len(lengths), 128, 20, int(lengths.max()) // 2)).to(dtype).requires_grad_()

    def call() -> None:
        maps.grad = None
        pool(maps, lengths // 2).sum().backward()

    return call


def main() -> None:
    """Print the ratios."""
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    lengths = torch.randint(FRAMES * 3 // 4, FRAMES + 1, (BATCH,), generator=torch.Generator().manual_seed(0))
    lengths[0] = FRAMES
    batch = batch_of(lengths)
    fast, plain = Hardware.choose(device, "bfloat16"), Hardware.choose(device, "float32")
    calls = {"float32": step_of(plain, batch), fast.autocast: step_of(fast, batch)}
    if device == "cuda":
        calls["compiled"] = step_of(fast, batch, compiled=True)
    calls |= {f"pyramid, {hardware.autocast}": pyramid_of(hardware, lengths) for hardware in {plain, fast}}
    times = median_seconds(calls, device, 20 if device == "cuda" else 3)
    best = min(times[name] for name in (fast.autocast, "compiled") if name in times)
    print(f"{BATCH} clips of up to {FRAMES} frames, {device}: float32 {times['float32']:.2f} s a step")
    print(f"  {fast.autocast} + channels_last: {times['float32'] / best:.1f} times as fast (at least {FASTER[device]})")
    for name in ("float32", fast.autocast):
        print(f"  masked pyramid, {name}: {100 * times[f'pyramid, {name}'] / times[name]:.1f} % of a step "
              f"(at most {100 * SHARE:.0f})")  # fmt: skip
    print(f"  padding: {100 * (1 - lengths.sum().item() / (BATCH * FRAMES)):.0f} % of the frames")


if __name__ == "__main__":
    main()
