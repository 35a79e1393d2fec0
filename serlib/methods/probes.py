"""What classifiers read from each half of DCaEN's embedding."""

import numpy as np


def probes(train: np.ndarray, labels: np.ndarray, test: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Ask logistic regressions (C = 1, on scaled embeddings) what each half knows that the other does not.

    They learn from ``train`` (N, E) embeddings [e_feat | e_raw], e_feat of ``size``, with ``labels`` (N,), and return
    (M,) class indices of ``test`` (M, E): by e_feat (``feat``), e_raw (``raw``), e_feat and the norm of e_raw
    (``norm``), both (``both``); and by the first of these when it reads -e_raw (``negated``) and e_raw (``straight``).
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
    if size == len(read["raw"]):
        for name, sign in (("negated", -1), ("straight", 1)):
            found[f"probe_{name}"] = models["feat"].predict(sign * asked[:, read["raw"]])
    return found
