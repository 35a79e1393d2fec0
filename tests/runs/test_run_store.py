"""The store keeps what it was given, notices damage, and its code digest follows code, not comments."""

import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from made import key_of, made_run, same

from serlib.runs import Run, RunStore, pack, run_key
from serlib.runs import code as code_module
from serlib.runs.code import digest

CODE = "c" * 64


def _run(value: float = 0.5) -> Run:
    predictions = pd.DataFrame(
        {"utterance": ["a", "b"], "speaker": ["03", "08"], "emotion": ["x", "y"], "predicted": ["x", "x"]}
    )
    arrays = {"logits": np.full((2, 2), value, np.float32), "count": np.arange(3)}
    return Run({"seed": 0}, predictions, pd.DataFrame([{"epoch": 1, "dev_ua": 0.25}]), arrays)


def test_a_run_comes_back_as_it_went_in(tmp_path):
    store = RunStore(tmp_path, shelves=[])
    store.save("k" * 24, CODE, _run())
    back = store.load(store.find("k" * 24, CODE))
    assert back.predictions.equals(_run().predictions) and back.predictions["speaker"].tolist() == ["03", "08"]
    assert back.history.equals(_run().history) and back.manifest["seed"] == 0
    assert back.arrays["logits"].dtype == np.float32 and (back.arrays["logits"] == 0.5).all()
    assert back.arrays["count"].tolist() == [0, 1, 2]


def test_a_method_without_epochs_has_an_empty_history(tmp_path):
    store, run = RunStore(tmp_path, shelves=[]), _run()
    store.save("k", CODE, Run(run.manifest, run.predictions, pd.DataFrame([]), run.arrays))
    assert store.load(store.find("k", CODE)).history.empty


@pytest.mark.parametrize("file", ["manifest.json", "predictions.csv", "arrays.safetensors", "history.csv"])
def test_damage_is_told_passed_over_and_replaced(tmp_path, file):
    store = RunStore(tmp_path, shelves=[])
    folder = store.save("k", CODE, _run(1.0))
    (folder / file).write_bytes(b"{ half a fi")
    with pytest.warns(UserWarning, match=f"run k-cccccccc is damaged \\({file}.*\\); it will be made again"):
        assert store.find("k", CODE) is None
    with pytest.warns(UserWarning, match="damaged"):
        store.save("k", CODE, _run(2.0))
    assert (store.load(store.find("k", CODE)).arrays["logits"] == 2.0).all()


def test_the_faster_process_wins(tmp_path):
    store = RunStore(tmp_path, shelves=[])
    store.save("k", CODE, _run(1.0)), store.save("k", CODE, _run(2.0))
    assert (store.load(store.find("k", CODE)).arrays["logits"] == 1.0).all()
    assert [p.name for p in tmp_path.iterdir()] == ["k-cccccccc"]


def test_a_run_without_weights_is_replaced_when_weights_are_wanted(tmp_path):
    store, state = RunStore(tmp_path, shelves=[]), {"network.w": np.ones(3, np.float32)}
    store.save("k", CODE, _run(1.0))
    assert store.find("k", CODE, weights=True) is None
    store.save("k", CODE, _run(1.0), state=state)
    assert (store.find("k", CODE, weights=True) / "model.safetensors").is_file()
    store.save("k", CODE, _run(3.0))
    assert (store.load(store.find("k", CODE)).arrays["logits"] == 1.0).all()


def test_ones_own_run_of_today_comes_before_a_committed_one_which_any_code_may_have_made(tmp_path):
    run, key = made_run(0), key_of(made_run(0))
    pack.write(tmp_path / "shelf" / "m.json", {key: run})
    store = RunStore(tmp_path / "mine", shelves=[tmp_path / "shelf"])
    folder = store.save(key, CODE, run)
    assert store.find(key, CODE) == folder
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.find(key, "e" * 64) == pack.PackedRun(tmp_path / "shelf" / "m.json", key, 1.5)
    assert store.find(key, "e" * 64, weights=True) is None and store.find("f" * 24, CODE) is None
    assert store.seconds(folder) == store.seconds(store.find(key, "e" * 64)) == 1.5


def test_the_finished_runs_are_listed_whatever_code_made_them_but_no_damaged_one(tmp_path):
    store = RunStore(tmp_path, shelves=[])
    runs = [store.save("k", CODE, _run()), store.save("k", "d" * 64, _run()), store.save("l", CODE, _run())]
    (tmp_path / ".part-1").mkdir()
    (tmp_path / ".part-1" / "manifest.json").write_text("{}")
    (runs[1] / "history.csv").write_text("nonsense")
    with pytest.warns(UserWarning, match="run k-dddddddd is damaged"):
        assert [(key, folder) for key, folder, _ in store.finished()] == [("k", runs[0]), ("l", runs[2])]


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from made import made_run
from serlib.runs import RunStore
store = RunStore(sys.argv[2], shelves=[])
store.save("a", "c" * 64, made_run(0))
os.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store.save("b", "c" * 64, made_run(1))
"""


def test_kill_minus_nine_while_saving_leaves_the_other_runs_and_no_half_one(tmp_path):
    command = [sys.executable, "-c", KILLED, os.path.dirname(__file__), str(tmp_path)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    store = RunStore(tmp_path, shelves=[])
    assert [key for key, *_ in store.finished()] == ["a"] and store.find("b", CODE) is None
    store.save("b", CODE, made_run(1))
    assert same(made_run(1), store.load(store.find("b", CODE)), exact=False)


def test_a_run_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(OSError, match="no space"):
        RunStore(tmp_path, shelves=[]).save("k", CODE, _run())
    assert not list(tmp_path.iterdir())


HOLDING = """
import sys, time
from serlib.runs import RunStore
with RunStore(sys.argv[1], shelves=[]).claim("k", "c" * 64) as mine:
    print(mine, flush=True)
    time.sleep(600)
"""


def test_a_claim_is_one_process_own_until_that_ends_even_by_kill_minus_nine(tmp_path):
    store = RunStore(tmp_path, shelves=[])
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "True\n"
            with store.claim("k", CODE, 0.2) as mine, store.claim("other", CODE, 0.2) as another:
                assert (mine, another) == (False, True)
        finally:
            holder.kill()
    assert [path.name for path in tmp_path.iterdir()] == [".k-cccccccc.claim"] and not list(store.finished())
    with store.claim("k", CODE, 0.2) as mine:
        assert mine
    assert not list(tmp_path.iterdir())


def test_a_claim_ends_with_an_error_of_its_holder(tmp_path):
    store = RunStore(tmp_path, shelves=[])
    with pytest.raises(TimeoutError, match="of the training"), store.claim("k", CODE, 0):
        raise TimeoutError("of the training")
    with store.claim("k", CODE, 0) as mine:
        assert mine


def test_a_claim_ends_where_no_open_file_can_be_deleted(tmp_path, monkeypatch):
    store = RunStore(tmp_path, shelves=[])

    def refused(path, missing_ok=False):
        raise PermissionError(13, "the file is open", str(path))

    monkeypatch.setattr("pathlib.Path.unlink", refused)
    for _ in range(2):
        with store.claim("k", CODE, 0) as mine:
            assert mine


def test_the_key_depends_on_every_value_but_not_on_their_order():
    assert run_key({"a": 1, "b": [1, 2]}) == run_key({"b": [1, 2], "a": 1})
    assert run_key({"a": 1, "b": [1, 2]}) != run_key({"a": 1, "b": [2, 1]})


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package like ours, with a network that uses a helper and another that does not."""
    files = {
        "__init__.py": "",
        "helper.py": "def mask(x):\n    return x\n",
        "one.py": "from toylib.helper import mask\n\nclass One:\n    def go(self, x):\n        return mask(x)\n",
        "two.py": "class Two:\n    pass\n",
    }
    folder = tmp_path / "toylib"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(code_module, "PACKAGE", "toylib")

    def change(name, old, new):
        (folder / name).write_text((folder / name).read_text().replace(old, new))
        code_module._read.cache_clear()

    code_module._read.cache_clear()
    yield change
    code_module._read.cache_clear()


def test_the_digest_follows_imports_and_ignores_comments(package):
    before = digest(["toylib.one"]), digest(["toylib.two"])
    package("helper.py", "def mask(x):\n", 'def mask(x):\n    """Now it says what it does."""\n    # and why\n')
    assert (digest(["toylib.one"]), digest(["toylib.two"])) == before
    package("helper.py", "return x", "return x + 1")
    assert digest(["toylib.one"]) != before[0] and digest(["toylib.two"]) == before[1]


def test_the_digest_of_a_method_covers_network_loss_training_and_features():
    from serlib import methods

    seen = set(code_module.sources(methods.get("focal/mfcc-focal").modules("quick")))
    assert {
        "serlib.models.resnet18", "serlib.models.pooling.masked", "serlib.losses.focal", "serlib.training.fit",
        "serlib.training.batches", "serlib.features.spectrograms", "serlib.features.audio", "serlib.methods.neural",
    } <= seen  # fmt: skip
    assert "serlib.losses.arcface" not in seen
