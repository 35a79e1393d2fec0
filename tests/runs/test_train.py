"""Models of all that a corpus has: what is stored, what the card says, and the models that come with the project."""

import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.special import log_softmax, softmax

from serlib import paths
from serlib.cli import main
from serlib.runs import RunStore, cross_validate, kept, stored_scores, train
from serlib.runs.card import THRESHOLD, evidence, temperature
from serlib.runs.kept import describe_models, load_model
from serlib.runs.predict import predict_files
from serlib.runs.train import train_model

METHOD, OPTIONS = "focal/mfcc-softmax", {"profile": "quick", "scheme": "leave-one-session-out", "device": "cpu"}
FOLDERS = sorted((paths.PROJECT / "data" / "models").glob("*/"))


def test_all_of_a_corpus_is_trained_on_and_the_card_says_how(tiny_corpus, cache):
    card = train_model(tiny_corpus, METHOD, cache / "hums", seed=3, **OPTIONS)
    assert card == json.loads((cache / "hums" / "card.json").read_text())
    assert {path.name for path in (cache / "hums").iterdir()} == {"model.safetensors", "card.json"}
    assert (card["method"], card["profile"], card["seed"]) == (METHOD, "quick", 3)
    assert card["corpus"]["fingerprint"] == tiny_corpus.fingerprint and card["fold"]["train"] == len(tiny_corpus)
    assert card["fold"]["dev"] == 0 and card["features"]["kind"] == "MFCC"
    assert card["corpus"]["classes"] == list(tiny_corpus.classes)
    assert card["scores"] is None and card["calibration"] is None
    assert card["to_fill"] == (
        "serlib run --corpus tiny --root DIR --profile quick --folds leave-one-session-out --seeds 0"
        " --method focal/mfcc-softmax, then serlib train again"
    )
    files = tiny_corpus.table["file"].tolist()
    right = predict_files(cache / "hums", files).table["predicted"].to_numpy() == tiny_corpus.table["emotion"]
    assert right.mean() > 0.5  # of four; how well it does on what it was trained on


def test_a_training_done_twice_gives_the_same_and_another_seed_another(tiny_corpus, cache):
    states = []
    for seed in (0, 0, 1):
        train_model(tiny_corpus, METHOD, cache / "m", seed=seed, **OPTIONS)
        states.append(load_file(cache / "m" / "model.safetensors"))
    first, second, other = states
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["0.loss.weight"], other["0.loss.weight"])


@pytest.mark.parametrize("times,kind", [(2, np.float16), (0.5, np.float32)])
def test_half_precision_is_taken_where_no_probability_moves_by_more_than_it_may(
    tiny_corpus, cache, monkeypatch, times, kind
):
    """How much they move depends on the processor's last bits, so what is allowed is set from what it was."""
    assert train.HALF == 1e-3
    moved = train_model(tiny_corpus, METHOD, cache / "a", **OPTIONS)["weights"]["float16_moves_probabilities_by"]
    ran, outcomes = train.methods.get(METHOD).run, []
    monkeypatch.setattr(train, "HALF", times * moved)
    monkeypatch.setattr(
        type(train.methods.get(METHOD)), "run", lambda *a, **o: outcomes.append(ran(*a[1:], **o)) or outcomes[-1]
    )
    card = train_model(tiny_corpus, METHOD, cache / "m", **OPTIONS)
    state = load_file(cache / "m" / "model.safetensors")
    matrices = {name for name, a in state.items() if a.ndim > 1 and not name.startswith("scaler.")}
    assert {state[name].dtype for name in matrices} == {np.dtype(kind)}
    assert {state[name].dtype for name in state.keys() - matrices} == {np.dtype("float32"), np.dtype("int64")}
    assert card["weights"]["stored"] == np.dtype(kind).name
    said = predict_files(cache / "m", tiny_corpus.table["file"].tolist()).table[list(tiny_corpus.classes)]
    apart = np.abs(said.to_numpy() - softmax(outcomes[0].logits, axis=1)).max()
    assert card["weights"]["float16_moves_probabilities_by"] == moved > 0
    assert apart == pytest.approx(moved, abs=1e-5) if kind is np.float16 else apart < 1e-5


def test_the_card_is_filled_by_a_cross_validation_of_ones_own(tiny_corpus, cache):
    options = {"profile": "quick", "folds": "leave-one-session-out", "device": "cpu", "progress": False}
    scores = cross_validate(tiny_corpus, METHOD, seeds=[0, 1], **options)
    card = train_model(tiny_corpus, METHOD, cache / "m", **OPTIONS)
    summary, said = scores.summary(), card["scores"]
    assert "to_fill" not in card and said["seeds"] == [0, 1] and said["scheme"] == "leave-one-session-out"
    for metric in ("UA", "WA", "macro-F1"):
        np.testing.assert_allclose(said[metric], summary.loc[metric, ["pooled", "low", "high"]], atol=0.051)
    file = tiny_corpus.table["file"].iloc[0]
    model = load_model(cache / "m")
    logits = model.model.score(
        model.method.hear(model.recipe, [kept_signal(model, file)], model.state), model.hardware
    )[0]
    table = predict_files(cache / "m", [file]).table
    wanted = softmax(logits / card["calibration"]["temperature"], axis=1)
    np.testing.assert_allclose(table[model.classes].to_numpy(), wanted, atol=1e-6)
    assert (table["predicted"].iloc[0] == "none of these") == (wanted.max() < THRESHOLD)
    train_model(tiny_corpus, METHOD, cache / "other", **OPTIONS | {"scheme": "speaker-folds-5"})
    assert json.loads((cache / "other" / "card.json").read_text())["scores"] is None


def kept_signal(model, file):
    from serlib.audio import read_audio

    return read_audio(file, sample_rate_hz=model.recipe.features.sample_rate_hz)


def test_accuracy_above_a_confidence_is_told_at_the_temperature_of_the_others(tiny_corpus, cache):
    options = {"profile": "quick", "folds": "leave-one-session-out", "device": "cpu", "progress": False}
    scores = cross_validate(tiny_corpus, METHOD, **options)
    found, table = evidence(scores)["calibration"], scores.predictions
    labels = np.array([scores.classes.index(emotion) for emotion in table["emotion"]])
    sure, right, losses = [], [], []
    assert scores.units == ("fold",)  # of two speakers each
    for i, fold in enumerate(table["fold"]):
        others = (table["fold"] != fold).to_numpy()
        chances = softmax(
            scores.logits[i].astype(float) / temperature(scores.logits[others].astype(float), labels[others])
        )
        sure.append(chances.max())
        right.append(chances.argmax() == labels[i])
        losses.append(-np.log(chances[labels[i]]))
    for level, said in found["above"].items():
        chosen = np.array(sure) >= float(level)
        assert said["percent_kept"] == pytest.approx(100 * chosen.mean(), abs=0.051)
        rate = 100 * np.array(right)[chosen].mean() if chosen.any() else None
        assert said["percent_right"] == (None if rate is None else pytest.approx(rate, abs=0.051))
    assert found["log_loss"][1] == pytest.approx(np.mean(losses), abs=6e-4)
    assert next(iter(found["above"])) == "0" and found["above"]["0"]["percent_kept"] == 100
    assert found["temperature"] == pytest.approx(temperature(scores.logits.astype(float), labels), abs=1e-4)


@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_the_temperature_is_where_the_log_loss_is_least(factor):
    """There its derivative vanishes: logits weigh as much under the probabilities as at the labels."""
    stream = np.random.default_rng(0)
    logits = 2 * stream.standard_normal((400, 4))
    labels = (softmax(logits, axis=1).cumsum(1) < stream.random((400, 1))).sum(1)
    t = temperature(factor * logits, labels)
    chances = softmax(factor * logits / t, axis=1)
    assert (chances * logits).sum(1).mean() == pytest.approx(logits[np.arange(400), labels].mean(), abs=1e-3)
    assert t == pytest.approx(factor * temperature(logits, labels), rel=1e-3)
    losses = [
        -log_softmax(factor * logits / each, axis=1)[np.arange(400), labels].mean() for each in (t, 0.9 * t, 1.1 * t)
    ]
    assert np.argmin(losses) == 0


def test_what_cannot_be_trained_is_refused_before_anything_is_made(tiny_corpus, cache):
    for name, options, why in (
        ("baselines/egemaps-svm", {}, "baselines/egemaps-svm leaves no model behind"),
        ("focal/nothing", {}, "unknown method 'focal/nothing'"),
        (METHOD, {"profile": "huge"}, "profile is 'huge'"),
        (METHOD, {"scheme": "by-moon"}, "unknown scheme 'by-moon'"),
        (METHOD, {"device": "tpu"}, "device is 'tpu'"),
    ):
        with pytest.raises(ValueError, match=why):
            train_model(tiny_corpus, name, cache / "m", **OPTIONS | options)
    assert not (cache / "m").exists()


def test_the_command_line_trains_asks_and_says_where_runs_are(tiny_corpus, cache, capsys):
    table = cache / "mine.csv"
    tiny_corpus.table.reset_index()[["file", "emotion", "speaker", "sex", "session"]].to_csv(table, index=False)
    shared = ["--method", METHOD, "--corpus", "table", "--root", str(table), "--profile", "quick", "--device", "cpu"]
    assert main(["train", *shared, "--out", str(cache / "m"), "--folds", "leave-one-session-out"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(f"{cache / 'm'}: {METHOD}, 4 emotions of table; no cross-validated scores")
    assert told[1].startswith("to fill the card: serlib run --corpus table --root DIR")
    assert main(["run", *shared, "--folds", "leave-one-session-out", "--keep-weights", "--jobs", "1"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "--model" in line]
    folders = [Path(line.split("--model ")[1].removesuffix(" ...")) for line in lines]
    assert [line.split(":")[0] for line in lines] == [f"session-S{k}, seed 0" for k in range(1, 6)]
    assert len(set(folders)) == 5 and all((folder / "model.safetensors").is_file() for folder in folders)
    file = tiny_corpus.table["file"].iloc[0]
    for name in (str(folders[0]), folders[0].name):  # by its place, and by its name in the run store
        assert main(["predict", "--model", name, file]) == 0
    assert main(["train", *shared, "--out", str(cache / "m"), "--folds", "leave-one-session-out"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "% by leave-one-session-out; of confidence 0.5 and more " in told[-1] and told[-1].endswith(" % right")
    assert RunStore(shelves=[]).root == cache / "runs"


def test_where_no_models_are_it_is_said_where_to_get_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "PROJECT", tmp_path / "clone")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "installed"))
    wanted = f"no models in {tmp_path}/clone/data/models or {tmp_path}/installed/share/serlib/models: they lie in data"
    assert main(["models"]) == 0 and wanted in capsys.readouterr().out
    assert main(["predict", "x.wav"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("serlib: emodb-spectrogram holds no model.safetensors") and wanted in told


@pytest.mark.parametrize("shelf", ["clone/data/models", "installed/share/serlib/models"])
def test_models_are_found_in_a_clone_and_where_a_package_puts_them(tiny_corpus, cache, monkeypatch, shelf):
    monkeypatch.setattr(paths, "PROJECT", cache / "clone")
    monkeypatch.setattr("sys.prefix", str(cache / "installed"))
    train_model(tiny_corpus, METHOD, cache / shelf / "hums", **OPTIONS)
    (line,) = describe_models()
    assert line.startswith(f"hums: {METHOD}, 4 emotions of tiny") and line.endswith(f"in {cache / shelf / 'hums'}")
    assert not predict_files("hums", tiny_corpus.table["file"].tolist()[:1]).refused


def test_an_installed_package_takes_the_models_along():
    files = tomllib.loads((paths.PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    assert files == {f"share/serlib/models/{f.name}": [f"data/models/{f.name}/*"] for f in FOLDERS}
    assert kept.shelves()[1].parts[-3:] == ("share", "serlib", "models")


def test_the_models_of_the_project_are_two_and_small():
    assert [folder.name for folder in FOLDERS] == ["emodb-functionals", "emodb-spectrogram"]
    assert sum(path.stat().st_size for folder in FOLDERS for path in folder.iterdir()) < 3e6
    assert main(["models"]) == 0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_card_says_what_the_committed_runs_say(folder):
    card = json.loads((folder / "card.json").read_text())
    scores = stored_scores("emodb", card["method"], profile=card["profile"], scheme="leave-one-speaker-out")
    assert {name: card[name] for name in ("scores", "calibration")} == evidence(scores)
    assert (scores is None) == ("to_fill" in card)
    assert card["files"] == {
        "model.safetensors": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    }
    if scores is not None:
        assert card["recipe"] == scores.manifests[0]["recipe"]
        assert card["corpus"] == scores.manifests[0]["corpus"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_model_of_the_project_answers_by_its_name(folder, voices):
    answers = predict_files(folder.name, voices.table["file"].tolist()[:2])
    assert answers.model.facts["fold"]["train"] == 535 and answers.model.facts["notes"]["converged"]
    np.testing.assert_allclose(answers.table[answers.model.classes].sum(axis=1), 1, atol=1e-6)


@pytest.mark.emodb
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_model_of_the_project_knows_the_recordings_it_was_trained_on(folder, emodb_root):
    files = sorted((emodb_root / "wav").glob("*.wav"))[::67]
    emotions = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "N": "neutral"}
    table = predict_files(folder.name, files, threshold=0.0).table
    assert table["predicted"].tolist() == [emotions.get(file.stem[5], "sadness") for file in files]
