"""The recorder: it sees the course, and a watched training is the same training."""

import numpy as np
import pytest
import torch
from torch import nn

from serlib.losses import CenterLoss, SoftmaxLoss
from serlib.training import Examples, Hardware, Recorder, Training, fit, predict

CPU = Hardware.choose("cpu", "float32")


class Mean(nn.Module):
    """Averages valid frames and maps them linearly, with dropout, which draws random numbers."""

    embedding_size = 3

    def __init__(self):
        super().__init__()
        self.linear, self.dropout = nn.Linear(4, 3), nn.Dropout(0.3)

    def forward(self, x, lengths):
        keep = torch.arange(x.shape[-1]) < lengths.unsqueeze(1)
        return self.dropout(self.linear((x * keep.unsqueeze(1)).sum(-1) / lengths.unsqueeze(1)))


def examples(seed, size=24):
    generator = np.random.default_rng(seed)
    labels = np.arange(size) % 3
    shapes = generator.integers(3, 9, size)
    return Examples(
        [generator.normal(y, 1, (4, t)).astype(np.float32) for y, t in zip(labels, shapes, strict=True)], labels
    )


def trained(loss, *, epochs=7, watch=None):
    torch.manual_seed(0)
    network = Mean()
    made = loss()
    history = fit(network, made, examples(0), examples(1), Training(epochs, 8), hardware=CPU, seed=0, on_epoch=watch)
    return network, made, history


def center():
    return CenterLoss(3, 3, weight=0.1)


@pytest.mark.parametrize(
    "epochs,snapshots,kept", [(7, 6, range(8)), (4, 6, range(5)), (9, 3, (0, 3, 6, 9)), (5, 2, (0, 2, 4))]
)
def test_what_is_kept_and_when(epochs, snapshots, kept):
    watch = Recorder(examples(1), epochs, CPU, snapshots=snapshots)
    trained(center, epochs=epochs, watch=watch)
    arrays = watch.arrays()
    assert arrays["centers"].shape == (epochs + 1, 3, 3) and (arrays["centers"][0] == 0).all()
    assert np.abs(np.diff(arrays["centers"], axis=0)).max((1, 2)).min() > 0
    assert arrays["course_epochs"].tolist() == list(kept)
    assert arrays["course_embeddings"].shape == (len(kept), 24, 3)
    assert arrays["course_labels"].tolist() == examples(1).labels.tolist()


def test_a_watched_training_is_the_same_training():
    watched = trained(center, watch=Recorder(examples(1), 7, CPU))
    plain = trained(center)
    assert watched[2] == plain[2]
    for part in (0, 1):
        for a, b in zip(watched[part].state_dict().values(), plain[part].state_dict().values(), strict=True):
            assert torch.equal(a, b)


def test_the_last_snapshot_is_where_the_dev_part_lies():
    watch = Recorder(examples(1), 3, CPU)
    network, loss, history = trained(center, epochs=3, watch=watch)
    best = max(row["epoch"] for row in history if row["dev_ua"] == max(r["dev_ua"] for r in history))
    _, embeddings = predict(network, loss, examples(1).inputs, hardware=CPU)
    np.testing.assert_allclose(watch.arrays()["course_embeddings"][best], embeddings, atol=1e-6)
    np.testing.assert_array_equal(watch.arrays()["centers"][best], loss.centers.numpy())


def test_a_loss_without_buffers_leaves_the_dev_part_alone():
    watch = Recorder(examples(1), 2, CPU)
    trained(lambda: SoftmaxLoss(3, 3, class_weight=[1, 2, 3]), epochs=2, watch=watch)
    assert watch.arrays().keys() == {"course_epochs", "course_embeddings", "course_labels"}
