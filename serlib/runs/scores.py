"""From runs to Scores: those of one cross-validation joined, and those that are committed."""

import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from serlib import paths
from serlib.protocol import SCHEMES, Scores
from serlib.runs import pack
from serlib.runs.run import Run


def assemble(runs: Sequence[Run]) -> Scores:
    """Join the runs of one cross-validation into Scores, in the order given.

    Embeddings are kept when every run has them; of committed runs only those of the first seed do.
    """
    first = runs[0].manifest
    labelled = [(run, {"fold": run.manifest["fold"]["name"], "seed": run.manifest["seed"]}) for run in runs]
    arrays = [run.arrays for run in runs]
    embedded = all("embeddings" in a for a in arrays)
    return Scores(
        method=first["method"], corpus=first["corpus"]["name"], profile=first["profile"],
        scheme=first["fold"]["scheme"],
        classes=tuple(first["corpus"]["classes"]),
        predictions=pd.concat([run.predictions.assign(**where) for run, where in labelled], ignore_index=True),
        logits=np.concatenate([a["logits"] for a in arrays]),
        embeddings=np.concatenate([a["embeddings"] for a in arrays]) if embedded else None,
        history=pd.concat([run.history.assign(**where) for run, where in labelled], ignore_index=True),
        manifests=[run.manifest for run in runs],
        arrays=[{n: a for n, a in each.items() if n not in {"logits", "embeddings"}} for each in arrays],
        synthetic=first["corpus"]["synthetic"],
    )  # fmt: skip


def whole_seeds(runs: Sequence[Run]) -> list[Run]:
    """Return the runs, by seed and fold, of those seeds that have every fold that any seed has; may be none.

    The folds of a named scheme test every utterance of the corpus once; a seed that tests fewer lacks some.
    """
    ordered, folds_of, tested = sorted(runs, key=lambda run: pack.position(run.manifest)), {}, Counter()
    for run in ordered:
        seed, fold = pack.position(run.manifest)
        folds_of.setdefault(seed, set()).add(fold)
        tested[seed] += len(run.predictions)
    every = set().union(*folds_of.values())
    least = 0
    if ordered and ordered[0].manifest["fold"]["scheme"] in SCHEMES:
        least = ordered[0].manifest["corpus"].get("utterances", 0)
    whole = {seed for seed, found in folds_of.items() if found == every and tested[seed] >= least}
    return [run for run in ordered if run.manifest["seed"] in whole]


def stored_scores(
    corpus_name: str, method: str, *, profile: str, scheme: str, folder: str | None = None,
    seeds: Sequence[int] | None = None,
) -> Scores | None:  # fmt: skip
    """Return a method's committed results, which need neither the corpus nor training, or None where there are none.

    Args:
        corpus_name: as ``Scores`` shows it, such as ``"emodb 1:8"``.
        method: its name.
        profile: ``"quick"``, ``"study"`` or ``"paper"``.
        scheme: of ``serlib.protocol.SCHEMES``, or ``"own folds"``.
        folder: of ``data/results`` that the pack lies in, where it is not that of the corpus' name.
        seeds: which; None: all that are whole. Only the first seed alone has embeddings and arrays.

    Returns:
        Scores by seed and fold; seeds that lack a fold are left out, and told. None where there is no pack, or a
        damaged one (told), or where one of ``seeds`` is not there.
    """
    path = pack.place(paths.results_dir(), corpus_name, method, profile, scheme, folder=folder)
    held = list(pack.read(path).values())
    runs = whole_seeds(held)
    if len(runs) < len(held):
        warnings.warn(f"pack {path.stem}: {len(held) - len(runs)} runs of unfinished seeds are left out", stacklevel=2)
    there = {run.manifest["seed"] for run in runs}
    if not runs or not there.issuperset(there if seeds is None else seeds):
        return None
    return assemble([run for run in runs if seeds is None or run.manifest["seed"] in seeds])
