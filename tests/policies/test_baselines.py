"""The baselines do what their pages say, on moments made for the purpose and on real ones."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners import load_learner
from journeys.actions import N_VARIANTS, decode
from journeys.loading import load_journey, shipped
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from personas.persona import load_population
from policies.expert_rules import expert_rules
from policies.fixed_path import fixed_path
from policies.greedy_belief import greedy_belief
from policies.random_legal import RandomLegal
from policies.training.rollout import rounds
from policies.zpdes import Zpdes
from tests.policies.moments import Moments, choice, moment, moments_of

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


class TestGreedyBelief:
    def test_takes_what_is_worth_most_per_minute(self) -> None:
        shorter = boundary(checklist__success_standard=0.9, checklist__success_easy=0.9, checklist__minutes=0.1)
        assert choice(greedy_belief(), shorter).startswith("select checklist")
        teaching = boundary(checklist__success_easy=0.05, checklist__minutes=0.9, tags_tour__gain=0.4)
        assert choice(greedy_belief(), teaching).startswith("select tags-tour")

    def test_watching_teaches_less_and_only_who_stays_to_the_end(self) -> None:
        """The same gain is worth less in a video than in a task, and less the longer the video."""
        equal = {"checklist__gain": 0.2, "checklist__minutes": 0.3, "tags_tour__gain": 0.2, "tags_tour__minutes": 0.3}
        doing = moment("select", SELECTABLE, **equal, tags_tour__video=1.0)
        assert choice(greedy_belief(), doing).startswith("select checklist")
        equal["tags_tour__gain"] = 0.45  # more than twice as much: half of it is learned, if seen to the end
        assert choice(greedy_belief(), moment("select", SELECTABLE, **equal)).startswith("select tags-tour")
        seen = moment("select", SELECTABLE, **equal, tags_tour__video=1.0)
        assert choice(greedy_belief(), seen).startswith("select checklist")

    def test_does_not_go_on_offering_what_was_given_up(self) -> None:
        entries = {
            "checklist__success_easy": 0.5,
            "checklist__minutes": 0.5,
            "tags_tour__gain": 0.1,
            "tags_tour__minutes": 0.1,
        }
        assert choice(greedy_belief(), boundary(**entries)).startswith("select tags-tour")
        dropped = boundary(**entries, tags_tour__given_up=1.0, giving_up=0.25)
        assert choice(greedy_belief(), dropped).startswith("select checklist")

    def test_steps_that_serve_the_declared_goal_come_first_among_equals(self) -> None:
        legal = [f"select {step} ({level})" for step in ("checklist", "notebook") for level in ("easy", "standard")]
        for goal in ("checklist", "notebook"):
            entries = {
                f"{s}__{entry}": 0.6 for s in ("checklist", "notebook") for entry in ("required", "success_easy")
            }
            entries[f"{goal}__goal"] = 1.0
            assert choice(greedy_belief(), moment("select", legal, **entries)).startswith(f"select {goal}")

    def test_reviews_for_what_they_bring_back(self) -> None:
        """What restores much comes before a step that is long and likely to fail; what restores little does not."""
        for gain, expected in ((0.3, "tags-tour"), (0.005, "checklist")):
            seen = boundary(
                checklist__success_easy=0.2,
                checklist__minutes=0.6,
                tags_tour__done=1.0,
                tags_tour__review=1.0,
                tags_tour__gain=gain,
                tags_tour__minutes=0.2,
            )
            assert choice(greedy_belief(), seen).startswith(f"select {expected}")

    def test_does_not_loop_on_what_was_dropped(self) -> None:
        """Whole onboardings, users forgetting: what was given up and need not be done is hardly ever offered again."""
        n_again = n_could = 0
        onboarding, learner = load_journey("saas"), load_learner("bkt_forgetting")
        for seen in rounds(onboarding, load_population("mixed"), greedy_belief(), 400, seed=8, learner=learner):
            blocks = seen.observations[:, USER_SIZE : USER_SIZE + STEP_SIZE * len(onboarding.steps)]
            blocks = blocks.reshape(len(seen.rows), len(onboarding.steps), STEP_SIZE)
            dropped = (blocks[..., STEP_INDEX["given_up"]] == 1.0) & (blocks[..., STEP_INDEX["required"]] == 0.0)
            legal = seen.masks[:, : N_VARIANTS * len(onboarding.steps)].reshape(*dropped.shape, N_VARIANTS).any(axis=2)
            could = (legal & dropped).any(axis=1) & (legal & ~dropped).any(axis=1)
            steps = np.minimum(seen.choices.actions // N_VARIANTS, len(onboarding.steps) - 1)
            n_could += int(could.sum())
            n_again += int(dropped[np.arange(len(steps)), steps][could].sum())
        assert n_could > 50
        assert n_again < 0.1 * n_could

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
    for policy in (fixed_path(), expert_rules(), greedy_belief(), Zpdes(load_journey("tiny"))):
        actions = policy.decide(*Moments(blind, moments.masks, moments.keys)).actions
        np.testing.assert_array_equal(actions, policy.decide(*moments).actions)
