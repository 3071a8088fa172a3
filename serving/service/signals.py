"""SIGHUP that comes before a process can follow it is held by the kernel until it can."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

RELOAD = frozenset({signal.SIGHUP})


def hold_reloads() -> None:
    """From now on a SIGHUP waits, and ends nothing. New threads and processes hold theirs as well."""
    signal.pthread_sigmask(signal.SIG_BLOCK, RELOAD)


def take_reloads() -> None:
    """What waited comes now, and what comes later at once: there is a handler."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, RELOAD)


@contextmanager
def reloads_held() -> Iterator[None]:
    """Hold them for as long as this lasts; a process started meanwhile holds its own until it takes them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, RELOAD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
