"""Fitting the heads: what can be told apart is, what cannot is not claimed, and worth is measured on other users."""

from __future__ import annotations

import numpy as np
import pytest

from journeys.loading import load_journey
from personas.persona import load_population, mixture
from policies.expert_rules import expert_rules
from policies.persona_head import PersonaHead
from policies.training import heads_fit
from policies.training.heads_fit import EVERY, Sample, fit_heads, fit_line
from policies.training.prediction_worth import worth_of

TINY = load_journey("tiny")
USERS = 60


def entries_that_tell(n: int, n_kinds: int, apart: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Observations `(n, n_kinds)` with luck in every entry, and `apart` more in that of the kind; and the kinds."""
    luck = np.random.default_rng(seed)
    kinds = luck.integers(0, n_kinds, n)
    observations = 0.3 * luck.random((n, n_kinds)) + apart * np.eye(n_kinds)[kinds]
    return observations.astype(np.float32), kinds


@pytest.mark.parametrize("n_kinds", [2, 3, 6])
def test_kinds_that_can_be_told_apart_are(n_kinds):
    observations, kinds = entries_that_tell(600, n_kinds)
    names = [f"kind-{p}" for p in range(n_kinds)]
    head = PersonaHead(names, *fit_line(observations, kinds, n_kinds, observations.mean(axis=0)))
    others, truth = entries_that_tell(200, n_kinds, seed=1)
    chances = head.predict(others)
    assert (chances.argmax(axis=1) == truth).all()
    assert chances[np.arange(200), truth].mean() > 0.9


def test_kinds_that_cannot_be_told_apart_get_their_shares():
    observations, kinds = entries_that_tell(5000, 3, apart=0.0)
    kinds = np.where(kinds == 2, 0, kinds)  # two thirds, one third, and one that is never met
    line = fit_line(observations, kinds, 3, observations.mean(axis=0))
    chances = PersonaHead("abc", *line).predict(observations)
    np.testing.assert_allclose(chances.mean(axis=0), [2 / 3, 1 / 3, 0.0], atol=0.02)
    assert chances[:, 2].max() < 0.01


@pytest.mark.parametrize("n_answers", [2, 4])
def test_where_one_answer_is_all_there_is_the_rule_of_succession_holds(n_answers):
    observations = np.random.default_rng(3).random((50, 7)).astype(np.float32)
    usual = observations.mean(axis=0)
    line = fit_line(observations, np.full(50, 1), n_answers, usual)
    chances = PersonaHead("abcd"[:n_answers], *line).predict(usual[None])[0]
    np.testing.assert_allclose(chances[1], 51 / (50 + n_answers), atol=2e-3)


def test_a_population_of_one_persona_is_certain():
    fitted = fit_heads(TINY, mixture("one", {"expert": 1.0}), expert_rules(), USERS, seed=1)
    assert fitted.persona.names == ("expert",)
    assert (fitted.persona.predict(fitted.usual[None]) == 1.0).all()
    assert (fitted.persona_worth.accuracy, fitted.persona_worth.log_loss) == (1.0, 0.0)


def test_the_heads_of_a_population_beat_knowing_nothing():
    """Success is told by progress; experts and the anxious differ in what they ask for and how they fare."""
    population = mixture("two", {"expert": 1.0, "anxious": 1.0})
    fitted = fit_heads(TINY, population, expert_rules(), 400, seed=1)
    assert fitted.persona.names == population.personas
    for worth in (fitted.success_worth, fitted.persona_worth):
        assert 70 < worth.users <= 400 // EVERY  # those of whom a moment was kept
        assert worth.log_loss < worth.base_log_loss
        assert worth.accuracy > worth.base_accuracy


def test_the_same_seed_fits_the_same_bits():
    one, two = (fit_heads(TINY, load_population("mixed"), expert_rules(), USERS, seed=4) for _ in range(2))
    assert one.persona.weight.tobytes() == two.persona.weight.tobytes()
    assert one.success.weight.tobytes() == two.success.weight.tobytes()


def test_worth_is_measured_on_users_that_were_not_fitted_on(monkeypatch):
    """Held-out users who are the other way round are all got wrong: had they been fitted on, some would not."""
    observations, kinds = entries_that_tell(1000, 2)
    users = np.repeat(np.arange(100), 10)
    told = np.where(users % EVERY == 0, 1 - kinds, kinds)
    sample = Sample(observations, users, told == 1, told)
    monkeypatch.setattr(heads_fit, "sample_moments", lambda *_: sample)
    fitted = fit_heads(TINY, mixture("two", {"expert": 1.0, "anxious": 1.0}), expert_rules(), 100, seed=0)
    for worth in (fitted.success_worth, fitted.persona_worth):
        assert (worth.users, worth.moments, worth.accuracy) == (20, 200, 0.0)


def test_worth_by_hand():
    answers, held = np.array([0, 0, 1, 0, 1]), np.array([False, False, False, True, True])
    worth = worth_of(np.array([[0.8, 0.2], [0.5, 0.5]]), answers, np.array([4, 5, 6, 7, 7]), held)
    assert (worth.users, worth.moments, worth.accuracy, worth.base_accuracy) == (1, 2, 0.5, 0.5)
    np.testing.assert_allclose(worth.log_loss, -(np.log(0.8) + np.log(0.5)) / 2)
    np.testing.assert_allclose(worth.base_log_loss, -(np.log(3 / 5) + np.log(2 / 5)) / 2)


def test_nobody_held_out_is_worth_nothing_known():
    worth = worth_of(np.empty((0, 2)), np.array([0, 1]), np.array([1, 2]), np.zeros(2, bool))
    assert (worth.users, worth.moments) == (0, 0)
    assert np.isnan(worth.accuracy)
