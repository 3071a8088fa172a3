"""HTTP as a client sees it, against a service in a process of its own."""

from __future__ import annotations

import json
import socket
import time

import httpx
import msgspec
import pytest

from journeys.events import Event
from journeys.events import encoder as event_encoder
from serving.formats.writing import WRITE
from tests.serving.service.running import JSON, START, Running, body, running, signup, start

pytestmark = pytest.mark.xdist_group("service")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("doors")) as made:
        yield made


def test_decide_answers_with_the_decision_alone(service: Running):
    reply = service.decide(signup("ann"))
    assert reply.status_code == 200
    decision = reply.json()
    assert (decision["event"], decision["user"], decision["moment"]) == ("ann-e0", "ann", "select")
    assert 0 < decision["propensity"] <= 1
    assert service.decide(signup("ann")).json() == decision  # the same event again: the same record


def test_decide_is_null_where_nothing_is_due(service: Running):
    service.decide(signup("ben"))
    leave = Event("ben-e1", "ben", "tiny", START + 1000, "leave")
    assert service.decide(leave).json() is None


def test_the_standing_decision(service: Running):
    ask = {"user": "cat", "journey": "tiny"}
    assert service.client.post("/v1/decide", json=ask).json() is None
    decision = service.decide(signup("cat")).json()
    assert service.client.post("/v1/decide", json=ask).json() == decision
    service.decide(Event("cat-e1", "cat", "tiny", START + 1000, "leave"))
    assert service.client.post("/v1/decide", json=ask).json() is None
    assert service.client.post("/v1/decide", json=ask | {"journey": "other"}).status_code == 404


KINDS = ("application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "text/json")


@pytest.mark.parametrize("query", ["", "?trace=1", "?format=handrail"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_question_is_known_by_its_content(service: Running, query, kind):
    decision, letters = service.decide(signup("cleo")).json(), service.metric("handrail_dead_letters_total")
    ask = b'{"journey": "tiny", "user": "cleo"}'
    reply = service.client.post("/v1/decide" + query, content=ask, headers={"content-type": kind})
    assert (reply.status_code, reply.json()) == (200, decision)
    assert service.metric("handrail_dead_letters_total") == letters


def test_a_question_of_a_strange_type_is_not_answered(service: Running):
    ask = b'{"journey": "tiny", "user": "cleo"}'
    assert service.client.post("/v1/decide", content=ask, headers={"content-type": "text/csv"}).status_code == 415


def test_many_events_are_answered_in_order(service: Running):
    old = Event("dan-e9", "dan", "tiny", START - 3_600_000, "leave")
    strange = msgspec.structs.replace(signup("dan", 8), journey="other")
    reply = service.client.post(
        "/v1/events", headers=JSON,
        content=b"[" + b",".join((
            event_encoder.encode(signup("dan")), b'{"id":3}', event_encoder.encode(start("dan", 1)),
            event_encoder.encode(signup("dan")), event_encoder.encode(old), event_encoder.encode(strange),
        )) + b"]",
    )  # fmt: skip
    assert reply.status_code == 200
    answers = reply.json()["answers"]
    assert [a["outcome"] for a in answers] == ["applied", "refused", "applied", "duplicate", "refused", "refused"]
    assert [a["refusal"] and a["refusal"]["reason"] for a in answers] == [
        None, "malformed", None, None, "late", "invalid"
    ]  # fmt: skip
    assert answers[0]["decision"] == answers[3]["decision"] != None  # noqa: E711
    assert answers[0]["event"] == "dan-e0"


@pytest.mark.parametrize("name", WRITE)
def test_every_format_comes_in(service: Running, name):
    event = signup(f"format-{name}")
    reply = service.client.post(f"/v1/events?format={name}", content=WRITE[name](event))
    assert [a["outcome"] for a in reply.json()["answers"]] == ["applied"]
    again = service.client.post(f"/v1/decide?format={name}", content=WRITE[name](event))
    assert again.json()["event"] == event.id


def test_a_user_is_shown(service: Running):
    service.send(signup("eve"), start("eve", 1))
    decision = service.decide(Event("eve-e2", "eve", "tiny", START + 9000, "succeed", step="first-note")).json()
    view = service.client.get("/v1/users/eve").json()
    assert (view["user"], view["journey"], view["events"] > 0, view["sessions"]) == ("eve", "tiny", True, 1)
    assert 0 < view["progress"] < 1
    assert {step["name"]: step["status"] for step in view["steps"]}["first-note"] == "done"
    assert all(0 <= skill["belief"] <= 1 for skill in view["skills"])
    assert any(skill["tries"] == 1 for skill in view["skills"])
    assert view["last_decision"] == decision
    assert view["predicted_success"] == pytest.approx(decision["predicted_success"], abs=0.2)


def test_strange_users_and_journeys(service: Running):
    assert service.client.get("/v1/users/nobody").status_code == 404
    assert service.client.get("/v1/users/eve?journey=other").status_code == 404
    assert service.client.get("/v1/users/%F0%9F%90%91").status_code == 404


def test_users_with_any_name(service: Running):
    name = "a/b c?ü"
    service.send(msgspec.structs.replace(signup("odd"), user=name))
    assert service.client.get(f"/v1/users/{'%61%2Fb%20c%3F%C3%BC'}").json()["user"] == name


def test_what_is_served(service: Running):
    (served,) = service.client.get("/v1/journeys").json()["journeys"]
    assert (served["journey"], served["version"], served["family"]) == ("tiny", "1", "rules")


WRONG = {
    "no JSON": ("/v1/events", b"nope", JSON, 400, "malformed"),
    "empty": ("/v1/events", b"", JSON, 400, "malformed"),
    "format": ("/v1/events?format=csv", b"{}", JSON, 415, "unknown_format"),
    "type": ("/v1/events", b"{}", {"content-type": "text/csv"}, 415, "unknown_format"),
    "body": ("/v1/events", b" " * 2_000_000, JSON, 413, "too_large"),
    "batch": ("/v1/events", b"[" + b",".join([b"{}"] * 1_001) + b"]", JSON, 413, "too_many"),
    "two": ("/v1/decide", body(signup("x"), signup("y")), JSON, 422, "not_one"),
    "field": ("/v1/decide", b'{"id":"e"}', JSON, 422, "malformed"),
    "fat": ("/v1/decide", b'{"id":"' + b"e" * 20_000 + b'"}', JSON, 422, "oversized"),
    "step": ("/v1/decide", event_encoder.encode(start("fay", 1, "nowhere")), JSON, 409, "invalid"),
    "path": ("/v1/nothing", b"{}", JSON, 404, "no_path"),
    "method": ("/v1/journeys", b"{}", JSON, 405, "no_method"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_mend(service: Running, case):
    path, content, headers, status, error = WRONG[case]
    reply = service.client.post(path, content=content, headers=headers)
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert "Mend: " in reply.json()["detail"]


MANY = {
    "array": ("", b"[" + b",".join([b"1"] * 500_000) + b"]"),
    "lines": ("?format=jsonl", b"1\n" * 500_000),
    "batch": ("?format=segment", b'{"batch":[' + b",".join([b"1"] * 500_000) + b"]}"),
}


@pytest.mark.parametrize("path", ["/v1/events", "/v1/decide"])
@pytest.mark.parametrize("case", MANY)
def test_very_many_events_are_counted_and_not_looked_at(service: Running, path, case):
    query, content = MANY[case]
    letters, began = service.metric("handrail_dead_letters_total"), time.monotonic()
    reply = service.client.post(path + query, content=content, headers=JSON)
    assert (reply.status_code, reply.json()["error"]) == (413, "too_many")
    assert time.monotonic() - began < 2.0
    assert service.metric("handrail_dead_letters_total") == letters


def test_a_body_without_a_length_is_cut_off_too(service: Running):
    reply = service.client.post("/v1/events", content=iter([b" " * 100_000] * 20), headers=JSON)
    assert reply.status_code == 413


def test_head_and_connection_close(service: Running):
    assert service.client.head("/healthz").content == b""
    with httpx.Client(base_url=service.url) as other:
        event = event_encoder.encode(signup("gil"))
        reply = other.post("/v1/decide", content=event, headers=JSON | {"connection": "close"})
        assert (reply.status_code, reply.headers["connection"]) == (200, "close")


def test_pipelined_requests_are_answered_in_order(service: Running):
    """The short way of decide and the ordinary one share a connection."""
    decide = event_encoder.encode(signup("hal"))
    later = event_encoder.encode(start("hal", 1))
    head = "POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    requests = [("/v1/decide", decide), ("/v1/events", b"nope"), ("/v1/decide", later), ("/v1/decide", b"{}")]
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(b"".join((head % (path, len(text))).encode() + text for path, text in requests))
        connection.settimeout(10)
        told = b""
        while told.count(b"HTTP/1.1") < len(requests) or not told.endswith(b"}"):
            told += connection.recv(65_536)
    statuses = [part[:3] for part in told.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"400", b"200", b"422"]
    assert told.index(b"hal-e0") < told.index(b"hal-e1")


def test_a_request_in_pieces(service: Running):
    text = event_encoder.encode(signup("ida"))
    head = b"POST /v1/decide HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(text)
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in head + text:
            connection.sendall(bytes([byte]))
        told = connection.recv(65_536)
    assert told.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(told.partition(b"\r\n\r\n")[2])["user"] == "ida"


def test_what_happens_is_counted(service: Running):
    before = service.metric("handrail_events_total"), service.metric("handrail_decisions_total")
    service.send(signup("jim"), start("jim", 1))
    service.decide(start("jim", 1, "nowhere"))
    assert service.metric("handrail_events_total") - before[0] == 3
    assert service.metric("handrail_decisions_total") - before[1] == 2
    assert service.metric('handrail_bundle{bundle="test",journey="tiny",version="1"}') == 1
    assert service.metric("handrail_request_seconds_count") > 0
    assert service.metric('handrail_dead_letters_total{door="http",reason="invalid"}') >= 1


def test_refusals_are_logged_with_event_and_user(service: Running):
    service.decide(start("kay", 1, "nowhere"))
    line = next(line for line in service.lines() if line.get("user") == "kay")
    assert (line["event"], line["event_id"], line["reason"], line["level"]) == ("refused", "kay-e1", "invalid", "info")


def test_health_and_readiness(service: Running):
    assert service.client.get("/healthz").json() == {"alive": True}
    assert service.client.get("/readyz").json() == {"ready": True, "against": []}
    assert "Handrail" in service.client.get("/").text
