"""The OpenAPI document is served and true: schemathesis, which tries to prove otherwise, finds nothing."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from serving.http.openapi import document
from tests.serving.service.running import Running, running, signup

pytestmark = pytest.mark.xdist_group("service")
EXAMPLES = 60  # requests of each operation and way of making them


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("openapi")) as made:
        made.send(signup("ann"))
        yield made


def test_every_route_is_in_the_document(service: Running):
    told = service.client.get("/openapi.json").json()
    assert told == msgspec.json.decode(msgspec.json.encode(document(keyed=False)))
    for path in told["paths"]:
        assert service.client.options(path.replace("{user}", "ann")).status_code == 405


@pytest.mark.slow
def test_schemathesis_finds_nothing(service: Running, tmp_path):
    command = [
        sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run",
        f"{service.url}/openapi.json", "--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "1", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
    assert "7 selected / 7 total" in done.stdout
    assert not [line for line in service.lines() if line["level"] == "error"]
