"""A path as a policy: what it selects, what it does with steps given up, and which paths are refused."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from journeys.actions import EASY, HARD, STANDARD
from journeys.loading import shipped
from journeys.observation import USER_INDEX
from policies.expert_rules import expert_rules
from policies.path import PATH_DIFFICULTIES, STEPS, LearningPath, PathPolicy, check_path, path_of
from tests.policies.moments import TINY, choice, make_policy, moment, moments_of

FIRST, CHECKLIST, NOTEBOOK, TAGS, FIND = range(5)
PATH = path_of([TAGS, FIRST, NOTEBOOK, CHECKLIST, FIND], [EASY, HARD, STANDARD, HARD, EASY])
POLICY = PathPolicy("path", PATH, TINY)
NOTES = [f"select {step} ({v})" for step in ("checklist", "notebook") for v in ("easy", "standard", "hard")]


def test_it_selects_the_first_open_step_of_the_path_at_its_difficulty() -> None:
    assert (
        choice(POLICY, moment("select", NOTES, first_note__done=1, tags_tour__done=1)) == "select notebook (standard)"
    )
    later = moment("select", NOTES[:3], first_note__done=1, tags_tour__done=1, notebook__done=1)
    assert choice(POLICY, later) == "select checklist (hard)"


def test_what_was_given_up_waits_and_comes_back_easy() -> None:
    gave_up = {"first_note__done": 1.0, "tags_tour__done": 1.0, "notebook__given_up": 1.0}
    assert choice(POLICY, moment("select", NOTES, **gave_up)) == "select checklist (hard)"
    assert choice(POLICY, moment("select", NOTES[3:], **gave_up, checklist__done=1.0)) == "select notebook (easy)"
    both = moment("select", NOTES, **gave_up, checklist__given_up=1.0)
    assert choice(POLICY, both) == "select notebook (easy)"


def test_the_next_best_difficulty_is_standard() -> None:
    """Who declines personalisation gets the journey's next step at standard, on the path or not."""
    assert choice(POLICY, moment("select", ["select checklist (standard)"])) == "select checklist (standard)"
    short = PathPolicy("short", path_of([FIRST, CHECKLIST, NOTEBOOK, FIND], [EASY] * 4), TINY)
    assert choice(short, moment("select", ["select tags-tour (standard)"])) == "select tags-tour (standard)"


def test_there_are_no_reviews_while_something_is_to_be_done() -> None:
    legal = ["select first-note (easy)", "select notebook (easy)", "select notebook (standard)"]
    due = moment("select", legal, tags_tour__done=1, first_note__done=1, first_note__review=1)
    assert choice(POLICY, due) == "select notebook (standard)"


@pytest.mark.parametrize("journey", shipped())
def test_help_and_messages_are_the_rules(journey: str) -> None:
    moments, path = moments_of(journey), make_policy("path", journey)
    elsewhere = moments.observations[:, USER_INDEX["select"]] < 0.5
    there = [part[elsewhere] for part in moments]
    np.testing.assert_array_equal(path.decide(*there).actions, expert_rules().decide(*there).actions)


def test_users_of_another_journey_are_refused() -> None:
    with pytest.raises(ValueError, match="are not of this journey"):
        POLICY.decide(*moments_of("saas"))


WHOLE, PLAIN = [FIRST, CHECKLIST, NOTEBOOK, FIND], [EASY] * 4
WRONG = {
    "is missing, without which nobody completes": path_of(WHOLE[:3], PLAIN[:3]),
    "'checklist' stands before 'first-note', which it waits for": path_of([CHECKLIST, FIRST, NOTEBOOK, FIND], PLAIN),
    "'checklist' is there twice": path_of([FIRST, CHECKLIST, CHECKLIST, NOTEBOOK], PLAIN),
    "there is no step number 9 in journey 'tiny'": path_of([9, *WHOLE], [EASY, *PLAIN]),
    "there is no step number -1 in journey 'tiny'": path_of([*WHOLE, -1], [*PLAIN, EASY]),
    "'find-it' has no difficulty number 3": path_of(WHOLE, [EASY, EASY, EASY, 3]),
    "is float64": LearningPath(np.array(WHOLE, np.float64), np.array(PLAIN, np.int32)),
    "expected int32, one number per step": path_of(WHOLE, PLAIN[:3]),
}


@pytest.mark.parametrize(("why", "path"), WRONG.items())
def test_what_is_no_path_is_refused_by_the_name_of_its_tensor(why: str, path: LearningPath) -> None:
    with pytest.raises(ValueError, match=why) as refusal:
        check_path(path, TINY)
    assert repr(STEPS) in str(refusal.value) or repr(PATH_DIFFICULTIES) in str(refusal.value)


def test_a_difficulty_that_a_step_lacks_is_refused() -> None:
    plain = replace(TINY, steps=tuple(replace(step, difficulties=("standard",)) for step in TINY.steps))
    check_path(path_of(WHOLE, [STANDARD] * 4), plain)
    with pytest.raises(ValueError, match="step 'first-note' has no difficulty number 0"):
        check_path(path_of(WHOLE, PLAIN), plain)
