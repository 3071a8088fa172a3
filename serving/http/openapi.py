"""The OpenAPI document of the HTTP doors, made from the very types that are read and sent."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec

from journeys.events import Event
from serving.decision import Decision
from serving.http.events import Answers, Standing
from serving.http.replies import HTML, Reply
from serving.http.requests import Request
from serving.http.status import Readiness
from serving.http.users import JourneysServed
from serving.service.user_view import UserView

REF = "#/components/schemas/{name}"
TYPES = (Event, Decision, Standing, Answers, UserView, JourneysServed, Readiness)
JSON = "application/json"
ANY_JSON = {
    "type": ["object", "array"],
    "description": "one event, or an array of events, in any wire format (docs/formats.md); each is answered",
}
ONE_JSON = {
    "type": "object",
    "description": "one event in any wire format (docs/formats.md), as JSON's own content type takes it with `format`",
}
BODIES = (
    JSON, "application/x-ndjson", "application/cloudevents+json", "application/cloudevents-batch+json"
)  # fmt: skip
PROBLEM = {
    "type": "object",
    "required": ["error", "detail"],
    "properties": {"error": {"type": "string"}, "detail": {"type": "string"}},
    "additionalProperties": False,
}
WHY = {
    400: "the body or the query cannot be read", 401: "no API key that is known",
    403: "from another machine, where there are no API keys", 404: "not known here",
    405: "another method is wanted", 409: "the event does not fit the journey or the user's history",
    413: "the body or the batch is too large", 415: "the format is unknown", 422: "the event is malformed",
    429: "too many requests, or too many events wait", 500: "a fault of the service",
    503: "the store does not answer, or the service is being shut down",
}  # fmt: skip
PAGE = b"""<!doctype html><meta charset="utf-8"><title>Handrail</title>
<style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}code{background:#eee;padding:0 .2em}
dt{margin-top:1em;font-weight:bold}</style><h1>Handrail</h1><dl id="paths"></dl>
<p>The whole document: <a href="/openapi.json">/openapi.json</a></p><script>
fetch("/openapi.json").then(r=>r.json()).then(d=>{const list=document.getElementById("paths");
for(const [path,methods] of Object.entries(d.paths))for(const [method,what] of Object.entries(methods)){
const dt=document.createElement("dt"),dd=document.createElement("dd");dt.textContent=method.toUpperCase()+" "+path;
dd.textContent=what.summary;list.append(dt,dd)}})</script>"""


def document(keyed: bool) -> dict[str, Any]:
    """The document; `keyed` where API keys are asked for."""
    _, schemas = msgspec.json.schema_components(TYPES, ref_template=REF)
    closed(schemas)
    security: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}] if keyed else []
    return {
        "openapi": "3.1.0",
        "info": {"title": "Handrail", "version": version("handrail"), "description": "Events in, decisions out."},
        "paths": paths(),
        "security": security,
        "components": {
            "schemas": {**schemas, "Problem": PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def closed(schemas: dict[str, Any]) -> None:
    """Say of replies what msgspec leaves open: raw records are decisions."""
    decision = {"anyOf": [{"$ref": REF.format(name="Decision")}, {"type": "null"}]}
    schemas["Told"]["properties"]["decision"] = decision
    schemas["UserView"]["properties"]["last_decision"] = decision


def paths() -> dict[str, Any]:
    """All paths with their methods."""
    format_query = {
        "name": "format", "in": "query", "description": "the wire format; else the content type tells",
        "schema": {"enum": ["handrail", "jsonl", "cloudevents", "segment", "xapi"]},
    }  # fmt: skip
    user = {"name": "user", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    journey = {"name": "journey", "in": "query", "schema": {"type": "string", "minLength": 1}}
    event_or_question = {"anyOf": [ref("Event"), ref("Standing")]}
    null_or_decision = {"anyOf": [ref("Decision"), {"type": "null"}]}
    body = (400, 413, 415)
    guarded = (401, 403, 429, 500, 503)
    return {
        "/v1/events": {"post": {
            "operationId": "takeEvents", "summary": "Takes events, one or many, and answers each in order.",
            "parameters": [format_query],
            "requestBody": {"required": True, "content": {kind: {"schema": ANY_JSON} for kind in BODIES}},
            "responses": replies(ref("Answers"), "the answers in order", *body, *guarded),
        }},
        "/v1/decide": {"post": {
            "operationId": "decide", "summary": "Takes one event and answers with its decision alone.",
            "parameters": [format_query],
            "requestBody": {"required": True, "content": {
                **{kind: {"schema": ONE_JSON} for kind in BODIES}, JSON: {"schema": event_or_question}}},
            "responses": replies(null_or_decision, "the decision, or null", *body, 404, 409, 422, *guarded),
        }},
        "/v1/users/{user}": {"get": {
            "operationId": "user", "summary": "What is known of a user.", "parameters": [user, journey],
            "responses": replies(ref("UserView"), "the user", 400, 404, *guarded),
        }},
        "/v1/journeys": {"get": {
            "operationId": "journeys", "summary": "The journeys and bundles that are served.",
            "responses": replies(ref("JourneysServed"), "what is served", *guarded),
        }},
        "/healthz": {"get": open_to_all("health", "Whether the process turns.", replies({
            "type": "object", "properties": {"alive": {"const": True}}, "required": ["alive"]}, "it does", 500))},
        "/readyz": {"get": open_to_all("ready", "Whether to send traffic here.", {
            **replies(ref("Readiness"), "ready", 500), "503": reply(ref("Readiness"), "not ready, and why")})},
        "/metrics": {"get": {
            "operationId": "metrics", "summary": "Metrics in Prometheus' text format.",
            "responses": {**replies({}, "", *guarded), "200": {
                "description": "metrics", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        }},
    }  # fmt: skip


def open_to_all(name: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    """An operation that asks for no key."""
    return {"operationId": name, "summary": summary, "security": [], "responses": responses}


def ref(name: str) -> dict[str, str]:
    """A reference to a schema."""
    return {"$ref": REF.format(name=name)}


def reply(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """One reply in JSON."""
    return {"description": description, "content": {JSON: {"schema": schema}}}


def replies(schema: dict[str, Any], description: str, *problems: int) -> dict[str, Any]:
    """A reply with 200, and those that tell of problems."""
    return {
        "200": reply(schema, description),
        **{str(status): reply(ref("Problem"), WHY[status]) for status in problems},
    }


class OpenApi:
    """Serves the document."""

    def __init__(self, keyed: bool) -> None:
        self._reply = Reply(200, msgspec.json.encode(document(keyed)))

    async def __call__(self, _request: Request) -> Reply:
        """200 with the document."""
        return self._reply


async def page(_request: Request) -> Reply:
    """200 with a page that lists the paths."""
    return Reply(200, PAGE, HTML)
