"""Hardware: what there is, in which precision, and float32 proper where it is asked for."""

import numpy as np
import pytest
import torch
from refusal import refused
from small import CPU, Mean, clips

from serlib.losses import SoftmaxLoss
from serlib.training import Hardware, Training, fit, predict
from serlib.training.hardware import exact


def allowed() -> tuple[bool, bool]:
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


@pytest.fixture(params=[(True, True), (True, False), (False, True), (False, False)])
def before(request):
    """TensorFloat-32 as a user may have left it."""
    found = allowed()
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = request.param
    yield request.param
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = found


def test_exact_switches_tensorfloat_off_and_gives_it_back(before):
    with exact():
        assert allowed() == (False, False)
        with exact():
            pass
        assert allowed() == (False, False)
    assert allowed() == before
    with pytest.raises(KeyError), exact():
        raise KeyError
    assert allowed() == before


def test_training_and_scoring_are_exact(before):
    class Watched(Mean):
        def forward(self, x, lengths):
            seen.append((self.training, *allowed(), torch.is_autocast_enabled("cpu")))
            return super().forward(x, lengths)

    seen, network, loss = [], Watched(), SoftmaxLoss(3, 4)
    fit(network, loss, clips(0), clips(1), Training(1), hardware=CPU, seed=0)
    assert set(seen) == {(True, False, False, False), (False, False, False, False)} and allowed() == before
    seen.clear()
    predict(network, loss, clips(1).inputs, hardware=Hardware("cpu", "bfloat16", channels_last=True))
    assert set(seen) == {(False, False, False, False)} and allowed() == before
    seen.clear()
    predict(network, loss, clips(1).inputs, hardware=Hardware("cpu", "bfloat16"), precise=False)
    assert set(seen) == {(False, *before, True)}


@pytest.fixture
def machine(monkeypatch):
    """Return a function that pretends that a machine has a CUDA device, and bfloat16 in it."""

    def has(*, cuda: bool = False, bf16: bool = False, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)

        def supported(including_emulation: bool = True) -> bool:
            """Of an older device, as torch does: yes, where it can only act as if."""
            return bf16 or including_emulation

        monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return has


@pytest.mark.parametrize("has,asked,got", [
    ({}, {}, ("cpu", "float32", False)),
    ({}, {"precision": "bfloat16"}, ("cpu", "bfloat16", True)),
    ({"cuda": True, "bf16": True}, {}, ("cuda", "bfloat16", True)),
    ({"cuda": True, "bf16": True}, {"device": "cuda:1"}, ("cuda:1", "bfloat16", True)),
    ({"cuda": True, "bf16": True}, {"precision": "float32"}, ("cuda", "float32", False)),
    ({"cuda": True, "bf16": True}, {"device": "cpu"}, ("cpu", "float32", False)),
    ({"cuda": True}, {}, ("cuda", "float32", False)),
    ({"mps": True}, {}, ("mps", "float32", False)),
])  # fmt: skip
def test_automatic_is_bfloat16_on_a_gpu_that_has_it_alone(machine, has, asked, got):
    """On a CPU it is float32, whatever instructions it has: a result should not depend on which one made it."""
    machine(**has)
    assert Hardware.choose(**asked) == Hardware(*got)


def test_what_there_is_not_is_refused(machine):
    machine()
    for device in ("tpu", "cuda", "cuda:0"):
        with refused(f"device is '{device}'; this machine has cpu (or 'auto')"):
            Hardware.choose(device)
    with refused("precision is 'int8'; allowed are float32, bfloat16, auto"):
        Hardware.choose("cpu", "int8")


def test_images_are_laid_out_for_bf16():
    hardware = Hardware("cpu", "bfloat16", channels_last=True)
    images, waveforms = torch.from_numpy(np.random.default_rng(0).random((2, 3, 4, 5))), torch.zeros(2, 9)
    placed = hardware.place(images)
    assert placed.is_contiguous(memory_format=torch.channels_last) and torch.equal(placed, images)
    assert torch.equal(hardware.place(waveforms), waveforms) and CPU.place(images) is images
    with hardware.context():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with CPU.context():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
