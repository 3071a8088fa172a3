"""A bandit's decisions against plain NumPy: the same inputs, the same regressions, the same rule."""

from __future__ import annotations

import numpy as np
import pytest

from journeys.actions import N_RUNGS, N_VARIANTS
from journeys.loading import load_journey
from journeys.observation import STEP_SIZE, USER_INDEX, USER_SIZE
from policies.bandits.exploration import HIGHEST
from policies.bandits.inputs import FEATURES, INTERVENTIONS, N_RECENCY, NETWORK, RECENCY
from policies.bandits.learning import Learner, policy_of
from policies.bandits.regression import posterior
from policies.bandits.settings import BANDITS
from policies.families import baseline
from policies.network import Weights
from policies.step_features import ROW_SIZE, SHARED_SIZE, step_skills, write_features_of_rows
from tests.policies.bandit_learners import SETTINGS, random_learner
from tests.policies.moments import moments_of

JOURNEY = load_journey("saas")
BASE = N_VARIANTS * len(JOURNEY.steps)
MOMENTS = moments_of("saas")
SINGLE_PRECISION = 2e-4  # of sums over a hundred float32 products


def layers(weights: Weights, x: np.ndarray) -> np.ndarray:
    return np.maximum(np.maximum(x @ weights.w1 + weights.b1, 0.0) @ weights.w2 + weights.b2, 0.0)


def plain_inputs(learner: Learner, row: int) -> np.ndarray:
    """Inputs of every action at one moment, `(A, d)`."""
    seen, mask = MOMENTS.observations[row : row + 1], MOMENTS.masks[row : row + 1]
    shared = np.zeros((1, SHARED_SIZE), np.float32)
    rows, current = np.zeros((1, len(JOURNEY.steps), ROW_SIZE), np.float32), np.zeros(1, np.int64)
    write_features_of_rows(step_skills(JOURNEY), seen, shared, rows, current)
    of_current = rows[0, current[0]] if current[0] >= 0 else np.zeros(ROW_SIZE, np.float32)
    advised, kind, out = (
        int(baseline("greedy", JOURNEY).decide(seen, mask, None).actions[0]),
        BANDITS[learner.family].kind,
        [],
    )
    for a in range(mask.shape[1]):
        own = np.concatenate([shared[0], rows[0, a // N_VARIANTS] if a < BASE else of_current])
        if kind == NETWORK:
            own = layers(learner.networks[0 if a < BASE else 1], own)
        if kind == RECENCY:
            own = plain_recency(seen[0], a >= BASE + N_RUNGS)
        out.append([*own, float(a == advised), 1.0])
    return np.array(out, float)


def plain_recency(seen: np.ndarray, is_message: bool) -> list[float]:
    user = {name: float(seen[i]) for name, i in USER_INDEX.items()}
    exposure = user["messages"] if is_message else user["shown"]
    recent = is_message or user["cooled_down"] < 1.0 or user["rung"] > 0.0
    since = user["gap"] * 7.0 / 2.0 if is_message else user["cooled_down"] / 0.5
    return [
        0.5**since if exposure > 0.0 and recent else 0.0,
        exposure,
        user["struggle"],
        user["asked_now"],
        user["acceptance"],
    ]


def plain_head(learner: Learner, a: int) -> int:
    if BANDITS[learner.family].kind == RECENCY:
        return a - BASE
    if learner.settings.shared:
        return a % N_VARIANTS if a < BASE else N_VARIANTS + a - BASE
    return a


@pytest.mark.parametrize("name", [name for name in SETTINGS if BANDITS[name.split()[0]].how == HIGHEST])
def test_the_action_of_the_highest_bound(name: str) -> None:
    learner = random_learner(name, JOURNEY)
    found = posterior(learner.sums, learner.settings.ridge, learner.settings.discount)
    found.means[:, -2] += learner.settings.trust
    chances = policy_of(learner, JOURNEY).probabilities(MOMENTS.observations, MOMENTS.masks)
    for row in range(0, len(MOMENTS.keys), 5):
        inputs, legal = plain_inputs(learner, row), np.flatnonzero(MOMENTS.masks[row])
        bounds = np.full(len(MOMENTS.masks[row]), -np.inf)
        for a in legal:
            head = plain_head(learner, a)
            width = np.linalg.norm(inputs[a] @ found.roots[head])
            bounds[a] = inputs[a] @ found.means[head] + learner.settings.scale * width
        taken = int(chances[row].argmax())
        assert bounds[taken] == pytest.approx(bounds.max(), abs=SINGLE_PRECISION)


@pytest.mark.parametrize("name", ["thompson", "thompson apart", "neural_linear"])
def test_thompson_draws_as_from_the_posterior(name: str) -> None:
    """Of draws from each action's posterior, as many are the highest as the propensity says."""
    learner, rng, draws = random_learner(name, JOURNEY), np.random.default_rng(8), 40_000
    found = posterior(learner.sums, learner.settings.ridge, learner.settings.discount)
    found.means[:, -2] += learner.settings.trust
    chances = policy_of(learner, JOURNEY).probabilities(MOMENTS.observations, MOMENTS.masks)
    for row in range(0, len(MOMENTS.keys), len(MOMENTS.keys) // 12):
        inputs, legal = plain_inputs(learner, row), np.flatnonzero(MOMENTS.masks[row])
        heads = [plain_head(learner, a) for a in legal]
        means = np.array([inputs[a] @ found.means[h] for a, h in zip(legal, heads, strict=True)])
        widths = np.array([np.linalg.norm(inputs[a] @ found.roots[h]) for a, h in zip(legal, heads, strict=True)])
        wins = rng.normal(means, learner.settings.scale * widths, (draws, len(legal))).argmax(axis=1)
        np.testing.assert_allclose(chances[row, legal], np.bincount(wins, minlength=len(legal)) / draws, atol=0.015)


@pytest.mark.parametrize("name", SETTINGS)
def test_propensities_are_how_often_an_action_is_drawn(name: str) -> None:
    """One moment, many events: frequencies within four and a half standard errors of the propensities."""
    policy, n = policy_of(random_learner(name, JOURNEY), JOURNEY), 20_000
    choosy = np.flatnonzero((MOMENTS.masks.sum(axis=1) > 3) & (MOMENTS.observations[:, USER_INDEX["assist"]] > 0.5))
    for row in choosy[:: len(choosy) // 4]:
        seen, mask = MOMENTS.observations[row], MOMENTS.masks[row]
        keys = np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        choices = policy.decide(np.repeat(seen[None], n, axis=0), np.repeat(mask[None], n, axis=0), keys)
        chances = policy.probabilities(seen[None], mask[None])[0]
        frequencies = np.bincount(choices.actions, minlength=len(chances)) / n
        assert (abs(frequencies - chances) <= 4.5 * np.sqrt(chances * (1 - chances) / n) + 1e-12).all()


def test_who_recovers_draws_from_a_softmax_of_means() -> None:
    learner = random_learner("recovering", JOURNEY)
    found = posterior(learner.sums, learner.settings.ridge, learner.settings.discount)
    found.means[:, -2] += learner.settings.trust
    chances, seen = policy_of(learner, JOURNEY).probabilities(MOMENTS.observations, MOMENTS.masks), 0
    for row in np.flatnonzero(~MOMENTS.masks[:, :BASE].any(axis=1))[::3]:
        legal = np.flatnonzero(MOMENTS.masks[row])
        inputs = plain_inputs(learner, row)
        means = np.array([inputs[a] @ found.means[plain_head(learner, a)] for a in legal]) / learner.settings.scale
        np.testing.assert_allclose(chances[row, legal], np.exp(means) / np.exp(means).sum(), atol=1e-4)
        seen += len(legal) > 1
    assert seen > 50


def test_who_recovers_leaves_steps_to_the_planner() -> None:
    selects = MOMENTS.masks[:, :BASE].any(axis=1)
    seen = tuple(part[selects] for part in MOMENTS)
    policy = policy_of(random_learner("recovering", JOURNEY), JOURNEY)
    np.testing.assert_array_equal(policy.decide(*seen).actions, baseline("greedy", JOURNEY).decide(*seen).actions)


def test_a_bandit_that_knows_nothing_does_what_the_planner_advises() -> None:
    """Its trust in the advice is all that tells actions apart."""
    from policies.bandits.settings import BanditSettings
    from policies.bandits.tensors import beginner

    policy = policy_of(beginner("epsilon_greedy", BanditSettings(scale=0.0), JOURNEY), JOURNEY)
    np.testing.assert_array_equal(policy.decide(*MOMENTS).actions, baseline("greedy", JOURNEY).decide(*MOMENTS).actions)


def test_sizes_are_what_the_documentation_says() -> None:
    shapes = {name: random_learner(name, JOURNEY).sums.moment.shape for name in SETTINGS}
    assert shapes["linucb"] == (11, SHARED_SIZE + ROW_SIZE + 2)
    assert shapes["linucb apart"] == (BASE + INTERVENTIONS, SHARED_SIZE + ROW_SIZE + 2)
    assert shapes["recovering"] == (INTERVENTIONS, N_RECENCY + 2)
    assert (FEATURES, USER_SIZE, STEP_SIZE) == (0, 39, 15)
