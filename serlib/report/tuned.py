"""What each setting of a loss reached on dev, where settings were tried on a few folds (``data/plans/deep.toml``)."""

import tomllib

import pandas as pd

from serlib import paths
from serlib.methods.settings import LOSSES, OWN, variant
from serlib.report.stored import late
from serlib.runs import pack


def tried_on() -> list[str]:
    """Return the names of the folds on whose dev parts settings were tried."""
    rows = tomllib.loads((paths.plans_dir() / "deep.toml").read_text(encoding="utf-8"))["rows"]
    return next(row["only"] for row in rows if "only" in row)


def dev_by_setting(network: str, loss: str) -> pd.Series:
    """Return UA on dev in percent by setting of a loss on EMO-DB in the study profile, seed 0, mean over ``tried_on``.

    ``network`` is a key of ``serlib.methods.settings.CHOSEN_DEEP``; a setting that lacks a committed run has no entry.
    A loss without constants of its own, whose settings are learning rates, is a ValueError.
    """
    if loss not in OWN:
        raise ValueError(f"{loss!r} has no settings on a spectrogram network; allowed are {', '.join(OWN)}")
    found, folds = {}, tried_on()
    for setting in LOSSES[loss][2]:
        name = network.format(f"+{variant(loss, setting)}")
        path = pack.place(paths.results_dir(), "emodb", name, "study", "leave-one-speaker-out")
        runs = {pack.position(run.manifest): run for run in pack.read(path).values()}
        each = [runs[0, fold].history.assign(seed=0, fold=fold) for fold in folds if (0, fold) in runs]
        if len(each) == len(folds):
            found[setting] = float(late(pd.concat(each)).mean())
    return pd.Series(found, dtype=float)
