"""Golden steps: the same for the same behaviour, moved by whatever moves results, those of every committed result."""

import json
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch

from serlib import losses, methods, paths
from serlib.methods import scaling
from serlib.runs import pack
from serlib.runs.golden import differences, golden
from serlib.training import Training, batches

FRAMES = [
    "angular/crnn-c64", "angular/tfgap-wsampling", "focal/mfcc-focal", "center/stft-center", "multidilated/ff-spp",
    "multidilated/multi-attention-count-arcface", "dcaen/ftr-eg", "dcaen/dcaen", "dcaen/e-ceg",
    "focal/mel-softmax+strong+speaker", "baselines/egemaps-svm",
]  # fmt: skip
PACKS = defaultdict(list)  # by method and profile, which have one golden value, on whatever they were measured
for path in sorted(paths.results_dir().glob("*/*.json")):
    PACKS[path.stem.rpartition(".")[0]].append(path)


@pytest.mark.parametrize("name", FRAMES)
def test_the_same_code_gives_the_same_values(name):
    first, second = (golden(methods.get(name), "quick") for _ in range(2))
    assert first and differences(first, second) == []
    assert all(np.isfinite(value) for value in first.values())


def test_a_millionth_is_forgiven_and_no_more():
    then = {"loss": 2.0, "size": 0.0}
    assert differences(then, {"loss": 2.0 * (1 + 5e-7), "size": 1e-10}) == []
    assert differences(then, {"loss": 2.0 * (1 + 3e-6), "size": 0.0}) == ["loss was 2 and is 2.000006"]
    assert "more was nan" in differences(then, then | {"more": 1.0})[0]


def _sum_of_weights(self, embeddings, labels, reduction):
    logits = self._logits(embeddings, labels)
    return torch.nn.functional.cross_entropy(logits, labels, self.class_weight.to(logits.dtype))


CHANGES = {  # what is changed, a method that uses it, and the first value that tells
    "class weights that cancel in a batch": (
        "multidilated/ff-spp", lambda patch: patch.setattr(losses.SoftmaxLoss, "_loss", _sum_of_weights), "step 0.loss",
    ),
    "no floor under a deviation": (
        "focal/mel-softmax",
        lambda patch: patch.setattr(scaling.np, "maximum", lambda a, b: a if np.ndim(a) == 3 else np.fmax(a, b)),
        "inputs",
    ),
    "another jitter": ("center/mel-softmax", lambda patch: patch.setattr(batches, "JITTER", 0.2), "order"),
    "another cycle": (
        "multidilated/ff-spp", lambda patch: patch.setattr(Training, "length", lambda self, steps: 7), "rates",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_moves_results_moves_a_value(change, monkeypatch):
    name, patch, told = CHANGES[change]
    then = golden(methods.get(name), "study")
    patch(monkeypatch)
    moved = differences(then, golden(methods.get(name), "study"))
    assert any(line.startswith(told) for line in moved), moved


def test_a_recipe_moves_them_too():
    method = methods.get("center/mel-center")
    recipe = method.recipe("quick")
    heavier = replace(method, recipes=lambda _: replace(recipe, loss_options={"weight": 3.0, "alpha": 0.5}))
    assert differences(golden(method, "quick"), golden(heavier, "quick"))


@pytest.mark.parametrize("packs", PACKS.values(), ids=list(PACKS))
def test_every_committed_result_is_that_of_today(packs):
    known = [pack.head(path) for path in packs]
    ((method, profile),) = {(facts["method"], facts["profile"]) for facts in known}
    today = json.loads(json.dumps(methods.get(method).recipe(profile).to_dict()))
    values = golden(methods.get(method), profile)
    for path, facts in zip(packs, known, strict=True):
        assert facts["golden"], "packed without golden values: run serlib results pack"
        recipes = [run["manifest"]["recipe"] for run in pack.records(path).values()]
        assert recipes and all(recipe == today for recipe in recipes)  # masks and speeds move no golden value
        assert differences(facts["golden"], values) == []
