"""What names an outlet: a stream to publish decisions to, or a webhook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from serving.outlets.outlet import BATCH, LEASE_SECONDS, Outlet, OutletWatch
from serving.outlets.published import PublishedSink
from serving.outlets.sink import Sink
from serving.outlets.webhook import TIMEOUT, WebhookSink, checked
from serving.stores.store import Store
from serving.streams.opening import open_publisher
from serving.streams.settings import StreamSettings

TIMEOUTS_PER_LEASE = 4  # an attempt to publish takes at most two or three time-outs: a lease outlives it
SHORTEST_SECRET = 16  # bytes: what is shorter can be guessed


class OutletError(ValueError):
    """An outlet that cannot be set up: what is wrong with it and how to mend it."""


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`url` is http or https. The secret is in `secret_file` (one a line: all sign) or in the variable `secret_env`.

    `batch`: decisions a delivery; from 2 on the body is a JSON array. `timeout` is in seconds.
    """

    url: str
    secret_file: str | None = None
    secret_env: str | None = None
    batch: Annotated[int, Meta(ge=1, le=BATCH)] = 1
    timeout: Annotated[float, Meta(gt=0.0, le=20.0)] = TIMEOUT

    def check(self) -> None:
        """Raises `OutletError` where the URL or the secrets cannot be used. Nothing is connected to."""
        try:
            checked(self.url)
        except ValueError as error:
            raise OutletError(str(error)) from None
        self.secrets()

    def secrets(self) -> list[bytes]:
        """The secrets that sign. Raises `OutletError` where there is none, or one is short."""
        if self.secret_file is not None:
            where = self.secret_file
            try:
                found = [line.strip() for line in Path(where).read_bytes().splitlines() if line.strip()]
            except OSError as error:
                mend = (
                    "let the service's user read it" if isinstance(error, PermissionError) else "write the secret there"
                )
                raise OutletError(f"{where}: {error.strerror}. Mend: {mend}") from None
        else:
            if self.secret_env is None:
                raise OutletError(f"webhook {self.url!r} has no secret. Mend: name one by secret_file or secret_env")
            where, value = f"variable {self.secret_env}", os.environ.get(self.secret_env)
            found = [value.encode()] if value else []
        if not found or min(map(len, found)) < SHORTEST_SECRET:
            mend = f"Mend: put one of at least {SHORTEST_SECRET} characters there"
            raise OutletError(f"{where}: no secret, or a short one, for webhook {self.url!r}. {mend}")
        return found


class OutletSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way in which decisions leave: `name` for its place in the log, and either `webhook` or `stream`."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=64)]
    webhook: WebhookSettings | None = None
    stream: StreamSettings | None = None


def open_outlet(settings: OutletSettings, store: Store, watch: OutletWatch | None = None) -> Outlet:
    """The outlet, not started. Raises `OutletError`, or `StreamError` where the stream cannot be."""
    stream = settings.stream
    lease = LEASE_SECONDS if stream is None else max(LEASE_SECONDS, TIMEOUTS_PER_LEASE * stream.timeout)
    return Outlet(settings.name, store, open_sink(settings), watch, lease)


def open_sink(settings: OutletSettings) -> Sink:
    """Where the outlet delivers to. Raises `OutletError`, or `StreamError` where the stream cannot be."""
    if (settings.webhook is None) == (settings.stream is None):
        raise OutletError(f"outlet {settings.name!r} needs a webhook or a stream. Mend: give one of the two")
    if settings.stream is not None:
        return PublishedSink(open_publisher(settings.stream))
    hook = settings.webhook
    assert hook is not None
    try:
        return WebhookSink(hook.url, hook.secrets(), hook.batch, hook.timeout)
    except OutletError:
        raise
    except ValueError as error:
        raise OutletError(str(error)) from None
