"""`handrail letters`: list the dead letters of a store; replay, deliver or drop them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Console

from journeys.loading import JourneyError, load_journey
from policies.bundle import load_bundle
from policies.bundle_files import BundleError
from serving.answer import DeadLetter
from serving.engine import Engine
from serving.formats.reading import read_message
from serving.outlets.settings import OutletError
from serving.service.settings import SettingsError, load_settings
from serving.stores.opening import open_store
from serving.stores.store import Letter, Store, StoreError
from serving.streams.stream import StreamError
from serving.upkeep.letters_deliver import UNDELIVERED, deliver_letters

PAGE = 500  # letters
AGAIN = 1  # exit code where letters failed again
COMMANDS = ("list", "replay", "deliver", "drop")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0, 1 where letters failed again, 2 where the store, a bundle or an outlet is wrong."""
    options = parser().parse_args(arguments)
    try:
        if options.settings is not None:
            options.service = load_settings(options.settings)
            options.store = options.service.store
        store = open_store(options.store, must_exist=True)
        try:
            return int(options.use(store, options))
        finally:
            store.close()
    except (JourneyError, BundleError, StoreError, SettingsError, OutletError, StreamError, OSError) as error:
        print(f"handrail letters: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(prog="handrail letters", description=__doc__)
    uses = command.add_subparsers(required=True, metavar="|".join(COMMANDS))
    listed = uses.add_parser("list", help="print them as JSON Lines, each with its number, and count them by reason")
    replayed = uses.add_parser("replay", help="send them through an engine again; those that fail again are kept")
    replayed.add_argument("--bundle", type=Path, action="append", required=True, help="a bundle; several one by one")
    replayed.add_argument("--journey", help="a journey's file or name, for a bundle that serves any journey")
    dropped = uses.add_parser("drop", help="forget them")
    for one, use in zip((listed, replayed, dropped), (list_letters, replay_letters, drop_letters), strict=True):
        one.set_defaults(use=use)
        one.add_argument("--store", required=True, metavar="URL", help="sqlite:PATH, redis://… or postgresql://…")
        one.add_argument("--reason", help="those of this reason only: malformed, invalid, late, …")
        one.set_defaults(settings=None)
    delivered = uses.add_parser("deliver", help="send decisions to the receiver that refused them again")
    delivered.set_defaults(use=deliver_again)
    delivered.add_argument("--settings", type=Path, required=True, metavar="FILE", help="the service's YAML file")
    delivered.add_argument("--outlet", help="those of this outlet only; otherwise of each that FILE names")
    which = dropped.add_mutually_exclusive_group(required=True)
    which.add_argument("--number", action="append", help="the one of this number; several one by one")
    which.add_argument("--all", action="store_true", help="all of them (of --reason, where it is given)")
    return command


def list_letters(store: Store, options: argparse.Namespace) -> int:
    """Print letters."""
    reasons: Counter[str] = Counter()
    for letter, read in chosen(store, options.reason):
        reasons[read.reason] += 1
        print(msgspec.json.encode({"number": letter.number, **msgspec.to_builtins(read)}).decode())
    Console(stderr=True).print(", ".join(f"{reason}: {n}" for reason, n in reasons.most_common()) or "no dead letters")
    return 0


def replay_letters(store: Store, options: argparse.Namespace) -> int:
    """Send letters through an engine again. What fails again is there again, with the reason that it has now."""
    journey = options.journey and load_journey(options.journey)
    engine = Engine(store, [load_bundle(path, journey) for path in options.bundle])
    outcomes: Counter[str] = Counter()
    failed = kept = 0
    for letter, read in chosen(store, options.reason, last_number(store)):
        if read.raw is None or read.reason == UNDELIVERED:
            kept += 1
            continue
        items = read_message(read.raw.encode(), read.headers or {}, read.format, read.source)
        answers = engine.take(items)
        outcomes.update(answer.outcome for answer in answers)
        failed += any(answer.letter is not None for answer in answers)
        store.drop_letters([letter.number])  # by now a letter of its own says what is still wrong
    print(", ".join(f"{outcome}: {n}" for outcome, n in outcomes.most_common()) or "nothing to replay")
    if failed or kept:
        print(
            f"{failed} failed again and are kept; {kept} kept, as they hold no event. 'handrail letters list' shows "
            "why; decisions that a receiver refused are sent again by 'handrail letters deliver'"
        )
    return AGAIN if failed else 0


def deliver_again(store: Store, options: argparse.Namespace) -> int:
    """Send decisions to their receivers again. Raises `SettingsError` where no outlet has the name."""
    outlets = [one for one in options.service.decisions if options.outlet in (None, one.name)]
    if not outlets:
        named = "decisions" if options.outlet is None else f"decisions: no outlet {options.outlet!r}"
        raise SettingsError(f"{options.settings}: {named}. Mend: name the outlet there whose letters are to leave")
    kept = 0
    for outlet in outlets:
        told = deliver_letters(store, outlet, chosen(store, UNDELIVERED, last_number(store)))
        print(f"{outlet.name}: {told.taken} delivered, {told.kept} kept")
        kept += told.kept
    return AGAIN if kept else 0


def drop_letters(store: Store, options: argparse.Namespace) -> int:
    """Forget letters."""
    numbers = options.number or [letter.number for letter, _ in chosen(store, options.reason)]
    store.drop_letters(numbers)
    print(f"{len(numbers)} dropped")
    return 0


def chosen(store: Store, reason: str | None, last: str | None = None) -> Iterator[tuple[Letter, DeadLetter]]:
    """The letters of a reason (None: of any), up to the one of number `last`."""
    after = ""
    while page := store.letters(after, PAGE):
        for letter in page:
            read = read_letter(letter)
            if reason is None or read.reason == reason:
                yield letter, read
            if letter.number == last:
                return
        after = page[-1].number


def read_letter(letter: Letter) -> DeadLetter:
    """A letter as it was written. Raises `StoreError` where it is damaged."""
    try:
        return msgspec.json.decode(letter.letter, type=DeadLetter)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        drop = f"handrail letters drop --number {letter.number}"
        raise StoreError(f"dead letter {letter.number} is damaged: {error}. Mend: {drop}") from None


def last_number(store: Store) -> str | None:
    """The number of the newest letter: those that a replay writes come behind it."""
    after: str | None = None
    while page := store.letters(after or "", PAGE):
        after = page[-1].number
    return after


if __name__ == "__main__":
    sys.exit(main())
