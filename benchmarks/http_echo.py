"""The bare limit of the HTTP door: an ASGI application that sends each body back, on the service's own server settings.

Run as `python -m benchmarks.http_echo`; its first line says where it listens.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
import uvloop

from serving.service.serve import announce
from serving.service.server import listen


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Send the body back."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until ended."""
    listener = listen("127.0.0.1", 0)
    announce(listener)
    config = uvicorn.Config(
        echo, interface="asgi3", http="httptools", loop="uvloop", ws="websockets-sansio", lifespan="on",
        proxy_headers=False, log_config=None, access_log=False, server_header=False,
    )  # fmt: skip
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve([listener]))


if __name__ == "__main__":
    main()
