"""From starting `handrail serve` to its first decision, with and without compiled code in the cache; and its memory.

Beside them the bare limits: a Python process that imports NumPy and Numba, and what the users' packed states take.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Row, against, beside, row_of
from benchmarks.runtime import JOURNEY, some_bundle
from benchmarks.settings import Settings
from journeys.events import Event, encoder
from journeys.fold import blank_states
from journeys.loading import load_journey
from journeys.plan import compile_plan
from journeys.state import pack

T0 = 1_767_225_600_000
ACTIVE, FEW_ACTIVE, BATCH = 100_000, 1_000, 500
MOST_SECONDS, MOST_MIB = 2.0, 500.0
MOST_ROUNDS, PATIENCE_SECONDS, LOOK_SECONDS = 5, 120.0, 0.005
KIB_PER_MIB, BYTES_PER_MIB = 1024.0, 1024.0**2
LIMIT = "import numpy, numba"


class Started(NamedTuple):
    """A running service, and how long it took to its first decision."""

    pid: int
    http: HTTPConnection
    seconds: float


def signup(user: str) -> bytes:
    """A user's first event."""
    return encoder.encode(Event(f"in-{user}", user, JOURNEY, T0, "signup", consent=()))


def post(http: HTTPConnection, path: str, body: bytes) -> bytes:
    """The body of the reply. Raises `OSError` while nobody listens."""
    http.request("POST", path, body, {"content-type": "application/json"})
    reply = http.getresponse()
    content = reply.read()
    if reply.status != 200:
        raise RuntimeError(f"{path}: {reply.status} {content!r}")
    return content


@contextmanager
def started(folder: Path, bundle: Path, cache: str | None, store: str = "", more: str = "") -> Iterator[Started]:
    """A service on `store` (its own SQLite file), with its compiled code in `cache` (None: where it is always).

    `more` are further lines of its settings.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = folder / "handrail.yaml"
    settings.write_text(
        f"store: {store or f'sqlite:{folder}/state.sqlite'}\nbundles:\n  - path: {bundle}\n"
        f"http:\n  port: {port}\nreasons: 0\n{more}"
    )
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    begin = time.perf_counter()
    command = [sys.executable, "-m", "handrail", "serve", str(settings)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
        http = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        try:
            yield Started(service.pid, http, first_decision(http, begin))
        finally:
            http.close()
            service.terminate()


def first_decision(http: HTTPConnection, begin: float) -> float:
    """Seconds from `begin` to the first decision."""
    while time.perf_counter() - begin < PATIENCE_SECONDS:
        try:
            assert b'"action"' in post(http, "/v1/decide", signup("first"))
            return time.perf_counter() - begin
        except OSError:
            http.close()
            time.sleep(LOOK_SECONDS)
    raise RuntimeError("the service did not start")


def resident_mib(pid: int) -> float:
    """Memory of a process that is resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / KIB_PER_MIB


def bare_start() -> float:
    """Seconds of a Python process that imports what cannot be done without."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", LIMIT], check=True)
    return time.perf_counter() - begin


def memory(bundle: Path, active: int, section: str) -> list[Row]:
    """Resident memory before and after so many users were active."""
    state = len(pack(blank_states(compile_plan(load_journey(JOURNEY)), 1), 0))
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), bundle, None) as service:
        empty = resident_mib(service.pid)
        for start in range(0, active, BATCH):
            lines = [signup(f"user-{number}") for number in range(start, start + BATCH)]
            post(service.http, "/v1/events", b"[" + b",".join(lines) + b"]")
        full = resident_mib(service.pid)
    bare = row_of(section, f"packed states of {active:,} users", "MiB", [active * state / BYTES_PER_MIB])
    whole = beside(row_of(section, f"resident with {active:,} active users", "MiB", [full]), bare)
    return [bare, row_of(section, "resident without users", "MiB", [empty]), against(whole, MOST_MIB, "<= 500", True)]


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    section, rounds = f"handrail serve, {JOURNEY}", min(MOST_ROUNDS, settings.rounds)
    warm, bare = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        some_bundle(load_journey(JOURNEY), Path(folder))
        bundle = Path(folder) / "bundle"
        for number in range(rounds + 1):
            bare.append(bare_start())
            with tempfile.TemporaryDirectory() as home, started(Path(home), bundle, None) as service:
                warm.append(service.seconds)
            if not number:  # the first one fills the caches of the disk
                warm.clear()
                bare.clear()
        with tempfile.TemporaryDirectory() as home, started(Path(home), bundle, f"{home}/cache") as service:
            cold = service.seconds
        rows = memory(bundle, ACTIVE if settings.rounds > MOST_ROUNDS else FEW_ACTIVE, section)
    limit = row_of(section, f"python -c '{LIMIT}'", "s", bare)
    ours = beside(row_of(section, "start to first decision, warm", "s", warm), limit)
    cold_row = row_of(section, "start to first decision, nothing compiled", "s", [cold])
    return [limit, against(ours, MOST_SECONDS, "<= 2 s", at_most=True), cold_row, *rows]
