"""Training steps: masked batches, what padding costs, bfloat16, layout; and whole runs by two workers."""

from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from itertools import count
from pathlib import Path

import numpy as np
import torch

from bench.frame import Measurement, Skip, Way
from serlib import cross_validate, load_corpus
from serlib.losses import ArcFaceLoss, SoftmaxLoss
from serlib.methods import get
from serlib.models import CRNN, CNNBiRNN, MultiDilatedCNN, ResNet18
from serlib.runs import RunStore
from serlib.training import Examples, Hardware, TrainingBatches

CLASSES, BATCH = 7, 32
FLOAT32 = Hardware.choose("cpu", "float32")


def step_of(network: torch.nn.Module, loss: Callable, hardware: Hardware = FLOAT32) -> Callable[..., None]:
    """Return a whole training step on one batch: forward, backward, Adam."""
    loss = loss(CLASSES, network.embedding_size)
    hardware.move(network, loss)
    optimiser = torch.optim.Adam([*network.parameters(), *loss.parameters()])

    def step(batch: torch.Tensor, lengths: torch.Tensor, labels: torch.Tensor) -> None:
        with hardware.context():
            embeddings = network(hardware.place(batch), lengths)
        optimiser.zero_grad(set_to_none=True)
        loss(embeddings.float(), labels).backward()
        optimiser.step()

    return step


def clips(number: int = 4 * BATCH) -> tuple[Callable[..., None], TrainingBatches]:
    """Return a step of paper 003's network (study) and batches of noise as long as EMO-DB's clips: 1.2 to 9 s."""
    options = get("center/mel-softmax").recipe("study").network_options
    generator = np.random.default_rng(0)
    frames = (100 * np.clip(generator.lognormal(np.log(2.6), 0.35, number), 1.2, 9)).astype(int)
    inputs = [generator.standard_normal((1, options["bins"], t), dtype=np.float32) for t in frames]
    examples = Examples(inputs, generator.integers(0, CLASSES, number))
    return step_of(CNNBiRNN(**options), SoftmaxLoss), TrainingBatches(examples, BATCH, seed=0)


def epoch(step: Callable[..., None], batches: Iterable[tuple]) -> None:
    for batch in batches:
        step(*batch)


def masked(*_: object) -> tuple[Way, Way]:
    """Clips one at a time, unpadded, and the same ones in masked batches."""
    step, batches = clips()
    together = [batch for _, *batch in batches]
    alone = [(x[None, ..., :n], n[None], y[None]) for batch in together for x, n, y in zip(*batch, strict=True)]
    return partial(epoch, step, alone), partial(epoch, step, together)


def padded(*_: object) -> tuple[Way, Way]:
    """An epoch of shuffled batches and one of batches of like length; the note says how much of each is padding."""
    step, batches = clips()
    labels, order = batches.labels, np.random.default_rng(1).permutation(len(batches.labels))
    drawn = np.array_split(order, len(batches))
    shuffled = [(*batches.shelf.batch(rows), labels[torch.from_numpy(rows)]) for rows in drawn]
    bucketed = [batch for _, *batch in batches]

    def told(which: list, name: str) -> str:
        epoch(step, which)
        valid, all_ = sum(int(n.sum()) for _, n, _ in which), sum(x.shape[0] * x.shape[-1] for x, *_ in which)
        return f"{name}: {1 - valid / all_:.1%} of frames are padding"

    return partial(told, shuffled, "shuffled"), partial(told, bucketed, "of like length")


def noise(shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a batch of ``shape``, lengths of three quarters of it and more, and labels."""
    lengths = torch.randint(shape[-1] * 3 // 4, shape[-1] + 1, shape[:1])
    lengths[0] = shape[-1]
    return torch.randn(shape), lengths, torch.arange(shape[0]) % CLASSES


def halves(make: Callable[[], torch.nn.Module], loss: Callable, shape: tuple[int, ...], *_: object) -> tuple[Way, Way]:
    """A step in float32 and in bfloat16, both with channels last, on ``shape``."""
    able = torch.cpu.get_capabilities()
    if not any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")):
        raise Skip("the processor has no bfloat16 instructions")
    batch = noise(shape)
    ways = [step_of(make(), loss, Hardware.choose("cpu", precision)) for precision in ("float32", "bfloat16")]
    return tuple(partial(way, *batch) for way in ways)


def layouts(make: Callable[[], torch.nn.Module], loss: Callable, shape: tuple[int, ...], *_: object) -> tuple[Way, Way]:
    """A step with the weights of convolutions in torch's ordinary layout and as the network has them, channels last."""
    batch, plain = noise(shape), make().to(memory_format=torch.contiguous_format)
    return tuple(partial(step_of(network, loss), *batch) for network in (plain, make()))


def workers(folder: Path, _: str | None) -> tuple[Way, Way]:
    """All folds of a network in the quick profile, trained anew by one worker and by two."""
    corpus, fresh = load_corpus("synthetic"), count()

    def train(jobs: int) -> None:
        store = RunStore(folder / str(next(fresh)), shelves=[])
        with redirect_stderr(StringIO()):  # bars
            cross_validate(corpus, "center/mel-softmax", n_jobs=jobs, device="cpu", store=store, progress=False)

    return partial(train, 1), partial(train, 2)


NETWORKS = {
    "resnet18": (partial(ResNet18, width=16), SoftmaxLoss, (32, 1, 128, 128)),
    "multidilated": (MultiDilatedCNN, ArcFaceLoss, (16, 3, 40, 300)),
}
LAID_OUT = NETWORKS | {
    "cnn-birnn": (CNNBiRNN, SoftmaxLoss, (16, 1, 128, 200)),
    "crnn": (partial(CRNN, bins=80, width=0.5), SoftmaxLoss, (16, 1, 80, 200)),
}
MEASUREMENTS = [
    Measurement("training/masks", "one clip at a time", f"masked batches of {BATCH}", masked),
    Measurement("training/padding", "shuffled batches", "batches of like length", padded),
    *(
        Measurement(f"training/bf16-{name}", "float32", "bfloat16", partial(halves, *made))
        for name, made in NETWORKS.items()
    ),
    *(
        Measurement(f"training/layout-{name}", "ordinary layout", "channels last", partial(layouts, *made))
        for name, made in LAID_OUT.items()
    ),
    Measurement("training/workers", "one worker, all cores", "two workers", workers, pairs=3, threads=None),
]
