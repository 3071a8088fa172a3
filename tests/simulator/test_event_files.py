"""Event files: JSON Lines to the byte as the codec writes them, Parquet back to the same events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.actions import n_actions
from journeys.events import EVENT, KINDS, LONGEST_S, EventCodec, encoder, read_events
from journeys.loading import load_journey
from journeys.spec import MAX_STEPS
from journeys.state import CONSENTS, DEVICES, EXPERIENCES
from simulator.json_lines import JsonLines, JsonLinesSink
from simulator.parquet import ParquetSink, Table, read_parquet_events
from simulator.prototypes import digits_of

JOURNEY = load_journey("course")
CODEC = EventCodec(JOURNEY)
POLICY = 'a "policy", 100%: ä'
OWN_NUMBERS = {"key", "user", "time", "duration", "propensity", "position"}


def records_of(codec: EventCodec) -> st.SearchStrategy[np.ndarray]:
    """Batches of records such as the kernel may write, and many that it would not."""
    n_steps = len(codec.names)
    propensity = st.floats(0.0, 1.0, exclude_min=True)
    fields: dict[str, st.SearchStrategy[Any]] = {
        "key": st.integers(0, 2**64 - 1),
        "time": st.integers(946_684_800_000, 4_102_444_800_000),
        "duration": st.one_of(st.just(0.0), st.integers(0, 10**8).map(lambda ms: ms / 1000), st.floats(0.0, LONGEST_S)),
        "propensity": st.one_of(st.just(1.0), propensity),
        "position": st.one_of(st.sampled_from([0.0, 0.25, 1.0]), st.floats(0.0, 1.0)),
        "user": st.integers(0, 2**40),
        "kind": st.integers(0, len(KINDS) - 1),
        "step": st.integers(-1, n_steps - 1),
        "variant": st.integers(0, 2),
        "rung": st.integers(0, 4),
        "consent": st.integers(0, 2 ** len(CONSENTS) - 1),
        "action": st.integers(-1, n_actions(n_steps) - 1),
        "goal": st.integers(-1, len(codec.goals) - 1),
        "experience": st.integers(-1, len(EXPERIENCES) - 1),
        "device": st.integers(0, len(DEVICES) - 1),
    }
    assert set(fields) == set(EVENT.names or ()), "a field of EVENT is not covered by these files"

    def sane(values: dict[str, Any]) -> tuple[Any, ...]:
        if KINDS[values["kind"]] == "decision":  # it takes no time, and is one of the actions
            values |= {"duration": 0.0, "action": max(0, values["action"])}
        return tuple(values[name] for name in EVENT.names or ())

    record = st.fixed_dictionaries(fields).map(sane)
    return st.lists(record, max_size=20).map(lambda rows: np.array(rows, EVENT))


def by_codec(codec: EventCodec, records: np.ndarray) -> list[Any]:
    return [codec.from_record(record, f"u{record['user']}", POLICY) for record in records]


@pytest.mark.parametrize("name", ["course", "tiny"])
def test_lines_are_those_of_the_codec_to_the_byte(name: str) -> None:
    codec = EventCodec(load_journey(name))
    form = JsonLines(codec, POLICY)  # prototypes are kept from one example to the next

    @given(records_of(codec))
    def check(records: np.ndarray) -> None:
        lines = b"".join(encoder.encode(event) + b"\n" for event in by_codec(codec, records))
        assert form.lines(records).encode() == lines
        assert JsonLines(codec, POLICY).lines(records).encode() == lines

    check()
    assert len(form.prototypes.events) > 50


def test_parquet_gives_back_the_same_events(tmp_path: Path) -> None:
    numbers = iter(range(10_000))

    @given(records_of(CODEC))
    def check(records: np.ndarray) -> None:
        path = tmp_path / f"{next(numbers)}.parquet"
        sink = ParquetSink(path, CODEC, POLICY)
        half = len(records) // 2
        sink.write(records[:half])
        sink.write(records[half:])
        sink.close()
        assert list(read_parquet_events(path)) == by_codec(CODEC, records)

    check()


def test_a_file_of_lines_is_read_back(tmp_path: Path) -> None:
    records = np.zeros(3, EVENT)
    records["time"], records["step"], records["action"] = 1_767_225_600_000 + np.arange(3), -1, -1
    records["goal"] = records["experience"] = -1
    sink = JsonLinesSink(tmp_path / "x.jsonl", CODEC, POLICY)
    sink.write(records[:2])
    sink.write(records[2:])
    sink.close()
    assert list(read_events(tmp_path / "x.jsonl")) == by_codec(CODEC, records)


def test_names_are_dictionary_columns_and_small_batches_share_a_row_group(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = np.zeros(1_000, EVENT)
    records["step"] = records["action"] = records["goal"] = records["experience"] = -1
    schema = Table(CODEC, POLICY).table(records).schema
    for name in ("user", "journey", "kind", "step", "policy", "difficulty", "rung", "goal", "device"):
        assert pa.types.is_dictionary(schema.field(name).type), name
    sink = ParquetSink(tmp_path / "x.parquet", CODEC, POLICY)
    for _ in range(100):
        sink.write(records)
    sink.close()
    with pq.ParquetFile(tmp_path / "x.parquet") as file:
        assert file.metadata.num_rows == 100_000
        assert file.metadata.num_row_groups == 2


def test_every_field_but_a_users_own_numbers_makes_a_prototype() -> None:
    digits = digits_of(CODEC)
    assert {digit.field for digit in digits} == set(EVENT.names or ()) - OWN_NUMBERS


def test_prototypes_of_the_largest_journey_have_numbers_of_their_own() -> None:
    class Largest:
        names = tuple(f"s{i}" for i in range(MAX_STEPS))
        goals = tuple(f"g{i}" for i in range(127))

    size = 2  # with or without a duration
    for digit in digits_of(Largest()):  # type: ignore[arg-type]
        size *= digit.size
    assert size < 2**63
