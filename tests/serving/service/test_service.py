"""The service as an operator sees it: start, swap, wrong bundles, signals, workers, streams and outlets."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import msgspec
import pytest
import yaml
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from journeys.events import encoder as event_encoder
from serving.http.keys import KeysError, read_keys
from serving.service.keys_command import main as keys_main
from serving.service.serve import main
from serving.stores.sqlite_store import SqliteStore
from tests.serving.service.running import JSON, Running, body, bundle_at, running, signup, start

pytestmark = pytest.mark.xdist_group("service")


def test_state_outlives_the_service(tmp_path):
    with running(tmp_path) as service:
        decision = service.decide(signup("ann")).json()
        assert service.end() == 0
    with running(tmp_path) as service:
        again = service.send(signup("ann"), start("ann", 1)).json()["answers"]
        assert [answer["outcome"] for answer in again] == ["duplicate", "applied"]
        assert again[0]["decision"] == decision


def swapped(service: Running, version: str) -> None:
    """Wait until that version is served."""
    until = time.monotonic() + 20
    while service.client.get("/v1/journeys").json()["journeys"][0]["version"] != version:
        assert time.monotonic() < until
        time.sleep(0.05)


def put(folder: Path, version: str) -> None:
    """A new version in the place of the bundle, as a deployment would put it."""
    bundle_at(folder / "new", version)
    (folder / "guide").rename(folder / f"before-{version}")
    (folder / "new").rename(folder / "guide")


def test_a_bundle_is_swapped_under_load_and_a_corrupt_one_is_refused(tmp_path):
    with running(tmp_path) as service:
        versions, faults, stop = [], [], threading.Event()

        def load(worker: int) -> None:
            number = 0
            with httpx.Client(base_url=service.url, timeout=30) as client:
                while not stop.is_set():
                    event = event_encoder.encode(signup(f"w{worker}-{number}"))
                    reply = client.post("/v1/decide", content=event, headers=JSON)
                    if reply.status_code == 200:
                        versions.append(reply.json()["version"])
                    else:
                        faults.append(reply.text)
                    number += 1

        threads = [threading.Thread(target=load, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        try:
            put(tmp_path, "2")
            swapped(service, "2")
            weights = tmp_path / "guide" / "manifest.json"
            weights.write_text(weights.read_text().replace('"version": "2"', '"version": "3"'))
            refused = service.wait_for("bundle refused")
            before = len(versions)
            while len(versions) < before + 20:
                time.sleep(0.02)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert faults == []
        assert set(versions) == {"1", "2"}
        assert versions.count("2") > 20
        assert "Mend: " in refused["detail"]
        assert service.metric('handrail_bundle_swaps_total{journey="tiny",outcome="swapped"}') == 1
        assert service.metric('handrail_bundle_swaps_total{journey="guide",outcome="refused"}') == 1
        assert service.metric("handrail_bundle{") == 1


def test_hup_loads_bundles_again(tmp_path):
    with running(tmp_path, {"watch_seconds": 0}) as service:
        put(tmp_path, "2")
        service.process.send_signal(signal.SIGHUP)
        swapped(service, "2")


def test_nothing_that_was_answered_is_lost_by_a_shutdown_under_load(tmp_path):
    answered, stop = [], threading.Event()
    with running(tmp_path) as service:

        def load(worker: int) -> None:
            number = 0
            with httpx.Client(base_url=service.url, timeout=30) as client:
                while not stop.is_set():
                    user = f"w{worker}-{number}"
                    try:
                        reply = client.post("/v1/events", content=body(signup(user), start(user, 1)), headers=JSON)
                    except httpx.TransportError:
                        return
                    if reply.status_code == 200:
                        answered.append((user, reply.json()["answers"][0]["decision"]["id"]))
                    number += 1

        threads = [threading.Thread(target=load, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        while len(answered) < 200:
            time.sleep(0.01)
        assert service.end() == 0
        stop.set()
        for thread in threads:
            thread.join()
        assert [line for line in service.lines() if line["level"] == "error"] == []
    store = SqliteStore(tmp_path / "state.sqlite")
    logged = {user: list(store.log("tiny", user)) for user, _ in answered}
    store.close()
    assert len(answered) >= 200
    for user, decision in answered:
        assert msgspec.json.decode(logged[user][0].decision)["id"] == decision
        assert len(logged[user]) == 2


@pytest.mark.slow
def test_workers_share_the_port_and_the_dead_are_replaced(tmp_path):
    with running(tmp_path, {"http": {"workers": 2}}) as service:
        for i in range(40):
            with httpx.Client(base_url=service.url, timeout=30) as client:  # a connection each: both workers get some
                assert client.post("/v1/decide", content=body(signup(f"u{i}"))[1:-1], headers=JSON).status_code == 200
        until = time.monotonic() + 20
        while service.metric("handrail_events_total") != 40:  # whichever worker is asked
            assert time.monotonic() < until
            time.sleep(0.2)
        children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
        assert len(children) == 2
        subprocess.run(["kill", "-9", children[0]], check=True)
        service.wait_for("worker ended")
        until = time.monotonic() + 30
        while service.metric("handrail_worker_starts_total") != 3:
            assert time.monotonic() < until
            time.sleep(0.2)
        for i in range(20):
            with httpx.Client(base_url=service.url, timeout=30) as client:
                assert client.post("/v1/decide", content=body(signup(f"v{i}"))[1:-1], headers=JSON).status_code == 200
        assert service.end() == 0


def test_events_of_a_file_come_in_and_decisions_leave_to_one(tmp_path):
    events = [signup("ann"), start("ann", 1), start("ann", 2, "nowhere")]
    tmp_path.joinpath("events.jsonl").write_bytes(b"".join(event_encoder.encode(event) + b"\n" for event in events))
    settings = {
        "streams": [{"url": "file:events.jsonl", "name": "events"}],
        "decisions": [{"name": "out", "stream": {"url": "file:decisions.jsonl", "name": "decisions", "partitions": 1}}],
    }
    with running(tmp_path, settings) as service:
        until = time.monotonic() + 30
        found: list[Path] = []
        while not any(path.is_file() and path.read_bytes().count(b"\n") >= 1 for path in found):
            assert time.monotonic() < until, service.lines()
            found = [path for path in [tmp_path / "decisions.jsonl", *tmp_path.glob("decisions*/*")] if path.exists()]
            time.sleep(0.1)
        assert service.metric('handrail_events_total{door="events",journey="tiny",outcome="applied"}') == 2
        assert service.metric('handrail_dead_letters_total{door="events",reason="invalid"}') == 1
        assert service.client.get("/v1/users/ann").json()["events"] >= 2
        assert service.end() == 0
    text = "".join(path.read_text() for path in found if path.is_file())
    assert json.loads(text.splitlines()[0])["event"] == "ann-e0"


SEVERAL = {"port": 0, "workers": 2}
UNSIGNED = {"name": "a", "webhook": {"url": "https://x.example", "secret_file": "none"}}


def hook(url: str = "https://x.example", **secret: str) -> dict:
    """An outlet to a webhook."""
    return {"name": "a", "webhook": {"url": url, **secret}}


def out(url: str) -> dict:
    """An outlet to a stream."""
    return {"name": "a", "stream": {"url": url, "name": "a"}}


WRONG = {
    "no bundle": ({"bundles": [{"path": "none"}]}, r"none.*Mend: "),
    "no bundle for several": ({"bundles": [{"path": "none"}], "http": SEVERAL}, r"none.*Mend: "),
    "secret for several": ({"decisions": [UNSIGNED], "http": SEVERAL}, r"none.*Mend: "),
    "open": ({"http": {"host": "0.0.0.0"}}, r"line \d+: .*no API keys.*Mend: "),
    "keys": ({"http": {"keys": "none.txt"}}, r"none.txt: cannot be read.*Mend: "),
    "key": ({"htp": {}}, r"line \d+: key 'htp' is unknown. Mend: did you mean 'http'"),
    "range": ({"http": {"port": 70_000}}, r"key 'http.port': must be at most 65535. Mend: "),
    "stream": ({"streams": [{"url": "carrier-pigeon:x", "name": "a"}]}, r"carrier-pigeon.*Mend: "),
    "journey": ({"bundles": [{"path": "guide"}, {"path": "guide"}]}, r"served twice. Mend: "),
    "store": ({"store": "sqlite:no/such/folder/state.sqlite"}, r"no/such/folder.*Mend: "),
    "queue": ({"http": {"queue": 10}}, r"line \d+: .*largest_batch"),
    "memory": ({"store": "memory:", "http": SEVERAL}, r"memory.*Mend: "),
    "outlet": ({"decisions": [{"name": "a"}]}, r"needs a webhook or a stream. Mend: "),
    "secret": ({"decisions": [UNSIGNED]}, r"line 1: key 'decisions.0.': .*none: No such file.*Mend: "),
    "no secret": ({"decisions": [hook()]}, r"key 'decisions.0.': .*has no secret. Mend: "),
    "short secret": ({"decisions": [hook(secret_file="short.txt")]}, r"short.txt: no secret, or a short one.*Mend: "),
    "hook": ({"decisions": [hook("https://h:port", secret_file="long.txt")]}, r"'h:port' is no HOST:PORT. Mend: "),
    "strange store": ({"store": "mysql://x/y"}, r"line 1: key 'store': .*no store is called 'mysql'. Mend: "),
    "slip": ({"store": "redis//localhost"}, r"line 1: key 'store': .*lacks its ':'. Mend: write redis://"),
    "store's port": ({"store": "redis://localhost:notaport/0"}, r"line 1: key 'store': .*no HOST:PORT. Mend: "),
    "nothing of a store": ({"store": "sqlite:"}, r"line 1: key 'store': .*Mend: "),
    "store in a file": ({"store": "sqlite:short.txt/state.sqlite"}, r"short.txt is no folder. Mend: "),
    "store a folder": ({"store": "sqlite:guide"}, r"guide: is a folder. Mend: "),
    "amqp": ({"streams": [{"url": "amqp://h/", "name": "a"}]}, r"line 1: key 'streams.0..url': .*amqp:.*Mend: "),
    "stream's port": ({"streams": [{"url": "nats://h:x", "name": "a"}]}, r"'h:x' is no HOST:PORT. Mend: "),
    "ftp": ({"decisions": [out("ftp://h/")]}, r"line 1: key 'decisions.0..stream.url': .*ftp:.*Mend: "),
    "no file": ({"streams": [{"url": "file:nope.jsonl", "name": "a"}]}, r"'streams.0..url': .*nope.jsonl.*Mend: "),
    "no folder": ({"decisions": [out("file:nope/d.jsonl")]}, r"nope: is no folder. Mend: "),
    "empty": ({"bundles": []}, r"line 1: names no bundle. Mend: add one"),
    "two bundles": ({"bundles": [{"path": "guide"}, {"path": "no"}]}, r"line 1: key 'bundles.1.': .*no.*Mend: "),
    "endless": ({"http": {"rate": float("inf")}}, r"'http.rate': must be at most 1000000000. Mend: "),
    "no number": ({"http": {"rate": float("nan")}}, r"'http.rate': .*Mend: "),
    "many": ({"http": {"burst": 10**23}}, r"'http.burst': .*Mend: "),
}  # fmt: skip


@pytest.mark.parametrize("only", [["--check"], []], ids=["check", "serve"])
@pytest.mark.parametrize("case", WRONG)
def test_wrong_settings_end_with_two_and_the_mend(tmp_path, case, only, capfd):
    settings, wanted = WRONG[case]
    bundle_at(tmp_path / "guide")
    (tmp_path / "short.txt").write_text("abc")
    (tmp_path / "long.txt").write_text("a" * 20)
    file = tmp_path / "handrail.yaml"
    file.write_text(
        yaml.safe_dump(
            {"bundles": [{"path": "guide"}], "http": {"port": 0}} | settings, default_flow_style=True, width=10_000
        )
    )
    assert main([str(file), *only]) == 2
    said = capfd.readouterr()
    assert said.err.startswith(f"handrail serve: {file}, line 1: ")
    assert said.err.count("\n") == 1
    assert re.search(wanted, said.err), said.err
    assert "listening on" not in said.out
    assert "sound" not in said.out


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--port", "99999"], r"key 'http.port': must be at most 65535. Mend: "),
        (["--store", "mysql://x/y"], r"no store is called 'mysql'. Mend: "),
        (["--store", "no/such/folder/state.sqlite"], r"^handrail serve: --store: .*no/such is no folder. Mend: "),
        (["--bundle", "none"], r"^handrail serve: --bundle: none: no such bundle. Mend: "),
    ],
)
def test_options_are_checked_like_settings(tmp_path, monkeypatch, options, wanted, capfd):
    monkeypatch.chdir(tmp_path)
    bundle_at(tmp_path / "guide")
    assert main(["--bundle", "guide", *options]) == 2
    assert re.search(wanted, capfd.readouterr().err)


def test_check_says_where_the_rules_will_stand_in_and_lets_the_service_start(tmp_path, capfd):
    (tmp_path / "guide").write_text("nothing")
    file = tmp_path / "handrail.yaml"
    file.write_text("bundles:\n  - {path: guide, journey: tiny}\n")
    assert main([str(file), "--check"]) == 0
    assert re.search(r"sound, but the expert rules will serve tiny .*guide.*Mend: ", capfd.readouterr().out)
    file.write_text("bundles:\n  - {path: guide}\n")
    assert main([str(file), "--check"]) == 2


def test_the_folder_of_the_example_is_made(tmp_path):
    with running(tmp_path, {"store": "sqlite:state/handrail.sqlite"}) as service:
        assert service.decide(signup("ann")).status_code == 200
    assert (tmp_path / "state" / "handrail.sqlite").exists()


def test_a_port_in_use_is_told(tmp_path, capfd):
    with running(tmp_path) as service:
        assert main(["--bundle", str(tmp_path / "guide"), "--port", str(service.port)]) == 2
    assert "Mend: choose another port" in capfd.readouterr().err


def test_check_opens_nothing(tmp_path, capfd):
    bundle_at(tmp_path / "guide")
    file = tmp_path / "handrail.yaml"
    file.write_text("bundles:\n  - path: guide\n")
    assert main([str(file), "--check"]) == 0
    assert "tiny: test version 1" in capfd.readouterr().out
    assert not (tmp_path / "handrail.sqlite").exists()
    assert main([str(file), "--port", "1"]) == 2
    assert main([]) == 2


def test_keys_are_made_from_the_command_line(tmp_path, capfd):
    file = tmp_path / "keys.txt"
    assert keys_main(["new", "web", "--file", str(file)]) == 0
    assert capfd.readouterr().out.startswith("hr_")
    assert keys_main(["new", "web", "--file", str(file)]) == 2


def test_the_service_may_read_a_keys_file_that_somebody_else_made(tmp_path, capfd, monkeypatch):
    file, before = tmp_path / "keys.txt", os.umask(0o077)
    try:
        keys_main(["new", "web", "--file", str(file)])
        assert stat.S_IMODE(file.stat().st_mode) == 0o644
        file.chmod(0o640)
        keys_main(["new", "app", "--file", str(file)])
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640  # as its owner wants it
    assert len(file.read_text().splitlines()) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["keys.txt"]

    def refused(*_: object) -> str:  # tests may run as root, who may read everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(KeysError, match=r"may not read it: it belongs to user \d+, with rights -rw-r-----. Mend: "):
        read_keys(file)


def test_a_further_key_leaves_the_keys_file_to_its_owner(tmp_path, monkeypatch):
    file, given, fstat = tmp_path / "keys.txt", [], os.fstat

    def of_another(descriptor: int) -> os.stat_result:  # what another user writes is that user's
        found = tuple(fstat(descriptor))
        return os.stat_result((*found[:4], 77, 77, *found[6:]))

    keys_main(["new", "web", "--file", str(file)])
    monkeypatch.setattr(os, "fstat", of_another)
    monkeypatch.setattr(os, "fchown", lambda _, user, group: given.append((user, group)))
    keys_main(["new", "app", "--file", str(file)])
    assert given == [(file.stat().st_uid, file.stat().st_gid)]


def test_it_starts_without_what_only_other_settings_need(tmp_path):
    """Clients of brokers and servers are loaded where they are used."""
    program = (
        "import sys; import serving.service.service; "
        "unused = {'redis', 'nats', 'confluent_kafka', 'psycopg', 'pyarrow', 'torch', 'pandas'}; "
        "print(sorted(unused & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_rules_stand_in_for_a_bundle_that_is_missing_until_it_comes(tmp_path):
    bundle_at(tmp_path / "guide", "7").rename(tmp_path / "later")
    (tmp_path / "guide").write_text("nothing")
    with running(tmp_path, {"bundles": [{"path": "guide", "journey": "tiny"}]}) as service:
        decision = service.decide(signup("ann")).json()
        assert decision["policy"] == "rules"
        assert "cannot be used" in decision["fallback"]
        assert service.metric("handrail_fallbacks_total") == 1
        (tmp_path / "guide").unlink()
        (tmp_path / "later").rename(tmp_path / "guide")
        swapped(service, "7")
        assert service.decide(signup("ben")).json()["fallback"] is None


def test_open_sockets_do_not_hold_a_shutdown_up(tmp_path):
    with running(tmp_path) as service, connect(service.url.replace("http", "ws") + "/v1/stream") as socket:
        socket.send(event_encoder.encode(signup("ann")).decode())
        assert json.loads(socket.recv(timeout=20))["outcome"] == "applied"
        began = time.monotonic()
        assert service.end() == 0
        assert time.monotonic() - began < 10
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(timeout=20)
        assert caught.value.rcvd.code == 1012
