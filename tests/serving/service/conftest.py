"""What a service sets up for its process is taken back behind each test that ran one within this process."""

from __future__ import annotations

import logging

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs_as_before():
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
