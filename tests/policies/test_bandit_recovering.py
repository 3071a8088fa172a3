"""Help that works less when repeated, and recovers: the bandit made for it waits until it works again."""

from __future__ import annotations

import numpy as np

from journeys.actions import N_VARIANTS
from policies.bandits.learning import learn, policy_of
from policies.bandits.lived import Lived
from policies.bandits.settings import BanditSettings
from policies.bandits.tensors import beginner
from tests.policies.moments import TINY, moment

GOOD, HARM, NOISE = 0.4, 0.9, 0.5  # of a fresh hint; of a repeated one, right after the first; of any reward
HALF = 0.5  # cool-downs after which half of the harm is over
ROUNDS = 4_000
HINT = N_VARIANTS * len(TINY.steps) + 1


def moments(cooled: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moments at which a hint may be offered, so long after the last offer."""
    seen = [moment("assist", ["wait", "hint"], cooled_down=c, shown=s) for c, s in zip(cooled, shown, strict=True)]
    return np.concatenate([o for o, _ in seen]), np.concatenate([m for _, m in seen])


def lived(seed: int) -> Lived:
    """Hints offered by luck, and what came of them."""
    rng = np.random.default_rng(seed)
    cooled, shown = rng.random(ROUNDS), (rng.random(ROUNDS) < 0.7) * 0.25
    hints = rng.random(ROUNDS) < 0.5
    fresh = GOOD - HARM * (shown > 0) * 0.5 ** (cooled / HALF)
    observations, masks = moments(cooled, shown)
    return Lived(
        observations,
        masks,
        np.where(hints, HINT, HINT - 1),
        np.full(ROUNDS, 0.5),
        np.arange(ROUNDS, dtype=np.uint64),
        np.where(hints, fresh, 0.0) + NOISE * rng.normal(size=ROUNDS),
        np.ones(ROUNDS, bool),
    )


def chances_of_hint(cooled: list[float], shown: float) -> np.ndarray:
    learner = beginner("recovering", BanditSettings(scale=0.05, trust=0.0), TINY)
    assert learn(learner, lived(1), TINY).learned == ROUNDS
    return policy_of(learner, TINY).probabilities(*moments(np.array(cooled), np.full(len(cooled), shown)))[:, HINT]


def test_it_offers_again_when_help_has_recovered() -> None:
    chances = chances_of_hint([0.0, 0.25, 0.5, 0.75, 1.0], 0.25)
    assert chances[0] < 0.1
    assert chances[-1] > 0.8
    assert (np.diff(chances) > 0).all()


def test_what_was_never_offered_is_fresh() -> None:
    assert (chances_of_hint([0.0, 0.5, 1.0], 0.0) > 0.9).all()
