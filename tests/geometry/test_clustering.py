"""Clustering measures: by hand, by slow loops, and what each of them does not know."""

import numpy as np
import pandas as pd
import pytest

from serlib.geometry import clustering, percent_change, tightness

SQUARE = np.array([[0, 0], [2, 0], [10, 0], [10, 4.0]])


def random(seed=0, size=30, classes=3):
    generator = np.random.default_rng(seed)
    labels = np.arange(size) % classes
    return generator.normal(size=(size, 4)) + 2 * labels[:, None], labels


def test_two_pairs_by_hand():
    table = clustering(SQUARE, np.array([0, 0, 1, 1])).loc[0]
    apart = np.hypot(9, 2)
    np.testing.assert_allclose(table["intra"], [1, 2])
    np.testing.assert_allclose(table["inter"], [apart, apart])
    np.testing.assert_allclose(table["ratio"], [1 / apart, 2 / apart])
    near, far = (np.hypot(10, 4) + 10) / 2, (np.hypot(8, 4) + 8) / 2  # mean distance of the first two to the others
    assert table.loc[0, "silhouette"] == pytest.approx(np.mean([1 - 2 / near, 1 - 2 / far]))


def test_against_slow_loops():
    points, labels = random()
    table = clustering(points, labels).loc[0]
    means = {c: np.mean([p for p, y in zip(points, labels, strict=True) if y == c], axis=0) for c in range(3)}
    for c in range(3):
        own = [np.linalg.norm(p - means[c]) for p, y in zip(points, labels, strict=True) if y == c]
        others = [np.linalg.norm(means[c] - means[d]) for d in range(3) if d != c]
        assert table.loc[c, "intra"] == pytest.approx(np.mean(own))
        assert table.loc[c, "inter"] == pytest.approx(min(others))
        widths = []
        for i in np.flatnonzero(labels == c):
            distance = np.linalg.norm(points - points[i], axis=1)
            a = distance[labels == c].sum() / ((labels == c).sum() - 1)
            b = min(distance[labels == d].mean() for d in range(3) if d != c)
            widths.append((b - a) / max(a, b))
        assert table.loc[c, "silhouette"] == pytest.approx(np.mean(widths))


def test_ratio_and_silhouette_know_no_scale_and_distances_do():
    points, labels = random()
    plain, shrunk = (clustering(scale * points + 5, labels) for scale in (1, 0.01))
    np.testing.assert_allclose(shrunk[["ratio", "silhouette"]], plain[["ratio", "silhouette"]])
    np.testing.assert_allclose(shrunk[["intra", "inter"]], 0.01 * plain[["intra", "inter"]])


def test_groups_are_measured_apart_and_named():
    points, labels = random(size=40)
    groups = np.repeat(["fold-2", "fold-1"], 20)
    table = clustering(points, labels, groups)
    assert list(table.index.names) == ["group", "label"]
    for group in ("fold-1", "fold-2"):
        alone = clustering(points[groups == group], labels[groups == group]).loc[0]
        pd.testing.assert_frame_equal(table.loc[group], alone, check_names=False)
    assert not np.allclose(table.groupby("label")["intra"].mean(), clustering(points, labels)["intra"])


def test_names_serve_as_labels():
    points, labels = random()
    named = clustering(points, np.array(["anger", "fear", "neutral"])[labels])
    np.testing.assert_allclose(named, clustering(points, labels))
    assert named.loc[0].index.tolist() == ["anger", "fear", "neutral"]


def test_one_class_alone_and_classes_of_one():
    points, _ = random(size=6)
    alone = clustering(points, np.zeros(6, int))
    assert alone["intra"].notna().all() and alone[["inter", "ratio", "silhouette"]].isna().all(axis=None)
    table = clustering(points, np.array([0, 0, 0, 1, 1, 2]))
    assert table.loc[0].index.tolist() == [0, 1]  # one embedding has no spread
    assert table.notna().all(axis=None)
    assert clustering(points, np.arange(6)).empty


def test_collapse_to_one_point_has_no_ratio():
    table = clustering(np.ones((6, 3)), np.arange(6) % 2)
    assert (table[["intra", "inter", "silhouette"]] == 0).all(axis=None) and table["ratio"].isna().all()


def test_tightness_divides_the_means_and_not_the_classes_ratios():
    labels = np.array([0, 0, 1, 1])
    points = np.concatenate([SQUARE, 3 * SQUARE])
    table = tightness(points, np.tile(labels, 2), np.repeat(["b", "a"], 4))
    apart = np.hypot(9, 2)
    np.testing.assert_allclose(table.loc["b", ["intra", "inter", "ratio"]].astype(float), [1.5, apart, 1.5 / apart])
    np.testing.assert_allclose(table.loc["a", "ratio"], table.loc["b", "ratio"])
    assert list(table.index) == ["b", "a"]
    rare = np.array([[0, 0], [4, 0], [0, 30], [0, 31], [5, 0], [5, 1.0]])
    one = clustering(rare, np.array([0, 0, 1, 1, 2, 2]))
    assert tightness(rare, np.array([0, 0, 1, 1, 2, 2]))["ratio"].item() != pytest.approx(one["ratio"].mean())


def test_a_halving_and_a_doubling_cancel_and_pairs_follow_the_index():
    old = pd.Series([1.0, 2, 4, 8], list("abcd"))
    assert percent_change(old / [2, 0.5, 2, 0.5], old)[0] == pytest.approx(0)
    new = old[::-1] * [0.8, 0.9, 0.7, 0.8]  # d, c, b, a
    found = percent_change(new, old)
    logs = np.log([0.8, 0.9, 0.7, 0.8])
    reach = 3.182446305 * logs.std(ddof=1) / 2  # Student's t, 3 degrees of freedom
    np.testing.assert_allclose(found, 100 * np.expm1([logs.mean(), logs.mean() - reach, logs.mean() + reach]))
