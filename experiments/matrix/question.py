"""From the settings of a matrix to its cells: each stands for one `handrail train`, whose configuration it carries."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Any

import msgspec
from hydra import compose
from msgspec import Meta, to_builtins
from omegaconf import OmegaConf

from agents.learners import load_learner
from experiments.algorithms import algorithm_of, check_possible
from experiments.matrix.cell import Cell, Task
from experiments.settings import ComparedUsers, Seed, SettingsError, problem_of
from experiments.train import practice_of, settings_of
from journeys.loading import load_journey
from personas.persona import shipped
from policies.families import WITHOUT_TENSORS

Names = Annotated[tuple[str, ...], Meta(min_length=1)]
OF_THE_PROBLEM = ("journey", "learner", "population", "env")
OWN = ("population", "env")  # groups of `handrail matrix` itself
OF_THE_TRAINING = ("policy", "training", "practice")
PRESET, DEFAULT_PRESET = "preset", "default"  # of a training: which option of the group `training` it starts from
DIGEST = 12  # hexadecimal digits: enough to tell two questions apart


class MatrixSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of `handrail matrix` beside population, rewards and backend; conf/matrix.yaml explains each."""

    journeys: Names
    learners: Names
    policies: Names | None
    trainings: dict[str, dict[str, Any]]
    seeds: Annotated[tuple[Seed, ...], Meta(min_length=1)]
    users: ComparedUsers
    reference: str
    page: str | None


def policies_of(settings: MatrixSettings) -> list[str]:
    """Every policy that is asked for, and the reference. Raises `SettingsError` for one that `conf/policy` lacks."""
    known = shipped("policy")
    wanted = list(dict.fromkeys([*(settings.policies or known), settings.reference]))
    for setting, names in (("policies", wanted), ("trainings", settings.trainings)):
        for name in names:
            if name not in known:
                raise SettingsError(f"{setting}: no policy {name!r}. Mend: use some of {', '.join(known)}")
    for name in settings.trainings:
        if name in WITHOUT_TENSORS:
            raise SettingsError(f"trainings.{name}: {name} is not trained. Mend: leave it out")
    if len(wanted) == 1:
        raise SettingsError(f"policies: {wanted[0]!r} alone has nobody to be compared with. Mend: name another")
    return wanted


def tasks_of(settings: MatrixSettings, own: Mapping[str, Any]) -> list[Task]:
    """All cells, in the order in which they are carried out: seed by seed, so that every policy is met early.

    `own` holds population and reward weights. Raises `SettingsError` and its kin for whatever cannot be played or
    trained, before anything is.
    """
    for setting in ("learners", "policies", "seeds"):
        check_once(setting, getattr(settings, setting) or ())
    trainings = {name: training_of(name, settings.trainings.get(name, {})) for name in policies_of(settings)}
    problems = dict(problems_of(settings, own))
    for training, problem in product(trainings.values(), problems.values()):
        check(training | problem)
    return [
        task_of(Cell(policy, journey, learner, seed), trainings[policy] | problems[journey, learner], settings.users)
        for seed, (journey, learner), policy in product(settings.seeds, problems, trainings)
    ]


def check_once(setting: str, values: Sequence[object]) -> None:
    """Raises `SettingsError` where a value is there twice."""
    for value in values:
        if values.count(value) > 1:
            raise SettingsError(f"{setting}: {value!r} is there twice. Mend: name it once only")


def training_of(policy: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of `handrail train policy=POLICY training=PRESET`, with `changes` to the group `training`."""
    rest = dict(changes)
    preset = rest.pop(PRESET, None)
    if preset is None:
        config = composed(f"policy={policy}") if policy in WITHOUT_TENSORS else fitting(policy)
    elif preset in shipped("training"):
        config = composed(f"policy={policy}", f"training={preset}")
    else:
        known = ", ".join(shipped("training"))
        raise SettingsError(f"trainings.{policy}.{PRESET}: no training {preset!r}. Mend: use one of {known}")
    return config | {"training": config["training"] | rest}


def fitting(policy: str) -> dict[str, Any]:
    """The configuration with the first preset that trains `policy`: `default`, then by name. Raises `SettingsError`."""
    refused = None
    for preset in sorted(shipped("training"), key=lambda name: (name != DEFAULT_PRESET, name)):
        config = composed(f"policy={policy}", f"training={preset}")
        try:
            algorithm_of(config)
        except SettingsError as error:
            refused = refused or error
        else:
            return config
    raise refused or SettingsError(f"policies: no training is there for {policy!r}. Mend: leave it out")


def problems_of(settings: MatrixSettings, own: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """The parts of a configuration that make the problem, by the names of journey and learner model."""
    journeys = [load_journey(name_or_path) for name_or_path in settings.journeys]
    check_once("journeys", [journey.name for journey in journeys])
    for journey, learner in product(journeys, settings.learners):
        parts = {"journey": to_builtins(journey), "learner": to_builtins(load_learner(learner))}
        yield (journey.name, learner), parts | dict(own)


def composed(*overrides: str) -> dict[str, Any]:
    """The configuration of `handrail train` with `overrides`, as plain data. Raises Hydra's own errors."""
    config = OmegaConf.to_container(compose("train", list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return {str(name): value for name, value in config.items() if name != "folder"}


def check(config: dict[str, Any]) -> None:
    """That the problem can be played and the policy trained on it. Raises `SettingsError` and its kin."""
    problem = problem_of(config)
    if config["policy"]["name"] in WITHOUT_TENSORS:
        return
    algorithm = algorithm_of(config)
    check_possible(algorithm, practice_of(config, problem, settings_of(config), algorithm), None)


def task_of(cell: Cell, config: dict[str, Any], users: int) -> Task:
    """A cell with its question: what its result depends on, beside its name."""
    trained = config["policy"]["name"] not in WITHOUT_TENSORS
    parts = (*OF_THE_PROBLEM, *(OF_THE_TRAINING if trained else ()))
    question = {name: digest(config[name]) for name in parts} | {"users": str(users)}
    return Task(cell, {**config, "seed": cell.seed}, users, question)


def digest(value: Any) -> str:
    """A short fingerprint of plain data, whatever the order of its keys."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:DIGEST]
