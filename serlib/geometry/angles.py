"""Measured angles: where the embeddings of a trained method lie relative to its class weights. Degrees throughout."""

import numpy as np
import pandas as pd


def angles_deg(embeddings: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the angle (N, C) between every embedding (N, E) and every class weight (C, E); 90 for a zero embedding."""
    embeddings, weight = np.asarray(embeddings, float), np.asarray(weight, float)
    if embeddings.ndim != 2 or weight.ndim != 2 or embeddings.shape[1] != weight.shape[1]:
        raise ValueError(f"embeddings {embeddings.shape} and weight {weight.shape} must be (N, E) and (C, E)")
    return np.degrees(np.arccos(np.clip(_unit(embeddings) @ _unit(weight).T, -1, 1)))


def own_and_nearest(embeddings: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> pd.DataFrame:
    """Return columns ``label``, ``own_deg``, ``nearest_other_deg`` and ``nearest_other`` (class index) per embedding.

    Raises:
        ValueError: when shapes do not fit or a label is no class index.
    """
    angles, labels, rows = angles_deg(embeddings, weight), np.asarray(labels), np.arange(len(embeddings))
    if labels.shape != rows.shape or labels.dtype.kind not in "iu" or not np.isin(labels, np.arange(len(weight))).all():
        raise ValueError(
            f"labels {labels.shape} {labels.dtype} must be {len(rows)} integers from 0 to {len(weight) - 1}"
        )
    columns = {"label": labels, "own_deg": angles[rows, labels]}
    angles[rows, labels] = np.inf
    return pd.DataFrame(columns | {"nearest_other_deg": angles.min(1), "nearest_other": angles.argmin(1)})


def margin_violations(
    measured: pd.DataFrame, *, margin: float | np.ndarray = 1.0, margin_rad: float | np.ndarray = 0.0
) -> pd.Series:
    """Return, per class that occurs, the share of embeddings outside the cone that training asks for.

    Outside means margin * own + margin_rad > nearest other; without a margin that is a wrong prediction. ``margin``
    (angular) and ``margin_rad`` (ArcFace) are one number or one per class; ``measured`` is from ``own_and_nearest``.
    """
    labels = measured["label"].to_numpy()
    margins = (np.asarray(margin, float), np.degrees(margin_rad))
    factor, offset = (m[labels] if np.ndim(m) else m for m in margins)
    outside = factor * measured["own_deg"] + offset > measured["nearest_other_deg"]
    return outside.groupby(measured["label"]).mean().rename("violations")


def class_angles(embeddings: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Return, per class that occurs, how tight it is and how far from the others, weights aside.

    ``intra_deg``: mean angle of embeddings to the class' mean direction; ``inter_deg``: from that to the nearest other.
    """
    unit, labels = _unit(np.asarray(embeddings, float)), np.asarray(labels)
    present = np.unique(labels)
    means = np.stack([unit[labels == label].mean(0) for label in present])
    intra = [angles_deg(unit[labels == label], mean[None]).mean() for label, mean in zip(present, means, strict=True)]
    between = angles_deg(means, means) + np.diag(np.full(len(present), np.inf))
    return pd.DataFrame({"intra_deg": intra, "inter_deg": between.min(1)}, index=pd.Index(present, name="label"))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
