"""What the runtime asks of a stream of events: partitions that are read in order, each by whoever owns it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from serving.stores.store import Ack


class StreamError(Exception):
    """A stream that cannot be used: what is wrong with it and how to mend it."""


class StreamDown(StreamError):
    """A broker that cannot be reached or does not answer in time: worth trying again later."""


class Displaced(StreamError):
    """Somebody else opened the partition in the meantime; nothing was read. Open it again if its lease is held."""


class Message(NamedTuple):
    """One message: `id` is its place in the partition, `headers` have names in lower case.

    `time` is when the broker took it, in ms since the Unix epoch, where the broker tells.
    """

    id: str
    body: bytes
    headers: Mapping[str, str]
    time: int | None = None


class Outgoing(NamedTuple):
    """A message to send: `key` (the user) says which partition, `id` lets a broker that can drop a repetition."""

    key: str
    id: str
    body: bytes
    headers: Mapping[str, str] = {}


class Partition(Protocol):
    """One partition of a stream, read by its owner. Messages of one user are all in one partition."""

    name: str  # the same for every worker and after every restart; also the name of its lease

    def open(self, position: bytes | None) -> None:
        """Begin to read: behind `position` as it was committed, or where the broker knows reading to have stopped."""

    def read(self, limit: int, seconds: float) -> list[Message]:
        """Up to `limit` messages, waiting up to `seconds` for the first. Never one twice, unless opened again."""

    def position(self, messages: Sequence[Message]) -> bytes | None:
        """What to commit so that reading goes on behind `messages`; None where the broker itself keeps the place."""

    def ack(self, messages: Sequence[Message]) -> Ack | None:
        """For a store that acknowledges within its commit; None where no store can."""

    def settle(self, messages: Sequence[Message]) -> None:
        """Acknowledge after a commit that could not. What is not settled comes again after `open`."""

    def lag(self) -> int:
        """How many messages wait to be settled or read."""

    def close(self) -> None:
        """Stop reading."""


class Stream(Protocol):
    """A stream of events behind one broker."""

    name: str

    def partitions(self) -> list[Partition]:
        """All partitions, closed."""

    def ping(self) -> None:
        """Raises `StreamDown` where the broker does not answer."""

    def close(self) -> None:
        """Let go of connections."""


class Publisher(Protocol):
    """The sending side of a stream: messages of one key keep their order."""

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Send all, and return when the broker has them. After `StreamDown`, some of them may be sent."""

    def close(self) -> None:
        """Let go of connections."""
