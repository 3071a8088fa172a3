"""Structured logs on standard error: one JSON object a line, and no flood of the same."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog

from serving.service.settings import LogSettings

WINDOW_SECONDS = 10.0
MOST_ALIKE = 20  # lines of one event within a window; beyond, they are counted
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
NO_FAULTS = {  # what uvicorn takes for a fault
    "ASGI callable returned without completing handshake.",  # it was answered with an HTTP error, as ASGI provides
}
Line = MutableMapping[str, Any]


class Restraint:
    """Drops lines of an event that came too often, and says in the next window how many they were."""

    def __init__(self, clock: Any = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}

    def __call__(self, _logger: Any, _method: str, line: Line) -> Line:
        """A structlog processor."""
        now, event = self._clock(), str(line.get("event"))
        since, count = self._seen.get(event, (now, 0))
        if now - since > WINDOW_SECONDS:
            if count > MOST_ALIKE:
                line["suppressed"] = count - MOST_ALIKE
            since, count = now, 0
        self._seen[event] = since, count + 1
        if count >= MOST_ALIKE:
            raise structlog.DropEvent
        return line


def json_line(_logger: Any, _method: str, line: Line) -> str:
    """A line as JSON; what has no JSON form as text."""
    return msgspec.json.encode(line, enc_hook=str).decode()


def set_up_logs(settings: LogSettings, worker: int) -> None:
    """Log as `settings` say, from now on; `worker` is in every line."""
    text = settings.layout == "text"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            Restraint(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if text else json_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[settings.level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(worker=worker)
    logging.basicConfig(level=logging.WARNING, handlers=[ToStructlog()], force=True)


class ToStructlog(logging.Handler):
    """What libraries log, uvicorn's own complaints above all, in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        if record.getMessage() in NO_FAULTS:
            return
        told = {"exc_info": record.exc_info} if record.exc_info else {}
        structlog.get_logger(record.name).log(record.levelno, record.getMessage(), **told)
