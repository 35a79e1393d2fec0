"""Asking a kept model: what it says of a run's own test files is what the run said, for every kind of network."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file, save_file
from scipy.special import softmax

from serlib import methods
from serlib.cli import main
from serlib.methods.neural import NeuralMethod
from serlib.protocol import folds
from serlib.runs import RunStore, cross_validate
from serlib.runs.predict import predict_files
from serlib.runs.run import sha256

TRAIN_SCALED = [
    "focal/mfcc-softmax", "focal/mel-softmax+strong", "center/mel-center", "angular/crnn-c64", "angular/tfgap-m4",
    "multidilated/ff-spp", "multidilated/multi-attention", "multidilated/multi-attention-count-arcface",
    "dcaen/ftr-eg-trainnorm", "dcaen/dcaen-trainnorm",
]  # fmt: skip
BY_SPEAKER = ["multidilated/best", "dcaen/ftr-eg", "dcaen/dcaen", "dcaen/e-ceg", "center/mel-softmax+speaker"]


@pytest.fixture(scope="module")
def corpus(voices):
    """Six voices of the synthetic corpus, in recordings that are heard in one piece."""
    table = voices.table
    return voices.subset(np.flatnonzero(table["session"].isin(["S1", "S2", "S3"]) & (table["duration"] <= 6)))


@pytest.fixture(scope="module")
def part(corpus):
    return folds(corpus, "leave-one-session-out")[0]


@pytest.fixture(scope="module")
def kept(corpus, part, tmp_path_factory):
    """The folder of a run with weights and, before it was stored in half precision, its outcome; each trained once."""
    folder, made, outcomes, ran = tmp_path_factory.mktemp("kept"), {}, [], NeuralMethod.run

    def told(self, *arguments, **options):
        outcomes.append(ran(self, *arguments, **options))
        return outcomes[-1]

    def get(name):
        if name not in made:
            options = {"folds": [part], "device": "cpu", "keep_weights": True, "progress": False}
            store = RunStore(folder / name.replace("/", "-"), shelves=[])
            cross_validate(corpus, name, store=store, **options)
            made[name] = next(store.root.iterdir()), outcomes[-1]
        return made[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERLIB_CACHE", str(folder / "cache"))
        patch.setattr(NeuralMethod, "run", told)
        yield get


@pytest.fixture
def files(corpus, part):
    return corpus.table["file"].iloc[part.test].tolist()


def agree(answers, outcome, classes, rows=slice(None)):
    """Hold answers against what a run said of the same clips."""
    logits, table = outcome.logits[rows], answers.table
    assert list(table.columns) == ["predicted", "confidence", *classes]
    assert not answers.refused and not len(answers.course)
    np.testing.assert_array_equal(table["confidence"], table[list(classes)].max(axis=1))
    np.testing.assert_allclose(table[list(classes)].to_numpy(), softmax(logits, axis=1), atol=1e-4)
    assert table["predicted"].tolist() == [classes[i] for i in logits.argmax(1)]


@pytest.mark.parametrize("name", TRAIN_SCALED)
def test_a_model_says_of_its_test_files_what_the_run_said(kept, corpus, files, name):
    folder, outcome = kept(name)
    answers = predict_files(folder, files)
    assert answers.table.index.tolist() == files
    agree(answers, outcome, corpus.classes)
    some = [7, 0, 3]  # in another order, among other companions
    agree(predict_files(folder, [files[i] for i in some]), outcome, corpus.classes, some)
    with pytest.raises(ValueError, match="scales by its training part; --by-speaker is for models that scale by spea"):
        predict_files(folder, files, by_speaker=True)


@pytest.mark.parametrize("name", BY_SPEAKER)
def test_a_model_that_scales_by_speaker_is_given_one_speaker_and_told_so(kept, corpus, part, files, name):
    folder, outcome = kept(name)
    with pytest.raises(ValueError, match="scales by each speaker's own statistics; give one speaker's recordings, and"):
        predict_files(folder, files)
    speakers = corpus.table["speaker"].to_numpy()[part.test]
    assert len(set(speakers)) == 2
    for speaker in set(speakers):
        rows = np.flatnonzero(speakers == speaker)
        agree(predict_files(folder, [files[i] for i in rows], by_speaker=True), outcome, corpus.classes, rows)


def test_every_kind_of_network_is_asked():
    """So that a network that comes later, or one that comes to be scaled otherwise, is not forgotten here."""

    def kinds(names):
        recipes = [methods.get(name).recipe("quick") for name in names if methods.get(name).keeps]
        return {(recipe.network, recipe.scaling, recipe.networks > 1) for recipe in recipes}

    assert kinds(methods.names()) - {("MultiDilatedCNN", "speaker", False)} <= kinds([*TRAIN_SCALED, *BY_SPEAKER])


def copied(folder, to, **changes) -> Path:
    """A copy of a run's folder with parts of its manifest changed."""
    shutil.copytree(folder, to)
    manifest = json.loads((to / "manifest.json").read_text())
    for key, value in changes.items():
        manifest[key] = value
    (to / "manifest.json").write_text(json.dumps(manifest))
    return to


def test_all_networks_of_a_run_are_asked(kept, corpus, part, files, tmp_path):
    """Each one's class vectors, set to 0, are missed."""
    speakers = corpus.table["speaker"].to_numpy()[part.test]
    own = [file for file, speaker in zip(files, speakers, strict=True) if speaker == speakers[0]]
    whole = predict_files(kept("multidilated/best")[0], own, by_speaker=True).table
    for k in range(methods.get("multidilated/best").recipe("quick").networks):
        folder = copied(kept("multidilated/best")[0], tmp_path / str(k))
        state = load_file(folder / "model.safetensors")
        state[f"{k}.loss.weight"] = np.zeros_like(state[f"{k}.loss.weight"])
        save_file(state, folder / "model.safetensors")
        facts = json.loads((folder / "manifest.json").read_text())
        facts["files"]["model.safetensors"] = sha256((folder / "model.safetensors").read_bytes())
        (folder / "manifest.json").write_text(json.dumps(facts))
        without = predict_files(folder, own, by_speaker=True).table
        assert np.abs(without[list(corpus.classes)] - whole[list(corpus.classes)]).to_numpy().max() > 1e-3


@pytest.mark.parametrize("name", ["dcaen/ftr-eg", "dcaen/dcaen"])
def test_one_recording_of_a_speaker_has_no_deviation(kept, files, name):
    for given in (files[:1], [files[0], "nowhere.wav"], [files[0], files[0]]):
        with pytest.raises(
            ValueError, match=f"{name} needs at least 2 recordings of the speaker: one has no deviation"
        ):
            predict_files(kept(name)[0], given, by_speaker=True)


def test_one_recording_is_enough_where_its_frames_are_scaled(kept, files):
    table = predict_files(kept("center/mel-softmax+speaker")[0], files[:1], by_speaker=True).table
    assert table.shape == (1, 6) and np.isfinite(table.iloc[0, 1:].astype(float)).all()


def test_a_model_of_another_recipe_is_refused(kept, files, tmp_path):
    folder, _ = kept("focal/mfcc-softmax")
    recipe = json.loads((folder / "manifest.json").read_text())["recipe"]
    other = copied(folder, tmp_path / "old", recipe=recipe | {"normalise": "channel"})
    with pytest.raises(ValueError, match="old was made by another recipe of focal/mfcc-softmax than today's; train it"):
        predict_files(other, files[:1])


def test_a_run_without_weights_says_how_to_get_them(kept, files, tmp_path):
    bare = copied(kept("focal/mfcc-softmax")[0], tmp_path / "bare")
    (bare / "model.safetensors").unlink()
    for folder in (bare, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=f"{folder.name} holds no model.safetensors; make the run with --keep-wei"):
            predict_files(folder, files[:1])


@pytest.mark.parametrize("given", [str, Path])
def test_equal_names_in_different_folders_stay_apart(kept, files, tmp_path, given):
    paths = [tmp_path / str(k) / "clip.wav" for k in range(2)]
    for path, file in zip(paths, files, strict=False):
        path.parent.mkdir()
        shutil.copy(file, path)
    folder, _ = kept("focal/mfcc-softmax")
    table, originals = (predict_files(folder, each).table for each in ([given(p) for p in paths], files[:2]))
    assert table.index.tolist() == [str(p) for p in paths] and table.index.is_unique
    np.testing.assert_allclose(table.iloc[:, 1:].to_numpy(float), originals.iloc[:, 1:].to_numpy(float), atol=1e-6)


def _silent(path):
    soundfile.write(path, np.zeros(16000), 16000)


def _short(path):
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(400), 16000)


def _constant(path):
    soundfile.write(path, np.full(16000, 0.3), 8000)  # resampled, it rings at its ends


def _text(path):
    path.write_text("no audio")


@pytest.mark.parametrize(
    "name,spoil,why",
    [
        ("focal/mfcc-softmax", None, "there is no such file"),
        ("focal/mfcc-softmax", _text, "cannot be read as audio"),
        ("focal/mfcc-softmax", _silent, "silent, its samples differ by less than one 16-bit step"),
        ("focal/mfcc-softmax", _constant, "silent, its samples differ by less than one 16-bit step"),
        ("dcaen/dcaen-trainnorm", _short, "too short for eGeMAPSv02"),
        ("center/mel-center", _short, "needs at least 15"),
        ("multidilated/ff-spp", _short, "allowed are 4"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(kept, files, tmp_path, name, spoil, why):
    bad = tmp_path / "bad.wav"
    if spoil is not None:
        spoil(bad)
    folder, _ = kept(name)
    answers = predict_files(folder, [files[0], bad, files[1]])
    assert [*answers.refused] == [str(bad)] and re.search(why, answers.refused[str(bad)])
    assert not answers.refused[str(bad)].startswith(("signal", str(bad)))
    alone = predict_files(folder, [files[0], files[1]]).table
    assert answers.table.index.tolist() == [files[0], files[1]]
    np.testing.assert_allclose(answers.table.iloc[:, 1:].to_numpy(float), alone.iloc[:, 1:].to_numpy(float), atol=1e-6)


def test_the_command_line_asks_by_speaker(kept, corpus, part, files, capsys):
    folder, _ = kept("center/mel-softmax+speaker")
    speakers = corpus.table["speaker"].to_numpy()[part.test]
    own = [file for file, speaker in zip(files, speakers, strict=True) if speaker == speakers[0]]
    assert main(["predict", "--run", str(folder), *own]) == 2
    assert "--by-speaker" in capsys.readouterr().err
    assert main(["predict", "--run", str(folder), "--by-speaker", *own]) == 0
    wanted, told = predict_files(folder, own, by_speaker=True).table["predicted"].tolist(), capsys.readouterr()
    assert [line.split()[1] for line in told.out.splitlines()[-len(own) :]] == wanted
    assert told.err.endswith("; named from 0 on; all files scaled together, as one speaker's\n")


@pytest.mark.parametrize("name", [name for name in methods.names() if not methods.get(name).keeps])
def test_weights_of_a_method_that_keeps_none_are_refused_before_anything_is_made(tiny_corpus, cache, name):
    with pytest.raises(ValueError, match=f"{name} leaves no model behind"):
        cross_validate(tiny_corpus, name, keep_weights=True, progress=False)
    assert not list(cache.iterdir())
