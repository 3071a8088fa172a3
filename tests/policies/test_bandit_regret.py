"""Regret of every bandit on linear problems: within its bound, and after a change only of those that forget."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.linear_stream import Stream, linear_stream
from policies.bandits.context_bandit import ContextBandit
from policies.bandits.exploration import HIGHEST, SAMPLED, Rule

ROUNDS, ARMS, SIZE, NOISE, RIDGE, DELTA = 8_000, 5, 6, 0.3, 1.0, 0.05
BATCH = 20  # rounds decided before the first of them is learned from
LEARNS = 0.25  # of the regret of choosing at random: nobody who learns loses more
SEEDS = (1, 2, 3)


def play(bandit: ContextBandit, stream: Stream, batch: int = BATCH) -> np.ndarray:
    """The arms `(T,)` that a bandit chose, learning as it went."""
    arms, masks = np.zeros(len(stream.contexts), np.int64), np.ones((batch, ARMS), bool)
    keys = np.arange(len(arms), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for low in range(0, len(arms), batch):
        now = slice(low, low + batch)
        chosen = bandit.decide(stream.contexts[now], masks, keys[now]).actions
        bandit.learn(stream.contexts[now], chosen, stream.rewards(now, chosen))
        arms[now] = chosen
    return arms


def optimism(rounds: int) -> float:
    """The width that holds for all rounds with probability 1 - delta (Abbasi-Yadkori et al. 2011, theorem 2)."""
    grown = SIZE * math.log(1.0 + rounds / (RIDGE * SIZE))
    return NOISE * math.sqrt(grown + 2.0 * math.log(ARMS / DELTA)) + math.sqrt(RIDGE)


def bound_of_linucb(rounds: np.ndarray) -> np.ndarray:
    """Their theorem 3 for one regression of `ARMS * SIZE` inputs, which is what disjoint arms are."""
    total = ARMS * SIZE
    potential = 2.0 * total * np.log(1.0 + rounds / (RIDGE * total))
    return 2.0 * optimism(ROUNDS) * np.sqrt(rounds * potential)


def at_random(stream: Stream) -> float:
    """Regret of choosing anything: a bound's constants may allow that much, a bandit may not."""
    return float((stream.means.max(axis=1) - stream.means.mean(axis=1)).sum())


def growth(regret: np.ndarray) -> float:
    """Exponent of growth over the last three quarters: 1 is a bandit that does not learn, 1/2 what bounds allow."""
    return math.log(regret[-1] / regret[len(regret) // 4]) / math.log(4.0)


@pytest.mark.parametrize("seed", SEEDS)
def test_linucb_stays_within_its_bound(seed: int) -> None:
    stream = linear_stream(ROUNDS, ARMS, SIZE, seed, NOISE)
    regret = stream.regret(
        play(ContextBandit("linucb", ARMS, SIZE, Rule(HIGHEST, optimism(ROUNDS), 0.0), RIDGE), stream)
    )
    rounds = np.arange(1, ROUNDS + 1)
    assert (regret <= bound_of_linucb(rounds) + 2.0 * BATCH).all()
    assert growth(regret) < 0.6
    assert regret[-1] < LEARNS * at_random(stream)


@pytest.mark.parametrize("seed", SEEDS)
def test_thompson_grows_no_faster_than_a_root(seed: int) -> None:
    """Agrawal and Goyal 2013: d^(3/2) sqrt(T) up to logarithms; its constants say nothing, its growth does."""
    stream = linear_stream(ROUNDS, ARMS, SIZE, seed, NOISE)
    regret = stream.regret(play(ContextBandit("thompson", ARMS, SIZE, Rule(SAMPLED, NOISE, 0.0), RIDGE), stream))
    assert growth(regret) < 0.6
    assert regret[-1] <= (ARMS * SIZE) ** 1.5 * math.sqrt(ROUNDS)
    assert regret[-1] < LEARNS * at_random(stream)


@pytest.mark.parametrize("seed", SEEDS)
def test_epsilon_greedy_pays_for_its_share_and_little_else(seed: int) -> None:
    """What is lost by choosing anything is linear, and known; the rest grows no faster than a root."""
    stream, share = linear_stream(ROUNDS, ARMS, SIZE, seed, NOISE), 0.1
    arms = play(ContextBandit("epsilon", ARMS, SIZE, Rule(HIGHEST, 0.0, share), RIDGE), stream)
    by_share = share * (stream.means.max(axis=1) - stream.means.mean(axis=1)).cumsum()
    rest = stream.regret(arms) - by_share
    assert rest[-1] < 0.25 * by_share[-1]
    assert rest[-1] - rest[ROUNDS // 2] < rest[ROUNDS // 2] + 2.0 * math.sqrt(ROUNDS)  # the noise of the share itself


@pytest.mark.parametrize("rule", [Rule(HIGHEST, 0.5, 0.0), Rule(SAMPLED, NOISE, 0.0), Rule(HIGHEST, 0.0, 0.05)])
def test_only_who_forgets_recovers_after_a_change(rule: Rule) -> None:
    """Half way, every arm has the weights of another. What the last rounds cost, beside the last before the change."""
    stream, change = linear_stream(ROUNDS, ARMS, SIZE, 4, NOISE, change_at=ROUNDS // 2), ROUNDS // 2
    after = {}
    for name, discount in (("plain", 1.0), ("drifting", 1.0 - 2e-3)):
        arms = play(ContextBandit(name, ARMS, SIZE, rule, RIDGE, discount), stream)
        lost = np.diff(stream.regret(arms), prepend=0.0)
        after[name] = lost[-ROUNDS // 4 :].mean(), lost[change - ROUNDS // 8 : change].mean()
    drifting, before = after["drifting"]
    assert drifting < 1.5 * before + 0.02
    assert after["plain"][0] > 3.0 * drifting


def test_nobody_chooses_at_random() -> None:
    """The yardstick: a uniform choice has regret that grows in proportion."""
    stream = linear_stream(ROUNDS, ARMS, SIZE, 1, NOISE)
    lost = stream.regret(np.random.default_rng(0).integers(0, ARMS, ROUNDS))
    assert growth(lost) == pytest.approx(1.0, abs=0.02)
