"""`handrail serve`: one service from one YAML file, or on this machine alone from a bundle."""

from __future__ import annotations

import argparse
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

from journeys.loading import JourneyError, load_journey
from journeys.source import Source
from policies.bundle import Bundle
from policies.bundle_files import BundleError
from serving.http.keys import KeysError
from serving.outlets.settings import OutletError
from serving.service.bundles import load, load_all, load_or_stand_in
from serving.service.consumers import outlets_of
from serving.service.logs import set_up_logs
from serving.service.named import check_named
from serving.service.numbers import Numbers
from serving.service.origin import Origin, told
from serving.service.server import listen
from serving.service.settings import BundleSettings, Settings, SettingsError, load_settings, settings_of
from serving.service.supervisor import supervise
from serving.service.worker import work
from serving.stand_in import stand_in
from serving.stores.opening import open_store
from serving.stores.store import StoreDown, StoreError
from serving.streams.opening import open_stream
from serving.streams.stream import StreamDown, StreamError

WRONG = (SettingsError, KeysError, BundleError, JourneyError, StoreError, StreamError, OutletError)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 after a graceful end, 2 where something is wrong, 1 to try again."""
    options = parser().parse_args(arguments)
    origin = Origin(options.file)
    try:
        settings = settings_from(options)
        if options.check:
            return check(settings)
        return serve(settings, options.file)
    except (StoreDown, StreamDown) as error:
        print(f"handrail serve: {told(error, origin)}", file=sys.stderr)
        return 1
    except WRONG as error:
        print(f"handrail serve: {told(error, origin)}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(prog="handrail serve", description=__doc__)
    command.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the service's YAML file: docs/service.md")
    command.add_argument("--check", action="store_true", help="check the file and all that it names, and end")
    command.add_argument("--bundle", help="without FILE: serve this bundle on this machine alone")
    command.add_argument("--journey", help="without FILE: a journey's file or name, for a bundle of any journey")
    command.add_argument("--store", help="without FILE: where state is kept (default sqlite:handrail.sqlite)")
    command.add_argument("--port", type=int, help="without FILE: the port on 127.0.0.1 (default 8080)")
    return command


def settings_from(options: argparse.Namespace) -> Settings:
    """The settings of a file, or of the options. Raises `SettingsError`."""
    named = [name for name in ("bundle", "journey", "store", "port") if getattr(options, name) is not None]
    if options.file is not None:
        if named:
            raise SettingsError(f"--{named[0]} is said in FILE. Mend: change {options.file}, or leave FILE out")
        return load_settings(options.file)
    if options.bundle is None:
        raise SettingsError("neither FILE nor --bundle is given. Mend: see `handrail serve --help`")
    return settings_of(Source("options", given(options), {}))


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that options stand for, as a file would have them."""
    return {
        "bundles": [{"path": options.bundle} | ({"journey": options.journey} if options.journey else {})],
        "http": {"port": options.port} if options.port is not None else {},
        "log": {"layout": "text" if sys.stderr.isatty() else "json"},
    } | ({"store": options.store} if options.store else {})


def check(settings: Settings) -> int:
    """Load what the settings name, open nothing that serves, and say what was found."""
    check_named(settings)
    refused: list[str] = []

    def try_out(one: BundleSettings) -> Bundle:
        try:
            return load(one)
        except BundleError as error:
            if one.journey is None:
                raise
            refused.append(f"sound, but the expert rules will serve {one.journey} by themselves: {error}")
            return stand_in(load_journey(one.journey), str(error))

    for bundle in load_all(settings.bundles, try_out):
        print(f"{bundle.journey.name}: {bundle.manifest.name} version {bundle.manifest.version}")
    print("\n".join(refused) or "sound")
    return 0


def serve(settings: Settings, file: Path | None) -> int:
    """Serve until a signal says to end. Raises what is wrong with what the settings name."""
    set_up_logs(settings.log, 0)
    check_named(settings)
    http = settings.http
    try:
        listener = listen(http.host, http.port)
    except OSError as error:
        raise SettingsError(
            f"http: cannot listen on {http.host}:{http.port}: {error.strerror}. Mend: choose another port or host"
        ) from None
    with listener:
        if http.workers > 1:
            try_out(settings)
            announce(listener)
            return supervise(settings, file, listener)
        return work(settings, listener, begins=partial(announce, listener))


def try_out(settings: Settings) -> None:
    """Find out here what would end every worker at its start. Raises what is wrong with what the settings name."""
    load_all(settings.bundles, load_or_stand_in)
    store = open_store(settings.store, settings.store_timeout)
    try:
        for source in settings.streams:
            open_stream(source).close()
        for outlet in outlets_of(settings, store, Numbers()):
            outlet.drain()
    finally:
        store.close()


def announce(listener: socket.socket) -> None:
    """Say where the service listens, for people and for scripts: the first line, once it is about to answer."""
    host, port = listener.getsockname()[:2]
    print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
