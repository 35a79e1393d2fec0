"""Many machines through Ray: what a machine was doing when it was lost is done again on another one."""

import os
import socket
from collections.abc import Callable
from typing import Any

from serlib.paths import cache_dir


class Cluster:
    """Calls functions on the machines of a Ray cluster, one core each; leaving it as a context disconnects.

    A call is a task of Ray's: as soon as a machine has room for it, it goes there, and when that machine is lost, to
    another. Ray's joblib backend will not do: it knows no unordered results, and deals all calls out to fixed actors
    beforehand, so that those of a lost machine fail, or wait for ever for the room that other actors keep.

    Every machine needs the same serlib, and the cache or the corpus under the same paths; functions and what they
    return travel through Ray.

    Args:
        address: ``"host:port"`` of a cluster, or ``"auto"``: the one that this machine is part of. None: what
            ``$RAY_ADDRESS`` says, else this machine alone, where a Ray is started that nobody else can reach.
        gpus_per_run: share of a GPU that a call holds, 0.25: four share one. None: no call gets a GPU.

    Attributes:
        slots: how many calls the cluster has room for at once.

    Raises:
        ValueError: without Ray, for another share than one above 0 and up to 1, or where there is no GPU to share.
        OSError: where no cluster answers, or none can be started.
    """

    def __init__(self, address: str | None = None, gpus_per_run: float | None = None) -> None:
        if gpus_per_run is not None and not 0 < gpus_per_run <= 1:
            raise ValueError(f"gpus_per_run is {gpus_per_run}; allowed are shares above 0 and up to 1, such as 0.25")
        address = address or os.environ.get("RAY_ADDRESS")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if address is None:
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on any system: keep to the loopback interface
        try:
            import ray
        except ImportError as error:
            raise ValueError("Ray is not installed: pip install -e '.[cluster]'") from error
        try:
            if address and ":" in address:  # Ray itself tries for minutes
                host, _, port = address.rpartition("/")[2].rpartition(":")
                socket.create_connection((host, int(port)), timeout=10).close()
            ray.init(address or "local", include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        except Exception as error:  # Ray's are of all kinds
            what = f"no Ray answers at {address}" if address else "Ray does not start here"
            raise OSError(f"{what} ({error})") from error
        self._ray, there = ray, ray.cluster_resources()
        self.slots = max(1, int(there.get("CPU", 0)))
        if gpus_per_run is not None:
            self.slots = min(self.slots, int(there.get("GPU", 0)) * int(1 / gpus_per_run + 1e-9))
            if not self.slots:
                self.__exit__()
                raise ValueError(f"gpus_per_run is {gpus_per_run}, and there is no GPU in the cluster")
        self._call = ray.remote(_call).options(num_cpus=1, num_gpus=gpus_per_run, max_retries=3)

    def __call__(self, function: Callable, *args: Any, **options: Any) -> Any:
        """Return what ``function`` returns, or raise what it raises, on whatever machine it ran."""
        try:
            return self._ray.get(self._call.remote(str(cache_dir().absolute()), function, args, options))
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_error: object) -> None:
        self._ray.shutdown()


def _call(cache: str, function: Callable, args: tuple, options: dict[str, Any]) -> Any:
    os.environ["SERLIB_CACHE"] = cache
    return function(*args, **options)
