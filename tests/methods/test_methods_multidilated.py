"""Paper 002's methods: names, what each row changes, sizes as printed, attention kept, speakers' own statistics."""

import itertools
from dataclasses import fields

import numpy as np
import pytest
import torch

from serlib import methods
from serlib.features import LogMel
from serlib.methods import multidilated
from serlib.methods.multidilated import ARCFACE, BINS, COUNTED, DEPTHS, LADDER, ROWS, SCHEMES, TRIES
from serlib.methods.recipe import Recipe
from serlib.models import MultiDilatedCNN
from serlib.models.multidilated import block_dilations
from serlib.protocol import published
from serlib.training import Examples, TrainingBatches

PROFILES = ("quick", "study", "paper")


def changed(one: Recipe, other: Recipe) -> dict:
    """What a recipe says otherwise than another, options of the network one by one."""
    network = {k: v for k, v in other.network_options.items() if one.network_options.get(k) != v}
    rest = {f.name: getattr(other, f.name) for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)}
    return network | {k: v for k, v in rest.items() if k != "network_options"}


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
    recipes = [methods.get(name).recipe(profile) for name in ROWS]
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
            difference = changed(options(base), options(name))
            assert set(difference) <= {key}
            network = MultiDilatedCNN(**options(name).network_options | {"width": 2})
            assert network.pool.levels == value if key == "levels" else 1 + len(network.blocks) == value
    for name, (margin, scale) in ARCFACE.items():
        assert options(name).loss_options == {"margin_rad": margin, "scale": scale}
        assert set(changed(options(ROWS[7]), options(name))) <= {"loss_options"}


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


@pytest.mark.parametrize("clips", [428, 419, 90])
@pytest.mark.parametrize("profile", PROFILES)
def test_half_a_cycle_of_the_rate_is_an_epoch_and_it_ends_low(profile, clips):
    """Through the loader, whose count of batches the rate once ran away from."""
    training = methods.get(ROWS[0]).recipe(profile).training
    lengths = 30 + np.arange(clips) ** 2 % 211
    examples = Examples([np.zeros((1, 1, n), np.float32) for n in lengths], np.zeros(clips, np.int64))
    batches = TrainingBatches(examples, training.batch_size, seed=0)
    optimiser = training.make_optimiser([torch.nn.Parameter(torch.zeros(1))])
    schedule, every_batch = training.make_schedule(optimiser, len(batches))
    epochs, starts = training.length(len(batches)), []
    for epoch in range(epochs):
        starts.append(optimiser.param_groups[0]["lr"])
        for _ in batches if epoch < 4 else range(len(batches)):
            optimiser.step(), schedule.step()
    low, high = training.learning_rate / 10, training.learning_rate
    assert every_batch and epochs % 2 == 0
    np.testing.assert_allclose(starts, np.tile([low, high], epochs // 2), rtol=1e-6)
    assert optimiser.param_groups[0]["lr"] == pytest.approx(low)


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


@pytest.mark.parametrize("name", ["gmp", "multi-attention-arcface", "multi-attention-count"])
def test_a_run_scores_and_attention_is_kept(quick, fold, name):
    outcome = quick(f"multidilated/{name}")
    assert outcome.logits.shape == (len(fold.test), 4) and outcome.embeddings.shape == (len(fold.test), 32)
    assert np.isfinite(outcome.logits).all()
    assert ("attention" in outcome.arrays) == ("attention" in name)
    if "attention" in name:
        weights = outcome.arrays["attention"]
        assert weights.shape == (len(fold.test), 126) and (weights > 0).all()
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
        assert np.ptp(weights, axis=0).max() > 0  # they follow the utterance


@pytest.mark.parametrize("profile", PROFILES)
def test_the_counted_rungs_differ_in_the_attentions_scale_alone(profile):
    assert list(COUNTED) == ["multi-attention-count", "multi-attention-count-arcface"]
    for row in COUNTED:
        plain, counted = (methods.get(f"multidilated/{n}").recipe(profile) for n in (row.replace("-count", ""), row))
        assert changed(plain, counted) == {"rescale": "count"}
    assert not set(COUNTED) & set(LADDER)  # Table 1 stays as printed


@pytest.mark.parametrize("row,mean", [("multi-attention", 1 / 126), ("multi-attention-count", 1.0)])
def test_counted_weights_keep_a_vectors_size_where_printed_ones_shrink_it_126_times(row, mean):
    torch.manual_seed(0)
    x = torch.randn(6, 126, methods.get("multidilated/multi").recipe("study").network_options["width"]).exp()
    without, with_it = (
        MultiDilatedCNN(**methods.get(f"multidilated/{r}").recipe("study").network_options) for r in ("multi", row)
    )
    assert without.attention is None
    scaled = with_it.attention(x)
    assert scaled.shape == x.shape
    assert scaled.norm(dim=2).mean().item() == pytest.approx(mean * x.norm(dim=2).mean().item(), rel=0.05)
    torch.nn.init.normal_(with_it.attention.context.weight, std=2)  # far from even, as after training
    assert with_it.attention.weights(x).max() > 3 / 126
    factors = (with_it.attention(x) / x).mean((1, 2))
    np.testing.assert_allclose(factors.detach().numpy(), mean, rtol=1e-4)


def test_the_best_is_one_of_those_tried_and_its_twin_lacks_the_augmentation():
    best, twin = (methods.get(f"multidilated/{name}").recipe("study") for name in ("best", "best-plain"))
    tried = methods.get(f"multidilated/try-{multidilated.BEST}").recipe("study")
    assert changed(tried, best) == {"networks": multidilated.NETWORKS}
    assert best.masks and best.speeds and best.scaling == "speaker"
    assert changed(best, twin) == {"masks": None, "speeds": ()}


def test_level_is_a_cue():
    """No utterance is scaled by its own maximum: eq. 4 takes the logarithm of the power itself."""
    signal = 0.1 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    for profile in PROFILES:
        features = methods.get(ROWS[0]).recipe(profile).features
        louder = features.extract(2 * signal)[0] - features.extract(signal)[0]
        np.testing.assert_allclose(louder, 20 * np.log10(2), atol=1e-3)
