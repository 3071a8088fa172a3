"""A script called with many arguments. The client's own packing of a commit takes longer than the commit itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
from redis.exceptions import NoScriptError


class Script:
    """A script of one server, which is given it again where it has forgotten it."""

    def __init__(self, client: redis.Redis, text: str) -> None:
        self._client, self._text = client, text
        self._digest = client.register_script(text).sha

    def __call__(self, keys: Sequence[str] = (), args: Sequence[Any] = ()) -> Any:
        """Run it; `args` are texts, bytes and whole numbers. Raises `redis.RedisError`."""
        message = packed(["EVALSHA", self._digest, len(keys), *keys, *args])
        pool = self._client.connection_pool
        connection: Any = pool.get_connection()
        try:
            connection.send_packed_command([message])
            try:
                return connection.read_response()
            except NoScriptError:
                connection.send_packed_command([packed(["SCRIPT", "LOAD", self._text])])
                connection.read_response()
                connection.send_packed_command([message])
                return connection.read_response()
        finally:
            pool.release(connection)


def packed(parts: Sequence[Any]) -> bytes:
    """A command as Redis reads it."""
    pieces = [b"*%d\r\n" % len(parts)]
    add = pieces.append
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        add(b"$%d\r\n" % len(raw))
        add(raw)
        add(b"\r\n")
    return b"".join(pieces)
