"""Runs on a Ray cluster: the bits of one machine, each run once, though a machine is lost on the way."""

import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from serlib.cli import main
from serlib.corpora import load_corpus
from serlib.runs import RunStore, plan
from serlib.runs.cluster import Cluster
from serlib.runs.engine import make_elsewhere, perform

METHOD, SIZE = "dcaen/ftr-eg", 60
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")


@pytest.fixture
def ray(monkeypatch, cache):
    """Ray, told to keep to this machine, and not to give up where its helpers need long to start."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("HOME", str(cache))  # a Ray that is started alone leaves a token there
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    ray = pytest.importorskip("ray")
    from ray._private.node import Node

    start = Node.start_raylet

    def patiently(node, *arguments, **options):  # Ray waits 15 s for these files, too short on a busy machine
        for name in PORTS:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                file = Path(node.get_session_dir_path(), f"{name}_{node._node_id}")
                file.write_text(str(free.getsockname()[1]))
        return start(node, *arguments, **options)

    monkeypatch.setattr(Node, "start_raylet", patiently)
    yield ray
    ray.shutdown()


def listening() -> set[str]:
    """Where this process and its children listen that another machine could reach."""
    mine = [psutil.Process(), *psutil.Process().children(recursive=True)]
    found = {each.laddr.ip for process in mine for each in process.net_connections() if each.status == "LISTEN"}
    return {ip for ip in found if not ip_address(ip.removeprefix("::ffff:")).is_loopback}


def killed_in_the_middle(ray, nodes, node, store) -> int:
    """Kill a node while both make runs; return how many runs were finished by then."""
    while not ray.is_initialized() or len(list(store.root.glob("[!.]*"))) < 3 or ray.available_resources().get("CPU"):
        time.sleep(0.02)
    finished = len(list(store.root.glob("[!.]*")))
    nodes.remove_node(node, allow_graceful=False)
    return finished


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_two_machines_of_which_one_is_lost_make_what_one_makes(ray, cache, capfd):
    from ray.cluster_utils import Cluster as Nodes

    each = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20}
    nodes, store = Nodes(), RunStore(cache / "many", shelves=[])
    row = f'[[rows]]\ncorpus = "synthetic"\noptions = {{utterances = {SIZE}}}\nmethods = ["{METHOD}"]\n'
    (cache / "plan.toml").write_text(f'{row}profile = "quick"\nseeds = [0, 1, 2, 3]')
    try:
        nodes.add_node(include_dashboard=False, no_monitor=True, include_log_monitor=False, **each)
        lost = nodes.add_node(**each)
        on_ray = ["--engine", "ray", "--address", nodes.address, "--out", str(store.root)]
        with ThreadPoolExecutor(1) as pool:
            finished = pool.submit(killed_in_the_middle, ray, nodes, lost, store)
            assert main(["run", "--plan", str(cache / "plan.toml"), *on_ray]) == 0
            assert 3 <= finished.result() < 20
        assert not ray.is_initialized() and len(list(store.finished())) == 20
        also = ["--method", METHOD, "--option", f"utterances={SIZE}", "--seeds", "4"]
        assert main(["run", *also, *on_ray]) == 0
        assert main(["run", *also, *on_ray, "--gpus-per-run", "0.5"]) == 2
        assert capfd.readouterr().err.endswith("serlib: gpus_per_run is 0.5, and there is no GPU in the cluster\n")
        assert not ray.is_initialized() and not listening()
    finally:
        nodes.shutdown()
    assert len(list(store.finished())) == len(list(store.root.iterdir())) == 25  # each once, and no claim is left
    alone, threads = RunStore(cache / "one", shelves=[]), torch.get_num_threads()
    tasks = plan(load_corpus("synthetic", utterances=SIZE), METHOD, profile="quick", folds=None, seeds=range(5))
    for task in tasks[::6]:  # of each seed one
        assert perform(task, alone, device="cpu", threads=1)
        here, there = (s.load(s.find(task.key, task.code)) for s in (alone, store))
        assert here.predictions.equals(there.predictions) and here.arrays.keys() == there.arrays.keys()
        assert all(np.array_equal(here.arrays[name], there.arrays[name]) for name in here.arrays)
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_a_ray_of_this_machine_alone_is_out_of_reach_and_goes_when_it_is_left(ray, cache):
    with Cluster() as cluster:
        assert cluster.slots == os.cpu_count() and cluster(os.getpid) != os.getpid() and not listening()
        assert cluster(os.getenv, "SERLIB_CACHE") == str(cache / "cache")
        with pytest.raises(ValueError, match=r"^invalid literal for int\(\) with base 10: 'three'$"):
            cluster(int, "three")
    assert not ray.is_initialized()
    assert not [each for each in psutil.Process().children(recursive=True) if "raylet" in each.name()]


@pytest.mark.parametrize("share", ["0", "-0.25", "1.5", "nan"])
def test_a_share_that_is_none_is_refused(share, capsys):
    assert main(["run", "--engine", "ray", f"--gpus-per-run={share}"]) == 2
    told = f"serlib: gpus_per_run is {float(share)}; allowed are shares above 0 and up to 1, such as 0.25\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("option", [["--address", "auto"], ["--gpus-per-run", "0.5"]])
def test_what_belongs_to_a_cluster_is_refused_without_one(option, capsys):
    assert main(["run", "--list", *option]) == 2
    assert capsys.readouterr().err == "serlib: --address and --gpus-per-run belong to --engine ray\n"


def test_a_gpu_that_nobody_shares_out_is_refused(capsys):
    assert main(["run", "--engine", "ray", "--device", "cuda"]) == 2
    told = "serlib: --device cuda with --engine ray needs --gpus-per-run, such as 0.25: four runs share one\n"
    assert capsys.readouterr().err == told


def test_without_ray_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["run", "--engine", "ray"]) == 2
    assert capsys.readouterr().err == "serlib: Ray is not installed: pip install -e '.[cluster]'\n"


def test_an_address_where_nobody_answers_is_told_at_once(capsys):
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    assert main(["run", "--engine", "ray", "--address", address]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"serlib: no Ray answers at {address} (") and told.count("\n") == 1


def test_other_code_than_that_of_the_plan_is_refused(tiny_corpus, cache):
    task = plan(tiny_corpus, "baselines/egemaps-svm", profile="quick", folds="speaker-folds-5", seeds=[0])[0]
    vars(task)["code"] = "f" * 64
    with pytest.raises(RuntimeError, match="the code here is not that of the plan: it was changed, or this machine"):
        make_elsewhere(task, device="cpu", threads=None)
