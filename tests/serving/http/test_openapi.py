"""The OpenAPI document is served and true: schemathesis, which tries to prove otherwise, finds nothing."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from serving.http.openapi import document
from tests.serving.service.running import Running, running, signup

pytestmark = pytest.mark.xdist_group("service")
# Whether one JSON object is an event depends on `format`, which no schema of a body can say: 422 tells so then.
SETTINGS = """
[[operations]]
include-operation-id = "decide"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "5xx"]
"""
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


def test_decide_says_which_formats_it_takes():
    decide, events = (document(keyed=False)["paths"][path]["post"] for path in ("/v1/decide", "/v1/events"))
    assert decide["parameters"] == events["parameters"]
    assert decide["requestBody"]["content"].keys() == events["requestBody"]["content"].keys()


@pytest.mark.slow
def test_schemathesis_finds_nothing(service: Running, tmp_path):
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS)
    command = [
        sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
        "--config-file", str(settings), "run",
        f"{service.url}/openapi.json", "--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "1", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
    assert "7 selected / 7 total" in done.stdout
    assert not [line for line in service.lines() if line["level"] == "error"]
