"""Paper 002's methods: names, what each row changes, sizes as printed, attention kept, speakers' own statistics."""

import itertools

import numpy as np
import pytest
import torch

from serlib import methods
from serlib.features import LogMel
from serlib.methods import multidilated
from serlib.methods.adapted import AdaptedMethod, AdaptedRecipe
from serlib.methods.multidilated import ARCFACE, BINS, DEPTHS, LADDER, ROWS, SCHEMES, TRIES, method
from serlib.models import MultiDilatedCNN
from serlib.models.multidilated import block_dilations
from serlib.protocol import folds, published
from serlib.training import Hardware

PROFILES = ("quick", "study", "paper")
CPU = Hardware.choose("cpu", "float32")


@pytest.fixture(scope="module")
def fold(tiny_corpus):
    return folds(tiny_corpus, "speaker-folds-5")[0]


def changed(one: dict, other: dict) -> dict:
    """What a recipe says otherwise than another, options of the network one by one."""
    network = {k: v for k, v in other["network_options"].items() if one["network_options"].get(k) != v}
    rest = {k: v for k, v in other.items() if k != "network_options" and one.get(k) != v}
    return network | rest


def test_the_names_are_there():
    found = {name for name in methods.names() if name.startswith("multidilated/")}
    assert {*ROWS, *SCHEMES, *BINS, *DEPTHS, *ARCFACE, *(f"multidilated/try-{n}" for n in TRIES)} <= found
    assert tuple(
        f"multidilated/{row}"
        for row in ("gmp", "ff-gmp", "ff-spp", "dilated2", "multi", "multi-attention", "multi-attention-arcface",
                    "multi-arcface")
    ) == ROWS  # fmt: skip
    assert set(ARCFACE.values()) == {(m, s) for m in (0.3, 0.5, 0.7) for s in (1.5, 2.0, 60.0)}
    assert sorted(DEPTHS.values()) == [4, 6, 8, 10, 12, 16, 20]
    assert list(SCHEMES.values()) == [(1,), (1, 5, 10), (1, 2, 5, 10), (1, 2, 5, 8, 10)]


def test_every_published_row_of_ours_has_its_method():
    mapped = published("multidilated")["method"].dropna()
    assert set(mapped) <= set(methods.names()) and set(ROWS) <= set(mapped)
    table = published("multidilated/table-3").drop_duplicates("row").set_index("row")["method"]
    for row, levels in zip(
        ("1 (Baseline)", "1, 5, 10", "1, 2, 5, 10", "1, 2, 5, 8, 10"), SCHEMES.values(), strict=True
    ):
        assert methods.get(table[row]).recipe("paper").network_options["levels"] == levels


@pytest.mark.parametrize("profile", PROFILES)
def test_each_step_of_the_ladder_changes_one_thing(profile):
    recipes = [methods.get(name).recipe(profile).to_dict() for name in ROWS]
    steps = [changed(one, other) for one, other in itertools.pairwise(recipes)]
    arcface = {"loss": "ArcFaceLoss", "loss_options": {"margin_rad": 0.5, "scale": 2.0}}
    assert steps == [
        {"factorised": True}, {"levels": (1, 5, 10)}, {"dilations": "fixed"}, {"dilations": "multi"},
        {"attention": "scale"}, arcface, {"attention": "none"},
    ]  # fmt: skip
    assert methods.get(ROWS[2]).recipe(profile).network_options["levels"] == SCHEMES[ROWS[2]]


@pytest.mark.parametrize("profile", PROFILES)
def test_sweeps_change_what_they_say(profile):
    def options(name):
        return methods.get(name).recipe(profile)

    for names, base, key in ((SCHEMES | BINS, ROWS[2], "levels"), (DEPTHS, ROWS[0], "blocks")):
        for name, value in names.items():
            difference = changed(options(base).to_dict(), options(name).to_dict())
            assert set(difference) <= {key}
            network = MultiDilatedCNN(**options(name).network_options | {"width": 2})
            assert network.pool.levels == value if key == "levels" else 1 + len(network.blocks) == value
    for name, (margin, scale) in ARCFACE.items():
        assert options(name).loss_options == {"margin_rad": margin, "scale": scale}
        assert set(changed(options(ROWS[7]).to_dict(), options(name).to_dict())) <= {"loss_options"}


def test_the_paper_profile_is_as_printed():
    recipe = methods.get("multidilated/multi-attention-arcface").recipe("paper")
    features = recipe.features
    assert (features.sample_rate_hz, features.n_fft, features.n_mels, features.window) == (16000, 512, 40, "hamming")
    assert features.window_length == 0.025 * 16000 and features.hop_length == 0.01 * 16000
    assert features.delta_width == 2 * 9 + 1 and features.mel_scale == "htk" and features.crop_seconds is None
    network = MultiDilatedCNN(**recipe.network_options)
    assert network.conv.out_channels == 128 and network.embedding_size == 32 and network.pool.bins == 126
    assert [len(b.branches) for b in network.blocks] == [len(d) for d in block_dilations("multi", 7)]
    assert recipe.normalise == "channel" and recipe.training.balancing == "loss"


@pytest.mark.parametrize("profile", PROFILES)
def test_half_a_cycle_of_the_rate_is_an_epoch(profile):
    training = methods.get(ROWS[0]).recipe(profile).training
    optimiser = training.make_optimiser([torch.nn.Parameter(torch.zeros(1))])
    schedule, every_batch = training.make_schedule(optimiser, 23)
    rates = []
    for _ in range(4 * 23):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert every_batch and np.argmax(rates[:46]) == 23 and np.argmin(rates[23:69]) == 23
    assert max(rates) == pytest.approx(training.learning_rate) and min(rates) == pytest.approx(max(rates) / 10)
    assert training.epochs % 2 == 0  # it ends low


def test_deltas_of_a_ramp_are_its_slope():
    """Eq. 5 and 6 by their sums, on what the recipe extracts."""
    recipe: LogMel = methods.get(ROWS[0]).recipe("paper").features
    signal = 0.1 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    levels, delta, second = recipe.extract(signal)
    k = np.arange(1, 10)
    for values, slopes in ((levels, delta), (delta, second)):
        for t in (20, 50, 70):
            by_hand = (k * (values[:, t + k] - values[:, t - k])).sum(1) / (2 * (k**2).sum())
            np.testing.assert_allclose(slopes[:, t], by_hand, atol=1e-3)


@pytest.mark.parametrize("name", ["gmp", "multi-attention-arcface"])
def test_a_run_scores_and_attention_is_kept(tiny_corpus, cache, fold, name):
    outcome = methods.get(f"multidilated/{name}").run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU)
    assert outcome.logits.shape == (len(fold.test), 4) and outcome.embeddings.shape == (len(fold.test), 32)
    assert np.isfinite(outcome.logits).all()
    if "attention" in LADDER[name][0] and LADDER[name][0]["attention"] != "none":
        weights = outcome.arrays["attention"]
        assert weights.shape == (len(fold.test), 126) and (weights > 0).all()
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
        assert np.ptp(weights, axis=0).max() > 0  # they follow the utterance
    else:
        assert outcome.arrays.keys() == {"weight"}


def adapted(tiny, **more) -> AdaptedMethod:
    return method("multidilated/own", "own", AdaptedMethod, network=tiny, **more)


def test_speakers_own_statistics_follow_the_speaker_alone(tiny_corpus, cache, fold):
    own = adapted(multidilated.PYRAMID, by_speaker=True, normalise="none", speeds=(0.9,))
    recipe = own.recipe("quick")
    assert isinstance(recipe, AdaptedRecipe)
    part = own.part(tiny_corpus, recipe, fold.train, hardware=CPU, training=True)
    assert len(part) == 2 * len(fold.train)
    speakers = tiny_corpus.table["speaker"].to_numpy()[fold.train]
    for copy in range(2):  # each speed is a voice of its own
        for speaker in np.unique(speakers):
            mine = np.flatnonzero(speakers == speaker) + copy * len(fold.train)
            frames = np.concatenate([part.inputs[i] for i in mine], -1)
            np.testing.assert_allclose(frames.mean(-1), 0, atol=1e-3)
            np.testing.assert_allclose(frames.std(-1), 1, atol=1e-3)
    mine = fold.train[speakers == speakers[0]]
    alone = own.part(tiny_corpus, recipe, mine, hardware=CPU)
    np.testing.assert_allclose(alone.inputs[0], part.inputs[list(fold.train).index(mine[0])], atol=1e-4)


def test_networks_are_averaged_and_one_is_the_plain_method(tiny_corpus, cache, fold):
    def logits(**more):
        return (
            adapted(multidilated.PYRAMID, **more).run(tiny_corpus, fold, profile="quick", seed=0, hardware=CPU).logits
        )

    plain = methods.get(ROWS[2])
    singles = [plain.run(tiny_corpus, fold, profile="quick", seed=s, hardware=CPU).logits for s in (0, 1)]
    chances = [np.exp(x) / np.exp(x).sum(1, keepdims=True) for x in singles]
    np.testing.assert_allclose(np.exp(logits(networks=1)), chances[0], atol=1e-5)
    np.testing.assert_allclose(np.exp(logits(networks=2)), np.mean(chances, axis=0), atol=1e-5)


def test_the_best_is_one_of_those_tried_and_its_twin_lacks_the_augmentation():
    best, twin = (methods.get(f"multidilated/{name}").recipe("study") for name in ("best", "best-plain"))
    tried = methods.get(f"multidilated/try-{multidilated.BEST}").recipe("study")
    assert changed(tried.to_dict(), best.to_dict()) == {"networks": multidilated.NETWORKS}
    assert best.masks and best.speeds == (0.9, 1.1) and not twin.masks and not twin.speeds
    assert best.by_speaker == twin.by_speaker and best.network_options == twin.network_options


def test_level_is_a_cue():
    """No utterance is scaled by its own maximum: eq. 4 takes the logarithm of the power itself."""
    signal = 0.1 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    for profile in PROFILES:
        features = methods.get(ROWS[0]).recipe(profile).features
        louder = features.extract(2 * signal)[0] - features.extract(signal)[0]
        np.testing.assert_allclose(louder, 20 * np.log10(2), atol=1e-3)


def test_what_changes_a_result_is_in_the_digest():
    from serlib.runs.code import sources

    for name in (ROWS[5], "multidilated/try-speaker"):
        read = sources(methods.get(name).modules("study"))
        assert {"serlib.models.multidilated", "serlib.models.dilated_block", "serlib.models.pooling.pyramid"} <= set(
            read
        )
        assert ("serlib.methods.adapted" in read) == ("try" in name)
        assert ("serlib.methods.attentive" in read) == ("attention" in name)
