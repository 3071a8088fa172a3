"""A network that can be cut: connections pass through this proxy until it is told otherwise."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread

BUFFER = 1 << 16


class Proxy:
    """Passes connections to `port` on to `target`; `cut` ends all and refuses new ones until `heal`."""

    def __init__(self) -> None:
        self.target = 0
        self._connections: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._listen(0)  # from now on, so that the port is ours

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def heal(self, target: int | None = None) -> None:
        self.target = target or self.target
        if self._listener is None:
            self._listen(self.port)

    def cut(self) -> None:
        if self._listener is not None:
            end(self._listener)
            self._listener = None
        while self._connections:
            end(self._connections.pop())

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            self._connections += [near, far]
            for one, other in ((near, far), (far, near)):
                Thread(target=pump, args=(one, other), daemon=True).start()


def end(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side was first
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def pump(one: socket.socket, other: socket.socket) -> None:
    """Pass on what comes from `one`, until either ends."""
    with suppress(OSError):
        while data := one.recv(BUFFER):
            other.sendall(data)
    end(one)
    end(other)
