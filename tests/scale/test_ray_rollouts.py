"""Rollouts by workers are those of one process, weight for weight, also where a worker dies or a training goes on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.reward import RewardWeights
from policies.families import baseline
from policies.protocol import Policy
from policies.training.checkpoint import save_checkpoint, take_up
from policies.training.player import Player
from policies.training.ppo import PPO, MakePlayer, PPOSettings
from policies.training.ray_rollouts import GRAIN, MOST_LOSSES, RayPlayer, RolloutLost, edges_of, flat
from policies.training.recall import Traces
from tests.policies.trainings import setting
from tests.scale.deadly import DeadlyTeacher

# Hidden layers of 16 units: with 8 or fewer, some processors round a row of a product by its place among the others.
SETTINGS: dict[str, Any] = {"num_envs": 160, "n_steps": 8, "batch_size": 320, "hidden": 16, "total_steps": 5120}
ON_RAY = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.usefixtures("cluster")]
BY_WORKERS = partial(RayPlayer, workers=2)


def training(make_player: MakePlayer = Player, teacher: Policy | None = None, **more: Any) -> PPO:
    """Several learner models, so that slices cross the borders of environments; episodes that are cut, too."""
    practice = [setting(learner="irt_forgetting"), setting(learner="bkt"), setting(population="comeback")]
    settings = PPOSettings(**{**SETTINGS, "imitation": 0.3, "shaping": 0.5, "auxiliary": 0.1, **more})
    teacher = teacher or baseline("greedy", practice[0].journey)
    return PPO(settings, practice, RewardWeights(), 3, teacher, most_decisions=9, make_player=make_player)


def assert_same(one: PPO, other: PPO) -> None:
    """Bit for bit: the last rollout, the weights, and the curve but for its seconds."""
    for own, theirs in zip(flat(one.room), flat(other.room), strict=True):
        np.testing.assert_array_equal(own, theirs)
    for name, tensor in one.learner.actor.export().items():
        np.testing.assert_array_equal(tensor, other.learner.actor.export()[name])
    assert [p._replace(seconds=0.0) for p in one.curve] == [p._replace(seconds=0.0) for p in other.curve]


class InSlices(Player):
    """Slices of the rows played one after the other in this process, each as a worker would."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        low_and_high = zip(edges_of(self.group.n, 3)[:-1], edges_of(self.group.n, 3)[1:], strict=True)
        self.parts = [(low, Player(self.group.some(low, high), *arguments[1:])) for low, high in low_and_high]

    def play(self, actor: Any, imitated: Policy | None) -> None:
        for low, part in self.parts:
            part.play(actor, imitated)
            for own, theirs in zip(flat(self.room), flat(part.room), strict=True):
                own[:, low : low + part.group.n] = theirs


@pytest.mark.parametrize("actor", ["dense", "steps"])
def test_slices_of_a_group_live_on_as_in_the_whole(actor: str) -> None:
    whole, sliced = training(actor=actor), training(InSlices, actor=actor)
    for _ in range(6):
        whole.player.play(whole.learner.actor, whole.teacher)
        sliced.player.play(whole.learner.actor, whole.teacher)
        for own, theirs in zip(flat(whole.room), flat(sliced.room), strict=True):
            np.testing.assert_array_equal(own, theirs)
    assert whole.room.over.any()


@pytest.mark.parametrize("n", [1, 8, 31, 32, 33, 160, 1000, 1024])
@pytest.mark.parametrize("workers", [1, 2, 3, 7, 64])
def test_slices_are_of_whole_grains_and_hold_every_row(n: int, workers: int) -> None:
    edges = edges_of(n, workers)
    assert (edges[0], edges[-1]) == (0, n)
    assert edges == sorted(set(edges))
    assert len(edges) - 1 <= workers
    assert not any(edge % GRAIN for edge in edges[:-1])


class TestOnRay:
    pytestmark = ON_RAY

    @pytest.mark.parametrize("actor", ["dense", "steps"])
    def test_workers_train_what_one_process_trains(self, actor: str) -> None:
        here, there = training(actor=actor), training(BY_WORKERS, actor=actor)
        for _ in range(4):
            here.advance()
            there.advance()
            assert_same(here, there)
        assert here.room.ends.any()
        assert len(there.player.slices) == 2  # type: ignore[attr-defined]

    def test_a_training_goes_on_with_other_workers(self, tmp_path: Path) -> None:
        here, there = training(), training(BY_WORKERS)
        here.advance()
        there.advance()
        save_checkpoint(there, tmp_path / "checkpoint.pt")
        here.advance()
        for make_player in (Player, BY_WORKERS):
            later = training(make_player)
            take_up(later, tmp_path / "checkpoint.pt")
            later.advance()
            assert_same(here, later)

    def test_a_killed_worker_costs_nothing_but_time(self, tmp_path: Path) -> None:
        here, there = training(), training(BY_WORKERS, DeadlyTeacher(tmp_path, MOST_LOSSES))
        here.advance()
        there.advance()
        assert_same(here, there)
        assert there.player.lost == MOST_LOSSES  # type: ignore[attr-defined]

    def test_workers_that_go_on_dying_are_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(RolloutLost, match=r"rows \d+ to \d+ lost 3 workers"):
            training(BY_WORKERS, DeadlyTeacher(tmp_path, 100)).advance()

    def test_memory_of_its_own_is_refused(self) -> None:
        practice = [setting()]
        with pytest.raises(ValueError, match="recalled of users is not sent to workers"):
            PPO(PPOSettings(**SETTINGS), practice, RewardWeights(), 3, recall=Traces, make_player=BY_WORKERS)
