"""Every rule of docs/rules.md, one moment each, and what the rules come to on whole onboardings."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from journeys.actions import HUMAN, WAIT, decode
from journeys.loading import load_journey, shipped
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from personas.persona import load_population
from policies.expert_rules import PLAIN_STRUGGLE, TRIED_ALONE, WELCOME, WHEEL_SPINNING, expert_rules
from policies.step_rules import JUST_GAVE_UP, LIKELY_TO_FAIL, READY_FOR_HARD, WANTS_EASY
from policies.training.rollout import rounds
from tests.policies.moments import choice, moment

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
LEVELS = ("easy", "standard", "hard")
OPEN = [f"select {step} ({level})" for step in ("checklist", "notebook", "tags-tour") for level in LEVELS]
HELP = ["wait", "hint", "guidance", "full", "human"]
MESSAGES = ["nothing", "push", "email"]
FAILING = {"checklist__success_standard": LIKELY_TO_FAIL - 0.05}


def selected(**entries: float) -> str:
    """What the rules select among two required steps and an optional one, half of the journey done."""
    usual = {"progress": 0.5, "experience": 0.5, "checklist__required": 1.0, "notebook__required": 1.0}
    usual |= {f"{step}__success_standard": 0.75 for step in ("checklist", "notebook", "tags_tour")}
    return choice(expert_rules(), moment("select", OPEN, **(usual | entries)))


def helped(legal: list[str] = HELP, **entries: float) -> str:
    """What the rules do inside a step for somebody who struggles and has not yet waved anything away."""
    usual = {"struggle": PLAIN_STRUGGLE + 0.1, "acceptance": 0.5, "checklist__current": 1.0}
    return choice(expert_rules(), moment("assist", legal, **(usual | entries)))


def written(checks: int, sessions: int = 1, legal: list[str] = MESSAGES) -> str:
    """The message at an away check."""
    return choice(expert_rules(), moment("reengage", legal, away_checks=checks / 4, sessions=sessions / 8))


class TestOrder:
    def test_required_steps_in_the_journeys_order(self) -> None:
        assert selected() == "select checklist (standard)"

    def test_a_quick_win_first(self) -> None:
        likely = {"checklist__success_easy": 0.4, "notebook__success_easy": 0.7}
        assert selected(**likely, progress=0.0).startswith("select notebook")
        assert selected(**likely).startswith("select checklist")

    def test_a_win_after_giving_up(self) -> None:
        likely = {"checklist__success_easy": 0.4, "notebook__success_easy": 0.7}
        assert selected(**likely, giving_up=JUST_GAVE_UP + 0.05).startswith("select notebook")

    def test_the_declared_goal_first(self) -> None:
        assert selected(notebook__goal=1.0).startswith("select notebook")

    def test_nobody_is_sent_straight_back_into_what_they_gave_up(self) -> None:
        assert selected(checklist__given_up=1.0).startswith("select notebook")
        assert selected(checklist__given_up=1.0, checklist__goal=1.0).startswith("select notebook")

    def test_required_steps_before_optional_ones_even_where_they_were_given_up(self) -> None:
        both = {"checklist__given_up": 1.0, "notebook__given_up": 1.0}
        assert selected(**both, tags_tour__gain=0.5) == "select checklist (easy)"


class TestDetours:
    def test_practice_before_a_step_that_is_likely_to_fail(self) -> None:
        assert selected(**FAILING, tags_tour__gain=0.3).startswith("select tags-tour")
        assert selected(tags_tour__gain=0.3).startswith("select checklist")

    def test_no_practice_where_the_step_itself_teaches_as_much(self) -> None:
        assert selected(**FAILING, tags_tour__gain=0.3, checklist__gain=0.3).startswith("select checklist")

    def test_a_video_counts_for_less_than_doing(self) -> None:
        gains = {"tags_tour__gain": 0.3, "checklist__gain": 0.2}
        assert selected(**FAILING, **gains).startswith("select tags-tour")
        assert selected(**FAILING, **gains, tags_tour__video=1.0).startswith("select checklist")

    def test_no_way_back_into_practice_that_was_given_up(self) -> None:
        assert selected(**FAILING, tags_tour__gain=0.3, tags_tour__given_up=1.0).startswith("select checklist")

    def test_declared_experts_skip_practice(self) -> None:
        assert selected(**FAILING, tags_tour__gain=0.3, experience=1.0).startswith("select checklist")

    def test_a_due_review_before_a_step_that_needs_it(self) -> None:
        review = {"tags_tour__done": 1.0, "tags_tour__review": 1.0, "tags_tour__gain": 0.3}
        assert selected(**FAILING, **review).startswith("select tags-tour")
        assert selected(**FAILING, **review, experience=1.0).startswith("select tags-tour"), "experts forget too"
        assert selected(**FAILING, **review, tags_tour__video=1.0).startswith("select checklist")

    def test_no_detour_right_after_giving_up(self) -> None:
        assert selected(**FAILING, tags_tour__gain=0.3, giving_up=0.25).startswith("select checklist")


class TestDifficulty:
    @pytest.mark.parametrize(
        ("success", "level"), [(WANTS_EASY - 0.05, "easy"), ((WANTS_EASY + READY_FOR_HARD) / 2, "standard")]
    )
    def test_easier_for_who_is_likely_to_fail(self, success: float, level: str) -> None:
        assert selected(checklist__success_standard=success) == f"select checklist ({level})"

    def test_hard_for_the_sure_who_still_learn(self) -> None:
        sure = {"checklist__success_standard": 0.95, "checklist__success_hard": 0.9}
        assert selected(**sure, checklist__gain=0.2) == "select checklist (hard)"

    def test_the_short_version_where_nothing_is_left_to_learn(self) -> None:
        assert selected(checklist__success_standard=0.95, checklist__success_hard=0.9) == "select checklist (easy)"

    def test_easy_at_the_second_try(self) -> None:
        assert selected(checklist__given_up=1.0, notebook__given_up=1.0) == "select checklist (easy)"

    def test_only_difficulties_that_the_step_has(self) -> None:
        only = moment("select", ["select checklist (standard)"], checklist__success_standard=0.1)
        assert choice(expert_rules(), only) == "select checklist (standard)"


class TestHelp:
    def test_who_asks_is_always_answered(self) -> None:
        for entries in ({"acceptance": 0.0}, {"rung": 0.0, "struggle": 0.0}, {"checklist__video": 1.0}):
            assert helped(**({"asked_now": 1.0} | entries)) == "hint"
        assert helped(asked_now=1.0, rung=0.5) == "full"

    def test_unasked_help_at_plain_struggle_alone(self) -> None:
        assert helped() == "hint"
        assert helped(struggle=PLAIN_STRUGGLE - 0.05) == "wait"

    def test_two_dismissals_in_a_row_end_unasked_help(self) -> None:
        once, twice = 0.5 * 0.75, 0.5 * 0.75**2
        assert twice < WELCOME < once
        assert helped(acceptance=once) == "hint"
        assert helped(acceptance=twice, struggle=0.95) == "wait"

    def test_an_offer_waved_away_is_not_repeated_in_the_same_visit(self) -> None:
        assert helped(rung=0.25, taken=0.0) == "wait"
        assert helped(rung=0.25, taken=0.25) == "guidance"

    def test_nobody_is_interrupted_in_a_video(self) -> None:
        assert helped(checklist__video=1.0) == "wait"

    def test_a_human_unasked_only_to_who_took_full_help_and_goes_on_failing(self) -> None:
        for taken, fails, expected in ((3, WHEEL_SPINNING, "human"), (3, WHEEL_SPINNING - 1, "wait")):
            entries = {"rung": 0.75, "taken": taken / 4, "fails_in_row": fails / 5, "struggle": 0.95}
            assert helped(**entries) == expected

    def test_a_human_answers_who_asks_once_all_else_was_shown_and_tried(self) -> None:
        for fails, expected in ((TRIED_ALONE, "human"), (TRIED_ALONE - 1, "full")):
            assert helped(asked_now=1.0, rung=0.75, taken=0.75, fails_in_row=fails / 5) == expected
        assert helped(asked_now=1.0, rung=1.0, taken=1.0, fails_in_row=0.8) == "human"

    def test_only_what_is_legal(self) -> None:
        assert helped(["wait"]) == helped(["wait"], asked_now=1.0) == "wait"
        assert helped(HELP[:-1], asked_now=1.0, rung=0.75, fails_in_row=0.8) == "full", "no human here: once more"


class TestMessages:
    @pytest.mark.parametrize(("checks", "message"), [(1, "push"), (2, "email"), (3, "nothing")])
    def test_a_push_an_email_and_then_silence(self, checks: int, message: str) -> None:
        assert written(checks) == message

    def test_who_came_back_before_is_written_to_once_more(self) -> None:
        assert (written(3, sessions=2), written(4, sessions=2)) == ("push", "nothing")

    def test_the_other_channel_where_only_that_is_allowed(self) -> None:
        assert [written(n, legal=["nothing", "email"]) for n in (1, 2)] == ["email", "email"]
        assert [written(n, legal=["nothing", "push"]) for n in (1, 2)] == ["push", "push"]
        assert written(1, legal=["nothing"]) == "nothing"


def test_the_page_names_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 20
    assert named <= set(re.findall(r"def (test_\w+)", Path(__file__).read_text(encoding="utf-8")))


@pytest.mark.parametrize("journey", shipped())
def test_whole_onboardings_keep_the_promises(journey: str) -> None:
    """Who asks is answered, what was given up is the last resort, and no human comes before full help was shown."""
    onboarding = load_journey(journey)
    n_steps, names = len(onboarding.steps), onboarding.step_names()
    wait, asked, rung = 3 * n_steps + WAIT, USER_INDEX["asked_now"], USER_INDEX["rung"]
    for seen in rounds(onboarding, load_population("mixed"), expert_rules(), 300, seed=8):
        actions, help_legal = seen.choices.actions, seen.masks[:, wait + 1 : wait + HUMAN].any(axis=1)
        assert (actions[(seen.observations[:, asked] == 1.0) & help_legal] != wait).all()
        assert (seen.observations[actions == wait + HUMAN, rung] >= (HUMAN - 1) / HUMAN).all()
        for row in np.flatnonzero(actions < 3 * n_steps):
            step = names.index(str(decode(int(actions[row]), names).step))
            blocks = seen.observations[row, USER_SIZE : USER_SIZE + STEP_SIZE * n_steps].reshape(n_steps, STEP_SIZE)
            others = seen.masks[row, : 3 * n_steps].reshape(n_steps, 3).any(axis=1)
            others &= (blocks[:, STEP_INDEX["required"]] == 1.0) & (blocks[:, STEP_INDEX["given_up"]] == 0.0)
            if blocks[step, STEP_INDEX["given_up"]]:
                assert not (others & (blocks[:, STEP_INDEX["done"]] == 0.0)).any()
