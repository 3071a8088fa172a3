"""A store on a network: served from a thread, told to clients when it is down, and gone on with when it is back."""

from __future__ import annotations

import json
import time

import pytest

from serving.service.serve import main
from tests.servers.redis_server import redis_server
from tests.serving.service.running import bundle_at, running, signup, start

pytestmark = pytest.mark.xdist_group("service")
TIMEOUT = 0.5  # seconds that the store has


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


def test_a_store_that_is_not_there_at_the_start_is_worth_another_try(tmp_path, capfd):
    bundle_at(tmp_path / "guide")
    file = tmp_path / "handrail.yaml"
    file.write_text(json.dumps({"bundles": [{"path": "guide"}], "http": {"port": 0}, "store": "redis://127.0.0.1:1/0"}))
    assert main([str(file)]) == 1
    assert "Mend: " in capfd.readouterr().err
