"""Variants: one regularised recipe for all networks and losses, each speaker's own statistics, another loss."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from serlib import methods
from serlib.methods.base import PROFILES
from serlib.methods.neural import NeuralMethod
from serlib.methods.recipe import Recipe
from serlib.methods.resolve import resolved
from serlib.methods.settings import CHOSEN, LOSSES, OWN
from serlib.training import SpectrogramMasks

KINDS = [  # a row of every network, under every kind of loss
    "focal/mel-softmax", "focal/mfcc-focal", "center/mel-center", "center/stft-softmax", "center/mel-triplet",
    "angular/crnn-c64", "angular/tfgap-softmax", "multidilated/ff-spp", "multidilated/multi-attention-arcface",
]  # fmt: skip


def differing(one: Recipe, other: Recipe) -> set[str]:
    return {f.name for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_strong_recipe_is_one_for_all_networks_and_losses(profile):
    shared = set()
    for name in KINDS:
        plain, strong = (methods.get(each).recipe(profile) for each in (name, f"{name}+strong"))
        assert differing(plain, strong) <= {"training", "speeds", "masks", "network_options"}
        assert strong.network_options.keys() - plain.network_options.keys() <= {"dropout"}
        times = 3 if name.startswith("center/") else 1  # that network comes to rest later, whatever its loss
        assert strong.training.updates == times * {"quick": 20, "study": 1200, "paper": 6000}[profile]
        training = replace(strong.training, balancing="none", updates=1)  # balancing is the paper's
        shared.add(str((training, strong.speeds, strong.masks, strong.network_options["dropout"])))
        assert isinstance(strong.masks, SpectrogramMasks) and strong.speeds and 1.0 not in strong.speeds
    assert len(shared) == 1
    assert strong.training.ending == "average"


@pytest.mark.parametrize("profile", PROFILES)
def test_balancing_is_the_papers_and_not_the_variants(profile):
    for name in ("angular/crnn-wsampling", "angular/tfgap-wloss", "multidilated/gmp"):
        plain, strong = (methods.get(each).recipe(profile) for each in (name, f"{name}+strong"))
        assert strong.training.balancing == plain.training.balancing != "none"


def test_functionals_are_not_masked():
    recipe = methods.get("dcaen/ftr-eg+strong").recipe("study")
    assert recipe.masks is None and recipe.speeds


@pytest.mark.parametrize("profile", PROFILES)
def test_longer_triples_what_the_recipe_counts_in_and_stretches_its_schedule(profile):
    for name in (*KINDS, "center/mel-softmax+strong"):
        plain, long = (methods.get(each).recipe(profile) for each in (name, f"{name}+longer"))
        assert differing(plain, long) == {"training"} and methods.get(f"{name}+longer").name == f"{name}+longer"
        assert long.training == replace(plain.training, epochs=long.training.epochs, updates=long.training.updates)
        steps = 27
        assert long.training.length(steps) == pytest.approx(3 * plain.training.length(steps), abs=3)
        ends = []
        for recipe in (plain, long):
            optimiser = recipe.training.make_optimiser([torch.nn.Parameter(torch.zeros(1))])
            schedule, every_batch = recipe.training.make_schedule(optimiser, steps)
            for _ in range(recipe.training.length(steps) * (steps if every_batch else 1)):
                optimiser.step()
                schedule.step()
            ends.append(optimiser.param_groups[0]["lr"])
        gamma = recipe.training.schedule_options.get("gamma") if recipe.training.schedule == "exponential" else None
        assert ends[1] == pytest.approx(ends[0], rel=0.2, abs=1e-9) or gamma  # a rate that falls by the epoch falls on


@pytest.mark.parametrize(
    "name", ["focal/mel-softmax", "focal/mfcc-focal+strong", "multidilated/multi-attention-arcface"]
)
def test_width_changes_the_filters_alone(name):
    plain, wide = (methods.get(each).recipe("study") for each in (name, f"{name}+w64"))
    assert differing(plain, wide) == {"network_options"}
    assert wide.network_options == plain.network_options | {"width": 64}
    assert "64 filters" in methods.get(f"{name}+w64").title
    networks = [methods.get(name).build(recipe, 7)[0] for recipe in (plain, wide)]
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    times = 64 / plain.network_options["width"]
    assert times < counts[1] / counts[0] < 1.1 * times**2  # a layer between two wide ones grows with the square


@pytest.mark.parametrize("name", ["angular/crnn-softmax", "center/mel-center", "dcaen/ftr-eg"])
def test_a_network_whose_width_is_no_number_of_filters_is_refused(name):
    with pytest.raises(ValueError, match=r"counts no filters \(its width is (0\.5|None)\), so it cannot have 16"):
        methods.get(f"{name}+w16").recipe("study")


@pytest.mark.parametrize("name", KINDS)
def test_by_speaker_changes_the_scaling_alone(name):
    plain, own = (methods.get(each).recipe("study") for each in (name, f"{name}+speaker"))
    assert own.scaling == "speaker" and own.normalise == "bin"
    assert differing(plain, own) == {"scaling"} | ({"normalise"} if plain.normalise == "channel" else set())


def test_both_in_either_order_are_one_method():
    plain = methods.get("center/mel-softmax")
    one, other = methods.get("center/mel-softmax+strong+speaker"), methods.get("center/mel-softmax+speaker+strong")
    assert one.recipe("study") == other.recipe("study")
    assert one.name == other.name == "center/mel-softmax+strong+speaker"
    assert one.title == f"{plain.title}, regularised, each speaker's own statistics"
    assert one.paper == plain.paper and one.watched == plain.watched
    assert plain.name == "center/mel-softmax" and not plain.recipe("study").speeds  # asking has changed nothing


@pytest.mark.parametrize(
    "name,message",
    [
        ("center/mel-softmax+weak", "unknown variant 'weak'; known are strong, speaker, corpus"),
        ("center/mel-softmax+strong+strong", "names a variant twice"),
        ("center/mel-softmax+weighted+strong+arcface", "names 2 losses; allowed is one"),
        ("center/mel-softmax+", "unknown variant ''; known are strong, speaker, corpus"),
        ("center/mel-softmax+strong+weak", "unknown variant 'weak'"),
        ("center/mel-softmax+arcface+focal-g2", "names 2 losses; allowed is one"),
        (
            "center/mel-softmax+arcface-m9",
            "unknown variant 'arcface-m9'; .*class-arcface and settings",
        ),
        ("center/mel-softmax+weighted-r2", "unknown variant 'weighted-r2'"),
        ("baselines/egemaps-svm+strong", "baselines/egemaps-svm has no variant 'strong': only networks have"),
        ("dcaen/dcaen+strong", "dcaen/dcaen has no variant 'strong'"),
        ("dcaen/e-uf+speaker", "dcaen/e-uf has no variant 'speaker'"),
        ("center/mel+strong", r"unknown method 'center/mel\+strong'; known are center/mel-softmax, "),
        ("+strong", r"unknown method '\+strong'; known are .*baselines/\.\.\."),
    ],
)
def test_what_is_not_there_is_refused_when_it_is_asked_for(name, message):
    with pytest.raises(ValueError, match=message):
        methods.get(name)


@pytest.mark.parametrize("name", ["angular/crnn-m4+strong", "multidilated/multi-attention+strong+speaker"])
def test_a_variant_trains_like_any_method(quick, fold, name):
    outcome, method = quick(name), methods.get(name)
    assert isinstance(method, NeuralMethod) and method.keeps
    assert outcome.logits.shape == (len(fold.test), 4) and np.isfinite(outcome.logits).all()


def test_a_training_part_is_read_at_every_speed_and_the_others_as_they_are(tiny_corpus, fold, room):
    method = methods.get("center/mel-softmax+strong")
    recipe = method.recipe("quick")
    parts, _ = method.parts(tiny_corpus, fold, recipe, "cpu")
    train, readings = parts["train"], 1 + len(recipe.speeds)
    assert len(train) == readings * len(fold.train) and len(train.as_is) == len(fold.train)
    lengths = np.stack(np.split(train.lengths, readings))
    for speed, found in zip(recipe.speeds, lengths[1:], strict=True):
        np.testing.assert_allclose(found, lengths[0] / speed, atol=2)
    np.testing.assert_array_equal(train.labels, np.tile(tiny_corpus.labels[fold.train], readings))
    np.testing.assert_array_equal(train.versions, np.repeat(np.arange(readings), len(fold.train)))
    for name in ("dev", "test"):
        assert len(parts[name]) == len(getattr(fold, name)) and parts[name].versions is None


@pytest.mark.parametrize(
    ("name", "where", "margins"),
    [
        ("equal/em-speaker-class-angular-m64", "margin", (6, 6, 4, 4)),
        ("equal/em-speaker-class-arcface-m0.5-0.25-s8", "margin_rad", (0.5, 0.5, 0.25, 0.25)),
        ("angular/crnn-c63", "margin", (6, 6, 3, 3)),
    ],
)
def test_by_decree_no_size_of_a_class_changes_its_margin(name, where, margins):
    plain, decreed = (methods.get(each).recipe("study") for each in (name, f"{name}+decree"))
    assert differing(plain, decreed) == {"margin_pair", "loss_options"}
    for counts in ([1, 1, 1, 1], [9, 1, 3, 2]):
        assert resolved(decreed, np.array(counts))[0].loss_options[where] == margins
    assert decreed.loss_options.items() >= plain.loss_options.items()
    with pytest.raises(ValueError, match="nothing to decree: the margins do not depend on the size of classes"):
        methods.get("angular/crnn-m5+decree").recipe("study")


DEEP = ("focal/mel-softmax", "center/mel-softmax+strong", "angular/crnn-softmax", "multidilated/ff-spp+strong+speaker")


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "softmax"])
def test_another_loss_on_any_network_changes_nothing_else(loss):
    equal = methods.get(f"equal/em-speaker-{loss}-{CHOSEN['em-speaker'][loss]}").recipe("study")
    for name in DEEP:
        plain, other = (methods.get(each).recipe("study") for each in (name, f"{name}+{loss}"))
        assert differing(plain, other) <= {"loss", "loss_options", "training", "margin_pair", "annealing"}
        for field in ("loss", "loss_options", "margin_pair", "annealing"):
            assert getattr(other, field) == getattr(equal, field)
        moved = loss in ("weighted", "sampled", "adjusted")  # losses that say themselves what becomes of small classes
        assert replace(other.training, balancing="none") == replace(plain.training, balancing="none")
        assert other.training.balancing == (equal if moved else plain).training.balancing


@pytest.mark.parametrize("loss", OWN)
def test_a_loss_may_have_any_of_its_settings(loss):
    recipes = {s: methods.get(f"focal/mel-softmax+strong+{loss}-{s}").recipe("study") for s in LOSSES[loss][2]}
    equal = {s: methods.get(f"equal/em-speaker-{loss}-{s}").recipe("study") for s in LOSSES[loss][2]}
    for field in ("loss", "loss_options", "margin_pair", "annealing"):
        assert {s: getattr(r, field) for s, r in recipes.items()} == {s: getattr(r, field) for s, r in equal.items()}
    usual, short = CHOSEN["em-speaker"][loss], methods.get(f"focal/mel-softmax+{loss}+strong")
    assert recipes[usual] == short.recipe("study")
    assert methods.get(f"focal/mel-softmax+strong+{loss}-{usual}").name == short.name  # else it would be trained twice


def test_a_loss_comes_first_in_a_name_and_its_margins_may_be_decreed():
    names = [f"focal/mel-softmax+{rest}" for rest in ("strong+class-angular", "class-angular+strong")]
    one, other = map(methods.get, names)
    assert one.name == other.name == names[1] and one.recipe("study") == other.recipe("study")
    decreed = methods.get("focal/mel-softmax+decree+class-angular").recipe("study")
    assert decreed.margin_pair is None and decreed.loss_options["margin"] == (6, 6, 4, 4)


def test_a_loss_takes_the_place_of_softmax_alone():
    for name in ("focal/mel-focal", "center/mel-center", "equal/em-arcface-m0.5-s2"):
        with pytest.raises(ValueError, match=r"^its loss is \w+Loss already; another loss takes the place of Softmax"):
            methods.get(f"{name}+angular").recipe("study")
    with pytest.raises(ValueError, match="dcaen/dcaen has no variant 'arcface'"):
        methods.get("dcaen/dcaen+arcface")


def test_a_network_trains_under_another_loss(quick, fold):
    outcome = quick("center/mel-softmax+class-arcface")
    assert outcome.logits.shape == (len(fold.test), 4) and np.isfinite(outcome.logits).all()
