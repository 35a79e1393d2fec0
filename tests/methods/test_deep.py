"""Losses on the strongest spectrogram networks: of four settings each, that which is best on dev was taken.

``python tests/methods/test_deep.py [data/results]`` prints the dev scores of a folder of packs.
"""

import itertools
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from test_chosen_on_dev import on_dev

from serlib import methods, paths
from serlib.methods.settings import CHOSEN, CHOSEN_DEEP, LOSSES, OWN, variant
from serlib.report import tuned
from serlib.runs import pack

ROWS = [row for row in tomllib.loads((paths.plans_dir() / "deep.toml").read_text())["rows"] if "only" in row]


def dev(results: Path, network: str, loss: str) -> dict[str, float]:
    """UA in percent on dev by setting, on the folds of the plan, seed 0; NaN where a run is not committed."""
    found, (folds,) = {}, {tuple(row["only"]) for row in ROWS}
    for setting in LOSSES[loss][2]:
        name = network.format(f"+{variant(loss, setting)}")
        path = pack.place(results, "emodb", name, "study", "leave-one-speaker-out")
        runs = {pack.position(run.manifest): run for run in pack.read(path).values()}
        asked = [runs.get((0, fold)) for fold in folds]
        each = [run.history.assign(seed=0, fold=run.manifest["fold"]["name"]) for run in asked if run]
        found[setting] = 100 * on_dev(pd.concat(each)) if len(each) == len(folds) else float("nan")
    return found


@pytest.mark.parametrize("network", CHOSEN_DEEP)
@pytest.mark.parametrize("loss", OWN)
def test_the_setting_with_the_highest_mean_dev_score_was_taken(network, loss):
    found, chosen = dev(paths.results_dir(), network, loss), CHOSEN_DEEP[network]
    if lacking := [setting for setting, ua in found.items() if ua != ua]:
        assert loss not in chosen, f"chosen without {', '.join(lacking)}"
        pytest.skip(f"not proven: no committed runs of {', '.join(lacking)}")
    assert chosen[loss] == max(found, key=found.get), found


@pytest.mark.parametrize("loss", ["arcface", "class-angular"])
def test_the_report_shows_the_dev_scores_by_which_settings_were_chosen(loss):
    network = next(iter(CHOSEN_DEEP))
    shown = tuned.dev_by_setting(network, loss)
    assert tuned.tried_on() == ROWS[0]["only"] and len(shown) == 4
    assert shown.to_dict() == pytest.approx(dev(paths.results_dir(), network, loss))


def test_the_report_shows_no_setting_whose_folds_are_not_all_there(monkeypatch, tmp_path):
    network, name = next(iter(CHOSEN_DEEP)), "focal/mel-softmax+arcface-m0.25-s8+strong"
    own = pack.place(paths.results_dir(), "emodb", name, "study", "leave-one-speaker-out")
    for path in own.parent.glob(f"{own.stem}.*"):
        (tmp_path / "emodb").mkdir(exist_ok=True)
        (tmp_path / "emodb" / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(paths, "results_dir", lambda: tmp_path)
    assert tuned.dev_by_setting(network, "arcface").index.tolist() == ["m0.25-s8"]
    monkeypatch.setattr(tuned, "tried_on", lambda: [*ROWS[0]["only"], "speaker-99"])
    assert tuned.dev_by_setting(network, "arcface").empty
    with pytest.raises(ValueError, match="'weighted' has no settings on a spectrogram network; allowed are focal, "):
        tuned.dev_by_setting(network, "weighted")


def test_the_plan_asks_for_every_setting_of_every_loss_that_has_settings():
    asked = {name for row in ROWS for name in row["methods"]}
    suffixes = [f"+{variant(loss, setting)}" for loss in OWN for setting in LOSSES[loss][2]]
    assert asked == {network.format(suffix) for network in CHOSEN_DEEP for suffix in suffixes}
    assert all(methods.get(name).name == name for name in asked)


def test_a_setting_has_one_name():
    assert variant("arcface", CHOSEN["em-speaker"]["arcface"]) == "arcface" == variant("arcface")
    assert variant("arcface", "m0.25-s8") == "arcface-m0.25-s8"


if __name__ == "__main__":
    folder = Path((sys.argv[1:] or [paths.results_dir()])[0])
    for network, loss in itertools.product(CHOSEN_DEEP, OWN):
        print(network.format(f"+{loss}"), {s: round(ua, 1) for s, ua in dev(folder, network, loss).items()})
