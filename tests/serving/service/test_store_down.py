"""A store on a network: served from a thread, told to clients when it is down, and gone on with when it is back."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from websockets.sync.client import connect

from serving.http.status import ASKED_AGAIN_SECONDS, PING_SECONDS
from serving.service.lookup import GRACE_SECONDS
from serving.service.serve import main
from tests.servers.redis_server import redis_server
from tests.serving.service.running import bundle_at, running, signup, start

pytestmark = pytest.mark.xdist_group("service")
TIMEOUT = 0.5  # seconds that the store has
ASKING, SLACK = 12, 1.0  # questions at once; seconds more on a machine that is busy


@pytest.mark.slow
def test_clients_are_told_and_nothing_is_lost(tmp_path):
    (tmp_path / "redis").mkdir()
    with redis_server(tmp_path / "redis") as redis:
        settings = {"store": f"redis://127.0.0.1:{redis.port}/0", "store_timeout": TIMEOUT}
        with running(tmp_path / "service", settings) as service:
            first = service.decide(signup("ann")).json()
            redis.pause()
            reply = service.decide(start("ann", 1))
            assert (reply.status_code, reply.json()["error"]) == (503, "store_down")
            assert int(reply.headers["retry-after"]) >= 1
            assert service.send(start("ann", 1)).status_code == 503
            assert service.client.get("/healthz").status_code == 200
            with connect(service.url.replace("http", "ws") + "/v1/stream") as socket:
                for _ in range(2):  # it stays open
                    socket.send(json.dumps({"resume": {"journey": "tiny", "seen": {"ann": None}}}))
                    answer = json.loads(socket.recv(timeout=20))
                    assert (answer["resumed"], answer["refusal"]["reason"]) == (0, "store_down")
            until = time.monotonic() + 20
            while service.client.get("/readyz").status_code != 503:
                assert time.monotonic() < until
            assert service.metric("handrail_store_errors_total") >= 2
            redis.resume()
            while service.client.get("/readyz").status_code != 200:
                assert time.monotonic() < until
                time.sleep(0.1)
            while (reply := service.send(signup("ann"), start("ann", 1))).status_code != 200:
                assert time.monotonic() < until
                time.sleep(0.1)
            answers = reply.json()["answers"]
            assert answers[0]["decision"] == first
            assert [answer["outcome"] for answer in answers] in (["duplicate", "applied"], ["duplicate", "duplicate"])
            assert service.client.get("/v1/users/ann").json()["events"] >= 2
            assert service.metric('handrail_breaker{dependency="store"}') == 0
            assert service.end() == 0


@pytest.mark.slow
def test_questions_do_not_queue_up_behind_a_store_that_does_not_answer(tmp_path):
    """Twelve at once: each is told within the store's time and a grace, and readiness does not wait for them."""
    (tmp_path / "redis").mkdir()
    with redis_server(tmp_path / "redis") as redis:
        settings = {"store": f"redis://127.0.0.1:{redis.port}/0", "store_timeout": TIMEOUT}
        with running(tmp_path / "service", settings) as service, ThreadPoolExecutor(ASKING) as crowd:
            service.decide(signup("ann"))
            assert service.client.get("/v1/users/ann").status_code == 200
            time.sleep(ASKED_AGAIN_SECONDS)  # so that readiness asks anew
            redis.pause()

            def ask(path: str) -> tuple[int, float]:
                began = time.monotonic()
                return httpx.get(service.url + path, timeout=60).status_code, time.monotonic() - began

            users = [crowd.submit(ask, "/v1/users/ann") for _ in range(ASKING - 1)]
            ready = crowd.submit(ask, "/readyz").result()
            replies = [asked.result() for asked in users]
            redis.resume()
        assert {status for status, _ in replies} == {503}
        assert max(seconds for _, seconds in replies) < TIMEOUT + GRACE_SECONDS + SLACK
        assert ready[0] == 503
        assert ready[1] < PING_SECONDS + SLACK


def test_a_store_that_is_not_there_at_the_start_is_worth_another_try(tmp_path, capfd):
    bundle_at(tmp_path / "guide")
    file = tmp_path / "handrail.yaml"
    file.write_text(json.dumps({"bundles": [{"path": "guide"}], "http": {"port": 0}, "store": "redis://127.0.0.1:1/0"}))
    assert main([str(file)]) == 1
    assert "Mend: " in capfd.readouterr().err
