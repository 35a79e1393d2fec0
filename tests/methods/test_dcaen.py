"""Paper 004's methods: the rows of its tables, a first stage that stays as it is, and what a run leaves behind."""

import warnings
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest

from serlib import methods
from serlib.features.store import FeatureStore
from serlib.methods import dual, neural
from serlib.methods.dcaen import MORE, ROWS, TABLE_1, THRESHOLDS, WEIGHT
from serlib.methods.probes import probes
from serlib.methods.scaling import scaled_by
from serlib.models.dcaen import UnchangedFeatures
from serlib.protocol import published
from serlib.training import Training

PROFILES = ("quick", "study", "paper")
PROBES = {f"probe_{name}" for name in ("feat", "raw", "norm", "both", "negated", "straight")}
LAYER = ("layers.0.weight", "layers.0.bias")


def _altered(profile, *, name, changes):
    return replace(methods.get(name).recipe(profile), **changes)


def own(name, **changes):
    return replace(methods.get(name), name="dcaen/own", recipes=partial(_altered, name=name, changes=changes))


def test_the_names_are_those_of_the_tables():
    found = {name for name in methods.names() if name.startswith("dcaen/")}
    thresholds = {f"dcaen/dcaen-t{t}" for t in (0, 50, 60, 70, 80)}
    assert found == {*TABLE_1, *thresholds, "dcaen/ftr-eg-trainnorm", "dcaen/dcaen-trainnorm"}
    assert list(dict.fromkeys(published("dcaen/table-1")["method"])) == TABLE_1
    assert set(published("dcaen/table-2")["method"]) <= set(THRESHOLDS.values())
    assert {methods.get(name).paper for name in found} == {"004"}


@pytest.mark.parametrize("profile", PROFILES)
def test_every_row_differs_from_dcaen_as_the_paper_says(profile):
    recipes = {row: methods.get(f"dcaen/{row}").recipe(profile) for row in ROWS | MORE}
    base = recipes["dcaen"]
    assert base.loss_options == {"weight": WEIGHT} and WEIGHT == 0.6 and base.frozen and base.scaling == "speaker"

    def changed(row):
        values = {f.name: getattr(recipes[row], f.name) for f in fields(base)}
        return {key: value for key, value in values.items() if value != getattr(base, key)}

    assert changed("e-nc") == {"loss_options": {"weight": 0.0}}
    assert changed("r-c") == {"loss_options": {"weight": WEIGHT, "head": "raw"}}
    assert changed("raw") == {"loss_options": {"weight": 0.0, "head": "raw"}}
    assert changed("e-uf") == {"frozen": False}
    assert changed("e-c0") == changed("dcaen-t0") == {"loss_options": {"weight": WEIGHT, "threshold": 0.0}}
    assert changed("e-ceg") == {"feature": None, "raw": base.raw | {"embedding_size": 88}}
    assert changed("dcaen-trainnorm") == {"scaling": "train"}
    for threshold, name in list(THRESHOLDS.items())[1:-1]:
        assert changed(name.split("/")[1]) == {"loss_options": {"weight": WEIGHT, "threshold": threshold}}
    for row, size in (("ftr-eg", 88), ("ftr-em", 1582)):
        first = recipes[row]
        assert first.training == base.stage_1 and (first.normalise, first.scaling) == ("feature", "speaker")
        assert first.network_options == {"features": size} and len(first.features.names) == size
    assert recipes["ftr-eg-trainnorm"] == replace(recipes["ftr-eg"], scaling="train")


def test_the_paper_profile_is_as_printed():
    recipe = methods.get("dcaen/dcaen").recipe("paper")
    for training in (recipe.training, recipe.stage_1):
        assert (training.epochs, training.batch_size, training.learning_rate) == (20, 32, 1e-3)
        assert (training.optimiser, training.schedule, training.clip_norm) == ("adam", "constant", None)
    assert recipe.feature == recipe.raw == {}  # the networks' own defaults
    wave = recipe.waveform
    assert (wave.crop_seconds, wave.sample_rate_hz, wave.pad) == (6.0, 16_000, True)
    assert len(wave.extract(np.sin(np.arange(5000)).astype(np.float32))) == 150 * 640


@pytest.mark.parametrize("name,own_statistics", [("dcaen/dcaen", True), ("dcaen/dcaen-trainnorm", False)])
def test_functionals_are_scaled_and_waveforms_get_the_training_parts_gain(
    tiny_corpus, fold, room, name, own_statistics
):
    method = methods.get(name)
    recipe = method.recipe("quick")
    parts, state = method.parts(tiny_corpus, fold, recipe, "cpu")
    raw, waves = (FeatureStore().get(tiny_corpus, f, progress=False) for f in (recipe.features, recipe.waveform))
    mean, deviation = (f(np.stack([raw[i] for i in fold.train]), axis=0) for f in (np.mean, np.std))
    gain = 1 / np.sqrt(np.square(np.concatenate([waves[i] for i in fold.train])).mean())  # RMS 1 over the part
    assert state["scaler.gain"] == pytest.approx(gain, rel=1e-4)
    moving = deviation > 1e-6 * np.maximum(1, np.abs(mean))
    for part, rows in ((parts[n], getattr(fold, n)) for n in ("train", "dev", "test")):
        speakers = tiny_corpus.table["speaker"].to_numpy()[rows]
        by_speaker = scaled_by(speakers, [raw[i] for i in rows], "feature")
        for x, row, scaled in zip(part.inputs, rows, by_speaker, strict=True):
            expected = scaled if own_statistics else (raw[row] - mean) / np.where(moving, deviation, np.inf)
            np.testing.assert_allclose(x[:88][moving], expected[moving], rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(x[88:], gain * waves[row], rtol=1e-4)


@pytest.mark.parametrize("row", ["raw", "e-ceg", "e-uf", "dcaen"])
def test_what_a_run_leaves_behind(quick, tiny_corpus, fold, row):
    outcome, size = quick(f"dcaen/{row}"), 88 if row == "e-ceg" else 64
    tested, classes = len(fold.test), len(tiny_corpus.classes)
    assert outcome.logits.shape == (tested, classes) and outcome.embeddings.shape == (tested, 2 * size)
    kept = {key: array for key, array in outcome.arrays.items() if not key.startswith("logits_")}
    assert kept.keys() == {"weight", "conv1", "conv1_start", *PROBES}
    assert kept["weight"].shape == (classes, size if row == "raw" else 2 * size)
    assert kept["conv1"].shape == (8, 20) and not np.array_equal(kept["conv1"], kept["conv1_start"])
    for name in PROBES:
        assert kept[name].shape == (tested,) and set(kept[name]) <= set(range(classes))
    weight = 0.0 if row == "raw" else WEIGHT
    for line in outcome.history:
        assert -1 <= line["train_cos"] <= 1 and -1 <= line["dev_cos"] <= 1
        assert line["dev_ce"] == line["dev_loss"] and line["train_ce"] > 0
        joint = weight * line["train_cos"] + (1 - weight) * line["train_ce"]
        assert line["train_loss"] == pytest.approx(joint, abs=1e-4)


@pytest.mark.parametrize("row,features", [("ftr-eg", 88), ("ftr-em", 1582)])
def test_the_first_stage_by_itself(quick, fold, row, features):
    outcome = quick(f"dcaen/{row}")
    assert outcome.embeddings.shape == (len(fold.test), 64) and "conv1" not in outcome.arrays
    assert outcome.notes["parameters"] == features * 64 + 64 + 64 * 4 + 4
    assert np.abs(outcome.embeddings).max() < 1 and (outcome.embeddings < 0).any()


@pytest.mark.parametrize("seed,row", [(0, "raw"), (0, "dcaen"), (1, "dcaen")])
def test_every_second_stage_stands_beside_the_network_of_ftr_eg(quick, seed, row):
    """The first stage is that run's network bit by bit, of the same seed, and training the second leaves it so."""
    second, first = quick(f"dcaen/{row}", seed=seed), quick("dcaen/ftr-eg", seed=seed)
    for name in LAYER:
        np.testing.assert_array_equal(second.state[f"0.network.feature.{name}"], first.state[f"0.network.{name}"])
    np.testing.assert_array_equal(second.embeddings[:, :64], first.embeddings)


def test_an_unfrozen_first_stage_starts_there_and_moves(quick):
    first, moved = quick("dcaen/ftr-eg").state, quick("dcaen/e-uf").state
    distance = [np.abs(moved[f"0.network.feature.{n}"] - first[f"0.network.{n}"]) for n in LAYER]
    assert 1e-4 < max(d.max() for d in distance) < 0.5 and max(d.mean() for d in distance) < 0.05


def test_without_a_first_stage_the_functionals_themselves_stand_there(quick, tiny_corpus, fold, room):
    method = methods.get("dcaen/e-ceg")
    recipe = method.recipe("quick")
    network, _ = method.build(recipe, 4)
    assert isinstance(network.feature, UnchangedFeatures) and not [*network.feature.parameters()]
    parts, _ = method.parts(tiny_corpus, fold, recipe, "cpu")
    embeddings = quick("dcaen/e-ceg").embeddings
    np.testing.assert_array_equal(embeddings[:, :88], [x[:88] for x in parts["test"].inputs])


@pytest.mark.parametrize("row,stages", [("e-ceg", ["DCaEN"]), ("e-nc", ["FeatureNetwork", "DCaEN"])])
def test_what_is_trained_and_in_which_order(quick, fold, monkeypatch, row, stages):
    fit, trained = dual.fit, []

    def told(network, *arguments, **options):
        trained.append(type(network).__name__)
        return fit(network, *arguments, **options)

    for module in (dual, neural):
        monkeypatch.setattr(module, "fit", told)
    quick(own(f"dcaen/{row}"))
    assert trained == stages


def test_the_constraint_turns_the_second_half_away(quick):
    """Under w = 1 nothing but the cosine is learned; without a constraint it stays about 0."""
    training = Training(epochs=6, batch_size=16, learning_rate=5e-3, clip_norm=5.0)
    courses = {}
    for weight in (0.0, 1.0):
        outcome = quick(own("dcaen/dcaen", loss_options={"weight": weight}, training=training))
        courses[weight] = [line["train_cos"] for line in outcome.history]
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


def test_probes_are_learned_from_the_training_part_alone(quick, fold):
    """What they say of a clip does not depend on which others are tested."""
    whole = quick("dcaen/dcaen-trainnorm").arrays
    some = quick("dcaen/dcaen-trainnorm", part=replace(fold, test=fold.test[4::-1].copy())).arrays
    for name in PROBES:
        np.testing.assert_array_equal(some[name], whole[name][4::-1])


def test_a_run_without_warnings(quick):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(own("dcaen/r-c"))
