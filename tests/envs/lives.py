"""Whole lives as seen through the vector environment, told apart by user number."""

from __future__ import annotations

import hashlib
import sys

import numpy as np

from agents.learners import load_learner
from envs.vector import OnboardingVectorEnv
from tests.agents.plain_life import journey_of, population_for

SEED = 77
LEARNER_OF = {"studio": "irt_forgetting"}


def legal_picks(masks: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """For each row a legal action that depends on the row's event key alone."""
    which = (keys % masks.sum(axis=1).astype(np.uint64)).astype(np.int64)
    return np.asarray((np.cumsum(masks, axis=1) == which[:, None] + 1).argmax(axis=1))


def lives(journey: str, n: int, steps: int, threads: int = 1, first_user: int = 0) -> dict[int, str]:
    """Digest of each whole life (what was seen, rewards, terms, times, reasons, ending) among those that ended."""
    people, learner = population_for(journey), load_learner(LEARNER_OF.get(journey, "bkt"))
    env = OnboardingVectorEnv(journey_of(journey), people, n, threads=threads, copy=True, learner=learner)
    observations, info = env.reset(seed=SEED, options={"first_user": first_user})
    open_lives = {int(user): hashlib.sha256() for user in info["user"]}
    ended: dict[int, str] = {}
    for _ in range(steps):
        users = info["user"].tolist()
        for row, user in enumerate(users):
            open_lives[user].update(observations[row].tobytes() + info["action_mask"][row].tobytes())
            open_lives[user].update(info["event_key"][row].tobytes())
        actions = legal_picks(info["action_mask"], info["event_key"])
        observations, rewards, terminated, truncated, info = env.step(actions)
        for row, user in enumerate(users):
            open_lives[user].update(rewards[row].tobytes() + info["terms"][row].tobytes())
            open_lives[user].update(info["elapsed"][row].tobytes())
            if not terminated[row] and not truncated[row]:
                open_lives[user].update(env.world.minds["reason"][row].tobytes())
            else:
                ending = info["final_info"]["ending"][info["final_info"]["rows"] == row]
                open_lives[user].update(info["final_obs"][row].tobytes() + ending.tobytes())
                ended[user] = open_lives.pop(user).hexdigest()
                open_lives[int(info["user"][row])] = hashlib.sha256()
    env.close()
    return ended


if __name__ == "__main__":
    for number, digest in sorted(lives(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).items()):
        print(number, digest)
