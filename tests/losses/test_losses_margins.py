"""Margins from class sizes: the paper's example and the properties of the rule."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serlib.losses import margins_by_frequency

counts = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=9)
bases = st.integers(1, 9).flatmap(lambda base: st.tuples(st.just(base), st.integers(0, base - 1)))


def test_the_shares_of_the_paper_give_its_margins():
    assert margins_by_frequency([13.14, 11.67, 44.26, 30.93], 5, 1) == (6, 6, 4, 4)
    assert margins_by_frequency([13.14, 11.67, 44.26, 30.93], 4, 1) == (5, 5, 3, 3)


def test_emodb_has_one_large_and_one_small_class():
    assert margins_by_frequency([127, 81, 79, 71, 69, 62, 46], 5, 1) == (4, 5, 5, 5, 5, 5, 6)
    assert margins_by_frequency(np.array([127, 81, 79, 71, 69, 62, 46]), 5, 1) == (4, 5, 5, 5, 5, 5, 6)


def test_similar_sets_what_counts_as_the_middle():
    assert margins_by_frequency([100, 121], 5, 2) == (5, 5)
    assert margins_by_frequency([100, 121], 5, 2, similar=1.05) == (7, 3)
    assert margins_by_frequency([100, 400], 5, 2, similar=2) == (5, 5)  # exactly at the factor is still similar


@given(counts, bases)
def test_larger_classes_never_have_the_larger_margin(counts, base):
    margins = margins_by_frequency(counts, *base)
    assert all(type(margin) is int and margin >= 1 for margin in margins)
    assert set(margins) <= {base[0] - base[1], base[0], base[0] + base[1]}
    by_size = [margin for _, margin in sorted(zip(counts, margins, strict=True))]
    assert by_size == sorted(by_size, reverse=True)


@given(counts, bases, st.randoms())
def test_the_order_of_the_classes_does_not_matter(counts, base, random):
    order = list(range(len(counts)))
    random.shuffle(order)
    margins = margins_by_frequency(counts, *base)
    shuffled = margins_by_frequency([counts[i] for i in order], *base)
    assert shuffled == tuple(margins[i] for i in order)


@given(st.floats(1e-3, 1e6), st.integers(1, 9), bases)
def test_equal_classes_keep_the_base(count, classes, base):
    assert margins_by_frequency([count] * classes, *base) == (base[0],) * classes
