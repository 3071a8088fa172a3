"""From conf/matrix.yaml to cells: every policy of conf/policy has a place, and a cell is the problem that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from agents.learners import journey_under, load_learner
from experiments.algorithms import algorithm_of
from experiments.matrix.cell import Task
from experiments.matrix.question import OWN, MatrixSettings, digest, tasks_of, without_place
from experiments.matrix.trial import kind_of
from experiments.settings import own_settings, problem_of
from journeys.loading import load_journey
from personas.persona import shipped
from policies.bandits.settings import BANDITS
from policies.families import WITHOUT_TENSORS


@pytest.fixture(scope="module", autouse=True)
def hydra() -> Iterator[None]:
    with initialize_config_module("conf", version_base="1.3"):
        yield


def tasks(*overrides: str) -> list[Task]:
    config: Any = OmegaConf.to_container(compose("matrix", [*overrides, "folder=x"]), resolve=True)
    return tasks_of(own_settings(MatrixSettings, config), {name: config[name] for name in OWN})


@pytest.fixture(scope="module")
def default() -> list[Task]:
    return tasks()


def test_the_default_holds_every_policy_on_every_problem_once_per_seed(default: list[Task]) -> None:
    cells = [task.cell for task in default]
    assert {cell.policy for cell in cells} == set(shipped("policy"))
    sizes = [len({cell[i] for cell in cells}) for i in range(4)]
    assert len(cells) == len(set(cells)) == sizes[0] * sizes[1] * sizes[2] * sizes[3]
    assert [cell.seed for cell in cells] == sorted(cell.seed for cell in cells)


def test_every_policy_is_trained_by_what_fits_it(default: list[Task]) -> None:
    first = {task.cell.policy: task.config for task in default}
    kinds = {name: kind_of(algorithm_of(config)) for name, config in first.items() if name not in WITHOUT_TENSORS}
    assert {name for name, kind in kinds.items() if kind == "bandit"} == set(BANDITS)
    assert first["ppo"]["training"]["total_steps"] == 4_000_000


def test_a_cell_is_the_problem_that_it_names(default: list[Task]) -> None:
    for task in default[:: len(shipped("policy"))]:
        problem, learner = problem_of(task.config), load_learner(task.cell.learner)
        assert problem.learner == learner
        assert problem.journey.hash() == journey_under(load_journey(task.cell.journey), learner).hash()


def test_only_what_a_result_depends_on_is_asked() -> None:
    """A baseline is trained by nothing; other changes show in the part that they belong to."""
    small = ("journeys=[tiny]", "learners=[bkt]", "seeds=[1]", "policies=[ppo]")
    rules, ppo = sorted(tasks(*small), key=lambda task: task.cell.policy == "ppo")
    other_rules, other_ppo = sorted(
        tasks(*small, "trainings.ppo.total_steps=65536"), key=lambda task: task.cell.policy == "ppo"
    )
    assert rules.question == other_rules.question
    assert {part for part in ppo.question if ppo.question[part] != other_ppo.question[part]} == {"training"}


def test_where_the_work_is_done_is_no_part_of_the_question() -> None:
    assert without_place({"total_steps": 5, "backend": "ray", "workers": 2}) == {"total_steps": 5}


def test_a_digest_is_of_values_not_of_their_order() -> None:
    assert digest({"a": 1, "b": [2.0]}) == digest({"b": [2.0], "a": 1}) != digest({"a": 1, "b": [2.5]})
