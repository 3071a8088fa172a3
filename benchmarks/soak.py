"""`python -m benchmarks.soak`: a service at half its load for ten minutes; fails where memory grows or anything errs.

A worker of its own on Redis (append-only file, fsync every second) or SQLite takes events over HTTP, from users who
come and go. Its greatest load is measured first. Memory counts as flat where it grows by less than 2% an hour, or by
less than 8 MiB in all, over the second half of the time: until then caches fill.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.http_decide import put
from benchmarks.http_load import Load
from benchmarks.runtime import JOURNEY, some_bundle
from benchmarks.startup import resident_mib, started
from journeys.events import write_events
from journeys.loading import load_journey
from personas.persona import load_population
from policies.expert_rules import expert_rules
from policies.training.rollout import event_log
from tests.servers.redis_server import redis_server

MINUTES, SECTION_SECONDS, FINDING_SECONDS = 10.0, 10.0, 10.0
CONNECTIONS, USERS = 64, 60
ACTIVE_USERS = 20_000  # that many states stay in memory: reached within the first minutes
SHARE = 0.5
MOST_GROWTH_MIB, MOST_GROWTH_AN_HOUR = 8.0, 0.02
SECONDS_AN_HOUR = 3_600.0


class Moment(NamedTuple):
    """The service after a section: seconds since the beginning, MiB resident, requests answered, errors, p99 in ms."""

    seconds: float
    resident: float
    answers: int
    errors: int
    p99: float


class Verdict(NamedTuple):
    """What came of a soak. `growth` is MiB over the second half, `hourly` the trend as a share of what is resident."""

    moments: Sequence[Moment]
    growth: float
    hourly: float

    @property
    def errors(self) -> int:
        """All errors."""
        return sum(moment.errors for moment in self.moments)

    @property
    def flat(self) -> bool:
        """Whether memory is flat."""
        return self.growth < MOST_GROWTH_MIB or self.hourly < MOST_GROWTH_AN_HOUR


def verdict_of(moments: Sequence[Moment]) -> Verdict:
    """Memory's trend (least squares) and growth over the second half."""
    late = moments[len(moments) // 2 :]
    times, sizes = np.array([m.seconds for m in late]), np.array([m.resident for m in late])
    slope = np.polyfit(times, sizes, 1)[0] if len(late) > 1 else 0.0
    return Verdict(moments, float(sizes[-1] - sizes[0]), float(slope * SECONDS_AN_HOUR / sizes.mean()))


@contextmanager
def store_of(kind: str, folder: Path) -> Iterator[str]:
    """The url of a store in `folder`."""
    if kind == "sqlite":
        yield f"sqlite:{folder}/state.sqlite"
        return
    with redis_server(folder, "everysec") as server:
        yield f"redis://127.0.0.1:{server.port}"


def soak(minutes: float, store: str) -> Verdict:
    """Run the service; returns what was seen."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        journey, events = load_journey(JOURNEY), folder / "events.jsonl"
        log = event_log(journey, load_population("mixed"), expert_rules(), USERS, seed=1)
        write_events(events, (event for event in log if event.kind != "decision"))
        some_bundle(journey, folder)
        url = stack.enter_context(store_of(store, folder))
        service = stack.enter_context(started(folder, folder / "bundle", None, url, f"active_users: {ACTIVE_USERS}\n"))
        load = Load(service.http.port, "/v1/decide", str(events), CONNECTIONS, FINDING_SECONDS)
        limit = put(load)
        rate, begin, moments = SHARE * limit.answers / limit.seconds, time.monotonic(), list[Moment]()
        load.rate, load.seconds = rate, SECTION_SECONDS
        for section in track(range(max(2, round(60 * minutes / SECTION_SECONDS))), f"{rate:,.0f} requests/s"):
            load.tag = f"s{section}-"
            result = put(load)
            now = time.monotonic() - begin
            moments.append(Moment(now, resident_mib(service.pid), result.answers, result.errors, result.p99))
    return verdict_of(moments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 1 where memory grew or there were errors."""
    command = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    command.add_argument("--minutes", type=float, default=MINUTES, help=f"how long (default {MINUTES:g})")
    command.add_argument("--store", choices=("redis", "sqlite"), default="redis")
    options = command.parse_args(arguments)
    found, console = soak(options.minutes, options.store), Console()
    for moment in found.moments[:: max(1, len(found.moments) // 10)]:
        console.print(
            f"{moment.seconds:6.0f} s  {moment.resident:6.1f} MiB  {moment.answers:8,} answers  p99 {moment.p99:.1f} ms"
        )
    answers = sum(moment.answers for moment in found.moments)
    console.print(f"{answers:,} requests, {found.errors} errors; memory over the second half {found.growth:+.1f} MiB")
    console.print("flat memory, no errors" if found.flat and not found.errors else "FAILED: memory grew, or errors")
    return 0 if found.flat and not found.errors else 1


if __name__ == "__main__":
    sys.exit(main())
