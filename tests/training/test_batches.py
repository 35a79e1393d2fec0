"""Batches: as many as were told, everything once, little padding, the same for the same seed."""

import gc
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from refusal import refused
from small import pieces

from serlib import load_corpus
from serlib.protocol import folds
from serlib.training import Examples, TrainingBatches, batch_sizes, bucketed, scoring_batches
from serlib.training import batches as module
from serlib.training.batches import MULTIPLE, Shelf
from serlib.training.examples import end_to_end

lengths_of = st.lists(st.integers(1, 400), min_size=1, max_size=120)


def waste(drawn: list[tuple]) -> float:
    """Share of the frames of batches that is padding."""
    return 1 - sum(int(valid.sum()) for *_, valid, _ in drawn) / sum(x.shape[0] * x.shape[-1] for _, x, *_ in drawn)


def of_lengths(lengths) -> Examples:
    """Clips of one bin, so long, each full of its row; the label of row r is r modulo 3."""
    return Examples([np.full((1, n), i, np.float32) for i, n in enumerate(lengths)], np.arange(len(lengths)) % 3)


def speech(size: int) -> Examples:
    """Clips as long as EMO-DB's: 1.2 to 9 s, half of them below 2.6 s, 100 frames a second."""
    generator = np.random.default_rng(0)
    return of_lengths((100 * np.clip(generator.lognormal(np.log(2.6), 0.35, size), 1.2, 9)).astype(int))


@settings(deadline=None, max_examples=150)
@given(
    utterances=st.integers(1, 70), readings=st.integers(1, 3), most=st.integers(1, 4), batch_size=st.integers(1, 20),
    balanced=st.booleans(), seed=st.integers(0, 999),
)  # fmt: skip
def test_there_are_as_many_batches_as_told_alike_in_size_and_none_of_one_clip(
    utterances, readings, most, batch_size, balanced, seed
):
    """The schedules count on ``len``: whole clips, pieces, readings that are cut otherwise, and weighted sampling."""
    examples = pieces(np.random.default_rng(seed).integers(1, most + 1, (utterances, readings)))
    batches = TrainingBatches(examples, batch_size, seed=seed, balanced=balanced)
    for _ in range(3):
        sizes = [len(rows) for rows, *_ in batches]
        assert len(sizes) == len(batches) and max(sizes) - min(sizes) <= 1
        assert min(sizes) > 1 or batch_size == 1 or sum(sizes) == 1
        assert readings > 1 or max(sizes) <= max(batch_size, 3)  # 3 clips by twos: one batch, not one of a single clip


@given(count=st.integers(1, 3000), batch_size=st.integers(1, 64))
def test_sizes_add_up(count, batch_size):
    sizes = batch_sizes(count, batch_size)
    assert sizes.sum() == count and np.ptp(sizes) <= 1 and sizes.max() <= max(batch_size, 3)
    assert sizes.min() > 1 or batch_size == 1 or count == 1


@pytest.mark.parametrize("count,batch_size,sizes", [
    (33, 8, [7, 7, 7, 6, 6]), (9, 8, [5, 4]), (3, 2, [3]), (1, 8, [1]), (3, 1, [1, 1, 1]),
    (428, 16, [16] * 23 + [15] * 4),
])  # fmt: skip
def test_sizes_by_hand(count, batch_size, sizes):
    assert batch_sizes(count, batch_size).tolist() == sizes


@settings(deadline=None)
@given(lengths_of, st.integers(1, 17), st.integers(0, 5))
def test_every_clip_is_drawn_once_with_its_own_length_and_label(lengths, size, seed):
    examples = of_lengths(lengths)
    batches = TrainingBatches(examples, size, seed=seed)
    for _ in range(2):
        seen = []
        for rows, batch, valid, labels in batches:
            longest = max(lengths[i] for i in rows)
            assert batch.shape == (len(rows), 1, MULTIPLE * -(-longest // MULTIPLE)) and batch.dtype == torch.float32
            for row, clip, length, label in zip(rows, batch, valid, labels, strict=True):
                assert length == lengths[row] and label == row % 3
                assert (clip[:, :length] == row).all() and (clip[:, length:] == 0).all()
            seen.extend(rows.tolist())
        assert sorted(seen) == list(range(len(lengths)))


@settings(deadline=None)
@given(lengths_of, st.integers(1, 17))
def test_scoring_visits_every_clip_once(lengths, size):
    rows = np.concatenate([r for r, _, _ in scoring_batches(of_lengths(lengths).inputs, size)])
    assert sorted(rows.tolist()) == list(range(len(lengths)))


@pytest.mark.parametrize("shape", [(), (3,), (2, 5)])
def test_a_shelf_gives_back_what_was_laid_on_it(shape):
    generator = np.random.default_rng(0)
    inputs = [generator.standard_normal((*shape, n)) for n in (3, 1, 6, 2)]  # float64, and as slices of other arrays
    inputs[2] = generator.standard_normal((*shape, 12))[..., ::2]
    shelf = Shelf(end_to_end(tuple(inputs)), [x.shape[-1] for x in inputs])
    batch, lengths = shelf.batch(np.array([2, 0, 2]))
    assert batch.shape == (3, *shape, 8) and lengths.tolist() == [6, 3, 6] and batch.is_contiguous()
    for row, x in zip(batch, (inputs[2], inputs[0], inputs[2]), strict=True):
        np.testing.assert_array_equal(row[..., : x.shape[-1]], x.astype(np.float32))
        assert not row[..., x.shape[-1] :].any()
    assert shelf.batch(np.array([1]))[0].shape == (1, *shape, MULTIPLE)


def test_buckets_pad_less_than_random_batches():
    examples = speech(512)
    order = np.random.default_rng(0).permutation(examples.lengths).reshape(32, 16)
    assert waste(list(TrainingBatches(examples, 16, seed=0))) < 0.3 * (1 - order.mean() / order.max(1).mean())


@pytest.mark.parametrize("size", [400, 428, 535, 700, 1100])
def test_little_is_padded_whatever_the_number_of_clips(size):
    assert waste(list(TrainingBatches(speech(size), 16, seed=0))) < 0.1


@pytest.mark.emodb
def test_under_a_tenth_of_the_frames_of_emodb_is_padding(emodb_root):
    corpus = load_corpus("emodb", emodb_root)
    frames, drawn = (100 * corpus.table["duration"]).astype(int).to_numpy(), []
    for fold in folds(corpus, "leave-one-speaker-out"):
        drawn.append(waste(list(TrainingBatches(of_lengths(frames[fold.train]), 16, seed=0))))
    assert len(drawn) == 10 and max(drawn) < 0.1


def companions(examples: Examples, epochs: int = 20) -> float:
    """With how many other clips a clip shares a batch of 16 in that many epochs, on average."""
    met = np.zeros((len(examples), len(examples)), bool)
    batches = TrainingBatches(examples, 16, seed=0)
    for _ in range(epochs):
        for rows, *_ in batches:
            met[np.ix_(rows, rows)] = True
    return met.sum(1).mean() - 1


def test_a_clip_meets_many_companions(monkeypatch):
    """Without jitter a clip would meet its neighbours by length for ever."""
    jittered = companions(speech(428))
    monkeypatch.setattr(module, "JITTER", 0.0)
    assert companions(speech(428)) < 25 and 60 < jittered < 110  # 218 in random batches


def test_clips_of_equal_length_meet_everyone():
    examples = of_lengths([50] * 64)
    assert companions(examples, 60) > 0.99 * 63


def test_batches_come_in_no_order_of_length_and_odd_sizes_anywhere():
    generator = np.random.default_rng(0)
    lengths = np.arange(1, 101)
    drawn = [bucketed(lengths, batch_sizes(100, 8), generator) for _ in range(200)]
    assert np.abs(np.mean([[lengths[b].mean() for b in epoch] for epoch in drawn], 0) - 50.5).max() < 10
    short = [len(epoch[np.argmin([lengths[b].mean() for b in epoch])]) for epoch in drawn]
    assert set(short) == {7, 8}  # the shortest clips are not always the smaller batch


def test_the_same_seed_gives_the_same_batches_and_epochs_differ():
    examples = of_lengths(range(1, 60))
    one, two = TrainingBatches(examples, 8, seed=3), TrainingBatches(examples, 8, seed=3)
    first = [rows.tolist() for rows, *_ in one]
    assert first == [rows.tolist() for rows, *_ in two]
    assert first != [rows.tolist() for rows, *_ in one]
    assert first != [rows.tolist() for rows, *_ in TrainingBatches(examples, 8, seed=4)]


def test_balanced_sampling_draws_classes_equally_and_of_each_class_every_clip():
    labels = np.r_[np.zeros(900, int), np.ones(100, int)]
    batches = TrainingBatches(Examples([np.zeros((1, 5), np.float32)] * 1000, labels), 50, seed=0, balanced=True)
    rows = np.concatenate([rows for _ in range(20) for rows, *_ in batches])
    assert abs(labels[rows].mean() - 0.5) < 0.02 and len(rows) == 20_000
    assert set(rows) >= set(range(900, 1000)) and len(set(rows)) > 990


def test_every_reading_comes_up_and_is_drawn_anew_for_each_clip_and_epoch():
    examples = pieces(np.ones((30, 3), int))
    batches = TrainingBatches(examples, 8, seed=0)
    epochs = [np.sort(np.concatenate([rows for rows, *_ in batches])) for _ in range(20)]
    assert all(sorted(examples.groups[rows]) == list(range(30)) for rows in epochs)
    assert set(np.concatenate(epochs)) == set(range(90))
    assert len({tuple(rows) for rows in epochs}) == 20
    assert all(len(set(examples.versions[rows])) == 3 for rows in epochs)


def test_augmentation_sees_each_batch_with_its_lengths_and_the_seeded_generator():
    seen = []

    def augment(batch, lengths, generator):
        seen.append((lengths.tolist(), generator.integers(1 << 30)))
        return batch + 100

    for _ in range(2):
        _, batch, valid, _ = next(iter(TrainingBatches(of_lengths([5, 6, 7, 8]), 4, seed=0, augment=augment)))
        assert all((row[:, :n] >= 100).all() for row, n in zip(batch, valid, strict=True))
    assert seen[0] == seen[1] and sorted(seen[0][0]) == [5, 6, 7, 8]


def test_no_batch_size_below_one():
    with refused("batch_size is 0; at least 1 is needed"):
        TrainingBatches(of_lengths([3]), 0, seed=0)


@pytest.mark.parametrize("shape", [(), (3,), (2, 5)])
def test_there_is_one_copy_of_a_training_part(shape):
    """The arrays that were given are let go; what stands in their place lies where batches are cut from."""
    generator = np.random.default_rng(0)
    examples = Examples([generator.standard_normal((*shape, n), np.float32) for n in (9, 4, 7)], np.arange(3))
    given, wanted = [weakref.ref(x) for x in examples.inputs], [x.copy() for x in examples.inputs]
    first, second = (TrainingBatches(examples, 2, seed=seed).shelf.flat.numpy() for seed in (0, 1))
    gc.collect()
    assert not any(array() is not None for array in given) and np.shares_memory(first, second)
    for x, copy in zip(examples.inputs, wanted, strict=True):
        np.testing.assert_array_equal(x, copy)
        assert np.shares_memory(x, first)
