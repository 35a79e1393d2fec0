"""Recipes: plain data, a hash that later fields leave alone, and networks that take what their features give."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from serlib import methods
from serlib.methods.model import Model
from serlib.methods.neural import NeuralMethod
from serlib.methods.recipe import Recipe, essentials
from serlib.methods.resolve import resolved
from serlib.methods.scaling import Scaler
from serlib.runs import run_key
from serlib.training import Hardware, SpectrogramMasks, Training

PROFILES = ("quick", "study", "paper")
CPU = Hardware.choose("cpu", "float32")
NETWORKS = [name for name in methods.names() if methods.get(name).keeps]


def signals(rate_hz: int) -> list[np.ndarray]:
    stream = np.random.default_rng(0)
    return [0.1 * stream.standard_normal(round(s * rate_hz)).astype(np.float32) for s in (0.5, 0.6)]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_recipe_is_plain_stable_and_no_two_that_differ_look_alike(profile):
    seen = {}
    for name in methods.names():
        recipe = methods.get(name).recipe(profile)
        text = json.dumps(recipe.to_dict(), sort_keys=True)
        assert text == json.dumps(methods.get(name).recipe(profile).to_dict(), sort_keys=True)
        assert seen.setdefault(text, recipe) == recipe, name


@pytest.mark.parametrize("name", methods.names())
def test_an_unknown_profile(name):
    with pytest.raises(ValueError, match="profile is 'big'; allowed are quick, study, paper"):
        methods.get(name).recipe("big")


def test_what_is_at_its_default_is_left_out():
    plain = methods.get("center/mel-softmax").recipe("quick")
    left_out = {"scaling", "normalise", "segments", "masks", "speeds", "networks", "margin_pair", "annealing"}
    assert not left_out & plain.to_dict().keys()
    assert plain.to_dict()["training"] == {
        "epochs": 6, "batch_size": 8, "learning_rate": 3e-3, "weight_decay": 1e-4, "schedule": "cosine",
        "clip_norm": 5.0,
    }  # fmt: skip
    varied = replace(plain, speeds=(0.9,), masks=SpectrogramMasks(bands=4), normalise="channel", networks=2).to_dict()
    assert json.loads(json.dumps({key: varied[key] for key in left_out & varied.keys()})) == {
        "speeds": [0.9], "masks": {"bands": 4}, "normalise": "channel", "networks": 2,
    }  # fmt: skip
    assert varied["features"] == plain.to_dict()["features"] and {"kind", "version"} <= varied["features"].keys()


@dataclass(frozen=True)
class LaterTraining(Training):
    """A training of tomorrow."""

    warmup: int = 0
    extra: dict = field(default_factory=dict)


@dataclass(frozen=True)
class LaterRecipe(Recipe):
    """A recipe of tomorrow."""

    smoothing: float = 0.0
    pairs: tuple = ()
    watched: str | None = None


def later(recipe: Recipe, **changes) -> LaterRecipe:
    training = LaterTraining(**vars(recipe.training))
    return LaterRecipe(**vars(recipe) | {"training": training} | changes)


@pytest.mark.parametrize("name", ["focal/mel-softmax", "angular/crnn-c64", "multidilated/best", "center/mel-triplet"])
def test_a_later_field_keeps_the_key_of_a_run_unless_it_is_used(name):
    recipe = methods.get(name).recipe("study")
    assert run_key(later(recipe).to_dict()) == run_key(recipe.to_dict())
    used = [
        later(recipe, **change).to_dict()
        for change in ({"smoothing": 0.1}, {"pairs": (1, 2)}, {"watched": ""}, {"training": LaterTraining(1, warmup=3)})
    ]
    assert len({run_key(each) for each in [*used, recipe.to_dict()]}) == 5


def test_a_value_is_told_from_a_default_that_is_not_empty():
    @dataclass(frozen=True)
    class Part:
        first: dict | None = field(default_factory=dict)
        second: int | None = 3

    parts = [Part(), Part(first={"a": 1}), Part(first=None), Part(second=None), Part(second=0)]
    assert [essentials(part) for part in parts] == [{}, {"first": {"a": 1}}, {"first": None}, {"second": None},
                                                    {"second": 0}]  # fmt: skip


def test_an_unknown_scaling():
    with pytest.raises(ValueError, match="scaling is 'voice'; allowed are train, speaker"):
        replace(methods.get("center/mel-softmax").recipe("quick"), scaling="voice")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_network_takes_what_its_features_give(profile):
    """Through the methods' own frame, from two signals to logits, every network of every method once."""
    done = set()
    for name in NETWORKS:
        for variant in (name, f"{name}+strong+speaker") if profile == "quick" and "dcaen/" not in name else (name,):
            method: NeuralMethod = methods.get(variant)
            recipe = method.recipe(profile)
            loss = (recipe.loss, tuple(recipe.loss_options), recipe.margin_pair, bool(recipe.annealing))
            what = str((type(method), replace(recipe, training=Training(1), loss="", loss_options={}, networks=1,
                                              margin_pair=None, annealing=None), loss))  # fmt: skip
            if what in done:
                continue
            done.add(what)
            recipe, _ = resolved(recipe, np.array([40, 30, 20, 10]))
            torch.manual_seed(0)
            network, loss = method.build(recipe, 4)
            state = Scaler([], "none").state | {"scaler.gain": np.asarray(1.0)}
            heard = method.hear(recipe, signals(recipe.features.sample_rate_hz), state)
            logits, embeddings = Model([(network, loss)], {}).score(heard, CPU)
            assert logits.shape == (2, 4) and embeddings.shape == (2, network.embedding_size), variant
            assert np.isfinite(logits).all() and np.isfinite(embeddings).all(), variant
    assert len(done) > 40
