"""One seed of one study: train, judge, keep. What is there already is not done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
from safetensors.numpy import load_file, save_file

from agents.learners import journey_under, load_learner
from envs.reward import RewardWeights
from experiments.learning.judging import Difference, Judged, Level, differences, judge, levels
from experiments.learning.studies import EXACT, Study
from experiments.log_file import whole_or_nothing
from experiments.settings import Problem, SettingsError
from journeys.loading import load_journey
from journeys.plan import compile_plan
from journeys.spec import Journey
from personas.persona import Population, load_population
from policies.families import baseline, build_policy
from policies.network import NetworkPolicy, Weights
from policies.protocol import Policy
from policies.training.env_group import MakeRecall, Setting
from policies.training.exact.kinds import calm_population
from policies.training.exact.planners import planners, solved
from policies.training.exact.problem import exact_problem
from policies.training.greedy_full import GreedyFull
from policies.training.ppo import PPO, PPOSettings
from policies.training.practice import of_one_journey, of_random_journeys
from policies.training.progress import Progress
from policies.training.recall import Everything, Recalling, Traces
from policies.training.trained import Trained

REFERENCES = ("greedy", "rules", "fixed")  # of all baselines the best three on every journey, see docs/baselines.md
INSIDERS = ("oracle", "lookahead", "qmdp", "qmdp_fold", "greedy_full")  # who sees more than the fold knows
OF_EXACT = (*REFERENCES, *INSIDERS)
USERS = 10_000
RECALLS: Mapping[str, MakeRecall] = {"traces": Traces, "everything": Everything}


class Trial(msgspec.Struct, frozen=True):
    """What one training came to."""

    study: str
    seed: int
    steps: int
    cpu_seconds: float
    family: str
    temperature: float
    last_return: float
    asked: str  # the study and the number of users, in words: another question needs another answer
    levels: list[Level]
    differences: list[Difference]


def path_of(folder: Path, study: Study, seed: int) -> Path:
    """Where the result of a trial lies; its weights lie beside it."""
    return folder / study.name / f"seed-{seed}.json"


def carry_out(folder: Path, study: Study, seed: int, users: int, tell: Callable[[Progress], None]) -> Trial:
    """Train and judge, or read what an earlier call found."""
    path, asked = path_of(folder, study, seed), f"{users} users, {study}"
    if path.exists():
        trial = msgspec.json.decode(path.read_bytes(), type=Trial)
        if trial.asked != asked:
            raise SettingsError(f"{path}: answers another question. Mend: remove it, or choose another --folder")
        return trial
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = PPOSettings(**study.settings)
    began = time.process_time()
    trained = train(study, settings, seed, tell)
    seconds = time.process_time() - began
    save_file(dict(trained.tensors), path.with_suffix(".safetensors"))
    late = [p.mean_return for p in trained.curve[-len(trained.curve) // 5 :] if p.episodes]
    trial = Trial(
        study.name, seed, trained.curve[-1].steps, seconds, trained.family, settings.temperature,
        float(np.mean(late)), asked, [], [],
    )  # fmt: skip
    trial = judged(folder, study, trial, users)
    with whole_or_nothing(path) as part:
        part.write_bytes(msgspec.json.encode(trial))
    return trial


def train(study: Study, settings: PPOSettings, seed: int, tell: Callable[[Progress], None]) -> Trained:
    """The training of a study."""
    practice = practice_of(study, seed)
    recall = None if study.recall is None else RECALLS[study.recall]
    ppo = PPO(settings, practice, RewardWeights(), seed, teacher_of(study, practice[0].journey), recall=recall)
    ppo.train(tell)
    return ppo.trained()


def teacher_of(study: Study, journey: Journey) -> Policy:
    """Whom a training imitates first."""
    if study.teacher == "greedy_full":
        return GreedyFull(journey)
    return insiders(study.journey)[study.teacher] if study.people == (EXACT,) else baseline(study.teacher, journey)


def practice_of(study: Study, seed: int) -> list[Setting]:
    """What a study trains on."""
    learners = [load_learner(name) for name in study.learners]
    people = [people_of(name) for name in study.people]
    if study.random_journeys:
        return of_random_journeys(study.random_journeys, seed, learners, people)
    return of_one_journey(journey_of(study.journey, study.people[0]), learners, people)


def people_of(name: str) -> Population:
    """A population by name."""
    return calm_population() if name == EXACT else load_population(name)


def journey_of(name: str, people: str) -> Journey:
    """A journey by name; under the rules that keep it finite for those people."""
    return exact_problem(name).journey if people == EXACT else load_journey(name)


def policy_of(folder: Path, trial: Trial, journey: Journey, recall: str | None = None) -> Policy:
    """The trained policy of a trial."""
    tensors = load_file(folder / trial.study / f"seed-{trial.seed}.safetensors")
    if recall is not None:
        network = NetworkPolicy(trial.study, Weights(**tensors), trial.temperature)
        return Recalling(trial.study, network, RECALLS[recall](compile_plan(journey)))
    policy = build_policy(trial.family, tensors, trial.temperature, journey)
    policy.name = trial.study
    return policy


def judged(folder: Path, study: Study, trial: Trial, users: int) -> Trial:
    """The trial with everything that it is judged by."""
    found_levels, found = list[Level](), list[Difference]()
    for journey_name in study.judged_journeys or (study.journey,):
        for learner_name, people_name in study.pairs:
            problem = problem_of(journey_name, learner_name, people_name)
            place = f"{journey_name}/{learner_name}/{people_name}"
            names = problem.population.personas
            own = judge(problem, policy_of(folder, trial, problem.journey, study.recall), users, trial.seed)
            found_levels += levels(place, study.name, own, names)
            for reference in OF_EXACT if people_name == EXACT else REFERENCES:
                other = reference_on(place, reference, users, trial.seed)
                found_levels += levels(place, reference, other, names)
                found += differences(place, study.name, own, reference, other, names)
    return msgspec.structs.replace(trial, levels=found_levels, differences=found)


def problem_of(journey: str, learner: str, people: str) -> Problem:
    """A problem by the names of its parts."""
    model = load_learner(learner)
    return Problem(journey_under(journey_of(journey, people), model), people_of(people), RewardWeights(), model)


@lru_cache(maxsize=64)
def reference_on(place: str, reference: str, users: int, seed: int) -> Judged:
    """A baseline on the users of one seed."""
    journey, learner, people = place.split("/")
    problem = problem_of(journey, learner, people)
    policy = insiders(journey)[reference] if reference in INSIDERS else baseline(reference, problem.journey)
    return judge(problem, policy, users, seed)


@lru_cache(maxsize=2)
def insiders(journey: str) -> dict[str, Policy]:
    """Planners of an exact journey, and greedy with full information."""
    problem = exact_problem(journey)
    everybody: list[Policy] = [*planners(solved(problem)), GreedyFull(problem.journey, problem.learner)]
    return {policy.name: policy for policy in everybody}
