"""User u lives the same life whatever the batch, the threads, the row, the neighbours and the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from journeys.loading import shipped
from tests.envs.lives import lives

ROOT = Path(__file__).resolve().parents[2]
STEPS = 160  # by then some tens of users have come and gone in every row


@pytest.fixture(scope="module", params=[*shipped(), "studio"])
def journey(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def of_64(journey: str) -> dict[int, str]:
    """Lives in a batch of 64, on one thread."""
    return lives(journey, 64, STEPS)


def agree(ones: dict[int, str], others: dict[int, str], at_least: int) -> None:
    """The same users' lives are the same, and there are enough of them to tell."""
    common = ones.keys() & others.keys()
    assert len(common) >= at_least
    assert [ones[user] for user in sorted(common)] == [others[user] for user in sorted(common)]


@pytest.mark.parametrize(("n", "at_least"), [(1, 3), (7, 15)])
def test_batch_size_and_neighbours_do_not_matter(journey: str, of_64: dict[int, str], n: int, at_least: int) -> None:
    agree(lives(journey, n, 4 * STEPS), of_64, at_least)


def test_threads_do_not_matter(journey: str, of_64: dict[int, str]) -> None:
    assert lives(journey, 64, STEPS, threads=2) == of_64


def test_rows_do_not_matter(journey: str, of_64: dict[int, str]) -> None:
    """Users 10 to 40 first: every user sits in another row, beside other neighbours."""
    agree(lives(journey, 31, STEPS, first_user=10), of_64, 20)


def test_lives_differ_between_users(of_64: dict[int, str]) -> None:
    assert len(set(of_64.values())) == len(of_64)


def test_a_second_process_sees_the_same_bytes(journey: str, of_64: dict[int, str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "4"}
    script = [sys.executable, "-W", "error", str(ROOT / "tests/envs/lives.py"), journey, "64", str(STEPS)]
    said = subprocess.run(script, check=True, capture_output=True, text=True, env=environment, cwd=ROOT).stdout
    assert {int(user): digest for user, digest in map(str.split, said.splitlines())} == of_64
