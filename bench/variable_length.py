"""What length-bucketed masked batches are worth: speed against one utterance at a time, padding, memory.

The study profile's network of paper 003 (64 mel bands) on utterances as long as EMO-DB's, random numbers in them, one
CPU thread. Both ways take turns, so that a busy machine slows them alike. Memory is that of a fresh process.

Run: ``python -m bench.variable_length``.
"""

import statistics
import subprocess
import sys
import time

import numpy as np
import torch

from serlib.losses import CenterLoss
from serlib.methods import get
from serlib.models import CNNBiRNN
from serlib.training import Examples, Hardware, TrainingBatches

CLIPS, CLASSES, FRAMES_PER_SECOND = 428, 7, 100
FASTER, WASTE, MEMORY_GIB = {"cpu": 3.0, "gpu": 10.0}, 0.10, 2.0


def examples(bins: int) -> Examples:
    """Clips of 1.2 to 9 s, half of them below 2.6 s."""
    generator = np.random.default_rng(0)
    seconds = np.clip(generator.lognormal(np.log(2.6), 0.35, CLIPS), 1.2, 9)
    frames = (FRAMES_PER_SECOND * seconds).astype(int)
    inputs = [generator.standard_normal((1, bins, t), dtype=np.float32) for t in frames]
    return Examples(inputs, generator.integers(0, CLASSES, CLIPS))


class Trainer:
    """A network, its loss and Adam; every call trains on one batch."""

    def __init__(self, profile: str, hardware: Hardware) -> None:
        torch.manual_seed(0)
        recipe = get("center/mel-center").recipe(profile)
        self.bins, self.hardware = recipe.network_options["bins"], hardware
        self.network = CNNBiRNN(**recipe.network_options).to(hardware.device)
        if hardware.channels_last:
            self.network.to(memory_format=torch.channels_last)
        self.loss = CenterLoss(CLASSES, self.network.embedding_size, **recipe.loss_options).to(hardware.device)
        self.optimiser = recipe.training.make_optimiser([*self.network.parameters(), *self.loss.parameters()])

    def __call__(self, batch: torch.Tensor, lengths: torch.Tensor, labels: torch.Tensor) -> None:
        with self.hardware.context():
            embeddings = self.network(self.hardware.place(batch), lengths)
        self.optimiser.zero_grad(set_to_none=True)
        self.loss(embeddings.float(), labels.to(self.hardware.device)).backward()
        self.optimiser.step()


def utterances_per_second(trainer: Trainer, batches: list[tuple]) -> float:
    start = time.perf_counter()
    for batch, lengths, labels in batches:
        trainer(batch, lengths, labels)
    if trainer.hardware.device != "cpu":
        torch.cuda.synchronize()
    return sum(len(labels) for *_, labels in batches) / (time.perf_counter() - start)


def speed(hardware: Hardware) -> None:
    """Each batch, then the same clips one at a time, unpadded."""
    trainer, alone, together = Trainer("study", hardware), [], []
    for turn, (_, batch, lengths, labels) in enumerate(TrainingBatches(examples(trainer.bins), 32, seed=0)):
        single = [(x[None, ..., :n], n[None], y[None]) for x, n, y in zip(batch, lengths, labels, strict=True)]
        rates = [utterances_per_second(trainer, way) for way in (single, [(batch, lengths, labels)])]
        if turn:  # the first one warms up
            alone.append(rates[0]), together.append(rates[1])
    slow, fast = statistics.median(alone), statistics.median(together)
    least = FASTER["cpu" if hardware.device == "cpu" else "gpu"]
    print(
        f"  {hardware.device}, {hardware.autocast}: {slow:.0f} utterances/s one at a time, {fast:.0f} in batches of 32"
    )
    print(f"  ratio {fast / slow:.1f}  (at least {least})")


def waste(epochs: int = 5) -> None:
    """Padding of small and of large batches, and of shuffled ones; a wider window of lengths costs more of it."""
    data = examples(1)
    for size, told in ((16, f" (under {WASTE:.0%})"), (32, "")):
        padded = valid = 0
        batches = TrainingBatches(data, size, seed=0)
        for _, batch, lengths, _ in (each for _ in range(epochs) for each in batches):
            padded, valid = padded + batch.shape[0] * batch.shape[-1], valid + int(lengths.sum())
        shuffled = np.random.default_rng(0).permutation(data.lengths)[: CLIPS // size * size].reshape(-1, size)
        print(f"  batches of {size}: {1 - valid / padded:.1%} of frames are padding{told}; "
              f"shuffled {1 - shuffled.mean() / shuffled.max(1).mean():.1%}")  # fmt: skip


def peak_memory() -> None:
    """Train on one clip of 35 s and print the process' peak, in GiB; at the paper's sizes."""
    import resource

    trainer = Trainer("paper", Hardware.choose("cpu", "float32"))
    frames = 35 * FRAMES_PER_SECOND
    for _ in range(2):
        trainer(torch.randn(1, 1, trainer.bins, frames), torch.tensor([frames]), torch.tensor([0]))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (30 if sys.platform == "darwin" else 20))


def main() -> None:
    torch.set_num_threads(1)
    print("speed")
    speed(Hardware.choose("auto"))
    print("padding")
    waste()
    print("memory")
    child = [sys.executable, "-c", "from bench.variable_length import peak_memory; peak_memory()"]
    used = float(subprocess.run(child, capture_output=True, text=True, check=True).stdout)
    print(f"  a clip of 35 s trains inside {used:.2f} GiB, paper profile, float32  (at most {MEMORY_GIB})")


if __name__ == "__main__":
    main()
