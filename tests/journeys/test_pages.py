"""The pages on formats say what the code does: their examples run, their tables are complete."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from journeys import documentation, loading, spec
from journeys.checks import counts
from journeys.documentation import observation_page
from journeys.events import EVENT, KINDS, LARGEST_EVENT, Event, EventCodec, EventError, parse_event
from journeys.fold import blank_states, fold
from journeys.loading import JourneyError, load_journey, parse_journey
from journeys.plan import compile_plan
from journeys.state import DONE, EXPERIENCES, GIVEN_UP, MOBILE

DOCS = Path(__file__).resolve().parents[2] / "docs"
JOURNEYS, EVENTS = (DOCS / "journeys.md").read_text(), (DOCS / "events.md").read_text()
ALBUM = re.search(r"```yaml\n(.*?)```", JOURNEYS, re.DOTALL)[1]  # type: ignore[index]
LINES = re.search(r"```jsonl\n(.*?)```", EVENTS, re.DOTALL)[1].splitlines()  # type: ignore[index]


def first_cells(page: str, after: str) -> list[str]:
    """Names in back quotes in the first column of the first table after a heading."""
    table = page.split(f"## {after}\n", 1)[1].split("\n## ", 1)[0]
    rows = [row for row in table.splitlines() if row.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_the_observation_page_is_up_to_date() -> None:
    written = (DOCS / "observation.md").read_text()
    assert written == observation_page(), "run: make docs"


def test_the_page_is_written_where_asked_and_else_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert documentation.PAGE == DOCS / "observation.md"
    monkeypatch.setattr(documentation, "PAGE", tmp_path / "usual.md")
    assert documentation.main([]) == documentation.main([str(tmp_path / "asked.md")]) == 0
    assert (tmp_path / "usual.md").read_text() == (tmp_path / "asked.md").read_text() == observation_page()


def test_make_docs_writes_the_page_and_the_pictures() -> None:
    recipe = re.search(r"^docs:.*\n\t(.*)\n\t(.*)$", (DOCS.parent / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert recipe[1].endswith("python -m journeys.documentation docs/observation.md")
    assert "handrail journey show $$name --out docs/pictures/journey-$$name.png" in recipe[2]


def test_the_example_journey_loads() -> None:
    journey = parse_journey(ALBUM, "photo-album.yaml")
    assert journey.step_names() == ("upload", "sharing-tour", "invite")
    compile_plan(journey)


@pytest.mark.parametrize(
    ("heading", "struct"),
    [
        ("The journey", spec.Journey),
        ("Skills", spec.Skill),
        ("Steps", spec.Step),
        ("Rules", spec.Rules),
        ("Goals", spec.Goal),
    ],
)
def test_every_key_is_described_with_its_default(heading: str, struct: Any) -> None:
    described = first_cells(JOURNEYS, heading)
    described = described[: -len(spec.Help.__struct_fields__)] if struct is spec.Step else described
    assert sorted(described) == sorted(struct.__struct_fields__)
    section = JOURNEYS.split(f"## {heading}\n", 1)[1]
    defaults = struct.__struct_defaults__
    for field, default in zip(struct.__struct_fields__[-len(defaults) :], defaults, strict=True):
        row = re.search(rf"\| [^|]*`{field}`[^|]*\|([^|]*)\|", section)
        if isinstance(default, int | float) and not isinstance(default, bool):
            assert row is not None
            assert f"{default:g}" in row[1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    minutes", "    minuets"),
        ("needs: [sharing]", "needs: [sharin]"),
        ("kind: task", "after: [invite]"),
        ("      human: A colleague sends", "      # A colleague sends"),
        ("version: 1", "title: again"),
    ],
)
def test_the_errors_shown_are_those_given(old: str, new: str) -> None:
    assert old in ALBUM
    with pytest.raises(JourneyError) as caught:
        parse_journey(ALBUM.replace(old, new, 1), "photo-album.yaml")
    assert str(caught.value).splitlines()[-1] in JOURNEYS


def test_the_example_events_are_one_life_with_every_kind() -> None:
    journey = load_journey("tiny")
    plan, codec = compile_plan(journey), EventCodec(journey)
    state, record = blank_states(plan, 1), np.zeros(1, EVENT).view(np.recarray)[0]
    for line in LINES:
        codec.to_record(parse_event(line), record)
        fold(plan, state.users[0], state.steps[0], state.skills[0], record)
    assert {parse_event(line).kind for line in LINES} == set(KINDS)
    assert state.steps["status"][0].tolist() == [DONE, 0, GIVEN_UP, GIVEN_UP, 0]
    assert state.users["sessions"][0] == 2
    assert (state.users["experience"][0], state.users["device"][0]) == (EXPERIENCES.index("some"), MOBILE)
    assert parse_event(re.search(r"```json\n(.*?)```", EVENTS, re.DOTALL)[1]).kind == "fail"  # type: ignore[index]


def test_every_field_and_kind_is_described() -> None:
    assert first_cells(EVENTS, "Fields") == list(Event.__struct_fields__)
    assert sorted(first_cells(EVENTS, "Kinds")) == sorted(KINDS)
    assert f"{LARGEST_EVENT:,}" in EVENTS


@pytest.mark.parametrize(
    "change",
    [{"time": 1_767_258_000}, {"kind": "strt"}, {"step": "check-list"}, {"id": "e-105", "kind": "accept"}],
    ids=str,
)
def test_the_event_errors_shown_are_those_given(change: dict[str, Any]) -> None:
    codec = EventCodec(load_journey("tiny"))
    good = {
        "id": "e-104",
        "user": "u",
        "journey": "tiny",
        "time": 1_767_258_000_000,
        "kind": "fail",
        "step": "checklist",
    }
    with pytest.raises(EventError) as caught:
        codec.to_record(parse_event(json.dumps(good | change)), np.zeros(1, EVENT)[0])
    assert str(caught.value) in EVENTS


def test_the_page_on_journeys_tells_the_sizes_of_those_that_ship() -> None:
    rows = JOURNEYS.split("## The journeys that ship\n", 1)[1].split("\n## ", 1)[0]
    for name in loading.shipped():
        journey = load_journey(name)
        sizes = [len(journey.steps), sum(counts(journey)), len(journey.skills), len(journey.goals) or "none"]
        forgetting = "yes" if journey.rules.forgetting else "no"
        assert f"| `{name}` | {journey.title} | {' | '.join(map(str, sizes))} | {forgetting} |\n" in rows


def test_the_page_names_the_shipped_journeys() -> None:
    assert all(f"`{name}`" in (DOCS / "observation.md").read_text() for name in loading.shipped())
