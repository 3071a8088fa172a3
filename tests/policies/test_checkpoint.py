"""A training put aside and taken up again goes on as if nothing had been."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from policies.training.checkpoint import CheckpointError, save_checkpoint, take_up
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
    np.testing.assert_array_equal(whole.returns, later.returns)


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


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_what_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        take_up(training(), tmp_path / "state.pt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        take_up(training(), tmp_path / "nowhere.pt")
