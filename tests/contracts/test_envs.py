"""Every environment passes the same suite: every shipped journey, one user at a time and many."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import envs  # noqa: F401  registers the ids
from agents.kernel import TERMS
from envs.onboarding import OnboardingEnv
from envs.registration import ENV_ID
from envs.vector import OnboardingVectorEnv
from journeys.loading import load_journey, shipped
from personas.persona import load_population
from tests.envs.lives import legal_picks

N = 16
EVERY_JOURNEY = pytest.mark.parametrize("journey", shipped())


def vector_env(journey: str, n: int = N, **settings: Any) -> OnboardingVectorEnv:
    return OnboardingVectorEnv(load_journey(journey), load_population("mixed"), n, **settings)


def walk(env: OnboardingVectorEnv, info: dict[str, Any], steps: int) -> list[tuple[Any, ...]]:
    """Take `steps` legal steps; returns copies of what each returned."""
    taken = []
    for _ in range(steps):
        step = env.step(legal_picks(info["action_mask"], info["event_key"]))
        info = step[-1]
        taken.append(copy.deepcopy(step))
    return taken


def assert_same(one: Any, other: Any) -> None:
    """Equal to the bit, dtypes included, through tuples, lists and dicts."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = list(one.values()), [other[key] for key in one]
    if isinstance(one, np.ndarray) and one.dtype == object:
        one, other = list(one), list(other)
    if isinstance(one, (tuple, list)):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
        return
    assert np.asarray(one).dtype == np.asarray(other).dtype
    np.testing.assert_array_equal(one, other)


@EVERY_JOURNEY
def test_gymnasiums_checker_is_content(journey: str) -> None:
    env = gym.make(ENV_ID, journey=journey)
    check_env(env.unwrapped, skip_render_check=True)


@EVERY_JOURNEY
def test_vector_spaces_and_dtypes(journey: str) -> None:
    env = vector_env(journey)
    observations, info = env.reset(seed=5)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert env.observation_space.contains(observations)
    for step in walk(env, info, 60):
        observations, rewards, terminated, truncated, info = step
        assert env.observation_space.contains(observations)
        assert (rewards.shape, rewards.dtype) == ((N,), np.float64)
        assert (terminated.shape, terminated.dtype) == ((N,), np.bool_)
        assert (truncated.shape, truncated.dtype) == ((N,), np.bool_)
        assert env.action_space.contains(legal_picks(info["action_mask"], info["event_key"]))


@EVERY_JOURNEY
def test_infos_are_arrays_never_objects(journey: str) -> None:
    env = vector_env(journey)
    _, info = env.reset(seed=5)
    n_actions = env.world.masks.shape[1]
    assert env.single_action_space == gym.spaces.Discrete(n_actions)
    steps = [info, *(step[-1] for step in walk(env, info, 60))]
    assert any("final_obs" in info for info in steps)
    for info in steps:
        # Gymnasium itself prescribes an object array for `final_obs`; the same rows stand in `final_info` as one array.
        arrays = {name: value for name, value in info.items() if name not in {"final_obs", "final_info"}}
        assert all(isinstance(value, np.ndarray) and value.dtype != object for value in arrays.values())
        assert all(len(value) == N for value in arrays.values())
        assert (info["action_mask"].shape, info["action_mask"].dtype) == ((N, n_actions), np.bool_)
        assert info["action_mask"].any(axis=1).all(), "some environment has no legal action"
        assert info["terms"].shape == (N, len(TERMS))
        assert info["event_key"].dtype == np.uint64


@EVERY_JOURNEY
def test_same_step_autoreset(journey: str) -> None:
    """An ended row shows its last observation in `final_obs` and already holds user u + n's first one."""
    env, fresh = vector_env(journey, copy=True), vector_env(journey, copy=True)
    _, info = env.reset(seed=5)
    ended_rows = 0
    for _ in range(120):
        before = info["user"].copy()
        observations, _, terminated, truncated, info = env.step(legal_picks(info["action_mask"], info["event_key"]))
        over = terminated | truncated
        assert ("final_obs" in info) == over.any()
        np.testing.assert_array_equal(info["user"], np.where(over, before + N, before))
        if over.any():
            np.testing.assert_array_equal(info["final_info"]["rows"], np.flatnonzero(over))
            np.testing.assert_array_equal(info["final_info"]["user"], before[over])
            np.testing.assert_array_equal(np.stack(info["final_obs"][over]), info["final_info"]["observations"])
            assert all(last is None for last in info["final_obs"][~over])
        for row in np.flatnonzero(over):
            ended_rows += 1
            assert info["_final_obs"][row]
            assert not info["final_obs"][row][:3].any(), "a moment is due although the onboarding is over"
            firsts, first_info = fresh.reset(seed=5, options={"first_user": int(info["user"][row])})
            np.testing.assert_array_equal(observations[row], firsts[0])
            np.testing.assert_array_equal(info["action_mask"][row], first_info["action_mask"][0])
    assert ended_rows > N


def test_episodes_are_cut_at_the_limit() -> None:
    env = vector_env("tiny", most_decisions=5)
    _, info = env.reset(seed=5)
    steps = walk(env, info, 5)
    cut, over = steps[-1][3], np.any([step[2] for step in steps], axis=0)
    np.testing.assert_array_equal(cut, ~over)
    assert not any(step[3].any() for step in steps[:-1])


@EVERY_JOURNEY
def test_a_seed_fixes_everything_and_another_changes_it(journey: str) -> None:
    def story(seed: int) -> list[Any]:
        env = vector_env(journey)
        observations, info = env.reset(seed=seed)
        return [observations.copy(), copy.deepcopy(info), *walk(env, info, 50)]

    assert_same(story(11), story(11))
    assert (story(11)[1]["event_key"] != story(12)[1]["event_key"]).all()


def test_reset_without_a_seed_keeps_the_seed() -> None:
    env = vector_env("tiny", copy=True)
    first, _ = env.reset(seed=3)
    walk(env, env.reset()[1], 10)
    np.testing.assert_array_equal(env.reset()[0], first)


def test_a_list_of_seeds_is_refused() -> None:
    with pytest.raises(ValueError, match="one seed serves all rows"):
        vector_env("tiny").reset(seed=[1, 2])


@pytest.mark.parametrize("wrong", [-1, 10_000, "masked"])
def test_an_illegal_action_changes_nothing(wrong: int | str) -> None:
    env, twin = vector_env("tiny"), vector_env("tiny")
    info, twin_info = env.reset(seed=8)[1], twin.reset(seed=8)[1]
    actions = legal_picks(info["action_mask"], info["event_key"])
    row = N - 1  # every row before it was legal and could have been stepped already
    actions[row] = np.flatnonzero(~info["action_mask"][row])[0] if wrong == "masked" else wrong
    with pytest.raises(ValueError, match=rf"action .* of environment {row} is illegal here.*Mend: choose among"):
        env.step(actions)
    assert_same(walk(env, info, 20), walk(twin, twin_info, 20))


def test_actions_of_another_shape_are_refused() -> None:
    env = vector_env("tiny")
    env.reset(seed=8)
    with pytest.raises(ValueError, match=rf"Mend: pass one action per row, \({N},\)"):
        env.step(np.zeros(N + 1, np.int64))


def test_copy_hands_out_arrays_of_its_own() -> None:
    """With `copy=True` what was returned stays as it was; without it, it is the environment's own memory."""
    for copied in (True, False):
        env = vector_env("tiny", copy=copied)
        observations, info = env.reset(seed=8)
        kept, then = [observations, *info.values()], copy.deepcopy([observations, *info.values()])
        walk(env, copy.deepcopy(info), 3)
        same = [np.array_equal(one, other) for one, other in zip(kept, then, strict=True)]
        assert all(same) if copied else not all(same)
        assert np.shares_memory(observations, env.world.observations) is not copied


@EVERY_JOURNEY
@pytest.mark.parametrize("through", ["pickle", "cloudpickle", "deepcopy"])
def test_a_copied_environment_goes_on_as_the_original(journey: str, through: str) -> None:
    env = vector_env(journey)
    _, info = env.reset(seed=8)
    walk(env, info, 7)
    twin = duplicate(env, through)
    info = copy.deepcopy(env._info())
    assert_same(walk(twin, info, 150), walk(env, info, 150))


def duplicate(env: OnboardingVectorEnv, through: str) -> OnboardingVectorEnv:
    if through == "deepcopy":
        return copy.deepcopy(env)
    if through == "pickle":
        return pickle.loads(pickle.dumps(env))
    cloudpickle = pytest.importorskip("cloudpickle")  # comes with stable-baselines3
    return pickle.loads(cloudpickle.dumps(env))


def test_an_environment_with_threads_can_be_pickled() -> None:
    env = vector_env("tiny", threads=2)
    _, info = env.reset(seed=8)
    twin = pickle.loads(pickle.dumps(env))
    info = copy.deepcopy(info)
    assert_same(walk(twin, info, 20), walk(env, info, 20))
    env.close()
    twin.close()


@EVERY_JOURNEY
def test_one_environment_is_a_vector_of_one(journey: str) -> None:
    single, many = OnboardingEnv(journey), vector_env(journey, 1, copy=True)
    observation, info = single.reset(seed=21)
    observations, infos = many.reset(seed=21)
    for _ in range(300):
        np.testing.assert_array_equal(observation, observations[0])
        np.testing.assert_array_equal(info["action_mask"], infos["action_mask"][0])
        action = legal_picks(infos["action_mask"], infos["event_key"])
        observation, reward, terminated, truncated, info = single.step(action[0])
        observations, rewards, ends, cuts, infos = many.step(action)
        assert (reward, terminated, truncated) == (rewards[0], ends[0], cuts[0])
        assert info["elapsed"] == infos["elapsed"][0]
        assert list(info["terms"].values()) == infos["terms"][0].tolist()
        assert not info["replaced"]
        if terminated or truncated:
            np.testing.assert_array_equal(observation, infos["final_obs"][0])
            observation, info = single.reset()  # the next user, as the vector environment has already done


def test_a_single_environment_replaces_an_illegal_action_and_says_so() -> None:
    env = OnboardingEnv("tiny")
    _, info = env.reset(seed=1)
    illegal = int(np.flatnonzero(~info["action_mask"])[0])
    assert env.step(np.int64(illegal))[-1]["replaced"]


def test_stepping_a_finished_environment_is_refused_or_starts_anew() -> None:
    """Gymnasium leaves this open; here the next user is already in place, so the step is theirs."""
    env = OnboardingEnv("tiny", most_decisions=1)
    _, info = env.reset(seed=1)
    _, _, _, truncated, info = env.step(np.int64(np.argmax(info["action_mask"])))
    assert truncated
    assert info["user"] == 1


@EVERY_JOURNEY
def test_made_by_gymnasiums_own_functions(journey: str) -> None:
    single = gym.make(ENV_ID, journey=journey)
    many = gym.make_vec(ENV_ID, 3, vectorization_mode="vector_entry_point", journey=journey)
    assert isinstance(single.unwrapped, OnboardingEnv)
    assert isinstance(many, OnboardingVectorEnv)
    observation, _ = single.reset(seed=2)
    observations, _ = many.reset(seed=2)
    np.testing.assert_array_equal(observation, observations[0])
    single.close()
    many.close()
