"""ONNX files say what torch says, of clips of any length, and tell which features they read."""

import json
import re
import sys

import numpy as np
import pytest

from serlib.audio import read_audio
from serlib.cli import main
from serlib.runs import cross_validate
from serlib.runs.kept import load_model
from serlib.runs.predict import predict_files
from serlib.runs.train import train_model

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra export (onnx, onnxruntime) is not installed")
pytest.importorskip("onnx", reason="the extra export (onnx, onnxruntime) is not installed")
OPTIONS = {"profile": "quick", "scheme": "leave-one-session-out", "device": "cpu"}


@pytest.mark.parametrize("name", ["focal/mel-softmax+strong", "focal/mfcc-focal", "dcaen/ftr-eg-trainnorm"])
def test_a_file_says_of_features_what_predict_says_of_recordings(tiny_corpus, cache, capsys, name):
    if name == "focal/mfcc-focal":  # with a temperature
        options = {"profile": "quick", "folds": "leave-one-session-out", "device": "cpu", "progress": False}
        cross_validate(tiny_corpus, name, **options)
    card = train_model(tiny_corpus, name, cache / "m", **OPTIONS)
    assert main(["export", "--model", str(cache / "m"), "--onnx", str(cache / "m.onnx")]) == 0
    session, model = onnxruntime.InferenceSession(cache / "m.onnx"), load_model(cache / "m")
    facts = {key: json.loads(text) for key, text in session.get_modelmeta().custom_metadata_map.items()}
    assert facts["features"] == card["features"] and facts["classes"] == list(tiny_corpus.classes)
    assert facts["calibration"] == model.calibration and facts["scaling"] == "train" and facts["card"] == card
    assert (facts["calibration"]["temperature"] != 1) == (name == "focal/mfcc-focal")
    files = tiny_corpus.table["file"].tolist()[::24]
    table = predict_files(cache / "m", files).table
    for file in files:  # no two of a length
        signal = read_audio(file, sample_rate_hz=facts["features"]["sample_rate_hz"])
        features = model.recipe.features.extract(signal)
        (said,) = session.run(["probabilities"], {"features": np.stack([features] * 3)})
        np.testing.assert_allclose(said, [table.loc[file, model.classes].to_numpy(float)] * 3, atol=1e-4)


def test_a_model_by_speaker_takes_features_that_are_scaled(tiny_corpus, cache):
    train_model(tiny_corpus, "dcaen/ftr-eg", cache / "m", **OPTIONS)
    assert main(["export", "--model", str(cache / "m"), "--onnx", str(cache / "m.onnx")]) == 0
    session, model = onnxruntime.InferenceSession(cache / "m.onnx"), load_model(cache / "m")
    assert json.loads(session.get_modelmeta().custom_metadata_map["scaling"]) == "speaker"
    table = tiny_corpus.table
    files = table["file"][table["speaker"] == "03"].tolist()
    signals = [read_audio(file, sample_rate_hz=16000) for file in files]
    scaled = np.stack(model.method.hear(model.recipe, signals, model.state).inputs)
    wanted = predict_files(cache / "m", files, by_speaker=True).table[model.classes].to_numpy()
    np.testing.assert_allclose(session.run(None, {"features": scaled})[0], wanted, atol=1e-4)


@pytest.mark.parametrize(
    "name,network",
    [("center/mel-softmax", "CNNBiRNN"), ("dcaen/raw", "DCaEN"), ("multidilated/ff-spp", "MultiDilatedCNN")],
)
def test_other_networks_are_refused(voices, cache, capsys, name, network):
    train_model(voices, name, cache / "m", **OPTIONS)
    capsys.readouterr()
    assert main(["export", "--model", str(cache / "m"), "--onnx", str(cache / "m.onnx")]) == 2
    told = f"serlib: {name}: {network} cannot be exported; allowed are FeatureNetwork, ResNet18\n"
    assert capsys.readouterr().err == told and not (cache / "m.onnx").exists()


def test_a_file_that_does_not_agree_is_not_written(tiny_corpus, cache, monkeypatch):
    from serlib.runs import export

    train_model(tiny_corpus, "focal/mfcc-softmax", cache / "m", **OPTIONS)
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(
        ValueError, match=r"focal/mfcc-softmax: ONNX Runtime's probabilities are .* off torch's; allowed"
    ):
        export.export_onnx(cache / "m", cache / "m.onnx")
    assert not (cache / "m.onnx").exists()


def test_without_the_extra_it_is_said_what_to_install(cache, monkeypatch):
    from serlib.runs.export import export_onnx

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=re.escape("onnxruntime") + r".*; pip install -e '.\[export\]' brings it"):
        export_onnx("emodb-functionals", cache / "m.onnx")
