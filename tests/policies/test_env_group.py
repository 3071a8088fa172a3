"""Several environments as one batch: every row lives as it would in an environment of its own."""

from __future__ import annotations

import numpy as np
import pytest

from envs.hidden import HIDDEN_SIZE
from envs.reward import RewardWeights
from envs.vector import OnboardingVectorEnv
from journeys.actions import N_VARIANTS
from policies.families import baseline
from policies.step_features import ROW_SIZE, SHARED_SIZE
from policies.training.env_group import INTERVENTIONS, EnvGroup, Inputs
from policies.training.recall import Everything, Traces
from tests.policies.trainings import setting

TINY, SAAS = setting("tiny"), setting("saas", "irt_forgetting")


def group_of(*practice, n: int = 12, by_steps: bool = True, **more) -> EnvGroup:
    return EnvGroup(practice, n, RewardWeights(), seed=5, by_steps=by_steps, most_decisions=400, **more)


def seen(group: EnvGroup) -> Inputs:
    room = group.room(1)
    here = Inputs(*(array[0] for array in room))
    group.look(here)
    return here


def first_legal(masks: np.ndarray) -> np.ndarray:
    return masks.argmax(axis=1)


def test_masks_of_short_journeys_are_laid_out_for_the_longest() -> None:
    group = group_of(TINY, SAAS)
    masks = seen(group).masks
    for env, part in zip(group.envs, group.slices, strict=True):
        own = N_VARIANTS * len(env.plan.steps)
        longest = N_VARIANTS * group.layout.n_steps
        np.testing.assert_array_equal(masks[part, :own], env.world.masks[:, :own])
        np.testing.assert_array_equal(masks[part, longest:], env.world.masks[:, own:])
        assert not masks[part, own:longest].any()
    assert group.layout.n_actions == masks.shape[1] == N_VARIANTS * 14 + INTERVENTIONS


@pytest.mark.parametrize("practice", [(TINY,), (TINY, SAAS)])
def test_rows_live_as_in_environments_of_their_own(practice: tuple) -> None:
    """The same actions bring the same rewards, event keys and endings."""
    group = group_of(*practice)
    alone = [
        OnboardingVectorEnv(s.journey, s.population, env.num_envs, learner=s.learner)
        for s, env in zip(practice, group.envs, strict=True)
    ]
    for env, own in zip(alone, group.seeds, strict=True):
        env.reset(seed=own)
    for _ in range(60):
        actions = first_legal(seen(group).masks)
        outcome = group.step(actions)
        for env, part in zip(alone, group.slices, strict=True):
            _, rewards, terminated, truncated, info = env.step(first_legal(env.action_masks()))
            np.testing.assert_array_equal(outcome.rewards[part], rewards)
            np.testing.assert_array_equal(outcome.over[part], terminated | truncated)
            np.testing.assert_array_equal(outcome.elapsed[part], info["elapsed"])
            np.testing.assert_array_equal(group.keys()[part], env.world.keys)


def test_advice_is_the_teachers_in_the_groups_own_layout() -> None:
    group = group_of(TINY, SAAS)
    teacher = baseline("greedy", TINY.journey)
    for _ in range(20):
        masks, advice = seen(group).masks, group.advice(teacher)
        assert masks[np.arange(group.n), advice].all()
        group.step(advice)


def test_a_flat_input_is_the_observation_and_then_what_is_hidden() -> None:
    group = group_of(TINY, by_steps=False)
    env, flat = group.envs[0], seen(group).flat
    np.testing.assert_array_equal(flat[:, : group.layout.seen], env.world.observations)
    np.testing.assert_array_equal(flat[:, group.layout.seen :], env.hidden())
    assert flat.shape[1] == group.layout.critic == group.layout.seen + HIDDEN_SIZE + 2


def test_where_journeys_differ_the_shared_features_stand_for_the_observation() -> None:
    group = group_of(TINY, SAAS)
    here = seen(group)
    assert group.layout.observation == 0
    np.testing.assert_array_equal(here.flat[:, :SHARED_SIZE], here.shared)
    assert here.rows.shape == (12, 14, ROW_SIZE)
    assert not here.rows[group.slices[0], 5:].any(), "a short journey has no more rows than steps"


@pytest.mark.parametrize("recall", [Traces, Everything])
def test_what_is_recalled_follows_the_observation(recall: type) -> None:
    group = group_of(TINY, by_steps=False, recall=recall)
    first = seen(group)
    size = group.envs[0].world.observations.shape[1]
    assert group.layout.observation == size + group.recalls[0].size
    if recall is Everything:
        np.testing.assert_array_equal(first.flat[:, size : group.layout.observation], group.envs[0].hidden())
        return
    np.testing.assert_allclose(first.flat[:, size : size + 39], group.envs[0].world.observations[:, :39])


def test_traces_forget_the_user_who_has_left() -> None:
    group = group_of(TINY, by_steps=False, recall=Traces)
    size = group.envs[0].world.observations.shape[1]
    for _ in range(200):
        here = seen(group)
        outcome = group.step(first_legal(here.masks))
        if outcome.over.any():
            after = seen(group).flat[outcome.over]
            np.testing.assert_allclose(after[:, size : size + 39], after[:, :39])
            return
    pytest.fail("nobody was through after 200 decisions")


def test_personas_are_numbered_by_name_whatever_the_population() -> None:
    group = group_of(TINY, setting("tiny", population="beginners"))
    seen(group)
    for env, part in zip(group.envs, group.slices, strict=True):
        names = [env.population.personas[i] for i in env.world.minds["persona"]]
        assert [group.kinds[i] for i in group.personas[part]] == names


def test_fewer_rows_than_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"training.num_envs=1 is less than the 2 settings.*Mend"):
        group_of(TINY, SAAS, n=1)


def test_the_critic_is_shown_the_last_state_of_who_was_cut() -> None:
    group = EnvGroup((TINY,), 8, RewardWeights(), seed=5, by_steps=False, most_decisions=3)
    for _ in range(3):
        here = seen(group)
        outcome = group.step(first_legal(here.masks))
    assert outcome.truncated.any()
    rows, flat = group.cut[0]
    np.testing.assert_array_equal(rows, np.flatnonzero(outcome.truncated))
    assert flat.shape == (len(rows), group.layout.critic)
    assert (flat != seen(group).flat[rows]).any(), "the new users are others"
