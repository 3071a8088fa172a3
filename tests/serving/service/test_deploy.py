"""What is in deploy/ can be used: every settings file is sound, and the unit and the compose file fit the service."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml

from journeys.loading import load_journey
from policies.bundle import load_bundle, save_bundle
from policies.families import FAMILIES
from serving.service.settings import Settings, is_loopback, load_settings
from serving.service.warm_up import JOURNEY, contents_of, live
from serving.stores.memory_store import MemoryStore

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


def test_a_container_that_is_read_only_starts_from_what_was_compiled_with_its_image(tmp_path):
    """No container is run here, but its entry point, with folders in place of the image's."""
    image, cache, seen = tmp_path / "compiled", tmp_path / "cache", tmp_path / "seen"
    (image / "deep").mkdir(parents=True)
    (image / "deep" / "code.nbc").write_text("compiled")
    program = tmp_path / "bin" / "handrail"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {seen}\n')
    program.chmod(0o755)
    script = tmp_path / "start.sh"
    script.write_text((DEPLOY / "start.sh").read_text().replace("/opt/handrail/compiled", str(image)))
    environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "NUMBA_CACHE_DIR": str(cache)}
    for _ in range(2):  # a container that starts again finds its copy there
        subprocess.run(["sh", str(script), "my file.yaml"], env=environment, check=True)
        assert seen.read_text() == "serve my file.yaml\n"
        assert [path.name for path in cache.rglob("*.nbc")] == ["code.nbc"]
        (image / "deep" / "later.nbc").touch()
    lines = (DEPLOY / "Containerfile").read_text()
    runtime = re.search(r"NUMBA_CACHE_DIR=(\S+)$", lines, re.M)
    assert runtime is not None
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in compose["services"].values():
        if service.get("read_only"):
            assert str(Path(runtime[1]).parent) in service["tmpfs"]
    assert "NUMBA_CACHE_DIR=/opt/handrail/compiled python -m serving.service.warm_up" in lines
    assert lines.index("RUN mkdir state") < lines.index("VOLUME /var/lib/handrail/state")


def test_the_image_is_warmed_up_for_every_family(tmp_path):
    journey = load_journey(JOURNEY)
    for family in FAMILIES:
        live(load_bundle(save_bundle(tmp_path / family, contents_of(family, journey))), MemoryStore())


def test_the_container_runs_as_an_ordinary_user():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    user = next(i for i, line in enumerate(lines) if line.startswith("USER "))
    assert lines[user] != "USER root"
    assert any(re.match("ENTRYPOINT", line) for line in lines[user:])
    assert any(re.match("HEALTHCHECK", line) for line in lines)
