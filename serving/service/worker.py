"""One worker process: builds the service and runs it on a socket that listens already."""

from __future__ import annotations

import argparse
import asyncio
import gc
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvloop

from serving.service.logs import set_up_logs
from serving.service.server import Server
from serving.service.service import Service
from serving.service.settings import Settings, load_settings

GC_THRESHOLDS = (50_000, 20, 50)  # objects made before the young are looked at, and so on: requests leave no cycles


def work(
    settings: Settings, listener: socket.socket, folder: Path | None = None, slot: int = 0,
    begins: Callable[[], None] = lambda: None,
) -> int:  # fmt: skip
    """Serve until a signal says to end; returns the exit code. `begins` is called once all is open."""
    service = Service(settings, folder, slot)
    server = Server(service)
    begins()
    gc.collect()
    gc.freeze()  # what was made until here stays: collections need not look at it
    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve([listener]))
    return 0 if server.started else 1


def main(arguments: list[str] | None = None) -> int:
    """What the supervisor starts."""
    command = argparse.ArgumentParser(prog="python -m serving.service.worker", description=__doc__)
    command.add_argument("file", type=Path)
    command.add_argument("--fd", type=int, required=True, help="the listening socket")
    command.add_argument("--folder", type=Path, required=True, help="where workers leave their numbers")
    command.add_argument("--slot", type=int, required=True, help="which worker this is")
    options = command.parse_args(arguments)
    settings = load_settings(options.file)
    set_up_logs(settings.log, options.slot)
    with socket.socket(fileno=options.fd) as listener:
        return work(settings, listener, options.folder, options.slot)


if __name__ == "__main__":
    sys.exit(main())
