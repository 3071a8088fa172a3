"""Our PPO: its estimates against their definition, and that what leaves it is what was trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from envs.reward import RewardWeights
from journeys.loading import load_journey
from journeys.observation import USER_INDEX
from personas.persona import load_population
from policies.network import NetworkPolicy, Weights
from policies.random_legal import RandomLegal
from policies.training.actors import Critic, seen_at
from policies.training.ppo import PPO, PPOSettings, advantages, fates, rescale
from policies.training.rollout import play
from tests.policies.trainings import setting, training

FLOAT32 = 2e-6  # of probabilities that torch and our own loop sum in another order


@pytest.fixture
def luck() -> np.random.Generator:
    return np.random.default_rng(0)


def episodes(luck: np.random.Generator, steps: int, n: int) -> tuple[np.ndarray, ...]:
    """Rewards, discounts, over, values, ends: some episodes end, some are cut (and go on to be worth something)."""
    over = luck.random((steps, n)) < 0.3
    ends = np.where(over & (luck.random((steps, n)) < 0.5), luck.normal(size=(steps, n)), 0.0)
    rewards, values = luck.normal(size=(steps, n)), luck.normal(size=(steps + 1, n))
    return rewards, luck.uniform(0.5, 1.0, (steps, n)), over, values, ends


def by_definition(rewards: Any, discounts: Any, over: Any, values: Any, ends: Any, trace: float, t: int) -> float:
    """Sum over what lies ahead of TD errors, each weighed by the discounts and traces before it (one row)."""
    total, weight = 0.0, 1.0
    for k in range(t, len(rewards)):
        ahead = ends[k] if over[k] else values[k + 1]
        total += weight * (rewards[k] + discounts[k] * ahead - values[k])
        if over[k]:
            break
        weight *= discounts[k] * trace
    return total


@given(seed=st.integers(0, 10_000), steps=st.integers(1, 6), trace=st.floats(0.0, 1.0))
def test_advantages_are_what_their_definition_says(seed: int, steps: int, trace: float) -> None:
    parts = episodes(np.random.default_rng(seed), steps, 3)
    gains = advantages(*parts, trace)
    for row in range(3):
        own = [part[:, row] for part in parts]
        for t in range(steps):
            assert gains[t, row] == pytest.approx(by_definition(*own, trace, t), abs=1e-9)


def test_without_discount_and_with_full_traces_it_is_what_was_reached_less_what_was_expected(
    luck: np.random.Generator,
) -> None:
    rewards, values = luck.normal(size=(5, 1)), luck.normal(size=(6, 1))
    over = np.array([[False], [False], [False], [False], [True]])
    gains = advantages(rewards, np.ones((5, 1)), over, values, np.zeros((5, 1)), 1.0)
    np.testing.assert_allclose(gains[:, 0] + values[:5, 0], rewards[::-1, 0].cumsum()[::-1])


def test_time_is_what_discounts() -> None:
    """A day away is discounted like a day, a minute like next to nothing: decisions do not count."""
    ppo = training(discount_per_day=0.5)
    ppo.advance()
    room, group = ppo.room, ppo.group
    assert room.discounts.min() < 0.9
    elapsed = group.envs[0].world.elapsed
    np.testing.assert_allclose(room.discounts[-1], 0.5 ** (elapsed / 86_400.0))


def test_an_episode_that_was_cut_is_worth_what_lay_ahead_and_one_that_ended_is_not() -> None:
    ppo = training(most_decisions=10, n_steps=32, total_steps=4096)
    ppo.advance()
    ppo.advance()
    ended = ppo.room.over & (ppo.room.ends == 0.0)
    cut = ppo.room.over & (ppo.room.ends != 0.0)
    assert cut.any()
    assert ended.any()
    assert not ppo.room.ends[~ppo.room.over].any()


def test_a_change_of_scale_does_not_change_what_the_critic_says(luck: np.random.Generator) -> None:
    torch.manual_seed(0)
    critic, flat = Critic(5, 8), torch.randn(20, 5)
    before = critic.worth(flat).detach()
    rescale(critic, luck.normal(7.0, 3.0, 1000), rollouts=0)
    assert critic.centre.item() == pytest.approx(7.0, abs=0.5)
    torch.testing.assert_close(critic.worth(flat).detach(), before, atol=1e-5, rtol=1e-5)


def test_a_critic_of_what_is_seen_is_shown_nothing_hidden() -> None:
    ppo = training(critic="observed")
    assert ppo.learner.critic.inputs == ppo.group.layout.observation
    flat = torch.from_numpy(ppo.room.inputs.flat[-1])
    changed = flat.clone()
    changed[:, ppo.group.layout.observation :] += 1.0
    torch.testing.assert_close(ppo.learner.critic(flat), ppo.learner.critic(changed))


def test_the_actor_is_shown_nothing_hidden() -> None:
    for actor in ("dense", "steps"):
        ppo = training(actor=actor)
        ppo.advance()
        seen = seen_at(ppo.room.inputs, range(8))
        flat = seen.flat.clone()
        flat[:, ppo.group.layout.observation :] += 1.0
        torch.testing.assert_close(ppo.learner.actor(seen)[0], ppo.learner.actor(seen._replace(flat=flat))[0])


def test_what_leaves_is_what_was_trained() -> None:
    """Torch with its normaliser and our own loop with the normaliser folded in give the same probabilities."""
    ppo = training()
    for _ in range(3):
        ppo.advance()
    size = ppo.group.layout.observation
    seen = seen_at(ppo.room.inputs, range(8))
    logits, _ = ppo.learner.actor(seen)
    policy = NetworkPolicy("ours", Weights(**ppo.trained().tensors))
    ours = policy.probabilities(seen.flat[:, :size].numpy().copy(), seen.masks.numpy())
    np.testing.assert_allclose(ours, torch.softmax(logits, dim=1).detach().numpy(), atol=FLOAT32)


def test_the_same_training_twice_is_the_same() -> None:
    one, two = training(), training()
    for _ in range(3):
        assert one.advance()[:2] == two.advance()[:2]
    for name, tensor in one.learner.actor.state_dict().items():
        torch.testing.assert_close(tensor, two.learner.actor.state_dict()[name], atol=0.0, rtol=0.0)
    other = training(seed=4)
    other.advance()
    assert (other.room.rewards != one.room.rewards).any()


def test_the_fate_of_an_episode_is_known_once_it_has_ended() -> None:
    ppo = training(n_steps=32, total_steps=4096)
    ppo.advance()
    fate, over = fates(ppo.room), ppo.room.over
    last = np.where(over.any(axis=0), over.shape[0] - 1 - over[::-1].argmax(axis=0), -1)
    for row in range(over.shape[1]):
        assert (fate[: last[row] + 1, row] >= 0.0).all()
        assert (fate[last[row] + 1 :, row] == -1.0).all()


def test_shaping_adds_up_to_nothing_but_where_an_episode_began() -> None:
    """What is best stays best: over an episode the potential's rises come, discounted, to what it was at first."""
    plain, shaped = training(imitation=1.0), training(imitation=1.0, shaping=3.0)  # imitating, neither looks at rewards
    for ppo in (plain, shaped):
        ppo.player.play(ppo.learner.actor, ppo.teacher)
    added, room = shaped.room.rewards - plain.room.rewards, shaped.room
    potential = 3.0 * room.inputs.flat[:, :, USER_INDEX["progress"]].astype(float)
    for row in range(added.shape[1]):
        last = int(room.over[:, row].argmax()) if room.over[:, row].any() else len(added) - 1
        weights = np.concatenate([[1.0], room.discounts[:last, row].cumprod()])
        left = 0.0 if room.over[last, row] else weights[-1] * room.discounts[last, row] * potential[last + 1, row]
        assert (weights * added[: last + 1, row]).sum() == pytest.approx(left - potential[0, row], abs=1e-5)


@pytest.mark.parametrize("auxiliary", [0.0, 0.3])
@pytest.mark.parametrize("actor", ["dense", "steps"])
def test_every_kind_of_training_runs(actor: str, auxiliary: float) -> None:
    ppo = training(actor=actor, auxiliary=auxiliary)
    curve = ppo.train(lambda _: None)
    assert [p.steps for p in curve] == [256, 512, 768, 1024]
    assert all(torch.isfinite(p).all() for m in ppo.learner.modules() for p in m.parameters())


def test_it_learns() -> None:
    """A tenth of imitation, then its own: after 20 seconds it is far better than chance."""
    ppo = training(total_steps=160_000, num_envs=128, n_steps=32, batch_size=1024, hidden=32)
    ppo.train(lambda _: None)
    journey, people = load_journey("tiny"), load_population("mixed")
    ours = play(journey, people, NetworkPolicy("ours", Weights(**ppo.trained().tensors), 0.25), 2000, 99)
    chance = play(journey, people, RandomLegal(), 2000, 99)
    assert (ours.returns - chance.returns).mean() > 0.25


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"batch_size": 48}, "batch_size=48"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"num_envs": 0}, "num_envs=0"),
        ({"n_steps": -32, "num_envs": -32}, "num_envs=-32"),
        ({"n_epochs": 0}, "n_epochs=0"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
        ({"imitation": 7.0}, "imitation=7.0"),
        ({"discount_per_day": 2.0}, "discount_per_day=2.0"),
        ({"auxiliary": -1.0}, "auxiliary=-1.0"),
        ({"total_steps": 5}, "total_steps=5"),
        ({"actor": "tall"}, "actor='tall': there is no such actor"),
        ({"critic": "blind"}, "critic='blind': there is no such critic"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"training.{named}.*Mend"):
        training(**settings)


def test_several_learner_models_are_practised_side_by_side() -> None:
    ppo = training(setting(learner="bkt"), setting(learner="irt_forgetting"))
    assert [env.learner.name for env in ppo.group.envs] == ["bkt", "irt_forgetting"]
    ppo.advance()
    assert isinstance(ppo, PPO)
    assert PPOSettings().rollout == 32_768
    assert RewardWeights().completion > 0.0
