"""Length-bucketed padded batches: clips of similar length travel together, so little is padded and less is computed."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from serlib.training.examples import Examples, end_to_end

MULTIPLE = 4  # the time axis of a batch is a multiple of it: few distinct widths let a library reuse what it prepared
JITTER = 0.05  # of the logarithm of a clip's length: new neighbours in every epoch, with little padding


class Shelf:
    """Inputs on a device, from which a padded batch is one look-up.

    ``flat`` is as :func:`serlib.training.examples.end_to_end` lays inputs, of ``lengths`` (N,) int64; a GPU that has no
    room for it leaves it on the CPU.
    """

    def __init__(self, flat: torch.Tensor, lengths: np.ndarray, device: str = "cpu") -> None:
        fits = "cuda" not in device or 2 * flat.nbytes < torch.cuda.mem_get_info(device)[0]
        self.device, self.flat = device, flat.to(device) if fits else flat.pin_memory()
        self.lengths = torch.as_tensor(lengths)
        self.starts = self.lengths.cumsum(0) - self.lengths

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the padded batch (B, ..., T) float32 on the device and the lengths (B,) int64 on the CPU."""
        rows = torch.as_tensor(rows)
        lengths, starts = self.lengths[rows], self.starts[rows]
        steps = torch.arange(-(-int(lengths.max()) // MULTIPLE) * MULTIPLE)
        frames = torch.where(steps < lengths[:, None], starts[:, None] + steps, len(self.flat) - 1)
        found = self.flat[frames.to(self.flat.device, non_blocking=True)]  # (B, T, ...)
        return found.to(self.device, non_blocking=True).movedim(1, -1).contiguous(), lengths


def batch_sizes(count: int, batch_size: int) -> np.ndarray:
    """Return the sizes of the batches that ``count`` clips are cut into: alike to one clip, none of a single clip.

    A batch of one has no deviation, which batch normalisation divides by. Only ``batch_size=1`` asks for it.
    """
    number = -(-count // batch_size)
    return _even(count, number if batch_size == 1 else max(1, min(number, count // 2)))


def _even(count: int, number: int) -> np.ndarray:
    """Return ``number`` sizes that sum to ``count`` and differ by at most one."""
    return np.full(number, count // number) + (np.arange(number) < count % number)


def bucketed(lengths: np.ndarray, sizes: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
    """Cut clips of ``lengths`` (N,) into batches of ``sizes``, of similar length, in random order: positions of each.

    All are sorted by a length that is moved at random by up to ``JITTER`` of itself: no window is cut, so no clip is
    kept from another but by their lengths, and clips of equal length are shuffled.
    """
    moved = np.log(lengths) + generator.uniform(-JITTER, JITTER, len(lengths))
    batches = np.split(np.argsort(moved), np.cumsum(generator.permutation(sizes))[:-1])
    return [batches[i] for i in generator.permutation(len(batches))]


class TrainingBatches:
    """Random batches, new in every epoch, of one reading of each utterance.

    Iterating yields (rows, batch, lengths, labels): positions in ``examples`` on the CPU, the batch as
    :meth:`Shelf.batch` shapes it, labels (B,) int64 on its device. ``len`` is the number of batches of every epoch.

    ``balanced`` draws with replacement, every class equally often, instead of every clip once; ``augment(batch,
    lengths, generator)`` returns another batch. A ``batch_size`` below 1 is a ValueError.
    """

    def __init__(
        self, examples: Examples, batch_size: int, *, seed: int, balanced: bool = False,
        augment: Callable[[torch.Tensor, torch.Tensor, np.random.Generator], torch.Tensor] | None = None,
        device: str = "cpu",
    ) -> None:  # fmt: skip
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; at least 1 is needed")
        self.examples, self.balanced, self.augment = examples, balanced, augment
        self.generator = np.random.default_rng(seed)
        self.shelf = Shelf(examples.flat, examples.lengths, device)
        self.labels = torch.from_numpy(examples.labels).to(device)
        # a reading at another speed may have some pieces more or fewer: the number of batches stays, and none starves
        fewest = int(examples.pieces.min(1).sum())
        asked = ((len(examples.as_is), batch_size), (fewest, min(batch_size, 2)))
        self.number = min(len(batch_sizes(*each)) for each in asked)

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor, torch.Tensor]]:
        order = self.examples.heard(self.generator)
        if self.balanced:
            labels = self.examples.labels[order]
            chances = 1 / np.bincount(labels)[labels]
            order = self.generator.choice(order, len(order), p=chances / chances.sum())
        sizes = _even(len(order), self.number)
        for chosen in bucketed(self.examples.lengths[order], sizes, self.generator):
            rows = order[chosen]
            batch, lengths = self.shelf.batch(rows)
            if self.augment is not None:
                batch = self.augment(batch, lengths, self.generator)
            where = torch.from_numpy(rows).to(self.labels.device, non_blocking=True)
            yield rows, batch, lengths, self.labels[where]


def scoring_batches(
    inputs: Sequence[np.ndarray], batch_size: int, *, device: str = "cpu"
) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor]]:
    """Yield (rows, batch, lengths), shortest clips first: every clip once, padding smallest."""
    lengths = np.array([x.shape[-1] for x in inputs])
    order, shelf = np.argsort(lengths, kind="stable"), Shelf(end_to_end(tuple(inputs)), lengths, device)
    for rows in np.split(order, range(batch_size, len(order), batch_size)):
        yield rows, *shelf.batch(rows)
