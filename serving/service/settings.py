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

Port = Annotated[int, Meta(ge=0, le=65_535)]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0.0, le=86_400.0)]
Text = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=64)]
FormatName = Literal["handrail", "jsonl", "cloudevents", "segment", "xapi"]
Level = Literal["debug", "info", "warning", "error"]
BUSY_TIMEOUT = 5.0  # seconds that stores and brokers have to answer

CHOICES = {"format": get_args(FormatName), "level": get_args(Level), "layout": ("json", "text")}


class SettingsError(ValueError):
    """Settings that cannot be used: where they are wrong and how to mend them."""


class Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping of the file: a key that is not here is an error."""


class BundleSettings(Closed):
    """A bundle to serve; `journey` is the file or name of a journey, for a bundle that serves any."""

    path: Text
    journey: Text | None = None


class HttpSettings(Closed):
    """The HTTP and WebSocket door.

    `port` 0 takes a free one. `keys` is a file that `handrail keys new` made. `largest_body` is in bytes,
    `largest_batch` in events of one request, `queue` in events that wait; `rate` is requests a second for each key (0: no
    limit), `burst` how many of them at once. `most_lag` is the number of messages behind which a worker is not ready.
    """

    host: Text = "127.0.0.1"
    port: Port = 8_080
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    keys: Text | None = None
    largest_body: Annotated[int, Meta(ge=1_024, le=1 << 30)] = 1_048_576
    largest_batch: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    queue: Positive = 10_000
    rate: Annotated[float, Meta(ge=0.0)] = 0.0
    burst: Positive = 100
    sockets: Positive = 4_096
    most_lag: Positive | None = None


class StreamSource(Closed):
    """A stream of events to take from; see docs/streams.md."""

    url: Text
    name: Name
    partitions: Annotated[int, Meta(ge=1, le=1_024)] = 8
    group: Name = "handrail"
    timeout: Seconds = BUSY_TIMEOUT
    format: FormatName | None = None


class StreamOutlet(Closed, tag_field="kind", tag="stream"):
    """Decisions leave to a stream."""

    url: Text
    name: Name
    partitions: Annotated[int, Meta(ge=1, le=1_024)] = 8
    timeout: Seconds = BUSY_TIMEOUT


class WebhookOutlet(Closed, tag_field="kind", tag="webhook"):
    """Decisions leave by signed requests to `url`; `secret` is a file."""

    url: Text
    name: Name
    secret: Text
    timeout: Seconds = BUSY_TIMEOUT


class LogSettings(Closed):
    """What is logged, and whether as JSON or as text."""

    level: Level = "info"
    layout: Literal["json", "text"] = "json"


class Settings(Closed):
    """A whole service. Relative paths are relative to the file's folder.

    `deadline_ms` is how long a policy may take before the expert rules answer, `reorder_seconds` how far behind a user's
    last event one may come, `ahead_seconds` how far ahead of the clock; `reasons` how many a decision names.
    `shutdown_seconds` is how long work in hand may take at the end, `watch_seconds` how often bundles are looked at.
    """

    bundles: Annotated[list[BundleSettings], Meta(min_length=1)]
    store: Text = "sqlite:handrail.sqlite"
    store_timeout: Seconds = BUSY_TIMEOUT
    http: HttpSettings = HttpSettings()
    streams: list[StreamSource] = []
    decisions: list[StreamOutlet | WebhookOutlet] = []
    deadline_ms: Annotated[float, Meta(gt=0.0, le=60_000.0)] = 50.0
    reorder_seconds: Annotated[float, Meta(ge=0.0, le=86_400.0)] = 30.0
    ahead_seconds: Annotated[float, Meta(ge=0.0, le=86_400.0)] = 60.0
    reasons: Annotated[int, Meta(ge=0, le=20)] = 3
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
    "decisions[]": WebhookOutlet,
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
    if not is_loopback(http.host) and http.keys is None:
        yield Fault(
            "http.host", f"{http.host} can be reached from other machines, and there are no API keys. "
            "Mend: make one with `handrail keys new NAME --file keys.txt` and set http.keys, or listen on 127.0.0.1",
        )  # fmt: skip
    if settings.store.startswith("memory:") and (http.workers > 1 or settings.streams):
        yield Fault("store", "a store in memory is of one process and forgets. Mend: use sqlite:, redis: or postgresql:")
    for section, names in (
        ("streams", [stream.name for stream in settings.streams]),
        ("decisions", [outlet.name for outlet in settings.decisions]),
    ):
        for i, name in enumerate(names):
            if name in names[:i]:
                yield Fault(f"{section}[{i}].name", f"{name!r} is used twice. Mend: give each a name of its own")


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
    decisions = [
        msgspec.structs.replace(outlet, secret=str(folder / outlet.secret))
        if isinstance(outlet, WebhookOutlet)
        else msgspec.structs.replace(outlet, url=url_at(outlet.url, folder))
        for outlet in settings.decisions
    ]
    return msgspec.structs.replace(
        settings,
        bundles=bundles,
        store=url_at(settings.store, folder),
        http=msgspec.structs.replace(settings.http, keys=keys),
        streams=[msgspec.structs.replace(stream, url=url_at(stream.url, folder)) for stream in settings.streams],
        decisions=decisions,
    )


def journey_at(journey: str, folder: Path) -> str:
    """A journey's file made absolute; a shipped journey's name as it is."""
    return str(folder / journey) if journey.endswith((".yaml", ".yml")) else journey


def url_at(url: str, folder: Path) -> str:
    """A URL whose path, where it is one of a file, is absolute."""
    for scheme in ("sqlite:", "file:"):
        if url.startswith(scheme):
            return scheme + str(folder / url.removeprefix(scheme))
    return url if ":" in url else f"sqlite:{folder / url}"
