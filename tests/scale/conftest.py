"""One local Ray cluster of two CPUs for all tests that want one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from experiments.scale.cluster import running


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    with running(2, None):
        yield
