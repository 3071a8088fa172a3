"""Reading: what goes out in a format comes back as it was; what is wrong is told with its mend, and never raises."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.events import EARLIEST_MS, LARGEST_EVENT, LATEST_MS, LONGEST_S, Event, parse_event
from journeys.events import encoder as event_encoder
from serving.answer import DeadLetter
from serving.formats import cloudevents
from serving.formats.reading import BodyError, FormatError, read_body, read_message
from serving.formats.writing import WRITE

EVENT = Event("e-1", "u-7", "tiny", 1767258000000, "fail", step="checklist", duration=41.5)
names = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(str.strip)
events = st.builds(
    Event,
    id=names, user=names, journey=names,
    time=st.integers(EARLIEST_MS, LATEST_MS),
    kind=st.sampled_from(["signup", "enter", "start", "succeed", "fail", "accept", "watch", "leave", "decision"]),
    step=st.none() | names,
    duration=st.floats(0.0, LONGEST_S),
    difficulty=st.sampled_from([None, "easy", "hard"]),
    rung=st.sampled_from([None, "hint", "human"]),
    consent=st.sampled_from([None, (), ("push", "email")]),
    budget=st.none() | st.floats(0.0, LONGEST_S),
    action=st.none() | st.integers(0, 40),
    propensity=st.none() | st.floats(0.01, 1.0),
    position=st.none() | st.floats(0.0, 1.0),
    goal=st.none() | names,
    experience=st.sampled_from([None, "much"]),
    device=st.sampled_from([None, "mobile"]),
)  # fmt: skip


@pytest.mark.parametrize("name", WRITE)
@given(event=events)
def test_what_goes_out_comes_back(name, event):
    assert read_message(WRITE[name](event), format=name) == [event]


@given(event=events)
def test_what_goes_out_in_headers_comes_back(event):
    headers, body = cloudevents.write_binary(event)
    assert all(value.isascii() for value in headers.values())
    assert read_message(body, headers) == [event]


@pytest.mark.parametrize("name", WRITE)
def test_several_come_in_order(name):
    several = [msgspec.structs.replace(EVENT, id=f"e-{i}") for i in range(3)]
    written = [WRITE[name](event) for event in several]
    body = b"\n\n".join(written) + b"\n" if name == "jsonl" else b"[" + b",".join(written) + b"]"
    assert read_message(body, format=name) == several


def test_segment_batches_are_taken_apart():
    body = b'{"batch":[' + WRITE["segment"](EVENT) + b'],"sentAt":"2026-01-01T00:00:00Z"}'
    assert read_message(body, format="segment") == [EVENT]
    lone = json.loads(WRITE["segment"](EVENT))
    lone["properties"]["note"] = "batch"
    assert read_message(json.dumps(lone).replace('"note": "batch"', '"batch": 1').encode(), format="segment") == [EVENT]


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "handrail"),
        ({"content-type": "application/json; charset=utf-8"}, "handrail"),
        ({"content-type": "application/x-ndjson"}, "jsonl"),
        ({"content-type": "application/cloudevents+json"}, "cloudevents"),
        ({"content-type": "application/json", "x-experience-api-version": "1.0.3"}, "xapi"),
    ],
)
def test_headers_tell_the_format(headers, name):
    assert read_message(WRITE[name](EVENT), headers) == [EVENT]


@pytest.mark.parametrize("body", [b"", b"  \n", b"nope", b"3", b'{"id":', b"[1,", b"\xff\xfe", b"[" * 100_000])
def test_a_body_of_which_nothing_can_be_read(body):
    with pytest.raises(BodyError, match="Mend: "):
        read_body(body)
    (letter,) = read_message(body, source="door")
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.source) == ("malformed", "door")
    assert "Mend: " in letter.detail


def test_a_strange_format_is_told():
    with pytest.raises(FormatError, match="Mend: "):
        read_body(b"{}", {"content-type": "text/csv"})
    with pytest.raises(FormatError, match="jsonl"):
        read_body(b"{}", format="json")


WRONG = {
    "handrail": {"no field": {"x": 1}, "kind": {"kind": "flail"}, "seconds": {"time": 1767258000}},
    "cloudevents": {
        "old": {"specversion": "0.3"}, "no offset": {"time": "2026-01-01T09:00:00"}, "type": {"type": "com.flail"},
        "data": {"data": {"id": "e-2"}}, "base64": {"data_base64": "???"}, "content": {"datacontenttype": "text/xml"},
        "list": {"data": [1]}, "no user": {"subject": None},
    },
    "segment": {
        "other call": {"type": "identify"}, "other event": {"event": "Order Completed"}, "no user": {"userId": None},
        "no time": {"timestamp": None}, "field": {"properties": {"journey": "tiny", "duration": "long"}},
    },
    "xapi": {
        "verb": {"verb": {"id": "http://adlnet.gov/expapi/verbs/liked"}}, "actor": {"actor": {}},
        "month": {"result": {"duration": "P1M"}}, "no journey": {"context": {}},
        "nothing": {"result": {"duration": "P"}},
    },
}  # fmt: skip


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in WRONG.items() for case in cases])
def test_what_is_wrong_is_told_and_kept(name, case):
    body = json.dumps(json.loads(WRITE[name](EVENT)) | WRONG[name][case]).encode()
    letter, sound = read_message(b"[" + body + b"," + WRITE[name](EVENT) + b"]", format=name, source="door")
    assert sound == EVENT
    assert (letter.reason, letter.format, letter.source) == ("malformed", name, "door")
    assert "Mend: " in letter.detail
    (again,) = read_message(letter.raw.encode(), format=letter.format, source="door")
    assert msgspec.structs.replace(again, received=letter.received) == letter


def test_oversized_events_are_refused_and_others_go_on():
    fat = event_encoder.encode(EVENT)[:-1] + b" " * LARGEST_EVENT + b"}"
    letter, sound = read_message(b"[" + fat + b"," + event_encoder.encode(EVENT) + b"]")
    assert (letter.reason, sound) == ("oversized", EVENT)
    assert len(letter.raw) == LARGEST_EVENT


def test_a_refused_binary_event_keeps_its_headers():
    headers, body = cloudevents.write_binary(EVENT)
    (letter,) = read_message(body, headers | {"ce-type": "flail", "authorization": "Bearer secret"})
    assert "authorization" not in letter.headers
    mended = letter.headers | {"ce-type": "fail"}
    assert read_message(letter.raw.encode(), mended, letter.format) == [EVENT]


@given(st.binary(max_size=200), st.sampled_from([None, *WRITE]))
def test_nothing_that_comes_raises(body, name):
    assert all(isinstance(item, Event | DeadLetter) for item in read_message(body, format=name))


def test_a_whole_number_may_be_written_with_a_decimal_point():
    body = event_encoder.encode(EVENT)
    assert read_message(body.replace(b"1767258000000", b"1767258000000.0")) == [EVENT]
    (letter,) = read_message(body.replace(b"1767258000000", b"1767258000000.5"))
    assert "time" in letter.detail


def test_times_are_read_to_the_nearest_millisecond():
    told = json.loads(WRITE["cloudevents"](EVENT)) | {"time": "2026-01-01T10:00:00.0005+01:00"}
    (event,) = read_message(json.dumps(told).encode(), format="cloudevents")
    assert event.time == parse_event(event_encoder.encode(EVENT)).time + 1


def test_a_message_of_very_many_items_is_one_dead_letter():
    """A broker takes what no door would: a megabyte of items of two bytes."""
    (letter,) = read_message(b"[" + b",".join([b"1"] * 500_000) + b"]")
    assert (letter.reason, len(letter.raw)) == ("oversized", LARGEST_EVENT)
    assert "Mend" in letter.detail
