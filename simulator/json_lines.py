"""Events as JSON Lines, written column by column: the same bytes as `EventCodec.from_record` and msgspec's encoder.

Each prototype becomes a text with a hole for each number of its own, so that a line is one `%`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from journeys.events import DECISION, Event, EventCodec, encoder
from simulator.prototypes import DURATION, KEY, POSITION, PROPENSITY, TIME, Prototypes

LINES_AT_ONCE = 16_384  # of which the texts and columns, as Python objects, take some 10 MB
# Python and msgspec write a float by the same shortest digits, but an exponent otherwise: outside these bounds.
NO_EXPONENT_FROM, NO_EXPONENT_BELOW = 1e-4, 1e16
NOTHING = "%.0s"  # takes a value and prints none of it


def template_of(event: Event) -> str:
    """The line of a prototype with holes for key, user, time, and two numbers: duration or propensity, and position.

    A number that does not apply falls into a hole which prints nothing.
    """
    text = encoder.encode(event).decode().replace("%", "%%").removesuffix("}")
    text = text.replace(f'"id":"{KEY:016x}","user":"u0"', '"id":"%016x","user":"u%d"', 1)
    before = text
    for field, value in (("duration", DURATION), ("budget", DURATION), ("propensity", PROPENSITY)):
        text = text.replace(f'"{field}":{value!r}', f'"{field}":%r', 1)
    text = text.replace(f'"time":{TIME}', '"time":%d' + (NOTHING if text == before else ""), 1)
    before, text = text, text.replace(f'"position":{POSITION!r}', '"position":%r', 1)
    return text + (NOTHING if text == before else "") + "}\n"


def plain_floats(values: np.ndarray) -> np.ndarray:
    """Which of `values` `(n,)` Python and msgspec write alike."""
    return np.asarray((values == 0.0) | ((values >= NO_EXPONENT_FROM) & (values < NO_EXPONENT_BELOW)))


class JsonLines:
    """Turns EVENT records of one journey into lines; `policy` is written into decisions, which take no time."""

    def __init__(self, codec: EventCodec, policy: str) -> None:
        self.prototypes = Prototypes(codec, policy)
        self.templates: list[str] = []

    def lines(self, records: np.ndarray) -> str:
        """The lines of `records` `(n,)` EVENT, each with its end."""
        numbers = self.prototypes.number(records).tolist()
        for event in self.prototypes.events[len(self.templates) :]:
            self.templates.append(template_of(event))
        value = np.where(records["kind"] == DECISION, records["propensity"], records["duration"])
        own = (records["key"], records["user"], records["time"], value, records["position"])
        columns = [column.tolist() for column in own]
        templates = self.templates
        texts = [templates[i] % (k, u, t, v, p) for i, k, u, t, v, p in zip(numbers, *columns, strict=True)]
        for i in np.flatnonzero(~(plain_floats(value) & plain_floats(records["position"]))).tolist():
            texts[i] = self._by_codec(records[i])
        return "".join(texts)

    def _by_codec(self, record: Any) -> str:
        event = self.prototypes.codec.from_record(record, f"u{record['user']}", self.prototypes.policy)
        return encoder.encode(event).decode() + "\n"


class JsonLinesSink:
    """Writes a file of JSON Lines."""

    def __init__(self, path: str | Path, codec: EventCodec, policy: str) -> None:
        self.form = JsonLines(codec, policy)
        self.out: BinaryIO = open(path, "wb")  # noqa: SIM115  (closed by `close`)

    def write(self, records: np.ndarray) -> None:
        """Write a line for each record."""
        for start in range(0, len(records), LINES_AT_ONCE):
            self.out.write(self.form.lines(records[start : start + LINES_AT_ONCE]).encode())

    def close(self) -> None:
        """Close the file."""
        self.out.close()
