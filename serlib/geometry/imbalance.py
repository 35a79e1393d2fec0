"""The experiment behind class-specific margins: do they compress large classes and expand small ones, and where?

Four toy classes, two large and two small as in paper 000, alternate on a circle; a small network maps them to
embeddings. Measured are the sphere (what paper 000 argues about) and the input space (what decides a score).
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
import torch
from scipy import stats

from serlib.geometry.angles import own_and_nearest
from serlib.geometry.spheres import sphere_shares
from serlib.geometry.toy import Course, MakeLoss, blobs, train

LARGE, SPREAD = np.array([True, False, True, False]), 0.55


def imbalance_experiment(
    losses: Mapping[str, MakeLoss], *, ratios: Sequence[int], seeds: Sequence[int], embedding_size: int = 3
) -> pd.DataFrame:
    """Train every loss (for 4 classes, 0 and 2 large) at every ratio of large to small (30 inputs) and every seed.

    With the same seed all losses get the same data and start.

    Returns:
        Columns ``loss``, ``ratio``, ``seed`` and, after training: ``sphere_share`` and ``input_share``, the large
        classes' joint part of the weights' sphere and of balanced, unseen inputs; ``recall_large``, ``recall_small``
        and ``ua`` on these inputs; ``cone_large_deg`` and ``cone_small_deg``, the median angle of training embeddings
        to their own weight.
    """
    rows = []
    for ratio, seed, (name, make_loss) in product(ratios, seeds, losses.items()):
        inputs, labels = blobs(np.where(LARGE, 30 * ratio, 30), spread=SPREAD, seed=seed)
        course = train(make_loss, labels, inputs=inputs, embedding_size=embedding_size, epochs=30, seed=seed)
        rows.append({"loss": name, "ratio": ratio, "seed": seed} | _measure(course, seed))
    return pd.DataFrame(rows)


def intervals(table: pd.DataFrame, *, relative_to: str | None = None) -> pd.DataFrame:
    """Return mean and 95 % t-interval over seeds per loss, ratio and quantity (columns ``mean``, ``low``, ``high``).

    With ``relative_to``, a loss: of the paired differences to that loss at the same ratio and seed.
    """
    values = table.set_index(["loss", "ratio", "seed"])
    if relative_to is not None:
        values = values - values.loc[relative_to].loc[values.index.droplevel("loss")].to_numpy()
        values = values[values.index.get_level_values("loss") != relative_to]
    grouped = values.rename_axis(columns="quantity").stack().groupby(["loss", "ratio", "quantity"], sort=False)
    mean, half = grouped.mean(), grouped.sem() * stats.t.ppf(0.975, grouped.size() - 1)
    return pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half}).reset_index()


def _measure(course: Course, seed: int) -> dict[str, float]:
    inputs, labels = blobs([300] * 4, spread=SPREAD, seed=10_000 + seed)
    with torch.no_grad():
        predicted = course.loss.get_logits(course.network(torch.from_numpy(inputs))).argmax(1).numpy()
    recall = np.array([(predicted[labels == c] == c).mean() for c in range(4)])
    weight = course.weights[-1]
    cone = own_and_nearest(course.embeddings[-1], course.labels, weight).groupby("label")["own_deg"].median().to_numpy()
    return {
        "sphere_share": sphere_shares(weight).share[LARGE].sum(),
        "input_share": LARGE[predicted].mean(),
        "recall_large": recall[LARGE].mean(),
        "recall_small": recall[~LARGE].mean(),
        "ua": recall.mean(),
        "cone_large_deg": cone[LARGE].mean(),
        "cone_small_deg": cone[~LARGE].mean(),
    }
