"""Paper 004's methods: the rows of its tables, two stages that share the first, and what a run leaves behind."""

import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch

from serlib import methods
from serlib.features.store import FeatureStore
from serlib.losses import DCaENLoss
from serlib.methods import stages
from serlib.methods.baselines import by_speaker
from serlib.methods.dcaen import MORE, ROWS, TABLE_1, THRESHOLDS, WEIGHT
from serlib.methods.dual import DualMethod, probes, scaled_functionals
from serlib.models import DCaEN, RawWaveformNetwork
from serlib.protocol import folds, published
from serlib.training import Hardware, Training

CPU = Hardware.choose("cpu", "float32")
PROFILES = ("quick", "study", "paper")
PROBES = {f"probe_{name}" for name in ("feat", "raw", "norm", "both", "negated", "straight")}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Folders that this file's runs share, so that features are extracted and first stages trained once."""
    folder = tmp_path_factory.mktemp("room")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERLIB_CACHE", str(folder / "cache"))
        patch.setenv("SERLIB_RUNS", str(folder / "runs"))
        yield folder


@pytest.fixture(scope="module")
def fold(tiny_corpus):
    return folds(tiny_corpus, "speaker-folds-5")[0]


@pytest.fixture(scope="module")
def outcomes(tiny_corpus, fold, room):
    """One quick run of every kind of row."""
    found = {}

    def get(variant, method=None):
        if variant not in found:
            chosen = method or methods.get(f"dcaen/{variant}")
            found[variant] = chosen.run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
        return found[variant]

    return get


def test_the_names_are_those_of_the_tables():
    found = {name for name in methods.names() if name.startswith("dcaen/")}
    thresholds = {f"dcaen/dcaen-t{t}" for t in (0, 50, 60, 70, 80)}
    assert found == {*TABLE_1, *thresholds, "dcaen/ftr-eg-trainnorm", "dcaen/dcaen-trainnorm"}
    assert list(dict.fromkeys(published("dcaen/table-1")["method"])) == TABLE_1
    assert set(published("dcaen/table-2")["method"]) <= set(THRESHOLDS.values())
    assert {methods.get(name).paper for name in found} == {"004"}


@pytest.mark.parametrize("profile", PROFILES)
def test_every_row_is_plain_data_and_differs_from_dcaen_as_the_paper_says(profile):
    recipes = {row: methods.get(f"dcaen/{row}").recipe(profile).to_dict() for row in ROWS | MORE}
    json.dumps(recipes)
    own = recipes["dcaen"]
    assert own["loss"] == {"weight": WEIGHT} and WEIGHT == 0.6 and own["frozen"] and own["scaling"] == "speaker"

    def changed(row):
        return {key: value for key, value in recipes[row].items() if value != own[key]}

    assert changed("e-nc") == {"loss": {"weight": 0.0}}
    assert changed("r-c") == {"loss": {"weight": WEIGHT, "head": "raw"}}
    assert changed("raw") == {"loss": {"weight": 0.0, "head": "raw"}}
    assert changed("e-uf") == {"frozen": False}
    assert changed("e-c0") == changed("dcaen-t0") == {"loss": {"weight": WEIGHT, "threshold": 0.0}}
    assert changed("e-ceg") == {"feature": None, "raw": own["raw"] | {"embedding_size": 88}}
    assert changed("dcaen-trainnorm") == {"scaling": "train"}
    for threshold, name in list(THRESHOLDS.items())[1:-1]:
        assert changed(name.split("/")[1]) == {"loss": {"weight": WEIGHT, "threshold": threshold}}
    assert changed("ftr-eg").keys() | {"raw"} == {"waveform", "training", "raw", "loss"}
    assert recipes["ftr-em"]["functionals"]["feature_set"] == "emobase2010"
    assert len({json.dumps(r["stage_1"]) for r in recipes.values()}) == 1


def test_the_paper_profile_is_as_printed():
    recipe = methods.get("dcaen/dcaen").recipe("paper")
    for training in (recipe.training, recipe.stage_1):
        assert (training.epochs, training.batch_size, training.learning_rate) == (20, 32, 1e-3)
        assert (training.optimiser, training.schedule, training.clip_norm) == ("adam", "constant", None)
    assert recipe.feature == recipe.raw == {}  # the networks' own defaults
    wave = recipe.waveform
    assert (wave.crop_seconds, wave.sample_rate_hz, wave.pad) == (6.0, 16_000, True)
    assert len(wave.extract(np.sin(np.arange(5000)).astype(np.float32))) == 150 * 640


def test_scaling_by_speaker_and_by_training_part(tiny_corpus, fold, room):
    recipe = methods.get("dcaen/ftr-eg").recipe("quick")
    raw = np.stack(FeatureStore().get(tiny_corpus, recipe.functionals, progress=False)).astype(float)
    speakers = tiny_corpus.table["speaker"].to_numpy()
    own = scaled_functionals(tiny_corpus, recipe, fold.train)
    np.testing.assert_allclose(own, by_speaker(raw, speakers), atol=1e-5)
    other = scaled_functionals(tiny_corpus, methods.get("dcaen/ftr-eg-trainnorm").recipe("quick"), fold.train)
    moving = raw[fold.train].std(0) > 1e-6
    np.testing.assert_allclose(other[fold.train].mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(other[fold.train][:, moving].std(0), 1, atol=1e-3)
    test = other[fold.test]
    np.testing.assert_allclose(
        test[:, moving] * raw[fold.train].std(0)[moving] + raw[fold.train].mean(0)[moving],
        raw[fold.test][:, moving],
        rtol=1e-3,
        atol=1e-3,
    )
    assert abs(own[fold.test].mean()) < 1e-6 < abs(test.mean())  # transductive: test speakers are centred too


@pytest.mark.parametrize("row", ["raw", "e-ceg", "e-uf", "dcaen"])
def test_what_a_run_leaves_behind(tiny_corpus, fold, outcomes, row):
    outcome, size = outcomes(row), 88 if row == "e-ceg" else 64
    tested, classes = len(fold.test), len(tiny_corpus.classes)
    assert outcome.logits.shape == (tested, classes) and outcome.embeddings.shape == (tested, 2 * size)
    assert outcome.arrays.keys() == {"weight", "conv1", "conv1_start", *PROBES}
    assert outcome.arrays["weight"].shape == (classes, size if row == "raw" else 2 * size)
    assert outcome.arrays["conv1"].shape == (8, 20) and not np.array_equal(
        *(outcome.arrays[n] for n in ("conv1", "conv1_start"))
    )
    for name in PROBES:
        assert outcome.arrays[name].shape == (tested,) and set(outcome.arrays[name]) <= set(range(classes))
    for line in outcome.history:
        assert -1 <= line["train_cos"] <= 1 and -1 <= line["dev_cos"] <= 1
        assert line["dev_ce"] == line["dev_loss"] and line["train_ce"] > 0
    weight = 0.0 if row == "raw" else WEIGHT
    for line in outcome.history:
        assert line["train_loss"] == pytest.approx(
            weight * line["train_cos"] + (1 - weight) * line["train_ce"], abs=1e-4
        )


def test_the_first_stage_by_itself(tiny_corpus, fold, outcomes, room):
    for row, features in (("ftr-eg", 88), ("ftr-em", 1582)):
        outcome = outcomes(row)
        assert outcome.embeddings.shape == (len(fold.test), 64) and outcome.arrays.keys() == {"weight"}
        assert outcome.notes["parameters"] == features * 64 + 64 + 64 * 4 + 4
        assert [list(line) for line in outcome.history[:1]] == [
            ["epoch", "lr", "train_loss", "train_ua", "dev_loss", "dev_ua", "dev_wa"]
        ]
    assert np.abs(outcomes("ftr-eg").embeddings).max() < 1 and (outcomes("ftr-eg").embeddings < 0).any()


@pytest.mark.parametrize("row", ["raw", "dcaen"])
def test_every_second_stage_stands_beside_the_same_frozen_first(outcomes, row):
    np.testing.assert_array_equal(outcomes(row).embeddings[:, :64], outcomes("ftr-eg").embeddings)


def test_an_unfrozen_first_stage_moves(outcomes):
    assert np.abs(outcomes("e-uf").embeddings[:, :64] - outcomes("ftr-eg").embeddings).max() > 1e-3


def test_the_first_stage_is_trained_once_and_read_by_all(tiny_corpus, fold, room, outcomes, monkeypatch):
    outcomes("ftr-eg")
    monkeypatch.setattr(stages, "fit", lambda *_a, **_k: pytest.fail("the first stage was trained again"))
    first = methods.get("dcaen/ftr-eg").run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    np.testing.assert_array_equal(first.logits, outcomes("ftr-eg").logits)
    assert first.history == outcomes("ftr-eg").history
    for change in ({"seed": 1}, {"fold": folds(tiny_corpus, "speaker-folds-5")[1]}):
        options = {"fold": fold, "seed": 0} | change
        with pytest.raises(pytest.fail.Exception, match="trained again"):
            methods.get("dcaen/ftr-eg").run(
                tiny_corpus, options["fold"], profile="quick", seed=options["seed"], hardware=CPU
            )


def test_other_code_trains_another_first_stage(tiny_corpus, fold, room, outcomes, monkeypatch, tmp_path):
    outcomes("ftr-eg")
    changed = tmp_path / "fit.py"
    changed.write_text("# tomorrow's\n")
    monkeypatch.setattr(
        "sys.modules", __import__("sys").modules | {"serlib.training.fit": type("", (), {"__file__": str(changed)})}
    )
    monkeypatch.setattr(stages, "fit", lambda *_a, **_k: pytest.fail("trained again, as it should be"))
    with pytest.raises(pytest.fail.Exception, match="as it should be"):
        methods.get("dcaen/ftr-eg").run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)


def test_a_read_first_stage_gives_the_same_run_as_a_made_one(tiny_corpus, fold, outcomes, monkeypatch, tmp_path):
    outcomes("ftr-eg"), outcomes("dcaen")  # this one has read it
    monkeypatch.setattr(stages, "cache_dir", lambda: tmp_path)
    again = methods.get("dcaen/dcaen").run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    np.testing.assert_allclose(again.logits, outcomes("dcaen").logits, atol=1e-5)


def test_the_constraint_turns_the_second_half_away(tiny_corpus, fold, room):
    """Under w = 1 nothing but the cosine is learned; without a constraint it stays about 0."""

    def run(weight):
        def recipes(profile):
            recipe = methods.get("dcaen/dcaen").recipe(profile)
            training = Training(epochs=6, batch_size=16, learning_rate=5e-3, clip_norm=5.0)
            return type(recipe)(**vars(recipe) | {"loss": {"weight": weight}, "training": training})

        return DualMethod("x", "004", "x", recipes).run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)

    courses = {weight: [line["train_cos"] for line in run(weight).history] for weight in (0.0, 1.0)}
    assert courses[1.0][-1] < -0.5 and courses[1.0][-1] < courses[1.0][0] and abs(courses[0.0][-1]) < 0.4


def test_probes_tell_a_copy_from_news():
    generator = np.random.default_rng(0)
    labels = np.arange(300) % 4
    one, other = np.eye(2)[labels // 2], np.eye(2)[labels % 2]  # each half knows one of two things

    def noisy(x):
        return x + 0.1 * generator.standard_normal(x.shape)

    def right(first, second):
        both = np.hstack([first, second])
        found = probes(both[:200], labels[:200], both[200:], 2)
        return {name.removeprefix("probe_"): (rows == labels[200:]).mean() for name, rows in found.items()}

    news = right(noisy(one), noisy(other))
    assert news["both"] > 0.95 and news["feat"] < 0.7 and news["raw"] < 0.7
    first = noisy(one)
    mirror = right(first, -2 * first)
    assert mirror["negated"] == mirror["feat"] and mirror["straight"] < 0.2 and mirror["both"] < 0.7


def _slow(path):
    import time

    from serlib.methods.stages import shared

    def make():
        time.sleep(0.3)
        with open(path, "a") as file:
            file.write("made\n")
        return {"a": np.arange(5.0)}

    return shared({"what": "this"}, make)["a"].tolist()


def test_several_processes_may_want_the_same(cache):
    made = cache / "made.txt"
    with get_context("fork").Pool(3) as pool:
        assert pool.map(_slow, [str(made)] * 6) == [[0, 1, 2, 3, 4]] * 6
    assert len(made.read_text().split()) <= 3  # at most once by each process that came first
    assert [p.suffix for p in (cache / "cache" / "stages").iterdir()] == [".safetensors"]


def test_several_threads_too(cache):
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(_slow, [str(cache / "made.txt")] * 3)) == [[0, 1, 2, 3, 4]] * 3


def test_the_loss_and_network_of_a_recipe_fit(room):
    for row in ROWS:
        recipe = methods.get(f"dcaen/{row}").recipe("paper")
        if recipe.waveform is not None and recipe.feature is not None:
            network = DCaEN(raw=RawWaveformNetwork(**recipe.raw))
            DCaENLoss(4, network.embedding_size, feature_size=network.feature_size, **recipe.loss)


def test_a_run_without_warnings(tiny_corpus, fold, room):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        methods.get("dcaen/r-c").run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    assert torch.get_num_threads() >= 1
