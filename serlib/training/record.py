"""What one wants to see again of a training: where the dev part lay, and what the loss moved by a rule of its own."""

import numpy as np
from torch import nn

from serlib.training.batches import Examples
from serlib.training.fit import predict
from serlib.training.hardware import Hardware


class Recorder:
    """Give it to ``fit(on_epoch=...)``; it draws no random number, so that a watched run is the same run.

    Args:
        dev: what ``fit`` chooses the epoch on.
        epochs: of the recipe.
        hardware: where to compute.
        snapshots: about how many epochs keep their embeddings, evenly spaced, the start among them.
    """

    def __init__(self, dev: Examples, epochs: int, hardware: Hardware, *, snapshots: int = 6) -> None:
        self.dev, self.hardware = dev, hardware
        self.every = max(1, round(epochs / snapshots))
        self.buffers: dict[str, list[np.ndarray]] = {}
        self.epochs: list[int] = []
        self.embeddings: list[np.ndarray] = []

    def __call__(self, epoch: int, network: nn.Module, loss: nn.Module) -> None:
        """Record one epoch."""
        for name in loss.state_dict().keys() - dict(loss.named_parameters()).keys():
            self.buffers.setdefault(name, []).append(loss.get_buffer(name).cpu().numpy().copy())
        if epoch % self.every == 0:
            _, embedded = predict(network, loss, self.dev.inputs, hardware=self.hardware, exact=False)
            self.epochs.append(epoch)
            self.embeddings.append(embedded)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the loss' buffers by name (epochs + 1, ...), such as ``centers``, and ``course_*`` of the dev part.

        ``course_epochs`` (K,), ``course_embeddings`` (K, dev utterances, E), ``course_labels`` (dev utterances,).
        """
        course = {"epochs": self.epochs, "embeddings": self.embeddings, "labels": self.dev.labels}
        courses = {f"course_{name}": np.asarray(values) for name, values in course.items()}
        return {name: np.stack(values) for name, values in self.buffers.items()} | courses
