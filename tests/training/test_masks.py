"""Spectrogram masks: how much is blanked, where, new for each clip and epoch, and that the input is left alone.

Colours: a curve of six knots over the first channel alone, a factor over all, nothing over padding.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from serlib.training import Examples, SpectrogramMasks, TrainingBatches


def runs(blank: np.ndarray) -> list[int]:
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], blank.astype(int), [0]])))
    return (edges[1::2] - edges[::2]).tolist()


def masked(masks: SpectrogramMasks, lengths, *, bins: int = 24, channels: int = 2, seed: int = 0) -> np.ndarray:
    """Which values of a batch are blanked, (B, frequency, time); all channels alike, and the input as it was."""
    lengths = torch.tensor(lengths)
    x = torch.ones(len(lengths), channels, bins, int(lengths.max()) + 3)
    found = masks(x, lengths, np.random.default_rng(seed))
    assert (x == 1).all() and set(found.unique().tolist()) <= {0, 1} and torch.equal(found[:, :1].expand_as(x), found)
    return (found[:, 0] == 0).numpy()


lengths_of = st.lists(st.integers(1, 90), min_size=1, max_size=6)


@given(
    seed=st.integers(0, 500), band=st.floats(0, 1), stretch=st.floats(0, 1), lengths=lengths_of,
    height=st.integers(1, 40),
)  # fmt: skip
def test_one_band_and_one_stretch_within_their_limits(seed, band, stretch, lengths, height):
    """Below their shares of the bins and of the clip's own frames; padding is left alone."""
    masks = SpectrogramMasks(band_share=band, stretch_share=stretch)
    for blank, length in zip(masked(masks, lengths, bins=height, seed=seed), lengths, strict=True):
        rows, columns = blank.all(1), blank.all(0)
        np.testing.assert_array_equal(blank, rows[:, None] | columns)  # nothing but whole bands and stretches
        assert len(runs(rows)) <= 1 and (rows.sum() < band * height or not rows.any())
        assert len(runs(columns)) <= 1 and (columns.sum() < stretch * length or not columns.any())
        assert not columns[length:].any()


@given(seed=st.integers(0, 500), lengths=lengths_of)
def test_padded_frames_keep_what_they_hold(seed, lengths):
    """Without bands, which run through."""
    lengths = torch.tensor(lengths)
    x = torch.ones(len(lengths), 1, 9, int(lengths.max()) + 3)
    past = torch.arange(x.shape[-1]) >= lengths.view(-1, 1, 1, 1)
    x = torch.where(past, 7.0, x)
    found = SpectrogramMasks(bands=0, stretches=3)(x, lengths, np.random.default_rng(seed))
    assert ((found == 7) == (x == 7)).all()


@pytest.mark.parametrize(
    "option,share,widest", [("bands", 0.2, 4), ("bands", 1 / 3, 7), ("stretches", 0.2, 19), ("stretches", 0.12, 11)]
)
def test_masks_reach_everywhere_and_their_limits_evenly(option, share, widest):
    """24 bins, 100 frames; the widest mask is the largest whole number below its share of them."""
    name = {"bands": "band_share", "stretches": "stretch_share"}[option]
    options = {"bands": 0, "stretches": 0, option: 1, name: share}
    blank = masked(SpectrogramMasks(**options), [100] * 1500)
    blank = blank.all(2) if option == "bands" else blank.all(1)[:, :100]
    widths = blank.sum(1)
    assert set(widths) == set(range(widest + 1)) and blank.any(0).all()
    shares = np.bincount(widths) / 1500
    assert np.abs(shares[:-1] - 1 / (share * blank.shape[1])).max() < 0.04


def test_a_short_clip_has_a_fifth_of_its_own_masked_not_of_the_batch():
    blank = masked(SpectrogramMasks(bands=0), [100, 20] * 500).all(1).sum(1)
    assert blank[0::2].max() == 19 and blank[1::2].max() == 3


def test_numbers_of_masks_and_zero():
    several = masked(SpectrogramMasks(bands=3, stretches=0), [200] * 50, bins=40)
    assert max(len(runs(blank.all(1))) for blank in several) >= 2
    assert not any(blank.all(0).any() for blank in several)
    for nothing in (SpectrogramMasks(bands=0, stretches=0), SpectrogramMasks(band_share=0, stretch_share=0)):
        assert not masked(nothing, [50, 20]).any()


def test_the_generator_repeats_them_and_nothing_else_moves_them():
    first = masked(SpectrogramMasks(), [90] * 4)
    torch.manual_seed(5), np.random.seed(5)
    np.testing.assert_array_equal(masked(SpectrogramMasks(), [90] * 4), first)
    assert (masked(SpectrogramMasks(), [90] * 4, seed=1) != first).any()


def test_each_clip_has_its_own_in_every_epoch():
    """Through the loader: the same batches for the same seed, masked alike; in the next epoch all are masked anew."""
    x = np.random.default_rng(0).standard_normal((3, 40, 90)).astype(np.float32)
    examples = Examples([x] * 8, np.arange(8))

    def epochs(count):
        batches = TrainingBatches(examples, 4, seed=0, augment=SpectrogramMasks(bands=2, stretches=2))
        made = []
        for _ in range(count):
            by_row = {row: clip for rows, batch, *_ in batches for row, clip in zip(rows, batch, strict=True)}
            made.append(torch.stack([by_row[row] for row in range(8)]))
        return torch.stack(made)

    once = epochs(3)
    assert torch.equal(epochs(3), once)
    assert len({tuple((clip == 0).flatten().tolist()) for clip in once.flatten(0, 1)}) == 24


def coloured(x: torch.Tensor, lengths, seed: int = 0, **options) -> np.ndarray:
    masks = SpectrogramMasks(bands=0, stretches=0, **options)
    return masks(x, torch.tensor(lengths), np.random.default_rng(seed)).numpy()


@given(seed=st.integers(0, 500), lengths=lengths_of, bins=st.integers(2, 60))
def test_a_colour_is_one_curve_of_straight_pieces_for_all_frames_of_a_clip(seed, lengths, bins):
    x = torch.zeros(len(lengths), 3, bins, max(lengths) + 3)
    found = coloured(x, lengths, seed, colour=2.0)
    assert not found[:, 1:].any()  # deltas of a constant are 0
    knots = np.linspace(0, bins - 1, 6)
    for clip, length in zip(found[:, 0], lengths, strict=True):
        assert not clip[:, length:].any()
        np.testing.assert_array_equal(clip[:, :length], np.repeat(clip[:, :1], length, 1))
    again = np.random.default_rng(seed).normal(0, 2.0, (len(lengths), 6))  # its generator's first draws
    expected = np.stack([np.interp(np.arange(bins), knots, heights) for heights in again])
    np.testing.assert_allclose(found[:, 0, :, 0], expected, atol=1e-5)


def test_a_contrast_is_one_factor_for_all_that_a_clip_holds():
    x = torch.randn(4000, 2, 5, 4, generator=torch.Generator().manual_seed(0))
    factors = coloured(x, [3] * 4000, contrast=0.2) / x.numpy()
    assert (factors[..., 3] == 1).all()
    np.testing.assert_allclose(factors[..., :3], np.broadcast_to(factors[:, :1, :1, :1], (4000, 2, 5, 3)), rtol=1e-5)
    logs = np.log(factors[:, 0, 0, 0])
    assert abs(logs.std() - 0.2) < 4 * 0.2 / np.sqrt(2 * 4000) and abs(logs.mean()) < 4 * 0.2 / np.sqrt(4000)


def test_knots_vary_as_said_and_masks_lie_over_the_colour():
    found = coloured(torch.zeros(4000, 1, 6, 1), [1] * 4000, colour=0.5)[:, 0, :, 0]  # each bin a knot
    assert np.abs(found.std(0) - 0.5).max() < 4 * 0.5 / np.sqrt(2 * 4000)
    assert np.abs(np.corrcoef(found.T) - np.eye(6)).max() < 4.5 / np.sqrt(4000)
    masks = SpectrogramMasks(colour=1.0, contrast=0.5)
    blank = masks(torch.ones(64, 1, 40, 100), torch.full((64,), 100), np.random.default_rng(0)) == 0
    rows, columns = blank[:, 0].all(2), blank[:, 0].all(1)
    assert torch.equal(blank[:, 0], rows[:, :, None] | columns[:, None]) and blank.any()


def test_without_colour_and_contrast_the_masks_draw_what_they_always_drew():
    """Results that were made before there were colours stay those of today's code."""
    x = torch.ones(3, 1, 24, 50)
    found = SpectrogramMasks()(x, torch.full((3,), 50), np.random.default_rng(7)) == 0
    assert found.sum((1, 2, 3)).tolist() == [100, 318, 254]


@pytest.mark.parametrize("option,number", [
    *((option, -1) for option in ("bands", "band_share", "stretches", "stretch_share", "colour", "contrast")),
    ("band_share", 1.5), ("stretch_share", 1.01),
])  # fmt: skip
def test_numbers_that_are_refused(option, number):
    with pytest.raises(ValueError, match=f"^{option} is {number}; allowed is "):
        SpectrogramMasks(**{option: number})
