"""What paper 004's inputs and its raw network cost: extraction by processes, reading again, and the LSTM in one pass.

Extraction: eGeMAPS of EMO-DB where ``$SERLIB_EMODB`` (or ../shared/corpora/emodb) has it, else of the synthetic corpus,
into an empty store, once with one process and once with two. Training step: the study profile's network on 16 clips of
1 to 3 s, one CPU thread, against the same network whose LSTM is called frame by frame, in turns; medians.

Run: ``python -m bench.waveform``.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from serlib import load_corpus
from serlib.corpora.corpus import Corpus
from serlib.features import Functionals
from serlib.features.store import FeatureStore
from serlib.methods import get
from serlib.models import RawWaveformNetwork

STEPS = 9
AT_LEAST = {"two processes": 1.6, "second read": 50.0, "one pass": 2.0}


def corpus() -> Corpus:
    """EMO-DB where it lies, else the synthetic corpus."""
    shared = Path(__file__).parents[2] / "shared" / "corpora" / "emodb"
    root = os.environ.get("SERLIB_EMODB", shared if shared.is_dir() else None)
    return load_corpus("emodb", root) if root else load_corpus("synthetic")


def seconds(call: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def extraction(data: Corpus) -> dict[str, float]:
    """Seconds to extract eGeMAPS with one and with two processes, and to read it again."""
    recipe, times = Functionals("eGeMAPSv02"), {}
    for jobs, name in ((1, "1 process"), (2, "2 processes")):
        with tempfile.TemporaryDirectory() as folder:
            get_all = partial(FeatureStore(folder).get, data, recipe, n_jobs=jobs, progress=False)
            times[name] = seconds(get_all)
            times["second read"] = seconds(get_all)
    return times


class FrameByFrame(nn.Module):
    """An LSTM that is called once for every frame, as a loop in Python does."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.lstm = lstm

    def forward(self, units: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return all outputs, (B, T, cells)."""
        state, outputs = None, []
        for unit in units.split(1, 1):
            output, state = self.lstm(unit, state)
            outputs.append(output)
        return torch.cat(outputs, 1), None


def steps() -> dict[str, float]:
    """Median seconds of a training step with the LSTM in one pass and frame by frame."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    options, lengths = get("dcaen/raw").recipe("study").raw, torch.linspace(16_000, 48_000, 16).long()
    batch, networks = torch.randn(16, 48_000), {name: RawWaveformNetwork(**options) for name in ("one pass", "loop")}
    networks["loop"].load_state_dict(networks["one pass"].state_dict())
    networks["loop"].lstms = nn.ModuleList(FrameByFrame(lstm) for lstm in networks["loop"].lstms)
    with torch.no_grad():
        one, other = (network(batch, lengths) for network in networks.values())
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)

    def step(network: nn.Module) -> None:
        network.zero_grad(set_to_none=True)
        network(batch, lengths).square().sum().backward()

    times = {name: [] for name in networks}
    for turn in range(STEPS + 2):  # two to warm up
        for name, network in networks.items():
            took = seconds(partial(step, network))
            times[name] += [took] * (turn >= 2)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print the ratios beside what is wanted."""
    data = corpus()
    load = os.getloadavg()[0]
    took, step = extraction(data), steps()
    print(f"{data.name}: {len(data)} utterances, {os.cpu_count()} cores, load {load:.1f} before\n")
    for name, value in {**took, **{f"training step, LSTM {n}": v for n, v in step.items()}}.items():
        print(f"{name:36}{value:9.3f} s")
    print()
    ratios = {
        "two processes": took["1 process"] / took["2 processes"],
        "second read": took["1 process"] / took["second read"],
        "one pass": step["loop"] / step["one pass"],
    }
    for name, ratio in ratios.items():
        wanted = "as wanted" if ratio >= AT_LEAST[name] else "MISSED"
        print(f"{name:36}{ratio:9.1f} times, at least {AT_LEAST[name]:g}: {wanted}")


if __name__ == "__main__":
    main()
