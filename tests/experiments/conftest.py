"""One small training, shared by the tests that only read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import train
from tests.experiments.small_runs import small_training


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "small"
    assert train.main(small_training(folder, "seed=3")) == 0
    return folder
