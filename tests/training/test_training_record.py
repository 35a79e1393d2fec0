"""The recorder: it sees the course, and a watched training is the same training."""

import numpy as np
import pytest
import torch
from small import CPU, Mean, clips

from serlib.losses import CenterLoss, SoftmaxLoss
from serlib.training import Examples, Recorder, Training, fit, predict

DEV = clips(1, 24)


def trained(loss, *, epochs=7, watch=None):
    torch.manual_seed(0)
    network, made = Mean(dropout=0.3), loss()
    recipe = Training(epochs, batch_size=8, ending="last")
    return network, made, fit(network, made, clips(0, 24), DEV, recipe, hardware=CPU, seed=0, on_epoch=watch)


def center():
    return CenterLoss(3, 4, weight=0.1)


@pytest.mark.parametrize(
    "epochs,snapshots,kept", [(7, 6, range(8)), (4, 6, range(5)), (9, 3, (0, 3, 6, 9)), (5, 2, (0, 2, 4))]
)
def test_what_is_kept_and_when(epochs, snapshots, kept):
    watch = Recorder(DEV, epochs, CPU, snapshots=snapshots)
    trained(center, epochs=epochs, watch=watch)
    arrays = watch.arrays()
    assert arrays["centers"].shape == (epochs + 1, 3, 4) and (arrays["centers"][0] == 0).all()
    assert np.abs(np.diff(arrays["centers"], axis=0)).max((1, 2)).min() > 0
    assert arrays["course_epochs"].tolist() == list(kept)
    assert arrays["course_embeddings"].shape == (len(kept), 24, 4)
    assert arrays["course_labels"].tolist() == DEV.labels.tolist()


def test_a_watched_training_is_the_same_training():
    watched = trained(center, watch=Recorder(DEV, 7, CPU))
    plain = trained(center)
    assert watched[2] == plain[2]
    for part in (0, 1):
        for a, b in zip(watched[part].state_dict().values(), plain[part].state_dict().values(), strict=True):
            assert torch.equal(a, b)


def test_the_last_snapshot_is_where_the_dev_part_lies():
    watch = Recorder(DEV, 3, CPU)
    network, loss, _ = trained(center, epochs=3, watch=watch)
    _, embeddings = predict(network, loss, DEV.inputs, hardware=CPU)
    np.testing.assert_allclose(watch.arrays()["course_embeddings"][-1], embeddings, atol=1e-6)
    np.testing.assert_array_equal(watch.arrays()["centers"][-1], loss.centers.numpy())


def test_pieces_are_averaged_to_utterances():
    whole = Examples(DEV.inputs, DEV.labels, groups=np.arange(24) // 2)
    watch = Recorder(whole, 1, CPU)
    network, loss, _ = trained(center, epochs=1, watch=watch)
    _, embeddings = predict(network, loss, DEV.inputs, hardware=CPU)
    expected = (embeddings[0::2] + embeddings[1::2]) / 2
    np.testing.assert_allclose(watch.arrays()["course_embeddings"][-1], expected, atol=1e-6)


def test_a_loss_without_buffers_leaves_the_dev_part_alone():
    watch = Recorder(DEV, 2, CPU)
    trained(lambda: SoftmaxLoss(3, 4, class_weight=[1, 2, 3]), epochs=2, watch=watch)
    assert watch.arrays().keys() == {"course_epochs", "course_embeddings", "course_labels"}
