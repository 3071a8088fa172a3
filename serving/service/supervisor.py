"""Several workers on one listening socket: started, watched, started again with back-off, and ended together."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import structlog

from serving.service.settings import Settings, SettingsError
from serving.service.signals import reloads_held, take_reloads

log = structlog.get_logger("handrail.supervisor")
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a dead worker is started again; doubled each time
SOUND_SECONDS = 60.0  # a worker that lived so long is started again without delay
LOOK_SECONDS = 0.2
GRACE_SECONDS = 5.0  # beyond the workers' own time to drain, before they are killed


class Slot:
    """The place of one worker."""

    def __init__(self, number: int, command: list[str], listener: socket.socket) -> None:
        self.number, self._command, self._fd = number, [*command, "--slot", str(number)], listener.fileno()
        self._pause, self._again = FIRST_PAUSE, 0.0
        self.start()

    def start(self) -> None:
        """Start the worker. A SIGHUP that it gets before it can follow would end it: so it starts by holding them."""
        self._since = time.monotonic()
        with reloads_held():
            self.process: subprocess.Popen[bytes] | None = subprocess.Popen(self._command, pass_fds=[self._fd])

    def look(self) -> None:
        """Start the worker again where it has ended and the pause is over."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._again:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        lived = now - self._since
        self._pause = FIRST_PAUSE if lived > SOUND_SECONDS else min(2 * self._pause, LONGEST_PAUSE)
        wait = self._pause * random.uniform(0.5, 1.0)
        log.error("worker ended", slot=self.number, code=code, lived=round(lived, 1), again_in=round(wait, 1))
        self.process, self._again = None, now + wait

    def signal(self, number: int) -> None:
        """Pass a signal on."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


class Ending:
    """Whether a signal said to end, and those to pass on."""

    def __init__(self) -> None:
        self.ended = False
        self.reload = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, self._reload)
        take_reloads()

    def _end(self, *_: object) -> None:
        self.ended = True

    def _reload(self, *_: object) -> None:
        self.reload = True


def supervise(settings: Settings, file: Path | None, listener: socket.socket) -> int:
    """Run the workers until a signal says to end; returns the exit code: 0 where all drained in time."""
    if file is None:
        raise SettingsError("several workers need FILE. Mend: write the settings into a YAML file")
    ending = Ending()
    with tempfile.TemporaryDirectory(prefix="handrail-") as folder:
        command = [sys.executable, "-m", "serving.service.worker", str(file), "--fd", str(listener.fileno())]
        slots = [Slot(i, [*command, "--folder", folder], listener) for i in range(settings.http.workers)]
        while not ending.ended:
            time.sleep(LOOK_SECONDS)
            for slot in slots:
                slot.look()
                if ending.reload:
                    slot.signal(signal.SIGHUP)
            ending.reload = False
        listener.close()
        return end(slots, settings.shutdown_seconds + GRACE_SECONDS)


def end(slots: list[Slot], seconds: float) -> int:
    """End all workers; returns 0 where all ended well within `seconds`."""
    for slot in slots:
        slot.signal(signal.SIGTERM)
    until, codes = time.monotonic() + seconds, []
    for slot in slots:
        if slot.process is None:
            continue
        try:
            codes.append(slot.process.wait(max(until - time.monotonic(), 0.0)))
        except subprocess.TimeoutExpired:
            slot.process.kill()
            codes.append(slot.process.wait())
    return 0 if not any(codes) else 1
