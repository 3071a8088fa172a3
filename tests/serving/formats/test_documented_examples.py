"""The examples of docs/formats.md all tell of one event, and its tables are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from journeys.events import KINDS, Event
from serving.formats.reading import BY_TYPE, read_message
from serving.formats.segment import NAMES
from serving.formats.xapi import VERBS

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text()
EXAMPLES = dict(re.findall(r"```([a-z-]+)\n(.*?)```", PAGE, re.DOTALL))
EVENT = Event("e-104", "u-7", "tiny", 1767258000000, "fail", step="checklist", duration=41.5)


@pytest.mark.parametrize("name", ["handrail", "cloudevents", "segment", "xapi"])
def test_an_example_is_the_event(name):
    assert read_message(EXAMPLES[name].encode(), format=name) == [EVENT]


def test_the_binary_example_is_the_event():
    head, _, body = EXAMPLES["cloudevents-binary"].partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines())
    assert read_message(body.encode(), headers) == [EVENT]
    kafka = {name.replace("ce-", "ce_"): value for name, value in headers.items()}
    assert read_message(body.encode(), kafka) == [EVENT]


def test_every_segment_name_is_on_the_page():
    assert set(NAMES) == set(KINDS)
    for kind, name in NAMES.items():
        assert f"| `{kind}` | {name} |" in PAGE


def test_every_verb_is_on_the_page():
    for verb, kind in VERBS.items():
        if not verb.startswith("urn:"):
            row = next(line for line in PAGE.splitlines() if line.startswith(("| `" + kind + "`", "| `watch`")) and
                       f"{verb.rpartition('/')[2]}`" in line)  # fmt: skip
            assert kind in row


def test_every_content_type_is_on_the_page():
    assert all(kind in PAGE for kind in BY_TYPE if kind.startswith("application/") and kind not in {
        "application/octet-stream", "application/ndjson"})  # fmt: skip
