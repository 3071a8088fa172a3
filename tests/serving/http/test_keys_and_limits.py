"""Who may ask, how often, and how much may wait."""

from __future__ import annotations

import asyncio
import hashlib
import threading

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from serving.http.batcher import Batcher, Busy
from serving.http.keys import Keyring, KeysError, line_of, new_key, read_keys
from serving.http.limits import RateLimit
from serving.service.keys_command import add_key
from serving.stores.store import StoreDown
from tests.serving.service.running import JSON, body, running, signup

pytestmark = pytest.mark.xdist_group("service")
RATE, BURST = 5.0, 10


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keyed")
    web, mobile = add_key(folder / "keys.txt", "web"), add_key(folder / "keys.txt", "mobile")
    with running(folder, {"http": {"keys": "keys.txt", "rate": RATE, "burst": BURST}}) as service:
        yield service, web, mobile


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer hr_no"}, {"x-api-key": "no"}, {"authorization": ""}])
@pytest.mark.parametrize("path", ["/v1/decide", "/v1/events", "/v1/users/ann", "/v1/journeys", "/metrics"])
def test_without_a_key_nobody_is_let_in(keyed, path, headers):
    service, *_ = keyed
    method = "POST" if path in {"/v1/decide", "/v1/events"} else "GET"
    reply = service.client.request(method, path, content=body(signup("ann")), headers=headers | JSON)
    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert "Mend: " in reply.json()["detail"]


def test_sockets_ask_for_the_key_too(keyed):
    service, _, mobile = keyed
    url = service.url.replace("http", "ws") + "/v1/stream"
    with pytest.raises(InvalidStatus) as caught, connect(url):
        pass
    assert caught.value.response.status_code == 401
    with connect(url, additional_headers={"x-api-key": mobile}) as socket:
        assert socket.protocol.state.name == "OPEN"
    with connect(url, subprotocols=["handrail", f"key.{mobile}"]) as socket:  # as browsers have to
        assert socket.subprotocol == "handrail"


def test_health_asks_for_none(keyed):
    service, *_ = keyed
    assert service.client.get("/healthz").status_code == 200
    assert service.client.get("/readyz").status_code == 200
    assert service.client.get("/openapi.json").json()["security"]


ELSEWHERE = [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://localhost.evil.example"},
    {"origin": "http://10.0.0.1:8080"}, {"host": "evil.example"}, {"host": "evil.example:8080"}, {"host": "[fe80::1]"},
]  # fmt: skip
HERE = [
    {"origin": "http://localhost:3000"}, {"origin": "http://[::1]"}, {"origin": "https://127.0.0.1:8443"},
    {"host": "localhost"}, {"host": "LOCALHOST:80"}, {"host": "[::1]:80"},
]  # fmt: skip


@pytest.fixture(scope="module")
def keyless(tmp_path_factory):
    with running(tmp_path_factory.mktemp("keyless")) as service:
        yield service


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_without_keys_pages_of_other_hosts_are_refused(keyless, headers):
    event = body(signup("eve"))[1:-1]
    for path in ("/v1/decide", "/v1/events"):
        reply = keyless.client.post(path, content=event, headers=headers | {"content-type": "text/plain"})
        assert (reply.status_code, "Mend: " in reply.json()["detail"]) == (403, True)
    assert keyless.client.post("/v1/decide", content=event, headers=headers | JSON).status_code == 403  # the short way
    assert keyless.client.get("/v1/users/eve", headers=headers).status_code == 403
    if "origin" in headers:
        with pytest.raises(InvalidStatus) as caught, connect(socket_of(keyless), additional_headers=headers):
            pass
        assert caught.value.response.status_code == 403


@pytest.mark.parametrize("headers", HERE)
def test_without_keys_this_machine_is_served(keyless, headers):
    assert keyless.client.post("/v1/decide", content=body(signup("ann"))[1:-1], headers=headers | JSON).is_success
    if "origin" in headers:
        with connect(socket_of(keyless), additional_headers=headers):
            pass


def test_with_keys_any_origin_may_ask(keyed):
    service, _, mobile = keyed
    shown = {"x-api-key": mobile, "origin": "https://app.example", "host": "handrail.example"}
    assert service.client.get("/v1/journeys", headers=shown).status_code == 200


def socket_of(service) -> str:
    return service.url.replace("http", "ws") + "/v1/stream"


def test_each_key_has_a_rate_of_its_own(keyed):
    service, web, mobile = keyed
    shown = {"authorization": f"Bearer {web}"}
    replies = [service.client.get("/v1/journeys", headers=shown) for _ in range(2 * BURST)]
    refused = [reply for reply in replies if reply.status_code == 429]
    assert BURST - 1 <= len(refused) <= BURST
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    decide = service.client.post("/v1/decide", content=body(signup("ann"))[1:-1], headers=shown | JSON)
    assert decide.status_code == 429  # the short way as well
    assert service.client.get("/v1/journeys", headers={"x-api-key": mobile}).status_code == 200


def test_a_bucket_fills_at_its_rate():
    limit = RateLimit(rate=0.5, burst=2)
    assert [limit.wait("a", 0.0) for _ in range(3)] == [0, 0, 2]
    assert limit.wait("b", 0.0) == 0
    assert limit.wait("a", 1.9) == 1
    assert limit.wait("a", 2.1) == 0


def test_keys_are_known_by_their_hash(tmp_path):
    key = add_key(tmp_path / "keys.txt", "web")
    text = (tmp_path / "keys.txt").read_text()
    assert text == f"web:{hashlib.sha256(key.encode()).hexdigest()}\n"
    assert key not in text
    assert (tmp_path / "keys.txt").stat().st_mode & 0o022 == 0  # others may read the hash, and write nothing
    ring = read_keys(tmp_path / "keys.txt")
    assert ring.name_of(key.encode()) == "web"
    assert ring.name_of(key[:-1].encode()) is None
    assert Keyring({}).name_of(b"") is None
    assert new_key() != new_key()


WRONG_FILES = {
    "empty": "# none\n",
    "text": "web:secret\n",
    "name": f"a b:{'0' * 64}\n",
    "twice": 2 * (line_of("a", "k") + "\n"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_wrong_keys_file_is_told_with_its_line(tmp_path, case):
    (tmp_path / "keys.txt").write_text(WRONG_FILES[case])
    with pytest.raises(KeysError, match=r"keys.txt.*Mend: "):
        read_keys(tmp_path / "keys.txt")


def test_a_name_has_one_key(tmp_path):
    add_key(tmp_path / "keys.txt", "web")
    with pytest.raises(KeysError, match="has a key"):
        add_key(tmp_path / "keys.txt", "web")
    with pytest.raises(KeysError, match="is no name"):
        add_key(tmp_path / "keys.txt", "two words")


def test_who_comes_to_a_full_queue_is_told_so(tmp_path):
    """One event may wait; of many clients at once some are asked to come again, and none fails otherwise."""

    async def crowd(url: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            return await asyncio.gather(*(
                client.post("/v1/decide", content=body(signup(f"u{i}"))[1:-1], headers=JSON) for i in range(40)
            ))  # fmt: skip

    with running(tmp_path, {"http": {"queue": 1, "largest_batch": 1}}) as service:
        replies = asyncio.run(crowd(service.url))
        statuses = {reply.status_code for reply in replies}
        assert statuses == {200, 429}
        assert all(int(reply.headers["retry-after"]) >= 1 for reply in replies if reply.status_code == 429)
        sound = sum(reply.status_code == 200 for reply in replies)
        assert service.metric("handrail_events_total") == sound


@pytest.mark.parametrize("threaded", [False, True])
def test_batches_gather_while_one_is_in_work(threaded):
    sizes = []

    def take(items):
        sizes.append(len(items))
        return list(items)

    async def play():
        batcher = Batcher(take, 100, threaded)
        first = [batcher.submit((i,)) for i in range(5)]
        answers = await asyncio.gather(*first, batcher.submit((5, 6, 7)))
        await batcher.drained()
        return answers

    assert asyncio.run(play()) == [[0], [1], [2], [3], [4], [5, 6, 7]]
    assert sizes == [8]


def test_a_batch_that_the_event_loop_may_not_wait_for_is_waited_for_in_a_thread():
    held, threads = threading.Event(), []

    def take(items):
        if not held.is_set():
            raise StoreDown("held")
        return list(items)

    def patient(items):
        threads.append(threading.current_thread())
        assert held.wait(5.0)
        return list(items)

    async def play():
        batcher = Batcher(take, 10, threaded=False, patient=patient)
        first, second = batcher.submit(("a",)), batcher.submit(("b",))
        await asyncio.sleep(0.05)  # the event loop turns
        third = batcher.submit(("c",))
        held.set()
        answers = await asyncio.gather(first, second, third)
        await batcher.drained()
        return answers

    assert asyncio.run(play()) == [["a"], ["b"], ["c"]]
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_a_fault_is_kept_to_whom_it_concerns_and_the_store_s_to_all():
    def take(items):
        if "poison" in items:
            raise ValueError("poison")
        if "down" in items:
            raise StoreDown("down")
        return list(items)

    async def play(*items):
        batcher = Batcher(take, 10, threaded=False)
        return await asyncio.gather(*(batcher.submit((item,)) for item in items), return_exceptions=True)

    sound, poison, other = asyncio.run(play("a", "poison", "b"))
    assert (sound, other) == (["a"], ["b"])
    assert isinstance(poison, ValueError)
    assert all(isinstance(answer, StoreDown) for answer in asyncio.run(play("a", "down")))


def test_the_queue_is_bounded_for_large_requests_too():
    async def play():
        batcher = Batcher(list, 4, threaded=False)
        with pytest.raises(Busy):
            batcher.submit(range(5))
        large = batcher.submit(range(4))
        assert batcher.full
        with pytest.raises(Busy):
            batcher.submit((1,))
        assert await large == list(range(4))
        assert batcher.waiting == 0
        return await batcher.submit((1,))

    assert asyncio.run(play()) == [1]
