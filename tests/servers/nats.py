"""A NATS server with JetStream; streams are made as docs/streams.md shows."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import nats
from nats.js.api import StreamConfig

from tests.servers.process import Server, free_port, listens, program


def packaged() -> Path:
    return Path(sys.executable).parent / "nats-server"


def nats_server(folder: Path) -> Server:
    port = free_port()
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{folder}/jetstream", max_file: 1GB }}\n'
        "max_payload: 4MB\n"
    )
    binary = program("nats-server", packaged=packaged)
    return Server([binary, "-c", str(config)], port, folder / "nats.log", lambda: listens(port))


def create_nats_stream(port: int, config: StreamConfig) -> None:
    async def create() -> None:
        client = await nats.connect(f"nats://127.0.0.1:{port}")
        await client.jetstream().add_stream(config)
        await client.close()

    asyncio.run(create())
