"""The baselines do what their pages say, on moments made for the purpose and on real ones."""

from __future__ import annotations

import numpy as np
import pytest

from journeys.actions import decode
from journeys.loading import load_journey, shipped
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from policies.expert_rules import PLAIN_STRUGGLE, WORTH_A_HUMAN, expert_rules
from policies.fixed_path import fixed_path
from policies.greedy_belief import greedy_belief
from policies.protocol import Policy
from policies.random_legal import RandomLegal
from tests.policies.moments import Moments, moments_of

TINY = load_journey("tiny")
NAMES = TINY.step_names()


def moment(kind: str, legal: list[str], **entries: float) -> tuple[np.ndarray, np.ndarray]:
    """A made-up moment of the tiny journey: observation `(1, D)` and mask `(1, A)`.

    `legal` names actions as `decode` prints them; `entries` sets the user block, `step__entry` a step's block.
    """
    observation = np.zeros((1, moments_of("tiny").observations.shape[1]), np.float32)
    mask = np.array([[str(decode(a, NAMES)) in legal for a in range(moments_of("tiny").masks.shape[1])]])
    observation[0, USER_INDEX[kind]] = 1.0
    for name, value in entries.items():
        if "__" in name:
            step, entry = name.split("__")
            at = USER_SIZE + STEP_SIZE * NAMES.index(step.replace("_", "-"))
            observation[0, at + STEP_INDEX[entry]] = value
        else:
            observation[0, USER_INDEX[name]] = value
    assert mask.sum() == len(legal), "an action of that name does not exist"
    return observation, mask


def choice(policy: Policy, seen: tuple[np.ndarray, np.ndarray]) -> str:
    """What the policy does, in words."""
    return str(decode(int(policy.decide(*seen, np.zeros(1, np.uint64)).actions[0]), NAMES))


SELECTABLE = [
    f"select {step} ({level})" for step in ("checklist", "tags-tour") for level in ("easy", "standard", "hard")
]
HELP = ["wait", "hint", "guidance", "full", "human"]


def boundary(**entries: float) -> tuple[np.ndarray, np.ndarray]:
    """At a boundary with one required and one optional step to choose from."""
    return moment("select", SELECTABLE, checklist__required=1.0, **entries)


@pytest.mark.parametrize("journey", shipped())
def test_random_takes_every_legal_action_alike(journey: str) -> None:
    moments = moments_of(journey)
    probabilities = RandomLegal().probabilities(moments.observations, moments.masks)
    share = 1.0 / moments.masks.sum(axis=1)
    np.testing.assert_array_equal(probabilities, moments.masks * share[:, None])


class TestFixedPath:
    def test_takes_the_first_required_step_at_standard(self) -> None:
        assert choice(fixed_path(), boundary()) == "select checklist (standard)"

    def test_takes_an_optional_step_only_where_nothing_else_is_left(self) -> None:
        assert choice(fixed_path(), moment("select", SELECTABLE[3:])) == "select tags-tour (standard)"

    def test_helps_only_when_asked(self) -> None:
        assert choice(fixed_path(), moment("assist", HELP, struggle=1.0)) == "wait"
        assert choice(fixed_path(), moment("assist", HELP, asked_now=1.0)) == "hint"

    def test_climbs_one_rung_further_each_time(self) -> None:
        climbed = [choice(fixed_path(), moment("assist", HELP, asked_now=1.0, rung=r / 4)) for r in range(4)]
        assert climbed == HELP[1:]

    def test_waits_where_the_next_rung_is_not_legal(self) -> None:
        assert choice(fixed_path(), moment("assist", ["wait"], asked_now=1.0)) == "wait"

    def test_sends_no_messages(self) -> None:
        assert choice(fixed_path(), moment("reengage", ["nothing", "push", "email"])) == "nothing"

    @pytest.mark.parametrize("journey", shipped())
    def test_never_leaves_standard_on_real_moments(self, journey: str) -> None:
        moments = moments_of(journey)
        actions = fixed_path().decide(*moments).actions
        names = load_journey(journey).step_names()
        selected = actions[moments.observations[:, USER_INDEX["select"]] == 1.0]
        for action in selected:
            step = load_journey(journey).steps[names.index(str(decode(int(action), names).step))]
            difficulty = decode(int(action), names).difficulty
            assert difficulty == "standard" or "standard" not in step.difficulties


class TestExpertRules:
    @pytest.mark.parametrize(("success", "level"), [(0.4, "easy"), (0.7, "standard"), (0.95, "hard")])
    def test_matches_the_difficulty_to_the_belief(self, success: float, level: str) -> None:
        assert choice(expert_rules(), boundary(checklist__success_standard=success)) == f"select checklist ({level})"

    def test_practises_first_where_failure_is_likely(self) -> None:
        seen = boundary(checklist__success_standard=0.2, tags_tour__gain=0.3, tags_tour__success_standard=0.7)
        assert choice(expert_rules(), seen) == "select tags-tour (standard)"

    def test_does_not_practise_what_teaches_nothing(self) -> None:
        assert choice(expert_rules(), boundary(checklist__success_standard=0.2)) == "select checklist (easy)"

    def test_helps_the_struggling_and_lets_the_others_work(self) -> None:
        for struggle, expected in ((PLAIN_STRUGGLE - 0.05, "wait"), (PLAIN_STRUGGLE + 0.05, "hint")):
            assert choice(expert_rules(), moment("assist", HELP, struggle=struggle, acceptance=0.5)) == expected

    def test_stops_offering_to_those_who_wave_it_away(self) -> None:
        assert choice(expert_rules(), moment("assist", HELP, struggle=0.9, acceptance=0.1)) == "wait"
        assert choice(expert_rules(), moment("assist", HELP, asked_now=1.0, acceptance=0.1)) == "hint"

    def test_calls_a_human_only_in_great_need(self) -> None:
        for struggle, expected in ((WORTH_A_HUMAN - 0.05, "wait"), (WORTH_A_HUMAN + 0.05, "human")):
            seen = moment("assist", HELP, struggle=struggle, acceptance=0.5, rung=0.75)
            assert choice(expert_rules(), seen) == expected

    @pytest.mark.parametrize(("checks", "message"), [(1, "push"), (2, "email"), (3, "nothing")])
    def test_writes_twice_and_then_no_more(self, checks: int, message: str) -> None:
        seen = moment("reengage", ["nothing", "push", "email"], away_checks=checks / 4)
        assert choice(expert_rules(), seen) == message

    def test_writes_only_where_it_may(self) -> None:
        assert choice(expert_rules(), moment("reengage", ["nothing", "email"], away_checks=0.25)) == "email"
        assert choice(expert_rules(), moment("reengage", ["nothing"], away_checks=0.25)) == "nothing"


class TestGreedyBelief:
    def test_takes_what_is_worth_most_per_minute(self) -> None:
        shorter = boundary(checklist__success_standard=0.9, checklist__success_easy=0.9, checklist__minutes=0.1)
        assert choice(greedy_belief(), shorter).startswith("select checklist")
        teaching = boundary(checklist__success_easy=0.05, checklist__minutes=0.9, tags_tour__gain=0.4)
        assert choice(greedy_belief(), teaching).startswith("select tags-tour")

    def test_helps_where_help_lifts_success(self) -> None:
        assert choice(greedy_belief(), moment("assist", HELP, struggle=0.9, acceptance=0.9, success_now=0.3)) != "wait"
        assert choice(greedy_belief(), moment("assist", HELP, struggle=0.9, acceptance=0.9, success_now=0.99)) == "wait"
        assert choice(greedy_belief(), moment("assist", HELP, struggle=0.0, acceptance=0.9, success_now=0.3)) == "wait"

    def test_sends_the_message_that_works_best(self) -> None:
        assert choice(greedy_belief(), moment("reengage", ["nothing", "push", "email"])) == "push"
        assert choice(greedy_belief(), moment("reengage", ["nothing", "email"])) == "email"
        assert choice(greedy_belief(), moment("reengage", ["nothing"])) == "nothing"


def test_no_baseline_reads_its_own_consent() -> None:
    """What is legal is the mask's word: consent entries of the observation change no baseline's choice."""
    moments = moments_of("tiny")
    blind = moments.observations.copy()
    blind[:, [USER_INDEX[f"consent_{name}"] for name in ("personalise", "push", "email")]] = 0.0
    for policy in (fixed_path(), expert_rules(), greedy_belief()):
        actions = policy.decide(*Moments(blind, moments.masks, moments.keys)).actions
        np.testing.assert_array_equal(actions, policy.decide(*moments).actions)
