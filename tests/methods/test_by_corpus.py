"""Scaling by each corpus' own statistics: over all of it, whatever part an utterance stands in."""

from dataclasses import replace

import numpy as np
import pytest

from serlib import methods
from serlib.corpora import CorpusError, join
from serlib.runs.across import divided


@pytest.fixture(scope="module")
def joined(tiny_corpus):
    """The hums of five women and five men as two corpora."""
    sex = tiny_corpus.table["sex"]
    return join([replace(tiny_corpus.subset(sex == each), name=f"{each}s") for each in ("female", "male")])


def moments(inputs) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature or bin over all frames."""
    values = np.concatenate([x.reshape(x.shape[0], -1) if x.ndim == 1 else x[0] for x in inputs], axis=-1)
    return values.mean(-1, dtype=np.float64), values.std(-1, dtype=np.float64)


@pytest.mark.parametrize("name", ["equal/eg-softmax-r2+corpus", "center/mel-softmax+corpus"])
def test_a_corpus_is_centred_as_a_whole_wherever_its_utterances_stand(name, joined, room):
    method = methods.get(name)
    recipe = method.recipe("quick")
    assert recipe.scaling == "corpus"
    method.prepare(joined, profile="quick", n_jobs=1, progress=False)
    (_, home), (_, abroad) = (divided(joined, condition) for condition in ("within", "across"))
    parts, state = method.parts(joined, home[0], recipe, "cpu")
    whole = [x for part in parts.values() for x in part.inputs]  # within: all of one corpus
    assert len(whole) == len(joined) // 2
    mean, deviation = moments(whole)
    np.testing.assert_allclose(mean, 0, atol=2e-3)
    moving = deviation > 0  # a functional may stand still, a band may be held down by the floor
    assert moving.mean() > 0.8 and np.median(deviation[moving]) == pytest.approx(1, abs=1e-3)
    assert np.abs(moments(parts["test"].inputs)[0]).max() > 0.3  # one voice: by its own statistics it would be 0
    assert state["scaler.mean"] == 0 and state["scaler.deviation"] == 1  # a new recording is of neither corpus

    other, _ = method.parts(joined, abroad[0], recipe, "cpu")
    for one, same in zip(parts["test"].inputs, other["test"].inputs, strict=True):
        np.testing.assert_array_equal(one, same)
    strangers = [x for part in ("train", "dev") for x in other[part].inputs]
    np.testing.assert_allclose(moments(strangers)[0], 0, atol=2e-3)


def test_at_other_speeds_a_corpus_is_scaled_as_it_is(joined, room):
    method = methods.get("center/mel-softmax+strong+corpus")
    recipe, fold = method.recipe("quick"), divided(joined, "both")[1][0]
    parts, _ = method.parts(joined, fold, recipe, "cpu")
    slow, plain = (method.parts(joined, fold, replace(recipe, speeds=s), "cpu")[0]["train"] for s in ((0.9,), ()))
    for one, same in zip(slow.inputs[: len(plain)], plain.inputs, strict=True):
        np.testing.assert_array_equal(one, same)
    assert len(parts["train"]) == 5 * len(plain)


def test_a_corpus_by_itself_has_no_others(tiny_corpus, fold, room):
    method = methods.get("equal/eg-softmax-r2+corpus")
    with pytest.raises(CorpusError, match=r"^tiny: a corpus by itself; allowed is what serlib\.corpora\.join returns$"):
        method.parts(tiny_corpus, fold, method.recipe("quick"), "cpu")


@pytest.mark.parametrize("name", ["equal/em-speaker-softmax-r2+corpus", "center/mel-softmax+corpus+speaker"])
def test_one_of_the_two_is_enough(name):
    with pytest.raises(ValueError, match="cannot scale by corpus what is scaled by speaker; allowed is one of the two"):
        methods.get(name).recipe("study")
