"""The hosts that the url of a server or broker names: checked before anything is connected to."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+)(?::(?P<port>\d*))?")
HIGHEST_PORT = 65_535
NO_COLON = "'{start}//' lacks its ':'. Mend: write {start}://"


def fault_of_hosts(url: str) -> str | None:
    """What is wrong with the hosts and ports of `scheme://user@host:port,host:port/…`; None where nothing is."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return f"{error}. Mend: write brackets round the numbers of an IPv6 address only"
    hosts = parts.netloc.rpartition("@")[2]
    if not hosts:
        return f"names no host. Mend: write {parts.scheme}://HOST:PORT"
    for host in hosts.split(","):
        found = ADDRESS.fullmatch(host)
        if found is None or not 0 < int(found["port"] or 1) <= HIGHEST_PORT:
            return f"{host!r} is no HOST:PORT. Mend: give a name or address, and a port from 1 to {HIGHEST_PORT}"
    return None


def missing_colon(url: str, schemes: frozenset[str]) -> str | None:
    """What is wrong with `redis//host`, which would else be taken for a path; None where it is no such slip."""
    start = url.partition("//")[0]
    return NO_COLON.format(start=start) if "//" in url and start.lower() in schemes else None
