"""Losses on equal terms: as many settings for each, and those that are chosen are the best on dev.

``python tests/methods/test_equal.py [data/results]`` prints the winners of a folder of packs.
"""

import sys
from pathlib import Path

import pandas as pd
import pytest
from test_chosen_on_dev import on_dev

from serlib import methods, paths
from serlib.methods import equal
from serlib.runs import pack
from serlib.runs.results import whole_seeds

SCHEME = "leave-one-speaker-out"
CHOSEN = equal.CHOSEN | equal.CHOSEN_FURTHER


def history(results: Path, method: str) -> pd.DataFrame:
    """Epochs of a method's committed runs of whole seeds on EMO-DB, study profile; empty where there are none."""
    runs = whole_seeds(list(pack.read(pack.place(results, "emodb", method, "study", SCHEME)).values()))
    each = [run.history.assign(seed=run.manifest["seed"], fold=run.manifest["fold"]["name"]) for run in runs]
    return pd.concat(each) if each else pd.DataFrame(columns=["seed", "fold", "epoch", "dev_ua"])


def winners(results: Path) -> pd.DataFrame:
    """The best setting on dev of each loss on each ground: a row per (ground, loss).

    ``winner``, missing unless all settings have a seed in common; ``dev`` its UA in percent, ``worst`` that of the
    worst setting, ``seeds`` how many all settings share, ``chosen`` what was taken, if anything.
    """
    rows = {}
    for ground in equal.INPUTS:
        for loss in equal.LOSSES if ground in equal.GROUNDS else ["softmax"]:
            settings = equal.LOSSES[loss][2]
            found = {setting: history(results, equal.name(ground, loss, setting)) for setting in settings}
            common = set.intersection(*(set(table["seed"]) for table in found.values()))
            dev = {s: 100 * on_dev(table[table["seed"].isin(common)]) for s, table in found.items() if common}
            best = max(dev, key=dev.get) if common else None
            ends = [dev[best], min(dev.values())] if common else [float("nan")] * 2
            rows[ground, loss] = [best, *ends, len(common), CHOSEN.get(ground, {}).get(loss)]
    columns = ["winner", "dev", "worst", "seeds", "chosen"]
    return pd.DataFrame.from_dict(rows, "index", columns=columns).set_axis(pd.MultiIndex.from_tuples(rows))


@pytest.mark.parametrize("ground", equal.INPUTS)
def test_the_settings_with_the_highest_mean_dev_score_were_taken(ground):
    table = winners(paths.results_dir()).loc[ground]
    if (lacking := table.index[table["winner"].isna()]).size:
        pytest.skip(f"not proven: no seed that all settings have, of {', '.join(lacking)}")
    assert table["winner"].to_dict() == CHOSEN.get(ground)


def test_every_loss_has_four_settings_and_softmax_is_what_the_others_are_compared_with():
    assert all(len(settings) == 4 for _, _, settings in equal.LOSSES.values())
    assert next(iter(equal.LOSSES)) == "softmax"
    assert equal.CHOSEN.keys() <= equal.GROUNDS.keys()
    assert equal.CHOSEN_FURTHER.keys() == equal.FURTHER.keys() == equal.INPUTS.keys() - equal.GROUNDS.keys()
    chosen = {equal.name(ground, loss) for ground in equal.CHOSEN for loss in equal.LOSSES}
    assert len(chosen & {*methods.names()}) == len(equal.CHOSEN) * len(equal.LOSSES)


def changed(own: dict, other: dict) -> set[str]:
    return {field for field in own.keys() | other.keys() if own.get(field) != other.get(field)}


@pytest.mark.parametrize("ground", equal.GROUNDS)
def test_settings_change_the_loss_or_the_rate_and_nothing_else(ground):
    """The network, its inputs and its training are softmax' own: else terms would not be equal."""
    own = equal.recipe("study", ground=ground, loss="softmax", setting="r2").to_dict()
    for loss, (_, _, settings) in equal.LOSSES.items():
        for setting in settings:
            other = equal.recipe("study", ground=ground, loss=loss, setting=setting).to_dict()
            assert changed(own, other) <= {"loss", "loss_options", "margin_pair", "annealing", "training"}
            assert changed(own["training"], other["training"]) <= {"learning_rate", "balancing"}


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else paths.results_dir()
    print(winners(folder).round(1).to_string())
