"""Where a store lies in Redis: its keys, and how a state, an event and a commit of the log are packed.

    hr:schema                     version of this layout
    hr:user:JOURNEY:USER          version, pointer to the last event, journey's hash, packed state
    hr:event:JOURNEY:N:USER:ID    pointer to the event before, journey's hash, event, decision; N: characters in USER
    hr:users:JOURNEY              sorted set of users, all of score 0: in the order of their bytes
    hr:log                        stream, one entry a commit: whose events of which ids
    hr:letters                    stream of dead letters
    hr:notes                      hash
    hr:lease:NAME                 hash: owner, epoch, renewed, until (ms)

A pointer is an id behind its length (2 bytes); empty where there is no event. Strings of their own rather than fields
of a hash per user, so that a commit of hundreds of events is two or three calls within Redis.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import msgspec

from serving.stores.store import Entry, LogLine, Stored

LAYOUT = b"1"
SCHEMA, LOG, LETTERS, NOTES = "hr:schema", "hr:log", "hr:letters", "hr:notes"
VERSION, LENGTH = struct.Struct(">Q"), struct.Struct(">H")
NOBODY = LENGTH.pack(0)  # the pointer to no event
EVENT_HEAD = struct.Struct(">HI?")  # bytes of the journey's hash and of the event, whether a decision follows


class LogEntry(msgspec.Struct, array_like=True, frozen=True):
    """One commit in the log: journey, its hash, and of every event the user and the id."""

    journey: str
    journey_hash: str
    refs: list[tuple[str, str]]


class PackedUser(NamedTuple):
    """A user as stored: `last` is the id of the last event, empty where there is none."""

    last: str
    stored: Stored


pack_log, unpack_log = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(LogEntry)


def user_key(journey: str, user: str) -> str:
    """Key of a user. Names of journeys have no colon; one that has is quoted, so that no two users share a key."""
    return f"hr:user:{quoted(journey)}:{user}"


def events_key(journey: str, user: str) -> str:
    """What the keys of a user's events begin with; the id follows. With the user's length, no two users share one."""
    return f"hr:event:{quoted(journey)}:{len(user)}:{user}:"


def users_key(journey: str) -> str:
    """Key of the sorted set of a journey's users."""
    return f"hr:users:{journey}"


def lease_key(name: str) -> str:
    """Key of a lease."""
    return f"hr:lease:{name}"


def quoted(journey: str) -> str:
    """A journey's name without a colon."""
    return journey if ":" not in journey and "%" not in journey else journey.replace("%", "%25").replace(":", "%3A")


def pointer(id_: str) -> bytes:
    """A pointer to an event."""
    name = id_.encode()
    return LENGTH.pack(len(name)) + name


def pack_user(version: int, last: bytes, journey_hash: bytes, state: bytes) -> bytes:
    """A user's value; `last` is a pointer, and `journey_hash` comes behind its length."""
    return b"".join((VERSION.pack(version), last, journey_hash, state))


def unpack_user(packed: bytes) -> PackedUser:
    """A user as it was stored."""
    last, at = text_at(packed, VERSION.size)
    journey_hash, at = text_at(packed, at)
    (version,) = VERSION.unpack_from(packed)
    return PackedUser(last, Stored(journey_hash, version, packed[at:]))


def text_at(packed: bytes, at: int) -> tuple[str, int]:
    """A text behind its length, and the place behind it."""
    start = at + LENGTH.size
    end = start + LENGTH.unpack_from(packed, at)[0]
    return packed[start:end].decode(), end


def pack_event(entry: Entry, journey_hash: bytes) -> bytes:
    """An event's value without the pointer that it begins with."""
    head = EVENT_HEAD.pack(len(journey_hash), len(entry.event), entry.decision is not None)
    return b"".join((head, journey_hash, entry.event, entry.decision or b""))


def unpack_event(packed: bytes) -> tuple[str, LogLine]:
    """The id of the event before (empty: none), and the event as it was stored."""
    before, at = text_at(packed, 0)
    hash_length, length, has_decision = EVENT_HEAD.unpack_from(packed, at)
    start = at + EVENT_HEAD.size + hash_length
    end = start + length
    decision = packed[end:] if has_decision else None
    return before, LogLine(packed[start - hash_length : start].decode(), packed[start:end], decision)
