"""Batches: everything once, little padding, the same for the same seed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from serlib import load_corpus
from serlib.protocol import folds
from serlib.training import Examples, TrainingBatches, bucketed, collate, scoring_batches

lengths_of = st.lists(st.integers(1, 400), min_size=1, max_size=120)


def _examples(lengths, classes=3) -> Examples:
    inputs = [np.full((2, n), i, np.float32) for i, n in enumerate(lengths)]
    return Examples(inputs, np.arange(len(lengths)) % classes)


@settings(deadline=None)
@given(lengths_of, st.integers(1, 17), st.integers(0, 5))
def test_every_clip_is_drawn_once_with_its_own_length_and_label(lengths, size, seed):
    examples, seen = _examples(lengths), []
    for rows, batch, valid, labels in TrainingBatches(examples, size, seed=seed):
        longest = max(lengths[i] for i in rows)
        assert batch.shape == (len(rows), 2, 8 * -(-longest // 8)) and batch.dtype == torch.float32
        for row, clip, length, label in zip(rows, batch, valid, labels, strict=True):
            assert length == lengths[row] and label == row % 3
            assert (clip[:, :length] == row).all() and (clip[:, length:] == 0).all()
        seen.extend(rows.tolist())
    assert sorted(seen) == list(range(len(lengths)))


@settings(deadline=None)
@given(lengths_of, st.integers(1, 17))
def test_scoring_visits_every_clip_once(lengths, size):
    rows = np.concatenate([r for r, _, _ in scoring_batches(_examples(lengths).inputs, size)])
    assert sorted(rows.tolist()) == list(range(len(lengths)))


def test_no_training_batch_is_left_with_one_clip():
    batches = bucketed(np.arange(33), 8, np.random.default_rng(0), np.arange(33))
    assert sorted(map(len, batches)) == [8, 8, 8, 9]


def test_buckets_pad_less_than_random_batches():
    generator = np.random.default_rng(0)
    lengths = generator.lognormal(4.5, 0.6, 512).astype(int) + 1

    def waste(batches):
        padded = sum(lengths[b].max() * len(b) for b in batches)
        return 1 - lengths.sum() / padded

    order = generator.permutation(512)
    assert waste(bucketed(lengths, 16, generator, np.arange(512))) < 0.5 * waste(np.split(order, 32))


def test_the_same_seed_gives_the_same_batches_and_epochs_differ():
    examples = _examples(range(1, 60))
    one, two = TrainingBatches(examples, 8, seed=3), TrainingBatches(examples, 8, seed=3)
    first = [rows.tolist() for rows, *_ in one]
    assert first == [rows.tolist() for rows, *_ in two]
    assert first != [rows.tolist() for rows, *_ in one]


def test_weighted_sampling_draws_classes_equally():
    labels = np.r_[np.zeros(900, int), np.ones(100, int)]
    examples = Examples([np.zeros((1, 5), np.float32)] * 1000, labels)
    weights = 1 / np.bincount(labels)[labels]
    drawn = torch.cat([y for *_, y in TrainingBatches(examples, 50, seed=0, weights=weights)])
    assert 0.45 < drawn.float().mean() < 0.55


def test_augmentation_sees_each_clip_and_the_seeded_generator():
    examples = _examples([5, 6, 7, 8])
    shifted = TrainingBatches(examples, 4, seed=0, augment=lambda x, g: x + 100 + g.integers(1))
    _, batch, valid, _ = next(iter(shifted))
    assert all((row[:, :n] >= 100).all() for row, n in zip(batch, valid, strict=True))


def test_collate_keeps_content_in_front():
    batch, lengths = collate([np.ones((1, 2, 3)), np.ones((1, 2, 5))])
    assert batch.shape == (2, 1, 2, 5) and lengths.tolist() == [3, 5] and batch.sum() == 16


def test_bad_examples_and_sizes_are_refused():
    with pytest.raises(ValueError, match="got 0 inputs and 0 labels; need as many, at least one"):
        Examples([], np.array([], int))
    with pytest.raises(ValueError, match="got 1 inputs and 2 labels"):
        Examples([np.zeros((1, 2))], np.array([0, 1]))
    with pytest.raises(ValueError, match="batch_size is 0; at least 1 is needed"):
        TrainingBatches(_examples([3]), 0, seed=0)


def test_pieces_of_an_utterance_are_averaged():
    examples = Examples([np.zeros((1, 4), np.float32)] * 5, np.array([2, 2, 0, 1, 1]), groups=np.array([0, 0, 1, 2, 2]))
    values = np.arange(10, dtype=np.float32).reshape(5, 2)
    np.testing.assert_array_equal(examples.averaged(values), [[1, 2], [4, 5], [7, 8]])
    assert examples.averaged(values).dtype == np.float32
    np.testing.assert_array_equal(examples.utterance_labels, [2, 0, 1])


def test_whole_utterances_are_their_own_average():
    examples, values = _examples([3, 4, 5]), np.ones((3, 2), np.float32)
    assert examples.averaged(values) is values and examples.utterance_labels is examples.labels


def test_groups_of_another_number_are_refused():
    with pytest.raises(ValueError, match="got 2 inputs and 3 groups; need as many"):
        Examples([np.zeros((1, 4), np.float32)] * 2, np.zeros(2, np.int64), groups=np.arange(3))


@pytest.mark.parametrize("size", [300, 428, 535, 700, 1100])
def test_no_small_rest_is_padded_most(size):
    """Sorted windows are alike, so that waste does not jump with the number of clips."""
    generator = np.random.default_rng(0)
    lengths = (100 * np.clip(generator.lognormal(np.log(2.6), 0.35, size), 1.2, 9)).astype(int)
    padded = sum(len(b) * 8 * -(-lengths[b].max() // 8) for b in bucketed(lengths, 32, generator, np.arange(size)))
    assert 1 - lengths.sum() / padded < 0.14


@pytest.mark.emodb
def test_under_a_tenth_of_the_frames_of_emodb_is_padding(emodb_root):
    corpus = load_corpus("emodb", emodb_root)
    frames = (100 * corpus.table["duration"]).astype(int).to_numpy()
    valid = padded = 0
    for fold in folds(corpus, "leave-one-speaker-out"):
        lengths = frames[fold.train]
        for batch in bucketed(lengths, 32, np.random.default_rng(0), np.arange(len(lengths))):
            valid, padded = valid + lengths[batch].sum(), padded + len(batch) * 8 * -(-lengths[batch].max() // 8)
    assert 1 - valid / padded < 0.1
