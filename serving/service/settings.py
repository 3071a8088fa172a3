"""`handrail.yaml`: everything that a service needs to be told, checked before anything is opened."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from journeys.faults import Fault, fault_from, split
from journeys.source import Source, SourceError, read_source
from serving.engine import CLOCK_TOLERANCE_MS
from serving.guarded_policy import DEADLINE_SECONDS
from serving.outlets.settings import OutletSettings, WebhookSettings
from serving.refold import REORDER_MS
from serving.runtime import ACTIVE_USERS, REASONS
from serving.stores.opening import check_url
from serving.stores.store import StoreError
from serving.streams.opening import kind_of
from serving.streams.settings import StreamSettings
from serving.streams.stream import StreamError

Port = Annotated[int, Meta(ge=0, le=65_535)]
MOST = 1_000_000_000  # of anything that is counted: more is a slip
Positive = Annotated[int, Meta(ge=1, le=MOST)]
Seconds = Annotated[float, Meta(gt=0.0, le=86_400.0)]
Text = Annotated[str, Meta(min_length=1)]
FormatName = Literal["handrail", "jsonl", "cloudevents", "segment", "xapi"]
Level = Literal["debug", "info", "warning", "error"]
MS = 1_000
BUSY_TIMEOUT = 5.0  # seconds that stores and brokers have to answer

CHOICES = {"format": get_args(FormatName), "level": get_args(Level), "layout": ("json", "text")}


class SettingsError(ValueError):
    """Settings that cannot be used: where they are wrong and how to mend them."""


class Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping of the file: a key that is not here is an error."""


class BundleSettings(Closed, frozen=True):
    """A bundle to serve; `journey` is the file or name of a journey, for a bundle that serves any."""

    path: Text
    journey: Text | None = None


class HttpSettings(Closed, frozen=True):
    """The HTTP and WebSocket door.

    `port` 0 takes a free one. `keys` is a file that `handrail keys new` made. `largest_body` is in bytes,
    `largest_batch` in events of one request, `queue` in events that wait; `rate` is requests a second for each key (0:
    no limit), `burst` how many of them at once, both of one worker.
    `most_lag`: beyond so many messages that wait, not ready.
    """

    host: Text = "127.0.0.1"
    port: Port = 8_080
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    keys: Text | None = None
    largest_body: Annotated[int, Meta(ge=1_024, le=1 << 30)] = 1_048_576
    largest_batch: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    queue: Positive = 10_000
    rate: Annotated[float, Meta(ge=0.0, le=MOST)] = 0.0
    burst: Positive = 100
    sockets: Positive = 4_096
    most_lag: Positive | None = None


class StreamSource(StreamSettings, frozen=True):
    """A stream of events to take from (docs/streams.md), and the wire format of its messages.

    Without `format` the headers of each message tell, and Handrail JSON is taken where they do not.
    """

    format: FormatName | None = None


class LogSettings(Closed, frozen=True):
    """What is logged, and whether as JSON or as text."""

    level: Level = "info"
    layout: Literal["json", "text"] = "json"


class Settings(Closed, frozen=True):
    """A whole service. Relative paths are relative to the file's folder.

    `deadline_ms` is how long a policy may take before the expert rules answer, `reorder_seconds` how far behind a
    user's last event one may come, `ahead_seconds` how far ahead of the clock (null: any time);
    `reasons` is how many a decision names, `observations` puts into it what the policy saw, and `active_users` states
    are kept in memory.
    `shutdown_seconds` is how long work in hand may take at the end, `watch_seconds` how often bundles are looked at.
    """

    bundles: list[BundleSettings]
    store: Text = "sqlite:handrail.sqlite"
    store_timeout: Seconds = BUSY_TIMEOUT
    http: HttpSettings = HttpSettings()
    streams: list[StreamSource] = []
    decisions: list[OutletSettings] = []
    deadline_ms: Annotated[float, Meta(gt=0.0, le=60_000.0)] = DEADLINE_SECONDS * MS
    reorder_seconds: Annotated[float, Meta(ge=0.0, le=86_400.0)] = REORDER_MS / MS
    ahead_seconds: Annotated[float, Meta(ge=0.0, le=86_400.0)] | None = CLOCK_TOLERANCE_MS / MS
    reasons: Annotated[int, Meta(ge=0, le=20)] = REASONS
    observations: bool = False
    active_users: Positive = ACTIVE_USERS
    log: LogSettings = LogSettings()
    shutdown_seconds: Seconds = 20.0
    watch_seconds: Annotated[float, Meta(ge=0.0, le=86_400.0)] = 5.0


def load_settings(path: Path) -> Settings:
    """Read and check a file. Raises `SettingsError` that names the file, the line, the key and the mend."""
    try:
        source = read_source(path.read_bytes(), str(path))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}. Mend: give the path of a YAML file") from None
    except SourceError as error:
        raise SettingsError(str(error)) from None
    return located(settings_of(source), path.resolve().parent)


def settings_of(source: Source) -> Settings:
    """Check what a file says. Raises `SettingsError` with one line for each fault found."""
    if not isinstance(source.data, dict):
        raise SettingsError(f"{source.where}: is no mapping. Mend: write keys and values, see docs/service.md")
    try:
        settings = msgspec.convert(source.data, Settings)
    except msgspec.ValidationError as error:
        faults = [explain(str(error))]
    else:
        faults = list(faults_of(settings))
    if faults:
        raise SettingsError("\n".join(f"{source.place(fault.path)}: {fault.complaint}" for fault in faults))
    return settings


STRUCTS: dict[str, type[msgspec.Struct]] = {
    "": Settings, "bundles[]": BundleSettings, "http": HttpSettings, "streams[]": StreamSource, "log": LogSettings,
    "decisions[]": OutletSettings, "decisions[].webhook": WebhookSettings, "decisions[].stream": StreamSettings,
}  # fmt: skip


def explain(message: str) -> Fault:
    """The fault that a `msgspec.ValidationError` tells of, with the key named."""
    path = split(message)[1]
    shape = re.sub(r"\[\d+\]", "[]", path)
    struct, last = STRUCTS.get(shape, Settings), shape.rpartition(".")[2]
    fault = fault_from(message, struct.__struct_fields__, CHOICES.get(last, ()))
    return fault if fault.path != path or not path else Fault(path, f"key {path!r}: {fault.complaint}")


def faults_of(settings: Settings) -> Iterator[Fault]:
    """What is wrong with settings that are well typed."""
    http = settings.http
    if not settings.bundles:
        yield Fault("bundles", "names no bundle. Mend: add one as `- path: FOLDER`, the bundle that is to be served")
    if not is_loopback(http.host) and http.keys is None:
        yield Fault(
            "http.host", f"{http.host} can be reached from other machines, and there are no API keys. "
            "Mend: make one with `handrail keys new NAME --file keys.txt` and set http.keys, or listen on 127.0.0.1",
        )  # fmt: skip
    yield from faults_of_urls(settings)
    if http.queue < http.largest_batch:
        yield Fault(
            "http.queue", f"{http.queue} events may wait, but one request may have {http.largest_batch}. "
            "Mend: let queue be at least largest_batch",
        )  # fmt: skip
    if settings.store.startswith("memory:") and (http.workers > 1 or settings.streams):
        yield Fault(
            "store", "a store in memory is of one process and forgets. Mend: use sqlite:, redis: or postgresql:"
        )
    for i, outlet in enumerate(settings.decisions):
        if (outlet.webhook is None) == (outlet.stream is None):
            yield Fault(f"decisions[{i}]", f"{outlet.name!r} needs a webhook or a stream. Mend: give one of the two")
    for section, names in (
        ("streams", [stream.name for stream in settings.streams]),
        ("decisions", [outlet.name for outlet in settings.decisions]),
    ):
        for i, name in enumerate(names):
            if name in names[:i]:
                yield Fault(f"{section}[{i}].name", f"{name!r} is used twice. Mend: give each a name of its own")


def faults_of_urls(settings: Settings) -> Iterator[Fault]:
    """Urls that lead nowhere, as those who open them say."""
    streams = [(f"streams[{i}]", stream) for i, stream in enumerate(settings.streams)]
    out = [(f"decisions[{i}].stream", way.stream) for i, way in enumerate(settings.decisions) if way.stream]
    try:
        check_url(settings.store)
    except StoreError as error:
        yield Fault("store", f"key 'store': {error}")
    for path, stream in [*streams, *out]:
        try:
            kind_of(stream)
        except StreamError as error:
            yield Fault(f"{path}.url", f"key '{path}.url': {error}")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def located(settings: Settings, folder: Path) -> Settings:
    """The settings with every path made absolute, `folder` being where relative ones begin."""
    bundles = [
        msgspec.structs.replace(
            bundle, path=str(folder / bundle.path), journey=bundle.journey and journey_at(bundle.journey, folder)
        )
        for bundle in settings.bundles
    ]
    keys = settings.http.keys and str(folder / settings.http.keys)
    decisions = [outlet_at(outlet, folder) for outlet in settings.decisions]
    return msgspec.structs.replace(
        settings,
        bundles=bundles,
        store=url_at(settings.store, folder),
        http=msgspec.structs.replace(settings.http, keys=keys),
        streams=[msgspec.structs.replace(stream, url=url_at(stream.url, folder)) for stream in settings.streams],
        decisions=decisions,
    )


def outlet_at(outlet: OutletSettings, folder: Path) -> OutletSettings:
    """An outlet whose files are absolute."""
    hook, stream = outlet.webhook, outlet.stream
    if hook is not None and hook.secret_file is not None:
        hook = msgspec.structs.replace(hook, secret_file=str(folder / hook.secret_file))
    if stream is not None:
        stream = msgspec.structs.replace(stream, url=url_at(stream.url, folder))
    return msgspec.structs.replace(outlet, webhook=hook, stream=stream)


def journey_at(journey: str, folder: Path) -> str:
    """A journey's file made absolute; a shipped journey's name as it is."""
    return str(folder / journey) if journey.endswith((".yaml", ".yml")) else journey


def url_at(url: str, folder: Path) -> str:
    """A URL whose path, where it is one of a file, is absolute."""
    for scheme in ("sqlite:", "file:"):
        if url.startswith(scheme):
            return scheme + str(folder / url.removeprefix(scheme))
    return url if ":" in url else f"sqlite:{folder / url}"
