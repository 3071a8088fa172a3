"""The tests' side of workers: a process that forks them, and ways to stop, wake and end each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.faults.worker import Order

PATIENCE = 40.0  # seconds for what has to happen on a busy machine
LOOK = 0.02  # seconds between two looks


def until(happened: Callable[[], bool], what: str, log: Path | None = None, seconds: float = PATIENCE) -> None:
    """Wait until it `happened`."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            told = "".join(log.read_text().splitlines(keepends=True)[-40:]) if log is not None and log.exists() else ""
            raise AssertionError(f"waited {seconds:g} s for: {what}\n{told}")
        time.sleep(LOOK)


class Worker(NamedTuple):
    """One worker process."""

    pid: int
    log: Path

    def state(self) -> str:
        """As the kernel tells it: `T` stopped, `Z` or nothing dead."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def dead(self) -> bool:
        return self.state() in {"", "Z"}

    def died(self) -> None:
        until(self.dead, "the worker dies", self.log)

    def stopped(self) -> None:
        until(lambda: self.state() == "T", "the worker stops", self.log)

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.died()

    def end(self) -> None:
        """Let it drain."""
        self.signal(signal.SIGTERM)
        self.died()


class Crew:
    """Forks workers that have everything loaded; ends all that are left."""

    def __init__(self, bundles: list[Path], folder: Path) -> None:
        command = [sys.executable, "-m", "tests.faults.worker", *map(str, bundles)]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
        self._log = (folder / "crew.log").open("ab")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=env
        )
        self._workers: list[Worker] = []
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n", (folder / "crew.log").read_text()

    def hire(self, order: Order) -> Worker:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        worker = Worker(int(self._process.stdout.readline()), Path(order.log))
        self._workers.append(worker)
        return worker

    def dismiss(self) -> None:
        """End every worker at once."""
        for worker in self._workers:
            worker.signal(signal.SIGKILL)
        self._workers.clear()

    def close(self) -> None:
        self.dismiss()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


def crew_of(bundles: list[Path], folder: Path) -> Iterator[Crew]:
    crew = Crew(bundles, folder)
    yield crew
    crew.close()
