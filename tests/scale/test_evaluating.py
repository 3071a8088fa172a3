"""Evaluation by shards and by workers is number for number that of one process, for every family of policy."""

from __future__ import annotations

import csv
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from envs.reward import RewardWeights
from experiments import compare
from experiments.evaluation import SHARD, Evaluation, Shard, evaluate, shards_of
from experiments.scale.backend import BackendSettings
from experiments.scale.evaluating import evaluate_parts, evaluate_side_by_side, parts_of
from experiments.scale.report import Report
from experiments.settings import Problem
from journeys.loading import load_journey
from personas.persona import load_population
from policies.protocol import Policy
from policies.training.greedy_full import GreedyFull
from tests.experiments.small_runs import small_comparison
from tests.policies.moments import POLICIES, make_policy

JOURNEY = "tiny"
PROBLEM = Problem(load_journey(JOURNEY), load_population("mixed"), RewardWeights())
USERS, SEED = 150, 4
HERE, RAY = BackendSettings("local"), BackendSettings("ray", workers=2)
INSIDER = "greedy_full"
EVERYONE = [*POLICIES, INSIDER]


def policy_of(name: str) -> Policy:
    return GreedyFull(PROBLEM.journey) if name == INSIDER else make_policy(name, JOURNEY)


@cache
def in_one_piece(name: str) -> Evaluation:
    return evaluate(PROBLEM, policy_of(name), USERS, SEED)


def ignore(_: Report) -> None:
    """Nobody listens."""


def assert_same(one: Evaluation, other: Evaluation) -> None:
    """Bit for bit."""
    for field, own, theirs in zip(Evaluation._fields, one, other, strict=True):
        if isinstance(own, np.ndarray):
            assert (own.dtype, own.tobytes()) == (theirs.dtype, theirs.tobytes()), field
        else:
            assert own == theirs, field


@pytest.mark.parametrize("size", [1, 7, 64, USERS - 1, USERS])
@pytest.mark.parametrize("name", EVERYONE)
def test_shards_of_any_size_make_up_the_whole(name: str, size: int) -> None:
    parts = parts_of(1, shards_of(USERS, size))
    assert_same(in_one_piece(name), *evaluate_parts(PROBLEM, [policy_of(name)], parts, SEED, HERE, ignore))


@pytest.mark.parametrize("users", [1, 2, SHARD - 1, SHARD, SHARD + 1, 3 * SHARD])
def test_shards_hold_every_user_once(users: int) -> None:
    shards = shards_of(users)
    met = [user for shard in shards for user in range(shard.first_user, shard.first_user + shard.n_users)]
    assert met == list(range(users))
    assert all(0 < shard.n_users <= SHARD for shard in shards)


def test_another_shard_is_other_people() -> None:
    parts = parts_of(1, [Shard(0, 50), Shard(50, 50)])
    first, second = (
        evaluate_parts(PROBLEM, [policy_of("fixed")], [part], SEED, HERE, ignore)[0].measures for part in parts
    )
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", EVERYONE)
def test_a_policy_that_was_sent_plays_as_before(name: str) -> None:
    sent = pickle.loads(pickle.dumps(policy_of(name)))
    assert_same(in_one_piece(name), evaluate(PROBLEM, sent, USERS, SEED))


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.usefixtures("cluster")
def test_workers_find_what_one_process_finds() -> None:
    names = EVERYONE
    parts = parts_of(len(names), shards_of(USERS, 64))
    found = evaluate_parts(PROBLEM, [policy_of(name) for name in names], parts, SEED, RAY, ignore)
    for name, evaluation in zip(names, found, strict=True):
        assert_same(in_one_piece(name), evaluation)


def test_what_it_took_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(width=200)
    evaluate_side_by_side(console, "playing 2 policies", PROBLEM, [policy_of("fixed"), policy_of("rules")], 9, 0, HERE)
    assert "playing 2 policies: 2 of 2 items by 1 worker; " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.usefixtures("cluster")
def test_compare_finds_the_same_on_ray(tmp_path: Path) -> None:
    tables = []
    for name, more in (("here", []), ("ray", ["backend=ray", "workers=2"])):
        assert compare.main(small_comparison(tmp_path / name, *more)) == 0
        with (tmp_path / name / "metrics.csv").open() as file:
            tables.append(list(csv.reader(file)))
    assert tables[0] == tables[1]


def test_an_unknown_backend_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main(small_comparison(tmp_path / "a", "backend=dask")) == 2
    assert "backend: 'dask' is not possible. Mend: use one of local, ray" in capsys.readouterr().err
