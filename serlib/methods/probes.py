"""What classifiers read from each half of DCaEN's embedding."""

import numpy as np


def probes(train: np.ndarray, labels: np.ndarray, test: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Ask logistic regressions (C = 1, on scaled embeddings) what each half knows that the other does not.

    Args:
        train: (N, E) embeddings [e_feat | e_raw] of the training part.
        labels: (N,) of these.
        test: (M, E) of the test part.
        size: of e_feat.

    Returns:
        (M,) class indices, of classifiers of e_feat (``feat``), e_raw (``raw``), e_feat and the norm of e_raw
        (``norm``), both (``both``); and of the first reading -e_raw (``negated``) and e_raw (``straight``).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    def columns(embeddings: np.ndarray) -> np.ndarray:
        return np.column_stack([embeddings, np.linalg.norm(embeddings[:, size:], axis=1)])

    scaler = StandardScaler().fit(columns(train))
    known, asked = (scaler.transform(columns(embeddings)) for embeddings in (train, test))
    every = np.arange(known.shape[1])
    read = {"feat": every[:size], "raw": every[size:-1], "norm": np.r_[every[:size], every[-1]], "both": every[:-1]}
    models = {n: LogisticRegression(max_iter=1000).fit(known[:, chosen], labels) for n, chosen in read.items()}
    found = {f"probe_{name}": model.predict(asked[:, read[name]]) for name, model in models.items()}
    for name, sign in (("probe_negated", -1), ("probe_straight", 1)):
        if size == len(read["raw"]):
            found[name] = models["feat"].predict(sign * asked[:, read["raw"]])
    return found
