"""A service in a process of its own, on a free port, ended in the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml

from journeys.events import Event
from journeys.events import encoder as event_encoder
from journeys.loading import load_journey
from policies.bundle import save_bundle
from tests.serving.bundles import contents_of

START = 1767258000000
PATIENCE_SECONDS = 60.0  # the first start on a machine compiles
JSON = {"content-type": "application/json"}


def bundle_at(path: Path, version: str = "1", family: str = "rules", journey: str = "tiny") -> Path:
    """A small bundle of a shipped journey."""
    return save_bundle(path, contents_of(load_journey(journey), family, version=version))


def signup(user: str, number: int = 0, journey: str = "tiny") -> Event:
    """A user's first event."""
    return Event(f"{user}-e{number}", user, journey, START + number * 1000, "signup", consent=("personalise",))


def start(user: str, number: int, step: str = "first-note") -> Event:
    """A user's further event."""
    return Event(f"{user}-e{number}", user, "tiny", START + number * 1000, "start", step=step, duration=0.5)


def body(*events: Event) -> bytes:
    """Events as a request's body."""
    return b"[" + b",".join(map(event_encoder.encode, events)) + b"]"


class Running:
    """A service that runs."""

    def __init__(self, process: subprocess.Popen[str], url: str, log: Path) -> None:
        self.process, self.url, self._log = process, url, log
        self.port = int(url.rpartition(":")[2])
        self.client = httpx.Client(base_url=url, timeout=30.0)

    def decide(self, event: Event) -> httpx.Response:
        """POST /v1/decide."""
        return self.client.post("/v1/decide", content=event_encoder.encode(event), headers=JSON)

    def send(self, *events: Event) -> httpx.Response:
        """POST /v1/events."""
        return self.client.post("/v1/events", content=body(*events), headers=JSON)

    def lines(self) -> list[dict]:
        """What it logged."""
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def wait_for(self, event: str) -> dict:
        """The line of the log with that event, once it is there."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            for line in self.lines():
                if line["event"] == event:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"{event!r} was not logged: {self._log.read_text()}")

    def metric(self, start: str) -> float:
        """The sum of all series that begin so."""
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def running(folder: Path, settings: dict | None = None) -> Iterator[Running]:
    """Serve `folder`'s bundle with these settings on top of the usual ones."""
    folder.mkdir(exist_ok=True)
    if not (folder / "guide").exists():
        bundle_at(folder / "guide")
    told = {"bundles": [{"path": "guide"}], "store": "sqlite:state.sqlite", "watch_seconds": 0.2} | (settings or {})
    told["http"] = {"port": 0} | told.get("http", {})
    file, log = folder / "handrail.yaml", folder / "log.jsonl"
    file.write_text(yaml.safe_dump(told))
    command = [sys.executable, "-m", "serving.service.serve", str(file)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    with (
        log.open("a") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as process,
    ):
        assert process.stdout is not None
        first = process.stdout.readline()
        try:
            assert first.startswith("listening on "), log.read_text()
            service = Running(process, first.removeprefix("listening on ").strip(), log)
            with service.client:
                ready(service)
                yield service
        finally:
            if process.poll() is None:
                process.kill()


def ready(service: Running) -> None:
    """Wait until it says that it is ready."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and service.process.poll() is None:
        try:
            if service.client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not ready: {service.lines()}")
