"""The event record: what happened to one user at one moment. Synthetic and real users emit the same.

On the wire it is JSON (`Event`, documented in docs/events.md); inside it is one EVENT record of numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
import numpy as np
from msgspec import Meta

from journeys.actions import DIFFICULTIES, RUNGS, STANDARD, n_actions
from journeys.draws import id_of_key, key_of_id
from journeys.faults import fault_from, nearest, split
from journeys.spec import MAX_STEPS, Journey
from journeys.state import CONSENTS, DEVICES, EXPERIENCES, NOWHERE, UNDECLARED, UNKNOWN_DEVICE

Kind = Literal[
    "signup",  # consents and what the user declares: time budget, goal, experience; begins the first session
    "consent",  # the consents as they are from now on
    "enter",  # comes back: a further session begins
    "start",  # begins a step, at a difficulty
    "succeed",  # an attempt succeeds: the step is done
    "fail",  # an attempt fails: an error, a wrong answer, a rejected form
    "hesitate",  # idles inside a step
    "backtrack",  # goes back or undoes
    "ask",  # asks for help
    "accept",  # takes the help that was offered, up to a rung
    "dismiss",  # waves the offered help away
    "give_up",  # leaves the step unfinished
    "watch",  # has watched a further part of the video, up to a position
    "pause",  # pauses the video
    "seek",  # goes back in the video, to a position
    "drop",  # stops watching: the video is left unfinished
    "leave",  # ends the session
    "away",  # written by the timer: still gone after a set time
    "decision",  # what a policy offered, with its propensity
]
KINDS: tuple[str, ...] = get_args(Kind)
(
    SIGNUP,
    CONSENT,
    ENTER,
    START,
    SUCCEED,
    FAIL,
    HESITATE,
    BACKTRACK,
    ASK,
    ACCEPT,
    DISMISS,
    GIVE_UP,
    WATCH,
    PAUSE,
    SEEK,
    DROP,
    LEAVE,
    AWAY,
    DECISION,
) = range(len(KINDS))
VIDEO_KINDS = {"watch", "pause", "seek", "drop"}
IN_A_STEP = {"start", "succeed", "fail", "hesitate", "backtrack", "ask", "accept", "dismiss", "give_up"} | VIDEO_KINDS

EVENT = np.dtype(
    [
        ("key", "u8"),
        ("time", "i8"),
        ("duration", "f8"),  # seconds
        ("propensity", "f8"),
        ("position", "f8"),  # share of the video
        ("user", "i8"),
        ("action", "i4"),
        ("step", "i2"),
        ("kind", "u1"),
        ("variant", "i1"),
        ("rung", "i1"),
        ("consent", "u1"),
        ("goal", "i1"),
        ("experience", "i1"),
        ("device", "u1"),
    ],
    align=True,
)

Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000  # the years 2000 and 2100: beyond, the unit is wrong
Milliseconds = Annotated[int, Meta(ge=EARLIEST_MS, le=LATEST_MS)]
LONGEST_S = 31 * 86_400.0  # no single activity lasts longer than a month
Seconds = Annotated[float, Meta(ge=0.0, le=LONGEST_S)]
FlatAction = Annotated[int, Meta(ge=0, lt=n_actions(MAX_STEPS))]
LARGEST_EVENT = 16_384  # bytes of JSON; the fields together come nowhere near


NO_TIME = 0.0  # msgspec leaves a default out of the JSON only where it is this very object


class EventError(ValueError):
    """An event that cannot be folded: what is wrong with it and how to mend it."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One event in its JSON form. `time` is in ms since the Unix epoch, `duration` in seconds up to `time`."""

    id: Identifier
    user: Identifier
    journey: Identifier
    time: Milliseconds
    kind: Kind
    step: Identifier | None = None
    duration: Seconds = NO_TIME
    difficulty: Literal["easy", "standard", "hard"] | None = None
    rung: Literal["hint", "guidance", "full", "human"] | None = None
    consent: Annotated[tuple[Literal["personalise", "push", "email"], ...], Meta(max_length=3)] | None = None
    budget: Seconds | None = None
    action: FlatAction | None = None
    propensity: Annotated[float, Meta(gt=0.0, le=1.0)] | None = None
    policy: Identifier | None = None
    position: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None
    goal: Identifier | None = None
    experience: Literal["none", "some", "much"] | None = None
    device: Literal["desktop", "mobile"] | None = None


decoder = msgspec.json.Decoder(Event)
encoder = msgspec.json.Encoder()


CHOICES: dict[str, tuple[str, ...]] = {
    "kind": KINDS, "difficulty": DIFFICULTIES, "rung": RUNGS[1:], **{f"consent[{i}]": CONSENTS for i in range(3)},
    "experience": EXPERIENCES, "device": DEVICES[1:],
}  # fmt: skip
MENDS = {
    "time": "Mend: give milliseconds since 1970 (not seconds), between the years 2000 and 2100",
    "duration": "Mend: give seconds (not milliseconds), at most 31 days",
    "budget": "Mend: give seconds (not milliseconds), at most 31 days",
    "position": "Mend: give the share of the video, 0 to 1 (not seconds, not per cents)",
}


def parse_event(line: bytes | str) -> Event:
    """Read one event from JSON. Raises `EventError` that names the field and the mend."""
    if len(line) > LARGEST_EVENT:
        raise EventError(f"the event has {len(line)} bytes. Mend: send at most {LARGEST_EVENT}, one event at a time")
    try:
        return decoder.decode(line)
    except msgspec.ValidationError as error:
        raise EventError(explain(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EventError(f"not JSON: {error}. Mend: write one JSON object a line, in UTF-8") from None


def explain(message: str) -> str:
    """A `msgspec.ValidationError` in words: field, complaint, mend."""
    path = split(message)[1]
    fault = fault_from(message, Event.__struct_fields__, CHOICES.get(path, ()), noun="field")
    if not path:  # a field that is unknown or missing is named in the complaint; anything else is no event at all
        return fault.complaint if fault.path else f"the event {fault.complaint}"
    complaint, _, mend = fault.complaint.partition("Mend: ")
    return f"field {path!r}: {complaint}{MENDS.get(path, 'Mend: ' + mend)}"


def read_events(path: str | Path) -> Iterator[Event]:
    """Events of a JSON Lines file, in order. Raises `EventError` that names the file and the line."""
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield parse_event(line)
                except EventError as error:
                    raise EventError(f"{path}, line {number}: {error}") from None


def write_events(path: str | Path, events: Iterable[Event]) -> int:
    """Write events as JSON Lines; returns how many there were."""
    count = 0
    with open(path, "wb") as out:
        for count, event in enumerate(events, 1):  # noqa: B007
            out.write(encoder.encode(event) + b"\n")
    return count


NEEDED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(IN_A_STEP, ("step",)),
    **dict.fromkeys(VIDEO_KINDS - {"pause"}, ("step", "position")),
    "accept": ("step", "rung"),
    "signup": ("consent",),
    "consent": ("consent",),
    "decision": ("action", "propensity"),
}
# The same as one call for each kind; `id`, which every event has, stands where nothing is needed.
WHAT_IS_NEEDED = {kind: attrgetter("id", *NEEDED.get(kind, ("id",))) for kind in KINDS}
NEEDED_FOR = {
    "step": "the name of the step that the user is in",
    "rung": "which help was taken",
    "position": "the share of the video that was reached, 0 to 1",
    "consent": "what the user agreed to, [] for nothing",
    "action": "the flat number of what was offered",
    "propensity": "the probability with which it was chosen, 1 where nothing was left to chance",
}


def numbers_of(names: Iterable[str], none: int | None = None) -> dict[str | None, int]:
    """Each name's number in the order of `names`, and `none` for what was not given, if there is a number for that."""
    numbers: dict[str | None, int] = {name: i for i, name in enumerate(names)}
    return numbers if none is None else {None: none, **numbers}


KIND_NUMBERS = numbers_of(KINDS)
VARIANT_NUMBERS = numbers_of(DIFFICULTIES, STANDARD)
RUNG_NUMBERS = numbers_of(RUNGS, 0)
EXPERIENCE_NUMBERS = numbers_of(EXPERIENCES, UNDECLARED)
DEVICE_NUMBERS = numbers_of(DEVICES, UNKNOWN_DEVICE)


class EventCodec:
    """Translates events of one journey between their JSON form and EVENT records."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.names, self._name = journey.step_names(), journey.name
        self.number = {name: i for i, name in enumerate(self.names)}
        self.goals = tuple(goal.name for goal in journey.goals)
        self._step_of = numbers_of(self.names, NOWHERE)
        self._goal_of = numbers_of(self.goals, UNDECLARED)
        self._n_actions = n_actions(len(self.names))

    def fields(self, event: Event) -> tuple[Any, ...]:
        """The EVENT record of `event` as a tuple, in the order of its fields. Raises `EventError`.

        Every event that is served passes here one by one: tables are looked up, and faults are only named once found.
        """
        kind = event.kind
        step, goal = self._step_of.get(event.step), self._goal_of.get(event.goal)
        action, budget = event.action, event.budget
        if (
            step is None
            or goal is None
            or event.journey != self._name
            or (action is not None and action >= self._n_actions)
            or None in WHAT_IS_NEEDED[kind](event)
        ):
            self._check(event)
        return (
            key_of_id(event.id, event.journey, event.user),
            event.time,
            event.duration if budget is None else budget,
            1.0 if event.propensity is None else event.propensity,
            event.position or 0.0,
            0,
            -1 if action is None else action,
            step,
            KIND_NUMBERS[kind],
            VARIANT_NUMBERS[event.difficulty],
            RUNG_NUMBERS[event.rung],
            sum(1 << CONSENTS.index(name) for name in set(event.consent)) if event.consent else 0,
            goal,
            EXPERIENCE_NUMBERS[event.experience],
            DEVICE_NUMBERS[event.device],
        )

    def to_record(self, event: Event, record: Any) -> None:
        """Fill `record` from `event`. Raises `EventError`; `record` is then as it was."""
        for name, value in zip(EVENT.names or (), self.fields(event), strict=True):
            record[name] = value

    def _check(self, event: Event) -> None:
        for fault in self._faults(event):
            raise EventError(f"event {event.id!r}: {fault}")

    def _faults(self, event: Event) -> Iterator[str]:
        """What makes a well-typed event impossible in this journey, most basic first."""
        if event.journey != self.journey.name:
            yield f"field 'journey' is {event.journey!r}. Mend: send it to that journey; this is {self.journey.name!r}"
        if event.step is not None and event.step not in self.number:
            yield f"field 'step': {event.step!r} does not exist. Mend: {nearest(event.step, self.names)}"
        if event.goal is not None and event.goal not in self.goals:
            known = nearest(event.goal, self.goals) if self.goals else "leave it out: this journey names no goals"
            yield f"field 'goal': {event.goal!r} does not exist. Mend: {known}"
        for field in NEEDED.get(event.kind, ()):
            if getattr(event, field) is None:
                yield f"field {field!r} is missing. Mend: {event.kind!r} needs it: {NEEDED_FOR[field]}"
        if event.action is not None and event.action >= n_actions(len(self.names)):
            yield f"field 'action' is {event.action}. Mend: actions here are 0 to {n_actions(len(self.names)) - 1}"

    def from_record(self, record: Any, user: str, policy: str | None = None) -> Event:
        """The JSON form of `record` for user id `user`; `policy` names who decided, on decision events."""
        kind = KINDS[int(record["kind"])]
        step = int(record["step"])
        declares = kind in {"signup", "consent"}
        seconds = float(record["duration"])
        return Event(
            id=id_of_key(int(record["key"])),
            user=user,
            journey=self.journey.name,
            time=int(record["time"]),
            kind=kind,  # type: ignore[arg-type]
            step=None if step == NOWHERE else self.names[step],
            duration=NO_TIME if declares or seconds == 0.0 else seconds,
            difficulty=DIFFICULTIES[int(record["variant"])] if kind == "start" else None,  # type: ignore[arg-type]
            rung=RUNGS[int(record["rung"])] if kind == "accept" else None,  # type: ignore[arg-type]
            consent=consents(int(record["consent"])) if declares else None,  # type: ignore[arg-type]
            budget=seconds if kind == "signup" and seconds > 0.0 else None,
            action=int(record["action"]) if kind == "decision" else None,
            propensity=float(record["propensity"]) if kind == "decision" else None,
            policy=policy if kind == "decision" else None,
            position=float(record["position"]) if kind in VIDEO_KINDS else None,
            goal=named(int(record["goal"]), self.goals) if kind == "signup" else None,
            experience=named(int(record["experience"]), EXPERIENCES) if kind == "signup" else None,  # type: ignore[arg-type]
            device=named(int(record["device"]) - 1, DEVICES[1:]) if kind in {"signup", "enter"} else None,  # type: ignore[arg-type]
        )


def named(number: int, names: tuple[str, ...]) -> str | None:
    """The name with this number; None for a number below 0."""
    return names[number] if number >= 0 else None


def consents(word: int) -> tuple[str, ...]:
    """Names of the consents in `word`."""
    return tuple(name for i, name in enumerate(CONSENTS) if word >> i & 1)
