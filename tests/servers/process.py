"""A real server in a process of its own: on a free port of this machine, with its data in a folder of the test's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PATIENCE = 30.0  # seconds for a server to answer on a busy machine
LOOK = 0.02  # seconds between two tries


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(*names: str, packaged: Callable[[], Path] | None = None) -> str:
    """Path of the first of `names` that is installed, else of the one from a package of the `dev` extra."""
    for name in names:
        if found := shutil.which(name):
            return found
    assert packaged is not None, f"none of {names} is installed"
    path = packaged()
    assert path.exists(), f"none of {names} is installed, nor {path}. Mend: pip install -e '.[dev]'"
    return str(path)


class Server:
    """A server process that can be killed, started again on the same port and data, stopped and woken."""

    def __init__(self, command: Sequence[str], port: int, log: Path, ready: Callable[[], bool]) -> None:
        self.command, self.port, self.log, self.ready = command, port, log, ready
        self.process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while not self.answers():
            told = f"{self.command[0]} did not start:\n{self.log.read_text()}"
            assert self.process.poll() is None, told
            assert time.monotonic() < until, told
            time.sleep(LOOK)

    def answers(self) -> bool:
        try:
            return self.ready()
        except Exception:
            return False

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it for good, paused or not."""
        self.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
