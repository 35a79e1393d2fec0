"""Runs that nothing was trained for."""

import numpy as np
import pandas as pd

from serlib.runs import Run, run_key

CLASSES = ["anger", "neutral", "sadness"]


def made_run(
    seed=0, fold="speaker-03", *, method="test/guess", corpus="tiny", value=None, finished="2026-01-01T00:00:00+00:00",
    recipe=None, rows=4, epochs=3, scheme="leave-one-speaker-out", slope=None,
) -> Run:  # fmt: skip
    """A run as the engine leaves it; ``value`` fills its logits, ``slope`` is that of its train UA, points an epoch."""
    stream = np.random.default_rng([seed, len(fold), *fold.encode()])
    truth, said = (np.asarray(CLASSES)[stream.integers(0, 3, rows)] for _ in range(2))
    predictions = pd.DataFrame(
        {"utterance": [f"{fold}, {i}" for i in range(rows)], "speaker": fold[-2:], "emotion": np.sort(truth)}
    ).assign(predicted=said)
    logits = stream.standard_normal((rows, 3)) if value is None else np.full((rows, 3), value)
    arrays = {"logits": logits, "logits_last": 2 * logits, "embeddings": stream.standard_normal((rows, 5))}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()} | {"count": np.arange(3)}
    history = [{"epoch": e, "train_ua": stream.random(), "dev_ua": np.nan} for e in range(1, epochs + 1)]
    manifest = {
        "seed": seed, "method": method, "profile": "study", "recipe": {"rate": 0.1} if recipe is None else recipe,
        "fold": {"name": fold, "scheme": scheme, "test": rows},
        "corpus": {"name": corpus, "fingerprint": "f" * 64, "classes": CLASSES, "synthetic": False},
        "notes": {"weights": [seed, 0.5]} | ({} if slope is None else {"slope": slope, "converged": slope <= 0.5}),
        "seconds": 1.5 + seed, "finished": finished, "code": "c" * 64, "format": 1,
    }  # fmt: skip
    return Run(manifest, predictions, pd.DataFrame(history), arrays)


def key_of(run: Run) -> str:
    """The key under which these tests store a run."""
    facts = run.manifest
    return run_key({name: facts[name] for name in ("seed", "fold", "method", "recipe")} | {"corpus": facts["corpus"]})


def same(one: Run, other: Run, *, digits: int = 12, arrays: set[str] | None = None, exact: bool = True) -> bool:
    """Tell whether two runs agree: histories to ``digits`` significant digits, ``arrays`` (None: all).

    Not ``exact``: one of them was not in half precision.
    """
    names = set(one.arrays) if arrays is None else arrays
    pd.testing.assert_frame_equal(one.predictions, other.predictions)
    tolerance = 0.5 * 10.0 ** (1 - digits)
    pd.testing.assert_frame_equal(one.history, other.history, rtol=tolerance, atol=0)
    assert set(other.arrays) == names
    for name in names:
        assert one.arrays[name].dtype == other.arrays[name].dtype
        np.testing.assert_allclose(one.arrays[name], other.arrays[name], rtol=0 if exact else 1e-3)
    return one.manifest == other.manifest
