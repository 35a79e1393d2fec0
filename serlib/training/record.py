"""What one wants to see again of a training: where the dev part lay, and what the loss moved by a rule of its own."""

import numpy as np
from torch import nn

from serlib.training.examples import Examples
from serlib.training.hardware import Hardware
from serlib.training.predict import predict


class Recorder:
    """Records ``dev`` when called by ``fit(on_epoch=...)``; it draws no random number, so the run stays the same.

    The embeddings are kept of about ``snapshots`` of the ``epochs``, evenly spaced, the start among them.
    """

    def __init__(self, dev: Examples, epochs: int, hardware: Hardware, *, snapshots: int = 6) -> None:
        self.dev, self.hardware, self.every = dev, hardware, max(1, round(epochs / snapshots))
        self.course: dict[str, list] = {"course_epochs": [], "course_embeddings": []}

    def __call__(self, epoch: int, network: nn.Module, loss: nn.Module) -> None:
        """Record one epoch."""
        for name in loss.state_dict().keys() - dict(loss.named_parameters()).keys():
            self.course.setdefault(name, []).append(loss.get_buffer(name).cpu().numpy().copy())
        if epoch % self.every == 0:
            embeddings = predict(network, loss, self.dev.inputs, hardware=self.hardware, precise=False)[1]
            self.course["course_epochs"].append(epoch)
            self.course["course_embeddings"].append(self.dev.averaged(embeddings))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the loss' buffers by name, (epochs + 1, ...) each, such as ``centers``, and the dev part's course.

        ``course_epochs`` (K,), ``course_embeddings`` (K, dev utterances, E), ``course_labels`` (dev utterances,).
        """
        kept = {name: np.stack(values) for name, values in self.course.items()}
        return kept | {"course_labels": self.dev.utterance_labels}
