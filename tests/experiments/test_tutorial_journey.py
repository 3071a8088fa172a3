"""The journey made of the tutorial's tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.tutorial.data import read_tutorial
from experiments.tutorial.journey import expected_minutes, journey_of, step_names, write_journey
from journeys.loading import load_journey
from journeys.spec import Journey
from tests.experiments.tutorial_tables import Tables, lively


@pytest.fixture
def journey(tmp_path: Path) -> Journey:
    return journey_of(read_tutorial(lively(5).write(tmp_path)))


def test_concepts_that_no_data_can_tell_apart_are_one_skill(journey: Journey) -> None:
    assert [skill.name for skill in journey.skills] == ["programming-order", "block-again", "game-holes", "game-ice"]
    assert journey.skills[0].title == "BLOCK_GO ENV_PLACE PROGRAMMING_ORDER"


def test_a_task_teaches_what_is_new_at_its_level_and_needs_the_rest(journey: Journey) -> None:
    by_name = {step.name: step for step in journey.steps}
    assert by_name["again-again"].teaches == ("block-again", "game-holes")
    assert by_name["again-again"].needs == ("programming-order",)
    assert by_name["mind-the-hole"].teaches == ("game-ice",)
    assert by_name["mind-the-hole"].needs == ("programming-order", "block-again", "game-holes")


def test_the_simplest_task_of_a_level_is_required_and_gates_the_next(journey: Journey) -> None:
    assert [step.name for step in journey.steps if step.required] == ["go-there-11", "round", "cold-feet"]
    after = {step.name: step.after for step in journey.steps}
    assert after["go-there-12"] == ()
    assert after["again-again"] == after["round"] == ("go-there-11",)
    assert after["mind-the-hole"] == after["cold-feet"] == ("round",)


def test_titles_that_make_the_same_name_are_told_apart(tmp_path: Path) -> None:
    names = step_names(read_tutorial(lively(1).write(tmp_path)).tasks)
    assert (names[11], names[12], names[21]) == ("go-there-11", "go-there-12", "again-again")


def test_minutes_are_the_median_pulled_towards_the_level(tmp_path: Path) -> None:
    tables = Tables()
    for student, seconds in enumerate((60, 120, 600)):
        tables.visit(student, 11, 0, "+", time_spent=seconds)
    for student, seconds in enumerate((240, 1200)):
        tables.visit(student, 12, 60, "+", time_spent=seconds)
    tables.visit(9, 31, 0, "+", time_spent=1)
    tutorial = read_tutorial(tables.write(tmp_path))
    minutes = expected_minutes(tutorial.tasks, tutorial.visits)
    of_level = 4.0  # median of 1, 2, 10, 4, 20
    assert minutes[11] == pytest.approx((3 * 2.0 + 5 * of_level) / 8)
    assert minutes[12] == pytest.approx((2 * 12.0 + 5 * of_level) / 7)
    assert minutes[31] == minutes[32] == 0.25  # the floor
    assert minutes[21] == pytest.approx(3.0)  # no solution at its level: the median of all


def test_the_written_file_loads_as_the_same_journey(tmp_path: Path, journey: Journey) -> None:
    write_journey(tmp_path / "journey.yaml", journey)
    assert load_journey(tmp_path / "journey.yaml") == journey


def test_help_is_the_tutorials_own_words(journey: Journey) -> None:
    step = journey.steps[journey.step_names().index("mind-the-hole")]
    assert step.help.hint == "About GAME_ICE."
    assert step.help.full == "About BLOCK_GO. About ENV_PLACE. About BLOCK_AGAIN. About GAME_HOLES. About GAME_ICE."
