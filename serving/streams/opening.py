"""From settings to a stream: the client library of a broker is loaded only where its url is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple, cast

from serving.hosts import fault_of_hosts, missing_colon
from serving.streams.settings import StreamSettings
from serving.streams.stream import Publisher, Stream, StreamError


class Kind(NamedTuple):
    """Where the classes of one kind of stream are, and the package that they need."""

    module: str
    stream: str
    publisher: str
    package: str


REDIS = Kind("serving.streams.redis_stream", "RedisStream", "RedisPublisher", "redis")
NATS = Kind("serving.streams.nats_stream", "NatsStream", "NatsPublisher", "nats-py")
KAFKA = Kind("serving.streams.kafka_stream", "KafkaStream", "KafkaPublisher", "confluent-kafka")
FILES = Kind("serving.streams.file_stream", "FileStream", "FilePublisher", "")
KINDS = {
    "redis": REDIS, "rediss": REDIS, "unix": REDIS, "nats": NATS, "tls": NATS, "kafka": KAFKA, "file": FILES
}  # fmt: skip
WITHOUT_HOST = {"unix", "file"}


def open_stream(settings: StreamSettings) -> Stream:
    """The stream to read. Raises `StreamError` where the url is of no kind that there is."""
    kind = kind_of(settings)
    return cast(Stream, loaded(kind, kind.stream)(settings))


def open_publisher(settings: StreamSettings) -> Publisher:
    """The sending side of the stream. Raises `StreamError` where the url is of no kind that there is."""
    kind = kind_of(settings)
    return cast(Publisher, loaded(kind, kind.publisher)(settings))


def kind_of(settings: StreamSettings) -> Kind:
    """The kind of stream that a url names. Opens nothing. Raises `StreamError` where the url can be none."""
    url, where = settings.url, f"stream {settings.name!r}"
    if slip := missing_colon(url, frozenset(KINDS)):
        raise StreamError(f"{where}: {slip}")
    scheme = url.partition(":")[0]
    if scheme not in KINDS or ":" not in url:
        known = ", ".join(KINDS)
        raise StreamError(f"{where}: no stream has a url {scheme}:…. Mend: one of {known}")
    if scheme not in WITHOUT_HOST and (fault := fault_of_hosts(url)):
        raise StreamError(f"{where}: {fault}")
    return KINDS[scheme]


def loaded(kind: Kind, name: str) -> Callable[[StreamSettings], object]:
    """A class of that kind. Raises `StreamError` where its package is not installed."""
    try:
        return cast(Callable[[StreamSettings], object], getattr(import_module(kind.module), name))
    except ModuleNotFoundError as error:
        raise StreamError(f"{kind.package} is not installed ({error}). Mend: pip install {kind.package}") from None
