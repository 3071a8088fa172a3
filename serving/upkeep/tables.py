"""The columns of exported events and decisions: all that off-policy evaluation needs, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from journeys.events import EventError, parse_event
from serving.decision import decoder as decision_decoder
from serving.stores.store import RESTORE, Logged, StoreError

MOMENT = pa.timestamp("ms", tz="UTC")
WORD = pa.dictionary(pa.int32(), pa.string())  # of few different values
EVENTS = pa.schema(
    [
        ("number", pa.int64()),  # in the export: the order of commits
        ("id", pa.string()),
        ("user", pa.string()),
        ("time", MOMENT),
        ("kind", WORD),
        ("step", WORD),
        ("duration", pa.float64()),  # seconds
        ("difficulty", WORD),
        ("rung", WORD),
        ("consent", pa.list_(pa.string())),
        ("budget", pa.float64()),  # seconds
        ("action", pa.int32()),
        ("propensity", pa.float64()),
        ("policy", WORD),
        ("position", pa.float64()),  # share of the video
        ("goal", WORD),
        ("experience", WORD),
        ("device", WORD),
        ("journey_hash", WORD),
        ("decision", pa.string()),  # id of the one that answered
    ]
)
DECISIONS = pa.schema(
    [
        ("number", pa.int64()),  # of the event that it answers
        ("id", pa.string()),
        ("event", pa.string()),
        ("user", pa.string()),
        ("time", MOMENT),
        ("moment", WORD),
        ("action", pa.int32()),
        ("offer_reads", WORD),
        ("offer_step", WORD),
        ("offer_difficulty", WORD),
        ("offer_rung", WORD),
        ("offer_channel", WORD),
        ("propensity", pa.float64()),
        ("legal", pa.list_(pa.int32())),
        ("policy", WORD),
        ("bundle", WORD),
        ("version", WORD),
        ("mode", WORD),
        ("fallback", WORD),
        ("predicted_success", pa.float64()),
        ("persona", WORD),
        ("persona_probability", pa.float64()),
        ("next_best", pa.int32()),
        ("latency_us", pa.float64()),
        ("reasons", pa.string()),  # JSON
        ("observation", pa.list_(pa.float32())),
        ("journey_hash", WORD),
    ]
)


class Row(NamedTuple):
    """One event, and the decision that answered it, as rows of their tables."""

    journey: str
    time: int
    event: Mapping[str, Any]
    decision: Mapping[str, Any] | None


def row_of(logged: Logged, number: int) -> Row:
    """The rows of one event of the log. Raises `StoreError` where it is damaged."""
    try:
        event = parse_event(logged.event)
        decision = None if logged.decision is None else decision_row(logged.decision, number, logged.journey_hash)
    except (EventError, msgspec.DecodeError, UnicodeDecodeError) as error:
        where = f"event {logged.id!r} of user {logged.user!r} in journey {logged.journey!r}"
        raise StoreError(f"{where} is damaged: {error}. {RESTORE}") from None
    told = {
        **msgspec.structs.asdict(event),
        "number": number,
        "journey_hash": logged.journey_hash,
        "decision": None if decision is None else decision["id"],
    }
    return Row(logged.journey, event.time, told, decision)


def decision_row(record: bytes, number: int, journey_hash: str) -> dict[str, Any]:
    """A decision record as a row."""
    made = decision_decoder.decode(record)
    offer, persona = made.offer, made.predicted_persona
    return {
        **msgspec.structs.asdict(made),
        "number": number,
        "offer_reads": offer.reads,
        "offer_step": offer.step,
        "offer_difficulty": offer.difficulty,
        "offer_rung": offer.rung,
        "offer_channel": offer.channel,
        "persona": persona and persona.name,
        "persona_probability": persona and persona.probability,
        "next_best": made.next_best and made.next_best.action,
        "reasons": msgspec.json.encode(made.reasons).decode(),
        "observation": None if made.observation is None else np.frombuffer(made.observation, "<f4"),
        "journey_hash": journey_hash,
    }


def table_of(rows: list[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table; what the schema does not name is left out."""
    columns = [pa.array([row[field.name] for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)
