"""The ASGI application: routes, who may ask and how often, and what becomes of faults."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

import structlog

from serving.http.batcher import Busy
from serving.http.keys import Keyring
from serving.http.limits import RateLimit
from serving.http.origins import check_local
from serving.http.replies import Headers, Receive, Refused, Reply, Scope, Send, later, problem, write
from serving.http.requests import Gone, Request, body_of, query_of
from serving.stores.store import StoreDown, StoreError

log = structlog.get_logger("handrail.http")
Handler = Callable[[Request], Awaitable[Reply]]
RETRY_SECONDS = 1  # for queues and stores: short, as both mostly recover at once; clients add jitter
BEARER = b"bearer "


class Route(NamedTuple):
    """A handler, and whether it is open to who has no key."""

    handler: Handler
    open: bool = False


class Watch(Protocol):
    """Counts requests."""

    def request(self, path: str, status: int, seconds: float) -> None:
        """One request was answered."""


class Lifespan(Protocol):
    """What is begun with the server and ended with it."""

    async def startup(self) -> None:
        """Before the first request."""

    async def shutdown(self) -> None:
        """After the last one."""


class Door:
    """Who may ask, and how often. Without a keyring all of this machine may; without a limit as often as they like."""

    def __init__(self, keyring: Keyring | None, limit: RateLimit | None) -> None:
        self._keyring, self._limit = keyring, limit

    def admit(self, headers: Headers, client: str, now: float) -> str:
        """The name of the key. Raises `Refused` with 401, 403 or 429."""
        name = ""
        if self._keyring is None:
            check_local(headers)
        else:
            found = self._keyring.name_of(key_in(headers))
            if found is None:
                detail = "no API key that is known. Mend: send it as `Authorization: Bearer KEY`"
                raise Refused(problem(401, "no_key", detail, (b"www-authenticate", b"Bearer")))
            name = found
        if self._limit is not None and (seconds := self._limit.wait(name or client, now)):
            raise Refused(later(429, "rate", "too many requests. Mend: wait as long as Retry-After says", seconds))
        return name

    def pace(self, key: str, client: str) -> Callable[[], float]:
        """For what comes over one connection: seconds to wait before the next may be taken."""
        limit = self._limit
        if limit is None:
            return lambda: 0.0
        return lambda: float(limit.wait(key or client, time.monotonic()))


def key_in(headers: Headers) -> bytes:
    """The API key that a request shows, b"" for none."""
    shown = headers.get(b"authorization", b"")
    if shown[: len(BEARER)].lower() == BEARER:
        return shown[len(BEARER) :].strip()
    return headers.get(b"x-api-key", b"")


class App:
    """Routes by path and method. A path that ends in `/` takes what comes behind it, such as a user's name."""

    def __init__(
        self,
        routes: Mapping[str, Mapping[str, Route]],
        door: Door,
        largest_body: int,
        watch: Watch,
        lifespan: Lifespan,
        socket: Callable[[Scope, Receive, Send], Awaitable[None]],
    ) -> None:
        self._routes, self._door, self._largest = routes, door, largest_body
        self._prefixes = [path for path in routes if path.endswith("/") and path != "/"]
        self._watch, self._lifespan, self._socket = watch, lifespan, socket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one socket, or the server's life."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await live(self._lifespan, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        path, method = scope["path"], scope["method"]
        methods = self._routes.get(path)
        if methods is None:
            path = next((prefix for prefix in self._prefixes if path.startswith(prefix)), path)
            methods = self._routes.get(path)
        try:
            route = route_of(methods, method)
            reply = await self._serve(route, scope, receive)
        except Refused as refused:
            reply = refused.reply
        except Gone:
            return
        self._watch.request(path if methods is not None else "other", reply.status, time.perf_counter() - began)
        await write(send, reply, bare=method == "HEAD")

    async def _serve(self, route: Route, scope: Scope, receive: Receive) -> Reply:
        headers: Headers = dict(scope["headers"])
        client = scope["client"]
        key = "" if route.open else self._door.admit(headers, client[0] if client else "", time.monotonic())
        body = await body_of(receive, headers, self._largest)
        try:
            return await route.handler(Request(scope["path"], headers, query_of(scope), body, key))
        except Refused:
            raise
        except Exception as error:
            return fault_reply(error, scope["path"], key)


def fault_reply(error: Exception, path: str, key: str) -> Reply:
    """The reply where the queue, the store or the service failed; the log has what the reply does not tell."""
    if isinstance(error, Busy):
        return later(429, "busy", "too many wait already. Mend: wait as long as Retry-After says", RETRY_SECONDS)
    if isinstance(error, StoreDown):
        log.warning("store down", detail=str(error), path=path, key=key)
        return later(503, "store_down", "the store does not answer. Mend: try again later", RETRY_SECONDS)
    if isinstance(error, StoreError):
        log.error("store error", detail=str(error), path=path, key=key)
        return later(503, "store_error", "the store failed. Mend: see the service's log", RETRY_SECONDS)
    log.error("fault", path=path, key=key, exc_info=error)
    return problem(500, "fault", "a fault of the service. Mend: report it with the service's log")


def route_of(methods: Mapping[str, Route] | None, method: str) -> Route:
    """The route of a method. Raises `Refused` with 404 or 405."""
    if methods is None:
        raise Refused(problem(404, "no_path", "nothing is here. Mend: see /openapi.json"))
    route = methods.get("GET" if method == "HEAD" else method)
    if route is None:
        allowed = ", ".join(methods)
        raise Refused(problem(405, "no_method", f"Mend: use {allowed}", (b"allow", allowed.encode())))
    return route


async def live(lifespan: Lifespan, receive: Receive, send: Send) -> None:
    """ASGI's lifespan."""
    await receive()
    await lifespan.startup()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await lifespan.shutdown()
    await send({"type": "lifespan.shutdown.complete"})
