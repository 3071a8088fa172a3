"""CPU-seconds until a policy is nearly as good as the planner: our PPO beside MaskablePPO with chosen settings.

Throughput alone says little: what counts is how long somebody waits for a policy. Every so many steps it is played, as
it would be exported, on people whom no training meets; the seconds of training alone are counted until its return comes
within `SHORT` of greedy's. Both train on the native environment, on one core; MaskablePPO with the settings of
conf/training/sb3.yaml, which were chosen by trial, and with a third of their steps, so that its learning rate falls
sooner. A training that does not come so far counts with all its seconds, which is said.

Ours is helped in ways that MaskablePPO has no switch for: it imitates greedy for the first tenth, its critic sees
hidden state, and products are computed in bfloat16 where the processor has them. One goes without the imitation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from rich.progress import track

from agents.learners import BINARY_MASTERY
from benchmarks.measure import Row, against, beside, row_of
from benchmarks.settings import Settings
from envs.reward import RewardWeights
from envs.vector import OnboardingVectorEnv
from journeys.loading import load_journey
from personas.persona import load_population
from policies.families import NETWORK, SCORER, baseline, build_policy
from policies.training.env_group import Setting
from policies.training.ppo import PPO, PPOSettings
from policies.training.ppo_sb3 import SB3Settings, make_model, torch_set_for_training, weights_of
from policies.training.rollout import play
from policies.training.sb3_vecenv import NativeVecEnv

JOURNEY, PEOPLE = "saas", "mixed"
USERS, FRESH = 10_000, 2**32 + 77
SHORT = 0.03  # of greedy's return: about the half-width of an interval over so many users, twice
BETWEEN_LOOKS = 262_144  # steps
QUICK_STEPS, QUICK_USERS = 131_072, 500
STEPS, OURS = 2_000_000, 3  # of conf/training/quick.yaml; contenders of ours, who come first
WANTED = 5.0

Training = Iterator[tuple[float, Any]]  # CPU-seconds so far, and the policy as it is


def ours(settings: PPOSettings, seed: int) -> Training:
    """Our PPO, looked at now and then."""
    journey = load_journey(JOURNEY)
    practice = [Setting(journey, load_population(PEOPLE), BINARY_MASTERY)]
    ppo = PPO(settings, practice, RewardWeights(), seed, baseline("greedy", journey))
    family, seconds, looked = SCORER if settings.actor == "steps" else NETWORK, 0.0, 0
    while ppo.steps < settings.total_steps:
        begin = time.process_time()
        ppo.advance()
        seconds += time.process_time() - begin
        if ppo.steps - looked >= BETWEEN_LOOKS or ppo.steps >= settings.total_steps:
            looked = ppo.steps
            yield seconds, build_policy(family, ppo.learner.actor.export(), settings.temperature, journey)


def theirs(settings: SB3Settings, seed: int) -> Training:
    """MaskablePPO on the native adapter, looked at now and then; its schedule sees the whole training."""
    journey, seconds, done = load_journey(JOURNEY), 0.0, 0
    with torch_set_for_training(settings.threads):
        env = NativeVecEnv(OnboardingVectorEnv(journey, load_population(PEOPLE), settings.num_envs))
        env.seed(seed)
        model = make_model(env, settings, seed)
        _, callback = model._setup_learn(settings.total_steps)
        looked = 0
        while done < settings.total_steps:
            begin = time.process_time()
            model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)
            done = model.num_timesteps
            model._update_current_progress_remaining(done, settings.total_steps)
            model.train()
            seconds += time.process_time() - begin
            if done - looked >= BETWEEN_LOOKS or done >= settings.total_steps:
                looked = done
                yield seconds, build_policy(NETWORK, weights_of(model)._asdict(), settings.temperature, journey)


def seconds_to(training: Training, wanted: float, users: int) -> tuple[float, bool]:
    """CPU-seconds until the return `wanted` was reached, or those of the whole training, and whether it was."""
    seconds, journey, people = 0.0, load_journey(JOURNEY), load_population(PEOPLE)
    for seconds, policy in training:
        if float(play(journey, people, policy, users, FRESH).returns.mean()) >= wanted:
            return seconds, True
    return seconds, False


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    quick = settings.rounds < 5
    users, seeds = (QUICK_USERS, (1,)) if quick else (USERS, (1, 2, 3))
    usual = {"total_steps": QUICK_STEPS if quick else STEPS}
    theirs_too = {"total_steps": QUICK_STEPS} if quick else {}
    third = {"total_steps": QUICK_STEPS if quick else SB3Settings().total_steps // 3}
    contenders: dict[str, Callable[[int], Training]] = {
        "our PPO, steps actor": lambda seed: ours(PPOSettings(actor="steps", **usual), seed),
        "our PPO, dense actor": lambda seed: ours(PPOSettings(**usual), seed),
        "our PPO, steps actor, nobody to imitate": lambda seed: ours(
            PPOSettings(actor="steps", imitation=0.0, **usual), seed
        ),
        "MaskablePPO": lambda seed: theirs(SB3Settings(**theirs_too), seed),
        "MaskablePPO, a third of the steps": lambda seed: theirs(SB3Settings(**third), seed),
    }
    planner = play(
        load_journey(JOURNEY), load_population(PEOPLE), baseline("greedy", load_journey(JOURNEY)), users, FRESH
    )
    wanted = float(planner.returns.mean()) - SHORT
    section = f"time to greedy's return less {SHORT}, {JOURNEY}"
    rows = []
    for name, make in contenders.items():
        found = [
            seconds_to(make(seed), wanted, users) for seed in track(seeds, description=f"{name:<44}", transient=True)
        ]
        missed = sum(not reached for _, reached in found)
        label = name + (f" (not reached by {missed} of {len(seeds)})" if missed else "")
        rows.append(row_of(section, label, "CPU-seconds", [seconds for seconds, _ in found]))
    mine, others = rows[:OURS], rows[OURS:]
    best = min(others, key=lambda row: row.median)
    return [*(against(beside(row, best), best.median / WANTED, "a fifth", at_most=True) for row in mine), *others]
