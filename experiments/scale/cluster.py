"""The Ray cluster that work runs on: a local one of our own, or one to join."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from experiments.settings import SettingsError

REACHED_WITHIN_SECONDS = 5.0  # of a machine on the same network
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}  # tell nobody, warn of no GPU
JOINING = "start one by `ray start --head`, set RAY_AUTH_MODE=token where it asks for one, or leave the address out"


class BackendError(SettingsError):
    """Ray is missing or out of reach, or work on it was lost for good; with the mend."""


@contextmanager
def running(workers: int, address: str | None) -> Iterator[int]:
    """A Ray cluster for as long as the block runs; yields how many items may run side by side.

    A cluster that this process has joined already is used and left as it is. `workers` 0 means all its CPUs. Raises
    `BackendError`.
    """
    ray = import_ray()
    started_here = not ray.is_initialized()
    if started_here:
        start(ray, workers, address)
    try:
        yield workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        if started_here:
            ray.shutdown()


def import_ray() -> Any:
    """The module `ray`. Raises `BackendError` that names the extra."""
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    try:
        import ray  # noqa: PLC0415  (comes with the extra `scale`)
    except ModuleNotFoundError:
        raise BackendError(
            "backend=ray: Ray is not installed. "
            "Mend: pip install '.[scale]' in a clone of the repository, or backend=local"
        ) from None
    return ray


def start(ray: Any, workers: int, address: str | None) -> None:
    """Start a local cluster of `workers` CPUs (0: all), or join the one at `address`. Raises `BackendError`."""
    if address is not None:
        check_reachable(address)
    own = {"num_cpus": workers or None, "include_dashboard": False} if address is None else {}
    logging.getLogger("ray").setLevel(logging.ERROR)  # before `init` speaks
    try:
        ray.init(
            address=address or "local",
            logging_level=logging.ERROR,
            log_to_driver=False,
            **own,
        )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        where = f"address={address}: no Ray cluster answers there" if address else "backend=ray: Ray does not start"
        mend = JOINING if address else "backend=local"
        raise BackendError(f"{where} ({' '.join(str(error).split())}). Mend: {mend}") from None


def check_reachable(address: str) -> None:
    """Raises `BackendError` at once where nobody listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return  # `auto`, or a name that Ray knows
    try:
        socket.create_connection((host, int(port)), REACHED_WITHIN_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise BackendError(f"address={address}: no Ray cluster answers there ({error}). Mend: {JOINING}") from None
