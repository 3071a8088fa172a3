"""What names a stream, for every broker alike."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

TIMEOUT = 5.0  # seconds that a broker has to answer: far beyond a healthy one, short beside a lease
MOST_PARTITIONS = 1_024  # each has a lease and a thread


class StreamSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stream of events or of decisions.

    `url`: `redis://host:port/db`, `nats://host:port`, `kafka://host:port,host:port`, or `file:PATH` (a JSON Lines file,
    or a folder of them). `name` is the prefix of the Redis keys `name:0`, `name:1`, …, the JetStream stream with
    subjects `name.0`, …, or the Kafka topic; for files it only names positions. `partitions` is how many there are; of
    files, each is one. `group` is the name under which reading is known to the broker. `timeout` is in seconds.
    """

    url: str
    name: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=64)]
    partitions: Annotated[int, Meta(ge=1, le=MOST_PARTITIONS)] = 8
    group: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=64)] = "handrail"
    timeout: Annotated[float, Meta(gt=0.0)] = TIMEOUT
