"""xAPI statements (IEEE 9274.1.1; 1.0.3 as well). docs/formats.md has the mapping."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, unquote

import msgspec
from msgspec import Meta

from journeys.events import KINDS, Event, EventError
from serving.formats.clock import duration_of, milliseconds, rfc3339, seconds_of
from serving.formats.wire import REST, decode, event_of, rest_of

ADL, VIDEO, W3ID = (
    "http://adlnet.gov/expapi/verbs/",
    "https://w3id.org/xapi/video/verbs/",
    "https://w3id.org/xapi/adl/verbs/",
)
URN = "urn:handrail:"  # of verbs, activities and extensions for which there is no common name
VERB, STEP, JOURNEY = f"{URN}verb:", f"{URN}step:", f"{URN}journey:"
WRITTEN = {
    "signup": ADL + "registered", "enter": ADL + "resumed", "start": ADL + "initialized", "succeed": ADL + "passed",
    "fail": ADL + "failed", "give_up": W3ID + "abandoned", "watch": VIDEO + "played", "pause": VIDEO + "paused",
    "seek": VIDEO + "seeked", "leave": ADL + "terminated",
}  # fmt: skip
VERBS = {
    **{VERB + kind: kind for kind in KINDS},
    **{verb: kind for kind, verb in WRITTEN.items()},
    **dict.fromkeys((ADL + "completed", ADL + "answered", ADL + "mastered"), "succeed"),
    **dict.fromkeys((ADL + "suspended", ADL + "exited", "https://w3id.org/xapi/adl/verbs/logged-out"), "leave"),
    **dict.fromkeys((ADL + "launched", ADL + "attempted"), "start"),
    W3ID + "logged-in": "enter", ADL + "asked": "ask",
}  # fmt: skip
EXTENSIONS = {URN + name: name for name in ("journey", *REST) if name not in {"step", "duration"}}
Moment = Annotated[datetime, Meta(tz=True)]


class Account(msgspec.Struct):
    """An account with a system: `name` is the user."""

    name: str


class Actor(msgspec.Struct):
    """Whoever it was: by account, mailbox, hash of a mailbox, or OpenID."""

    account: Account | None = None
    mbox: str | None = None
    mbox_sha1sum: str | None = None
    openid: str | None = None


class Named(msgspec.Struct):
    """A verb or an activity."""

    id: str


class Result(msgspec.Struct):
    """How it went."""

    success: bool | None = None
    duration: str | None = None


class Context(msgspec.Struct):
    """In which the extensions are."""

    extensions: dict[str, Any] = {}


class Statement(msgspec.Struct):
    """The parts of a statement that are read; others are passed over."""

    id: str
    actor: Actor
    verb: Named
    object: Named
    timestamp: Moment
    context: Context
    result: Result | None = None


decoder = msgspec.json.Decoder(Statement)


def read(body: bytes) -> Event:
    """One statement. Raises `EventError`."""
    said = decode(decoder, body, "xAPI statement")
    result = said.result or Result()
    told = {EXTENSIONS[iri]: value for iri, value in said.context.extensions.items() if iri in EXTENSIONS}
    return event_of({
        "id": said.id, "user": user_of(said.actor), "time": milliseconds(said.timestamp),
        "kind": kind_of(said.verb.id, result.success), "step": step_of(said.object.id),
        "duration": None if result.duration is None else seconds_of(result.duration), **told,
    })  # fmt: skip


def user_of(actor: Actor) -> str | None:
    """The user's name: the first that is given of account, hash of the mailbox, mailbox and OpenID."""
    account = actor.account and actor.account.name
    return account or actor.mbox_sha1sum or (actor.mbox and actor.mbox.removeprefix("mailto:")) or actor.openid


def kind_of(verb: str, success: bool | None) -> str:
    """The kind that a verb's IRI means; `result.success` tells a failure. Raises `EventError`."""
    kind = VERBS.get(verb)
    if kind is None:
        raise EventError(f"xAPI verb {verb!r} means nothing here. Mend: use one of docs/formats.md, or {VERB}<kind>")
    return "fail" if kind == "succeed" and success is False else kind


def step_of(activity: str) -> str | None:
    """The step that an activity's IRI names by its last part; None where it is the journey itself."""
    if activity.startswith(JOURNEY):
        return None
    name = activity.removeprefix(STEP) if activity.startswith(STEP) else activity.rstrip("/").rpartition("/")[2]
    return unquote(name)


def write(event: Event) -> bytes:
    """An event as a statement."""
    told = rest_of(event)
    step, duration = told.pop("step", None), told.pop("duration", None)
    result: dict[str, Any] = {} if duration is None else {"duration": duration_of(duration)}
    if event.kind in {"succeed", "fail"}:
        result["success"] = event.kind == "succeed"
    return msgspec.json.encode({
        "id": event.id, "actor": {"account": {"homePage": "urn:handrail:users", "name": event.user}},
        "verb": {"id": WRITTEN.get(event.kind, VERB + event.kind)},
        "object": {"id": JOURNEY + quote(event.journey, safe="") if step is None else STEP + quote(step, safe="")},
        **({"result": result} if result else {}), "timestamp": rfc3339(event.time),
        "context": {"extensions": {URN + "journey": event.journey, **{URN + name: v for name, v in told.items()}}},
    })  # fmt: skip
