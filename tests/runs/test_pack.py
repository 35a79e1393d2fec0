"""Packs: a run comes back from one as from its folder; damage is told; names may be odd; files stay small."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import key_of, made_run, same

from serlib.runs import RunStore, pack
from serlib.runs.pack import join, split

CODE, OTHER = "c" * 64, "d" * 64
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("abc", max_size=1), inner, max_size=3),
    max_leaves=8,
)


def packed(folder: Path, *runs, name="m.study.s") -> Path:
    path = folder / f"{name}.json"
    pack.write(path, {key_of(run): run for run in runs})
    return path


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text("abc", max_size=1), JSON, max_size=3), min_size=1, max_size=4))
def test_what_is_shared_and_the_rest_give_the_records_back(records):
    shared, rest = split(records)
    text = [json.dumps(join(shared, json.loads(json.dumps(each))), sort_keys=True) for each in rest]
    assert text == [json.dumps(record, sort_keys=True) for record in records]


def test_nothing_is_written_twice():
    shared, rest = split([{"a": {"b": 1, "c": i}, "d": [1]} for i in range(3)])
    assert (shared, rest) == ({"a": {"b": 1}, "d": [1]}, [{"a": {"c": i}} for i in range(3)])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seeds=st.sets(st.integers(0, 40), min_size=1, max_size=3),
    folds=st.sets(st.sampled_from(["speaker-03", "fold-1", "NA", "07", "1:8 \u00fc"]), min_size=1, max_size=3),
    rows=st.integers(1, 6),
    epochs=st.integers(0, 3),
)
def test_a_run_comes_back_as_from_its_folder(tmp_path_factory, seeds, folds, rows, epochs):
    folder = tmp_path_factory.mktemp("property")
    store = RunStore(folder / "runs", shelves=[])
    runs = [made_run(seed, fold, rows=rows, epochs=epochs) for seed in seeds for fold in folds]
    loose = {key_of(run): store.load(store.save(key_of(run), CODE, run)) for run in runs}
    pack.write(folder / "shelf" / "m.json", loose)
    shelf = RunStore(folder / "none", shelves=[folder / "shelf"])
    for key, run in loose.items():
        first = run.manifest["seed"] == min(seeds)
        back = shelf.load(shelf.find(key, OTHER))
        assert same(run, back, digits=6, arrays=None if first else {"logits", "logits_last"})
    order = [pack.position(run.manifest) for run in pack.read(folder / "shelf" / "m.json").values()]
    assert order == [(seed, fold) for seed in sorted(seeds) for fold in sorted(folds)]


def test_other_endings_are_kept_of_three_seeds_and_all_else_of_the_first(tmp_path):
    runs = pack.read(packed(tmp_path, *(made_run(seed) for seed in (1, 2, 4, 5)))).values()
    kept = [{*run.arrays} for run in runs]
    assert kept == [{*made_run().arrays}, *[{"logits", "logits_last"}] * 2, {"logits"}]


def test_packing_what_was_packed_changes_no_byte(tmp_path):
    path = packed(tmp_path, made_run(0), made_run(1), made_run(1, "speaker-08"))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    pack.write(path, dict(reversed(pack.read(path).items())))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert sorted(before) == ["m.study.s.csv.gz", "m.study.s.json", "m.study.s.safetensors.gz"]


def test_one_more_seed_adds_lines_and_changes_few(tmp_path):
    runs = [made_run(seed, fold) for seed in (0, 1, 2) for fold in ("speaker-03", "speaker-08")]
    before = packed(tmp_path, *runs[:4]).read_text().splitlines()
    after = packed(tmp_path, *runs).read_text().splitlines()
    assert len(after) == len(before) + 2 and len(set(before) - set(after)) <= 3  # two sums, and a comma


def test_what_a_pack_gives_may_be_changed_without_changing_the_pack(tmp_path):
    path = packed(tmp_path, made_run(0))
    for run in pack.read(path).values():
        run.arrays["count"][:], run.manifest["notes"]["weights"][:], run.predictions["speaker"] = 7, [7], "x"
    run = next(iter(pack.read(path).values()))
    assert run.arrays["count"].tolist() == [0, 1, 2] and run.manifest["notes"]["weights"] == [0, 0.5]
    assert set(run.predictions["speaker"]) == {"03"}


def test_histories_with_other_columns_keep_their_own(tmp_path):
    bare = replace(made_run(1), history=pd.DataFrame({"epoch": [1, 2], "alpha": [0.123456789, 1e-9]}))
    runs = list(pack.read(packed(tmp_path, made_run(0), bare, made_run(2, epochs=0))).values())
    assert [list(run.history) for run in runs] == [["epoch", "train_ua", "dev_ua"], ["epoch", "alpha"], []]
    assert runs[1].history["alpha"].tolist() == [0.123457, 1e-9] and runs[0].history["epoch"].dtype == np.int64


@pytest.mark.parametrize("file", ["json", "csv.gz", "safetensors.gz"])
@pytest.mark.parametrize("how", ["changed", "gone", "half"])
def test_damage_is_told_and_counts_as_not_there(tmp_path, file, how):
    run, other = made_run(0), made_run(0, "speaker-08")
    path = packed(tmp_path, run)
    packed(tmp_path, other, name="sound")
    target = path.with_suffix(f".{file}")
    content = target.read_bytes()
    target.write_bytes({"changed": content[:-2] + b"7}", "gone": b"", "half": content[: len(content) // 2]}[how])
    if how == "gone":
        target.unlink()
    store = RunStore(tmp_path / "none", shelves=[tmp_path])
    if file == "json" and how == "gone":  # nothing says that there is a pack
        assert store.find(key_of(run), CODE) is None and pack.read(path) == {}
    else:
        with pytest.warns(UserWarning, match=r"pack m\.study\.s is damaged \(.*\) and counts as not there"):
            assert store.find(key_of(run), CODE) is None
    assert store.load(store.find(key_of(other), CODE)).manifest == other.manifest


def test_damage_after_a_run_was_found_is_an_error(tmp_path):
    path = packed(tmp_path, made_run(0))
    store = RunStore(tmp_path / "none", shelves=[tmp_path])
    found = store.find(key_of(made_run(0)), CODE)
    path.with_suffix(".csv.gz").write_bytes(b"epoch\n1\n")
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(OSError, match=r"is no more in m\.study\.s\.json"):
        store.load(found)


def test_a_pack_that_comes_later_is_found(tmp_path):
    store = RunStore(tmp_path / "none", shelves=[tmp_path / "shelf"])
    assert store.find(key_of(made_run(0)), CODE) is None
    packed(tmp_path / "shelf", made_run(0))
    assert store.find(key_of(made_run(1)), CODE) is None
    packed(tmp_path / "shelf", made_run(0), made_run(1))
    assert store.seconds(store.find(key_of(made_run(1)), CODE)) == 2.5


ODD = [
    "emodb 1:8",
    "emodb-1-8",
    "emodb 1;8",
    "a/b",
    "a_b",
    "a b",
    "..",
    ".",
    ".hidden",
    "\u65e5\u672c",
    "\u4e2d\u6587",
    "",
    "x" * 90,
]


def test_odd_names_give_plain_files_of_their_own(tmp_path):
    paths = [pack.place(tmp_path, corpus, method, "study", "own folds") for corpus in ODD for method in ODD]
    assert len({str(path).lower() for path in paths}) == len(ODD) ** 2
    for path in paths:
        assert path.parent.parent == tmp_path and path.resolve() == path
        assert str(path.relative_to(tmp_path)).isascii() and not set(' :;?*"<>|\\') & set(path.name + path.parent.name)
        assert not path.name.startswith(".") and path.parent.name.strip(".")
    run = made_run(0, method="a/b c", corpus="emodb 1:8")
    pack.write(paths[0], {"k": run})
    assert pack.head(paths[0])["corpus"] == "emodb 1:8" and pack.head(paths[0])["method"] == "a/b c"
    assert next(iter(pack.read(paths[0]).values())).manifest == run.manifest


def test_usual_names_stay_readable():
    path = pack.place(Path("r"), "emodb", "center/mel-softmax+strong", "study", "leave-one-speaker-out")
    assert path.as_posix() == "r/emodb/center_mel-softmax+strong.study.leave-one-speaker-out.json"


def test_many_runs_are_small(tmp_path):
    """Five folds of 107 and 20 seeds; a run takes about its logits, its share of three histories, and a line."""
    runs = [made_run(seed, f"fold-{k}", rows=107, epochs=30) for seed in range(20) for k in range(1, 6)]
    path = packed(tmp_path, *runs)
    sizes = {suffix: os.path.getsize(path.with_suffix(f".{suffix}")) / len(runs) for suffix in (*pack.DATA, "json")}
    logits = 107 * 3 * 2  # of three classes in half precision; those of the last epoch too for three seeds of twenty
    assert sizes["safetensors.gz"] < logits * 23 / 20 + 107 + 107 * 5 * 2 / 20 + 200
    assert sizes["csv.gz"] < 30 * 20 * 3 / 20 + 20 and sizes["json"] < 60
    pack.write(path, pack.read(path), lean=True)
    assert os.path.getsize(path.with_suffix(".safetensors.gz")) / len(runs) < logits + 107 + 200
    runs = pack.read(path).values()
    assert all({*run.arrays} == {"logits"} for run in runs)
    assert all(len(run.history) == (30 if run.manifest["seed"] < 3 else 0) for run in runs)
    assert os.path.getsize(path.with_suffix(".csv.gz")) / len(runs) < 30 * 20 * 3 / 20 + 20


def test_a_prediction_that_is_no_class_is_refused_before_anything_is_written(tmp_path):
    run = made_run(0)
    run.predictions["predicted"] = "joy"
    with pytest.raises(ValueError, match="joy"):
        packed(tmp_path, run)
    assert not list(tmp_path.iterdir())
