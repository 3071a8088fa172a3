"""Without API keys the service is for programs of this machine; a web page that a browser shows on it is none.

A page elsewhere can have its visitor's browser send requests to 127.0.0.1, openly (then `Origin` names the page) or by
pointing its own name there, known as DNS rebinding (then `Host` has that name).
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from serving.http.replies import Headers, Refused, problem

MOST_KEPT = 64  # hosts whose answer is kept: parsing costs more than the rest of the way in
MEND = "Mend: ask for localhost or 127.0.0.1, or set http.keys for whoever comes from elsewhere"


def check_local(headers: Headers) -> None:
    """Raises `Refused` with 403 where `Host` or `Origin` is of another machine; programs may leave them out."""
    host, origin = headers.get(b"host"), headers.get(b"origin")
    if host is not None and not is_local(b"//" + host):
        raise Refused(problem(403, "strange_host", f"without API keys only this machine is served. {MEND}"))
    if origin is not None and not is_local(origin):
        raise Refused(problem(403, "strange_origin", f"without API keys no page of another host is served. {MEND}"))


@lru_cache(MOST_KEPT)
def is_local(url: bytes) -> bool:
    """Whether the host of a URL is this machine: localhost or a loopback address, on any port."""
    try:
        host = urlsplit(url.decode("ascii")).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # no URL, no address, or `null`, as pages in a sandbox say
        return False
