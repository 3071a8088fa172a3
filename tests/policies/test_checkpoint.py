"""A training put aside and taken up again goes on as if nothing had been."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from envs.reward import RewardWeights
from policies.training.checkpoint import CheckpointError, save_checkpoint, take_up
from policies.training.ppo import PPO
from policies.training.recall import Traces
from tests.policies.trainings import setting, training


@pytest.mark.parametrize("actor", ["dense", "steps"])
def test_it_goes_on_exactly(actor: str, tmp_path: Path) -> None:
    practice = setting(learner="irt_forgetting"), setting(learner="bkt")
    whole = training(*practice, actor=actor)
    whole.advance()
    save_checkpoint(whole, tmp_path / "state.pt")
    whole.advance()
    later = training(*practice, actor=actor)
    take_up(later, tmp_path / "state.pt")
    later.advance()
    assert (later.steps, later.rollouts) == (whole.steps, whole.rollouts)
    for one, other in zip(whole.learner.modules(), later.learner.modules(), strict=True):
        for name, tensor in one.state_dict().items():
            torch.testing.assert_close(tensor, other.state_dict()[name], atol=0.0, rtol=0.0)
    for one_env, other_env in zip(whole.group.envs, later.group.envs, strict=True):
        np.testing.assert_array_equal(one_env.world.observations, other_env.world.observations)
        np.testing.assert_array_equal(one_env.world.keys, other_env.world.keys)
    np.testing.assert_array_equal(whole.player.returns, later.player.returns)


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    save_checkpoint(training(), tmp_path / "state.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize(
    ("seed", "journey", "hidden", "named"),
    [(4, "tiny", 8, "seed"), (3, "saas", 8, "journeys"), (3, "tiny", 16, "hidden")],
)
def test_another_training_is_not_taken_up(seed: int, journey: str, hidden: int, named: str, tmp_path: Path) -> None:
    save_checkpoint(training(), tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match=f"state.pt: is of another training: '{named}' differs. Mend"):
        take_up(training(setting(journey), seed=seed, hidden=hidden), tmp_path / "state.pt")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"practice": (setting(learner="irt"),)}, "learners"),
        ({"practice": (setting(population="comeback"),)}, "people"),
        ({"weights": RewardWeights(completion=9.0)}, "weights"),
        ({"teacher": None}, "teacher"),
        ({"most_decisions": 7}, "most_decisions"),
    ],
)
def test_another_practice_is_another_training(changed: dict, named: str, tmp_path: Path) -> None:
    save_checkpoint(training(), tmp_path / "state.pt")
    ours = training()
    parts = {"practice": (setting(),), "weights": RewardWeights(), "teacher": ours.teacher, "most_decisions": 400}
    parts |= changed
    other = PPO(ours.settings, parts["practice"], parts["weights"], 3, parts["teacher"], parts["most_decisions"])
    with pytest.raises(CheckpointError, match=f"'{named}' differs. Mend"):
        take_up(other, tmp_path / "state.pt")


def test_a_checkpoint_that_lacks_a_part_is_refused(tmp_path: Path) -> None:
    save_checkpoint(training(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state["worlds"]
    torch.save(state, tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match="'worlds' is missing"):
        take_up(training(), tmp_path / "state.pt")


def test_a_training_with_memory_of_its_own_is_not_put_aside(tmp_path: Path) -> None:
    ours = training()
    recalling = PPO(ours.settings, (setting(),), RewardWeights(), 3, ours.teacher, recall=Traces)
    with pytest.raises(CheckpointError, match="memory of its own"):
        save_checkpoint(recalling, tmp_path / "state.pt")
    assert not list(tmp_path.iterdir())


def test_the_curve_has_what_came_before(tmp_path: Path) -> None:
    ours = training()
    ours.advance()
    save_checkpoint(ours, tmp_path / "state.pt")
    later = training()
    take_up(later, tmp_path / "state.pt")
    curve = later.train(lambda _: None)
    assert [point.steps for point in curve] == [256, 512, 768, 1024]


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_what_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        take_up(training(), tmp_path / "state.pt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        take_up(training(), tmp_path / "nowhere.pt")
