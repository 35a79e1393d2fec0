"""Paper 000's networks at the paper's size: bf16 with channels_last against plain float32, and what loading data takes.

Batches of 16 segments (400 bins, 200 frames) on one CPU thread, of 64 on a GPU. Both precisions take turns, so that a
busy machine slows them alike; medians. Loading is all that stands between two steps: drawing and stacking a batch, in
every epoch. Cutting segments and their spectrograms happen once before the first epoch; their share of it is told too.

Run: ``python -m bench.segments``.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from serlib.features.segments import SegmentSpectrogram
from serlib.losses import AngularSoftmaxLoss
from serlib.models import CNNTFGAP, CRNN
from serlib.training import Examples, Hardware, TrainingBatches

REPEATS, SEGMENTS, CLASSES = 3, 96, 4
LEAST_RATIO, MOST_LOADING = 2.0, 10.0
NETWORKS = {"CRNN": CRNN, "CNN-TF-GAP": CNNTFGAP}


def seconds(call: Callable, *arguments: object) -> tuple[float, object]:
    """Time one call, to its end on a GPU too; return what it returned."""
    start = time.perf_counter()
    result = call(*arguments)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def trainer(kind: type[torch.nn.Module], hardware: Hardware) -> Callable[..., None]:
    """Return a whole training step on one batch under angular softmax."""
    torch.manual_seed(0)
    network = kind().to(hardware.device)
    if hardware.channels_last:
        network.to(memory_format=torch.channels_last)
    loss = AngularSoftmaxLoss(CLASSES, network.embedding_size).to(hardware.device)
    optimiser = torch.optim.SGD([*network.parameters(), *loss.parameters()], lr=0.01)

    def step(_: np.ndarray, batch: torch.Tensor, lengths: torch.Tensor, labels: torch.Tensor) -> None:
        with hardware.context():
            embeddings = network(hardware.place(batch), lengths)
        optimiser.zero_grad(set_to_none=True)
        loss(embeddings.float(), labels.to(hardware.device)).backward()
        optimiser.step()

    return step


def prepared(device: str) -> tuple[float, Examples]:
    """Cut noise into segments and compute their spectrograms; return seconds for each segment, and examples."""
    recipe, generator = SegmentSpectrogram(), np.random.default_rng(0)
    signals = [
        generator.standard_normal(3 * 16000, dtype=np.float32) for _ in range(SEGMENTS // 2)
    ]  # two segments each
    recipe.spectrograms(recipe.cut(signals[:2], training=True)[0], device=device)  # warms up
    taken, pictures = seconds(lambda: recipe.spectrograms(recipe.cut(signals, training=True)[0], device=device))
    return taken / SEGMENTS, Examples(list(pictures), np.arange(SEGMENTS) % CLASSES)


def main() -> None:
    """Print ratios and shares."""
    torch.set_num_threads(1)
    fast = Hardware.choose()
    ways = {"float32": Hardware.choose(fast.device, "float32"), "bfloat16": Hardware.choose(fast.device, "bfloat16")}
    size = 16 if fast.device == "cpu" else 64
    preparing, examples = prepared(fast.device)
    for name, kind in NETWORKS.items():
        steps = {way: trainer(kind, hardware) for way, hardware in ways.items()}
        times: dict[str, list[float]] = {"loading": [], **{way: [] for way in ways}}
        batches = TrainingBatches(examples, size, seed=0)
        for repeat in range(REPEATS + 1):
            taken, batch = seconds(next, iter(batches))
            measured = {"loading": taken, **{way: seconds(step, *batch)[0] for way, step in steps.items()}}
            if repeat:  # the first one warms up
                for key, value in measured.items():
                    times[key].append(value)
        median = {key: statistics.median(values) for key, values in times.items()}
        best = min(median[way] for way in ways)
        ratio, share = median["float32"] / median["bfloat16"], 100 * median["loading"] / (median["loading"] + best)
        print(f"{name}, batch of {size} on {fast.device}: bf16 + channels_last is {ratio:.2f} times as fast as float32 "
              f"(at least {LEAST_RATIO} where the processor has bf16 instructions)")  # fmt: skip
        print(f"  loading data: {share:.2f} % of an epoch (at most {MOST_LOADING:g}); cutting and spectrograms, once: "
              f"{100 * preparing * size / best:.1f} % of the first epoch")  # fmt: skip


if __name__ == "__main__":
    main()
