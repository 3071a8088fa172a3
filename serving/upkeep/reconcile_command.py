"""`handrail reconcile`: fold users' logs again, compare with the stored states, and make their decisions again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import track

from journeys.loading import JourneyError, load_journey
from policies.bundle import load_bundle
from policies.bundle_files import BundleError
from serving.stores.opening import open_store
from serving.stores.store import StaleState, Store, StoreError
from serving.upkeep.audit import Audit, Auditor

PAGE = 1_000  # users
DIFFERENT = 1  # exit code


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0, 1 where anything differs, 2 where the store or the bundle is wrong."""
    options = parser().parse_args(arguments)
    try:
        bundle = load_bundle(options.bundle, options.journey and load_journey(options.journey))
        store = open_store(options.store, must_exist=True)
        try:
            auditor = Auditor(store, bundle)
            users = [options.user] if options.user is not None else all_users(store, bundle.journey.name)
            return report(audits(auditor, users, options.mend), options.mend)
        finally:
            store.close()
    except (JourneyError, BundleError, StoreError, OSError) as error:
        print(f"handrail reconcile: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(
        prog="handrail reconcile",
        description=__doc__,
        epilog="exit code: 0 where nothing differed, 1 where anything did (mended or not), 2 for a wrong call",
    )
    command.add_argument("--store", required=True, metavar="URL", help="sqlite:PATH, redis://… or postgresql://…")
    command.add_argument("--bundle", type=Path, required=True, help="the bundle that decided (folder or zip)")
    command.add_argument("--journey", help="a journey's file or name, for a bundle that serves any journey")
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--user", help="one user")
    which.add_argument("--all", action="store_true", help="every user of the journey")
    command.add_argument(
        "--mend", action="store_true", help="write the state that the log gives where another is stored"
    )
    return command


def all_users(store: Store, journey: str) -> Iterator[str]:
    """The users of a journey, with a line on the terminal that says how many."""
    console = Console(stderr=True)

    def named() -> Iterator[str]:
        after = ""
        while page := store.users(journey, after, PAGE):
            yield from page
            after = page[-1]

    return iter(track(named(), "users", console=console, disable=not console.is_terminal))


def audits(auditor: Auditor, users: Iterator[str] | list[str], mend: bool) -> Iterator[Audit]:
    """The audit of each user, mended where it is asked for."""
    for user in users:
        audit = auditor.audit(user)
        yield audit
        if mend and audit.state_differs:
            try:
                auditor.mend(user)
            except StaleState:  # a service was first: what it wrote is audited in the next run
                print(f"{user}: changed meanwhile, not mended. Mend: run again")


def report(audits: Iterator[Audit], mend: bool) -> int:
    """Print what differs and a summary; returns the exit code."""
    users = events = again = others = different = states = 0
    for audit in audits:
        users, events = users + 1, events + audit.events
        again, others = again + audit.again, others + audit.others
        different, states = different + bool(audit.differences), states + audit.state_differs
        for difference in audit.differences:
            print(f"{audit.user}: {difference}")
    print(f"{users} users, {events} events: {different} users differ, {states} in their state{' (mended)' * mend}")
    print(f"{again} decisions made again and compared; {others} of other bundles or journey versions left alone")
    return DIFFERENT if different else 0


if __name__ == "__main__":
    sys.exit(main())
