"""Decisions that a receiver refused, sent to it again once it takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from serving.answer import DeadLetter
from serving.outlets.outlet import lease_of
from serving.outlets.settings import OutletSettings, open_sink
from serving.outlets.sink import Decided, Sink, SinkDown
from serving.stores.store import Letter, Store, StoreError

UNDELIVERED = "undelivered"
TRIES = 3  # of a letter in one run: a webhook counts a refusal only when it was repeated as often


class Delivered(NamedTuple):
    """What became of the letters of one outlet."""

    taken: int
    kept: int


class Record(msgspec.Struct):
    """The part of a decision record that a delivery needs."""

    id: str
    user: str
    journey: str


records = msgspec.json.Decoder(Record)


def deliver_letters(store: Store, outlet: OutletSettings, found: Iterable[tuple[Letter, DeadLetter]]) -> Delivered:
    """Send the letters of this outlet again, in order; each that is taken over is dropped, the others are kept.

    Raises `OutletError` or `StreamError` where the outlet cannot be opened.
    """
    sink = open_sink(outlet)
    taken = kept = 0
    try:
        for letter, read in found:
            if read.reason != UNDELIVERED or read.source != lease_of(outlet.name):
                continue
            if taken_over(sink, decision_in(letter, read)):
                store.drop_letters([letter.number])
                taken += 1
            else:
                kept += 1
    finally:
        sink.close()
    return Delivered(taken, kept)


def decision_in(letter: Letter, read: DeadLetter) -> Decided:
    """The decision that a letter holds. Raises `StoreError` where it is damaged."""
    raw = (read.raw or "").encode()
    try:
        record = records.decode(raw)
    except msgspec.DecodeError as error:
        drop = f"handrail letters drop --number {letter.number}"
        raise StoreError(f"dead letter {letter.number} holds no decision: {error}. Mend: {drop}") from None
    return Decided(record.id, record.user, record.journey, raw)


def taken_over(sink: Sink, decision: Decided) -> bool:
    """Whether the receiver took the decision."""
    for _ in range(TRIES):
        try:
            progress = sink.deliver([decision])
        except SinkDown:
            continue
        return not progress.refused
    return False
