"""uvicorn with our settings and our signals: TERM and INT drain and end with 0, HUP loads the bundles again."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import structlog
import uvicorn

from serving.http.shortcut import DecideProtocol
from serving.service.service import Service
from serving.service.signals import take_reloads

log = structlog.get_logger("handrail.server")
KEEP_ALIVE_SECONDS = 75  # longer than the idle time of the usual load balancers (60), so that they close first
PING_SECONDS = 20.0  # of silence on a WebSocket, and then for the answer
BACKLOG = 2_048  # connections that wait to be accepted
STUCK_MS = 30_000  # a connection whose peer acknowledges nothing for so long is cut off


class Server(uvicorn.Server):
    """Serves one `Service`."""

    def __init__(self, service: Service) -> None:
        http = service.settings.http
        protocol: Any = partial(DecideProtocol, lambda: service.decisions)
        super().__init__(
            uvicorn.Config(
                service.app, interface="asgi3", http=protocol, loop="uvloop", ws="websockets-sansio",
                lifespan="on", proxy_headers=False, log_config=None, access_log=False, server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS, backlog=BACKLOG, ws_max_size=http.largest_body,
                timeout_graceful_shutdown=math.ceil(service.settings.shutdown_seconds),
                ws_ping_interval=PING_SECONDS, ws_ping_timeout=PING_SECONDS, ws_per_message_deflate=False,
            )
        )  # fmt: skip
        self._service = service
        self._reloads: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the loop's here: uvicorn would raise them again in the end, and the exit code be theirs."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        take_reloads()
        yield

    def _end(self) -> None:
        log.info("draining")
        self._service.draining = self.should_exit = True

    def _reload(self) -> None:
        task = asyncio.ensure_future(self._service.look_at_bundles(force=True))
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
        listener.bind((host.strip("[]"), port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
