"""The traits can get to Cookie Cats' day-1 and day-7 return (.448 and .190), though no shipped persona is there.

Nothing is fitted: one set of traits is enough to show that the mechanism allows it. The heavy tail of activity is out
of reach of any trait, for a journey has an end; docs/realism.md says so.
"""

from __future__ import annotations

import numpy as np
import pytest

from agents.birth import DAY_MS, arrival_time
from journeys.events import AWAY, DECISION
from journeys.loading import load_journey
from personas.persona import Population
from policies.fixed_path import fixed_path
from policies.training.rollout import rounds
from tests.personas.typical import everybody

pytestmark = pytest.mark.slow

USERS, SEED, DAYS = 1_500, 5, 31
REAL_DAY_1, REAL_DAY_7 = 0.448, 0.190  # Cookie Cats, 44,700 players
# Short sessions of a slow worker, who comes back almost for certain, a day later or so.
FAITHFUL = {"return_chance": 0.97, "return_hours": 20.0, "motivation": 0.95, "session_minutes": 6.0, "pace": 1.5}


def share_active(population: Population) -> np.ndarray:
    """Share of users `(31,)` who did something on the so-manieth day after the hour of their sign-up."""
    signed_up = np.array([arrival_time(SEED, user) for user in range(USERS)])
    active = np.zeros((USERS, DAYS), bool)
    for moment in rounds(load_journey("course"), population, fixed_path(), USERS, SEED, keep_log=True):
        log, counts = moment.world.log, moment.world.n_events
        for i in range(log.shape[1]):
            event = log[:, i]
            day = (event["time"] - signed_up) // DAY_MS
            done = (counts > i) & (event["kind"] != AWAY) & (event["kind"] != DECISION) & (day < DAYS)
            active[np.flatnonzero(done), day[done]] = True
    return active.mean(axis=0)


def test_some_traits_return_as_players_of_a_game_do() -> None:
    shares = share_active(everybody(**FAITHFUL, patience=10.0, prior_odds=0.7, attention=20.0))
    assert shares[1] == pytest.approx(REAL_DAY_1, abs=0.05)
    assert shares[7] == pytest.approx(REAL_DAY_7, abs=0.05)
