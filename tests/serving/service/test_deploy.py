"""What is in deploy/ can be used: every settings file is sound, and the unit and the compose file fit the service."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import msgspec
import pytest
import yaml

from serving.service.settings import Settings, is_loopback, load_settings

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"


@pytest.mark.parametrize("file", sorted(DEPLOY.glob("handrail*.yaml")), ids=lambda file: file.name)
def test_every_settings_file_is_sound(file):
    settings = load_settings(file)
    assert is_loopback(settings.http.host) or settings.http.keys


def test_the_full_file_has_every_key():
    told = yaml.safe_load((DEPLOY / "handrail.full.yaml").read_text())
    assert set(told) == set(Settings.__struct_fields__)
    assert set(told["http"]) == set(msgspec.structs.asdict(Settings(bundles=[]).http))


def test_every_key_is_in_the_reference():
    page = (ROOT / "docs" / "service.md").read_text()
    told = yaml.safe_load((DEPLOY / "handrail.full.yaml").read_text())
    for key in [*told, *told["http"], *told["log"], *told["streams"][-1]]:
        assert f"`{key}`" in page, key


def test_the_unit_and_the_compose_file_fit():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read_string("\n".join(line for line in (DEPLOY / "handrail.service").read_text().splitlines()))
    assert float(unit["Service"]["TimeoutStopSec"]) > Settings(bundles=[]).shutdown_seconds
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.endswith(".yaml"):
                assert (DEPLOY / source).exists()
    assert "noeviction" in compose["services"]["redis"]["command"]


def test_the_container_runs_as_an_ordinary_user():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    user = next(i for i, line in enumerate(lines) if line.startswith("USER "))
    assert lines[user] != "USER root"
    assert any(re.match("ENTRYPOINT", line) for line in lines[user:])
    assert any(re.match("HEALTHCHECK", line) for line in lines)
