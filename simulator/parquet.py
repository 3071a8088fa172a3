"""Events as Parquet: the columns are the fields of the event record (docs/events.md), null where one does not apply.

Names are dictionary columns, and every batch is a row group, in order of time.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from journeys.events import Event, EventCodec
from simulator.prototypes import Prototypes

ID_LENGTH = 16  # hexadecimal digits of a key
FEWEST_ROWS = 65_536  # of a row group, except the last
NAME = pa.dictionary(pa.int32(), pa.string())
COLUMNS: dict[str, Any] = {
    "id": pa.string(), "user": NAME, "journey": NAME, "time": pa.int64(), "kind": NAME, "step": NAME,
    "duration": pa.float64(), "difficulty": NAME, "rung": NAME, "consent": pa.list_(pa.string()),
    "budget": pa.float64(), "action": pa.int32(), "propensity": pa.float64(), "policy": NAME,
    "position": pa.float64(), "goal": NAME, "experience": NAME, "device": NAME,
}  # fmt: skip
SCHEMA = pa.schema(list(COLUMNS.items()))
MEASURED = {  # field of EVENT in which the numbers stand
    "duration": "duration", "budget": "duration", "propensity": "propensity", "position": "position",
}  # fmt: skip


def ids(keys: np.ndarray) -> Any:
    """Event ids of `keys` `(n,)` uint64 as a text column, made at one stroke."""
    digits = binascii.hexlify(np.ascontiguousarray(keys, ">u8").tobytes())
    offsets = np.arange(0, ID_LENGTH * len(keys) + 1, ID_LENGTH, dtype=np.int32)
    return pa.StringArray.from_buffers(len(keys), pa.py_buffer(offsets), pa.py_buffer(digits))


def user_column(users: np.ndarray) -> Any:
    """User ids of user numbers `(n,)`, as a dictionary column."""
    numbers, which = np.unique(users, return_inverse=True)
    names = pa.array([f"u{number}" for number in numbers.tolist()], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(which.astype(np.int32)), names)


def spread(values: list[Any], which: np.ndarray, kind: Any) -> Any:
    """The column whose row `i` is `values[which[i]]`."""
    if kind is not NAME:
        return pa.array(values, kind).take(pa.array(which))
    names = list(dict.fromkeys(value for value in values if value is not None))
    place = {name: number for number, name in enumerate(names)}
    of_prototype = np.array([place.get(value, -1) for value in values], np.int32)
    indices = of_prototype[which]
    column = pa.array(indices, mask=indices < 0)
    return pa.DictionaryArray.from_arrays(column, pa.array(names, pa.string()))


class Table:
    """Turns EVENT records of one journey into Arrow tables; `policy` is written into decisions."""

    def __init__(self, codec: EventCodec, policy: str) -> None:
        self.prototypes = Prototypes(codec, policy)

    def table(self, records: np.ndarray) -> Any:
        """A table of `records` `(n,)` EVENT."""
        which = self.prototypes.number(records)
        events = self.prototypes.events
        own = {"id": ids(records["key"]), "user": user_column(records["user"]), "time": pa.array(records["time"])}
        columns = [own[f] if f in own else self._column(f, records, which, events) for f in COLUMNS]
        return pa.Table.from_arrays(columns, schema=SCHEMA)

    @staticmethod
    def _column(field: str, records: np.ndarray, which: np.ndarray, events: list[Event]) -> Any:
        values = [getattr(event, field) for event in events]
        if field not in MEASURED:
            return spread(values, which, COLUMNS[field])
        left_out = np.array([value is None or (field == "duration" and value == 0.0) for value in values])
        return pa.array(records[MEASURED[field]], mask=left_out[which])


class ParquetSink:
    """Writes a Parquet file; small batches are gathered into row groups of `FEWEST_ROWS` and more."""

    def __init__(self, path: str | Path, codec: EventCodec, policy: str) -> None:
        self.form = Table(codec, policy)
        self.writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self.waiting: list[np.ndarray] = []

    def write(self, records: np.ndarray) -> None:
        """Take the records; they are written once there are enough of them."""
        self.waiting.append(np.array(records))
        if sum(map(len, self.waiting)) >= FEWEST_ROWS:
            self._write_group()

    def _write_group(self) -> None:
        records = np.concatenate(self.waiting)
        self.waiting = []
        if len(records):
            self.writer.write_table(self.form.table(records), row_group_size=len(records))

    def close(self) -> None:
        """Write what is left, and close the file."""
        if self.waiting:
            self._write_group()
        self.writer.close()


def read_parquet_events(path: str | Path) -> Iterator[Event]:
    """Events of a Parquet file, in order."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                row["consent"] = None if row["consent"] is None else tuple(row["consent"])
                yield Event(**{field: value for field, value in row.items() if value is not None})
