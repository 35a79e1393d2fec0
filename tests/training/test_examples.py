"""Examples: pieces of utterances, readings of them, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusal import refused
from small import clips, pieces

from serlib.training import Examples


def test_pieces_of_an_utterance_are_averaged():
    examples = Examples([np.zeros((1, 4), np.float32)] * 5, np.array([2, 2, 0, 1, 1]), groups=np.array([0, 0, 1, 2, 2]))
    values = np.arange(10, dtype=np.float32).reshape(5, 2)
    np.testing.assert_array_equal(examples.averaged(values), [[1, 2], [4, 5], [7, 8]])
    assert examples.averaged(values).dtype == np.float32
    np.testing.assert_array_equal(examples.utterance_labels, [2, 0, 1])


def test_whole_utterances_are_their_own_average():
    examples, values = clips(0, 3), np.ones((3, 2), np.float32)
    assert examples.averaged(values) is values and examples.utterance_labels is examples.labels
    assert examples.pieces.tolist() == [[1]] * 3 and examples.as_is.tolist() == [0, 1, 2]


@given(
    counts=st.lists(st.lists(st.integers(1, 4), min_size=3, max_size=3), min_size=1, max_size=9),
    seed=st.integers(0, 99),
)
def test_an_epoch_hears_exactly_one_reading_of_each_utterance(counts, seed):
    """With all of its pieces, and none of another reading."""
    examples, generator = pieces(counts), np.random.default_rng(seed)
    assert examples.pieces.tolist() == counts
    assert len(examples.as_is) == sum(count for count, *_ in counts)
    for _ in range(5):
        heard = examples.heard(generator)
        for utterance, count in enumerate(counts):
            mine = heard[examples.groups[heard] == utterance]
            (version,) = set(examples.versions[mine].tolist())
            assert len(mine) == len(set(mine)) == count[version]
        assert (np.diff(heard) > 0).all()


def test_all_readings_come_up_equally_often_and_apart_from_each_other():
    examples, generator = pieces(np.ones((40, 3), int)), np.random.default_rng(0)
    epochs = [examples.heard(generator) for _ in range(300)]
    drawn = np.array([examples.versions[rows][np.argsort(examples.groups[rows])] for rows in epochs])
    shares = np.stack([(drawn == version).mean(0) for version in range(3)])  # of 300 epochs, by utterance
    assert np.abs(shares - 1 / 3).max() < 5 * np.sqrt(2 / 9 / 300)
    assert all(len(set(epoch)) == 3 for epoch in drawn.tolist())  # utterances are drawn each for itself


def test_without_readings_nothing_is_drawn():
    generator = np.random.default_rng(0)
    assert clips(0, 7).heard(generator).tolist() == list(range(7))
    assert generator.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("column", ["labels", "names", "groups", "versions", "valid"])
def test_columns_of_another_length_are_refused(column):
    with refused(f"got 2 inputs and 3 {column}; need as many"):
        Examples([np.zeros((1, 4), np.float32)] * 2, **{"labels": np.zeros(2, int), column: np.arange(3)})
    with refused("got no inputs; need at least one"):
        Examples([], np.zeros(0, int))


def test_an_utterance_that_lacks_a_reading_would_not_be_heard_in_some_epochs_and_is_refused():
    inputs, labels = [np.zeros((1, 4), np.float32)] * 3, np.zeros(3, np.int64)
    with refused("utterance 1 has no reading 1; every utterance needs every reading"):
        Examples(inputs, labels, groups=np.array([0, 1, 0]), versions=np.array([0, 0, 1]))
    with refused("utterance 0 has no reading 1"):
        Examples(inputs, labels, versions=np.array([0, 0, 1]))  # each input an utterance of its own
    with refused("utterance 1 has no reading 0"):
        Examples(inputs, labels, groups=np.array([0, 0, 2]))
