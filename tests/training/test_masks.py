"""Spectrogram masks: how much is blanked, where, and that the input itself is left alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from serlib.training import Examples, SpectrogramMasks, TrainingBatches

GENERATOR = np.random.default_rng(0)


def runs(blank: np.ndarray) -> list[int]:
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], blank.astype(int), [0]])))
    return (edges[1::2] - edges[::2]).tolist()


@given(seed=st.integers(0, 500), bins=st.integers(0, 12), frames=st.integers(0, 30), length=st.integers(5, 80))
def test_one_band_and_one_stretch_within_their_limits(seed, bins, frames, length):
    x = np.ones((3, 24, length), np.float32)
    torch.manual_seed(seed)
    masked = SpectrogramMasks(bins=bins, frames=frames)(x, GENERATOR)
    rows, columns = (masked == 0).all((0, 2)), (masked == 0).all((0, 1))
    blank = np.broadcast_to(rows[:, None] | columns, masked.shape)
    np.testing.assert_array_equal(
        masked == 0, blank
    )  # nothing but whole bands and stretches, the same in every channel
    assert len(runs(rows)) <= 1 and sum(runs(rows)) <= min(bins, 8)
    assert len(runs(columns)) <= 1 and sum(runs(columns)) <= min(frames, length / 5)
    assert (x == 1).all()


def test_masks_reach_everywhere_and_their_limits():
    x, seen_rows, widths = np.ones((1, 24, 100), np.float32), np.zeros(24, bool), set()
    torch.manual_seed(0)
    masks = SpectrogramMasks(bands=1, bins=8, stretches=1, frames=12)
    for _ in range(600):
        masked = masks(x, GENERATOR)[0]
        seen_rows |= (masked == 0).all(1)
        widths.add(int((masked == 0).all(0).sum()))
    assert seen_rows[:-1].all() and max(widths) in (11, 12) and 0 in widths  # torchaudio's masks spare the last bin


def test_numbers_of_masks_and_zero():
    x = np.ones((1, 40, 200), np.float32)
    torch.manual_seed(1)
    several = [SpectrogramMasks(bands=3, stretches=0)(x, GENERATOR)[0] for _ in range(50)]
    assert max(len(runs((m == 0).all(1))) for m in several) >= 2 and not any((m == 0).all(0).any() for m in several)
    np.testing.assert_array_equal(SpectrogramMasks(bands=0, stretches=0)(x, GENERATOR), x)


def test_torch_s_seed_repeats_them_and_every_epoch_has_new_ones():
    x = GENERATOR.standard_normal((3, 40, 90)).astype(np.float32)
    examples = Examples([x] * 4, np.arange(4))
    batches = TrainingBatches(examples, 4, seed=0, augment=SpectrogramMasks())
    torch.manual_seed(5)
    first, second = (next(iter(batches))[1] for _ in range(2))
    assert not torch.equal(first, second)
    torch.manual_seed(5)
    assert torch.equal(next(iter(TrainingBatches(examples, 4, seed=0, augment=SpectrogramMasks())))[1], first)


@pytest.mark.parametrize("option", ["bands", "bins", "stretches", "frames"])
def test_negative_numbers_are_refused(option):
    with pytest.raises(ValueError, match=rf"{option}=-1.*: allowed are numbers of at least 0"):
        SpectrogramMasks(**{option: -1})
