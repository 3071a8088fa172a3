"""The event record: JSON and back without loss, and a clear refusal of everything that is not an event."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.actions import DIFFICULTIES, RUNGS, n_actions
from journeys.events import (
    EARLIEST_MS,
    EVENT,
    IN_A_STEP,
    KINDS,
    LARGEST_EVENT,
    LATEST_MS,
    LONGEST_S,
    VIDEO_KINDS,
    Event,
    EventCodec,
    EventError,
    encoder,
    parse_event,
    read_events,
    write_events,
)
from journeys.loading import load_journey
from journeys.state import CONSENTS, DEVICES, EXPERIENCES
from tests.journeys.random_logs import logs
from tests.journeys.studio import STUDIO

TINY = load_journey("tiny")
CODEC, STUDIO_CODEC = EventCodec(TINY), EventCodec(STUDIO)
GOOD: dict[str, Any] = {
    "id": "e-1", "user": "u-1", "journey": "tiny", "time": 1_767_225_600_000, "kind": "start", "step": "first-note"
}  # fmt: skip
identifiers = st.text(min_size=1, max_size=128).filter(lambda text: text.isprintable())
seconds = st.floats(0.0, LONGEST_S)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event of the studio journey, which has goals and a video, with all fields that its kind may carry."""
    kind = draw(st.sampled_from(KINDS))
    declares = kind in {"signup", "consent"}
    consent = draw(st.lists(st.sampled_from(CONSENTS), unique=True)) if declares else None
    return Event(
        id=draw(identifiers),
        user=draw(identifiers),
        journey="studio",
        time=draw(st.integers(EARLIEST_MS, LATEST_MS)),
        kind=kind,  # type: ignore[arg-type]
        step=draw(st.sampled_from(STUDIO.step_names())) if kind in IN_A_STEP else None,
        duration=0.0 if declares else draw(seconds),
        difficulty=draw(st.sampled_from(DIFFICULTIES)) if kind == "start" else None,  # type: ignore[arg-type]
        rung=draw(st.sampled_from(RUNGS[1:])) if kind == "accept" else None,  # type: ignore[arg-type]
        consent=None if consent is None else tuple(sorted(consent, key=CONSENTS.index)),  # type: ignore[arg-type]
        budget=draw(st.none() | seconds.filter(bool)) if kind == "signup" else None,
        action=draw(st.integers(0, n_actions(len(STUDIO.steps)) - 1)) if kind == "decision" else None,
        propensity=draw(st.floats(1e-9, 1.0)) if kind == "decision" else None,
        policy=draw(st.none() | identifiers) if kind == "decision" else None,
        position=draw(st.floats(0.0, 1.0)) if kind in VIDEO_KINDS else None,
        goal=draw(st.none() | st.sampled_from([g.name for g in STUDIO.goals])) if kind == "signup" else None,
        experience=draw(st.none() | st.sampled_from(EXPERIENCES)) if kind == "signup" else None,  # type: ignore[arg-type]
        device=draw(st.none() | st.sampled_from(DEVICES[1:])) if kind in {"signup", "enter"} else None,  # type: ignore[arg-type]
    )


def record_of(event: Event) -> np.void:
    record = np.zeros(1, EVENT)[0]
    STUDIO_CODEC.to_record(event, record)
    return record


@given(events())
def test_json_and_back(event: Event) -> None:
    assert parse_event(encoder.encode(event)) == event


@given(events())
def test_record_and_back_loses_only_the_words_of_an_id(event: Event) -> None:
    again = STUDIO_CODEC.from_record(record_of(event), event.user, event.policy)
    assert record_of(again) == record_of(event)
    fields = [field for field in Event.__struct_fields__ if field != "id"]
    assert [getattr(again, field) for field in fields] == [getattr(event, field) for field in fields]


@given(st.data())
def test_random_logs_are_well_formed(data: st.DataObject) -> None:
    """Every event that the other tests fold could have come over the wire."""
    for record in data.draw(logs(STUDIO)):
        parsed = parse_event(encoder.encode(STUDIO_CODEC.from_record(record, "u", "p")))
        for field in ("kind", "position", "goal", "experience", "device"):
            assert record_of(parsed)[field] == record[field]


def test_defaults_are_left_out_of_the_json() -> None:
    event = Event(id="a", user="u", journey="tiny", time=EARLIEST_MS, kind="leave")
    assert set(json.loads(encoder.encode(event))) == {"id", "user", "journey", "time", "kind"}


@pytest.mark.parametrize(
    ("change", "field", "mend"),
    [
        ({"kind": "strt"}, "kind", "did you mean 'start'"),
        ({"kind": None}, "kind", "write text"),
        ({"knd": "start"}, "knd", "did you mean 'kind'"),
        ({"time": -1}, "time", "not seconds"),
        ({"time": 1_767_225_600}, "time", "not seconds"),
        ({"time": 1_767_225_600_000_000}, "time", "milliseconds"),
        ({"time": 1_767_225_600_000.5}, "time", "milliseconds"),
        ({"time": "2026-01-01"}, "time", "milliseconds"),
        ({"time": 10**30}, "time", "milliseconds"),
        ({"duration": -0.1}, "duration", "not milliseconds"),
        ({"duration": 1e12}, "duration", "not milliseconds"),
        ({"duration": True}, "duration", "not milliseconds"),
        ({"budget": -1}, "budget", "not milliseconds"),
        ({"id": ""}, "id", "make it longer"),
        ({"id": "x" * 129}, "id", "make it shorter"),
        ({"user": "x" * 129}, "user", "make it shorter"),
        ({"user": 7}, "user", "write text"),
        ({"step": 7}, "step", "write text"),
        ({"step": "x" * 129}, "step", "make it shorter"),
        ({"policy": "x" * 129}, "policy", "make it shorter"),
        ({"difficulty": "medium"}, "difficulty", "use one of easy, standard, hard"),
        ({"rung": "wait"}, "rung", "use one of hint, guidance, full, human"),
        ({"consent": "push"}, "consent", "in brackets"),
        ({"consent": ["pusch"]}, "consent[0]", "did you mean 'push'"),
        ({"consent": ["push"] * 4}, "consent", "make it shorter"),
        ({"propensity": 0}, "propensity", "correct the number"),
        ({"propensity": 1.01}, "propensity", "correct the number"),
        ({"action": -1}, "action", "correct the number"),
        ({"position": 1.5}, "position", "share of the video"),
        ({"position": -0.1}, "position", "share of the video"),
        ({"goal": 1}, "goal", "write text"),
        ({"experience": "lots"}, "experience", "use one of none, some, much"),
        ({"device": "unknown"}, "device", "use one of desktop, mobile"),
        ({"action": 10**9}, "action", "correct the number"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named_with_its_mend(change: dict[str, Any], field: str, mend: str) -> None:
    with pytest.raises(EventError) as caught:
        parse_event(json.dumps({**GOOD, **change}))
    assert f"field '{field}'" in str(caught.value)
    assert mend in str(caught.value).partition("Mend: ")[2]


@pytest.mark.parametrize("field", ["id", "user", "journey", "time", "kind"])
def test_a_missing_field_is_named(field: str) -> None:
    line = json.dumps({name: value for name, value in GOOD.items() if name != field})
    with pytest.raises(EventError, match=rf"field '{field}' is missing\. Mend: add it"):
        parse_event(line)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("{'id': 1}", "not JSON"),
        (b'{"id": "\xff"}', "not JSON"),
        ("[" * 10_000, "the event must be a mapping"),
        ('{"id":' + '{"a":' * 3000, "field 'id': must be text"),
        ("[]", "the event must be a mapping"),
        ("null", "the event must be a mapping"),
        (json.dumps({**GOOD, "duration": 1}).replace("1}", "1e999}"), "duration|not JSON"),
        (json.dumps({**GOOD, "duration": float("nan")}), "not JSON"),
        (" " * (LARGEST_EVENT + 1), f"has {LARGEST_EVENT + 1} bytes"),
    ],
    ids=range(11),
)
def test_what_is_no_event_is_refused(line: str | bytes, says: str) -> None:
    with pytest.raises(EventError, match=rf"(?s){says}.*Mend: "):
        parse_event(line)


@given(st.text(max_size=100) | st.binary(max_size=100))
def test_any_line_is_read_or_refused(line: str | bytes) -> None:
    with pytest.raises(EventError, match="Mend: "):
        parse_event(line)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"journey": "saas"}, "field 'journey' is 'saas'. Mend: send it to that journey; this is 'tiny'"),
        ({"step": "frst-note"}, "field 'step': 'frst-note' does not exist. Mend: did you mean 'first-note'?"),
        *[
            ({"kind": kind, "step": None}, f"field 'step' is missing. Mend: '{kind}' needs it")
            for kind in sorted(IN_A_STEP)
        ],
        ({"kind": "accept"}, "field 'rung' is missing. Mend: 'accept' needs it"),
        ({"kind": "signup"}, "field 'consent' is missing. Mend: 'signup' needs it"),
        ({"kind": "consent"}, "field 'consent' is missing. Mend: 'consent' needs it"),
        ({"kind": "decision", "propensity": 1}, "field 'action' is missing. Mend: 'decision' needs it"),
        ({"kind": "watch"}, "field 'position' is missing. Mend: 'watch' needs it: the share of the video"),
        ({"kind": "drop"}, "field 'position' is missing. Mend: 'drop' needs it: the share of the video"),
        ({"kind": "seek"}, "field 'position' is missing. Mend: 'seek' needs it: the share of the video"),
        ({"kind": "signup", "consent": [], "goal": "x"}, "field 'goal': 'x' does not exist. Mend: leave it out"),
        ({"kind": "decision", "action": 1}, "field 'propensity' is missing. Mend: 'decision' needs it"),
        ({"kind": "decision", "action": 23, "propensity": 1}, "field 'action' is 23. Mend: actions here are 0 to 22"),
    ],
    ids=str,
)
def test_what_this_journey_cannot_fold_is_refused(change: dict[str, Any], says: str) -> None:
    line = json.dumps({name: value for name, value in {**GOOD, **change}.items() if value is not None})
    event = parse_event(line)
    with pytest.raises(EventError) as caught:
        CODEC.to_record(event, np.zeros(1, EVENT)[0])
    assert str(caught.value).startswith("event 'e-1': " + says)


@given(st.lists(events(), max_size=5))
def test_files_give_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, written: list[Event]) -> None:
    path = tmp_path_factory.mktemp("events") / "log.jsonl"
    assert write_events(path, written) == len(written)
    assert list(read_events(path)) == written


def test_a_bad_line_is_named_and_those_before_it_are_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(GOOD) + "\n\n" + json.dumps({**GOOD, "time": -1}) + "\n")
    lines = read_events(path)
    assert next(lines).id == "e-1"
    with pytest.raises(EventError, match=r"log\.jsonl, line 3: field 'time'"):
        next(lines)


def test_where_a_video_was_paused_need_not_be_said() -> None:
    CODEC.to_record(parse_event(json.dumps({**GOOD, "kind": "pause"})), np.zeros(1, EVENT)[0])


def test_a_goal_that_does_not_exist_is_refused_with_the_nearest() -> None:
    event = parse_event(
        json.dumps({**GOOD, "journey": "studio", "kind": "signup", "step": None, "consent": [], "goal": "flim"})
    )
    with pytest.raises(EventError, match="did you mean 'film'"):
        STUDIO_CODEC.to_record(event, np.zeros(1, EVENT)[0])
