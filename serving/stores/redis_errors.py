"""What Redis reports, in words that say what to do; and what kind of server a store refuses to begin on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from serving.stores.store import RESTORE, StoreDown, StoreError

OLDEST = (6, 2)  # of Redis: the first with the range of XPENDING and the open ends of XRANGE that are used here
logger = logging.getLogger(__name__)


@contextmanager
def told(url: str) -> Iterator[None]:
    """Errors of the client as `StoreDown` or `StoreError`."""
    try:
        yield
    except RedisError as error:
        raise failure(url, error) from None


def failure(url: str, error: RedisError) -> StoreError:
    """One error of the client, in words that say what to do."""
    text = str(error)
    if isinstance(error, AuthenticationError | NoPermissionError) or "NOAUTH" in text:
        return StoreError(f"{url}: {text}. Mend: give a user and password that may use every command and key")
    if isinstance(error, BusyLoadingError):
        return StoreDown(f"{url}: {text}. Mend: wait until the server has read its data")
    if isinstance(error, OutOfMemoryError):
        return StoreDown(f"{url}: {text}. Mend: give the server more memory (maxmemory); nothing was written")
    if isinstance(error, ReadOnlyError) or "MISCONF" in text:
        return StoreDown(f"{url}: {text}. Mend: let the server write (disk, replica); nothing was written")
    if isinstance(error, ConnectionError | TimeoutError):
        return StoreDown(f"{url}: no answer: {text}. Mend: start the server, or check the url and the network")
    if "NOGROUP" in text:
        return StoreError(f"{url}: {text}. Mend: let nobody remove the stream or its group while it is read")
    if "LOST" in text:
        return StoreError(f"{url}: an event of a user's log is gone: {text}. {RESTORE}")
    if isinstance(error, ResponseError) and "WRONGTYPE" in text:
        return StoreError(f"{url}: {text}: somebody else uses keys that begin with 'hr:'. {RESTORE}")
    return StoreError(f"{url}: {text}. Mend: check the server and its log")


def check_server(url: str, info: dict[str, Any]) -> None:
    """Raises `StoreError` where the server would lose or spread what is stored; warns where a power cut takes much."""
    version = tuple(int(part) for part in str(info.get("redis_version", "0.0")).split(".")[:2])
    if version < OLDEST:
        raise StoreError(f"{url}: is Redis {info.get('redis_version')}. Mend: use Redis 6.2 or later, or Valkey")
    if info.get("cluster_enabled"):
        raise StoreError(f"{url}: is a Redis Cluster; a commit spans users. Mend: give the url of a single server")
    if info.get("role") == "slave":
        raise StoreError(f"{url}: is a replica, which may not be written. Mend: give the url of its primary")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise StoreError(f"{url}: would forget users when full (maxmemory-policy {policy}). Mend: set it to noeviction")
    if not info.get("aof_enabled"):
        logger.warning("%s: a restart of the server loses what came since its last snapshot. Mend: appendonly yes", url)
