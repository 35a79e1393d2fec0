"""The store keeps what it was given, notices damage, and its code digest follows code, not comments."""

import numpy as np
import pandas as pd
import pytest

from serlib.runs import Run, RunStore, run_key
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


def test_ones_own_run_of_today_comes_before_a_committed_one_of_other_code(tmp_path):
    shelf = RunStore(tmp_path / "shelf", shelves=[])
    shelf.save("k", "d" * 64, _run(1.0))
    store = RunStore(tmp_path / "mine", shelves=[shelf.root])
    store.save("k", CODE, _run(2.0))
    assert store.find("k", CODE).parent == store.root
    with pytest.warns(UserWarning, match="made by other code"):
        assert store.find("k", "e" * 64).parent == shelf.root


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
