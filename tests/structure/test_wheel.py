"""The built wheel works outside the repository, and bare: with what it declares and nothing else.

The new environment sees this one's packages, so that nothing is downloaded, but an import hook hides all those that
a bare install would not have brought.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from handrail import COMMANDS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = shutil.ignore_patterns(".*", "tests", "benchmarks", "build", "dist", "*.egg-info", "__pycache__", "runs")

HOOK = """
import sys
from importlib.abc import MetaPathFinder

HIDDEN = frozenset({hidden!r})


class Bare(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        return None


sys.meta_path.insert(0, Bare())
"""

FOLD_SOME_EVENTS = """
import json

import journeys.fold
from journeys.events import EVENT, EventCodec, parse_event
from journeys.fold import blank_states, fold_log
from journeys.loading import load_journey
from journeys.plan import compile_plan
import numpy as np

journey = load_journey("tiny")
codec = EventCodec(journey)
told = [
    {"id": "a", "time": 0, "kind": "signup", "consent": ["personalise"]},
    {"id": "b", "time": 2000, "kind": "start", "step": "first-note"},
    {"id": "c", "time": 9000, "kind": "succeed", "step": "first-note", "duration": 7.0},
]
began = 1_767_225_600_000
lines = [json.dumps({"user": "u", "journey": "tiny", **event, "time": began + event["time"]}) for event in told]
events = np.zeros(len(lines), EVENT).view(np.recarray)
for line, record in zip(lines, events):
    codec.to_record(parse_event(line), record)
plan = compile_plan(journey)
state = blank_states(plan, 1)
fold_log(plan, state.users[0], state.steps[0], state.skills[0], events)
print(int(state.users[0].done), round(float(state.skills[0][0].belief), 6), journeys.fold.__file__)
"""


SERVE_A_DECISION = """
import os
import signal
import socket
import threading
import time
from http.client import HTTPConnection

from journeys.loading import load_journey
from policies.bundle import Contents, save_bundle
from serving.service import serve

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
save_bundle("rules-bundle", Contents("rules", "1", load_journey("tiny"), "rules", {}))
event = '{"id":"a","user":"u","journey":"tiny","time":1767225600000,"kind":"signup","consent":[]}'


def ask():
    http = HTTPConnection("127.0.0.1", port, timeout=60)
    while True:
        try:
            http.request("POST", "/v1/decide", event, {"content-type": "application/json"})
            break
        except ConnectionRefusedError:
            http.close()
            time.sleep(0.1)
    print(http.getresponse().status)
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=ask, daemon=True).start()
raise SystemExit(serve.main(["--bundle", "rules-bundle", "--store", "memory:", "--port", str(port)]))
"""


class Installed(NamedTuple):
    """A fresh environment with the wheel in it."""

    folder: Path
    wheel: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, outside the repository, with this process's search path forgotten."""
        program = str(self.folder / "bin" / command[0])
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "PYTHONWARNINGS": "error"}
        call = [program, *command[1:]]
        return subprocess.run(call, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


def bare_requirements() -> set[str]:
    """Distributions that a bare install brings: the declared dependencies and what those need in turn."""
    declared = re.search(r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.S | re.M)
    assert declared
    waiting, brought = [canonicalize_name(name) for name in re.findall(r'"([\w-]+)', declared[1])], set()
    while waiting:
        name = waiting.pop()
        brought.add(name)
        for requirement in map(Requirement, metadata.requires(name) or []):
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if wanted and canonicalize_name(requirement.name) not in brought:
                waiting.append(canonicalize_name(requirement.name))
    return brought


def hidden_modules() -> set[str]:
    """Top-level modules of this environment that a bare install would not have."""
    kept = bare_requirements()
    mine = {
        "handrail",
        "journeys",
        "personas",
        "agents",
        "simulator",
        "envs",
        "policies",
        "experiments",
        "serving",
        "conf",
    }
    by_module = metadata.packages_distributions()
    return {name for name, dists in by_module.items() if not {*map(canonicalize_name, dists)} & kept} - mine


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel from a copy of the sources and install it into a fresh environment."""
    work = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, work / "source", ignore=NOT_SOURCE)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(work), str(work / "source")]
    subprocess.run([*pip, *build], check=True, cwd=work)
    [wheel] = work.glob("handrail-*.whl")
    venv.create(work / "bare", with_pip=False)
    [site] = (work / "bare" / "lib").glob("python*/site-packages")
    install = ["install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([*pip, "--python", str(work / "bare/bin/python"), *install], check=True, cwd=work)
    (site / "_bare.py").write_text(HOOK.format(hidden=sorted(hidden_modules())))
    (site / "_bare.pth").write_text(f"{sysconfig.get_path('purelib')}\nimport _bare\n")
    return Installed(work / "bare", wheel)


def test_research_is_really_hidden(installed: Installed) -> None:
    for module in ("torch", "gymnasium", "hydra", "stable_baselines3", "pandas", "mesa", "scipy", "pytest"):
        assert installed.run("python", "-c", f"import {module}").returncode == 1, module


def test_the_wheel_holds_every_configuration_file_and_no_tests(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    shipped = {str(path.relative_to(ROOT)) for path in (ROOT / "conf").rglob("*.yaml")}
    sources = {str(p.relative_to(ROOT)) for f in ("journeys", "policies", "serving") for p in (ROOT / f).rglob("*.py")}
    assert not shipped - names
    assert not sources - names
    assert not {name for name in names if name.startswith(("tests/", "benchmarks/"))}
    [about] = [name for name in names if name.endswith("METADATA")]
    assert b"Private :: Do Not Upload" in zipfile.ZipFile(installed.wheel).read(about)


def test_the_command_says_what_it_can_do(installed: Installed) -> None:
    said = installed.run("handrail", "--help")
    assert (said.returncode, said.stderr) == (0, "")
    assert "usage: handrail COMMAND" in said.stdout
    assert "replay" in said.stdout


def test_a_shipped_journey_is_loaded_by_name_and_events_are_folded(installed: Installed) -> None:
    said = installed.run("python", "-c", FOLD_SOME_EVENTS)
    assert said.returncode == 0, said.stderr
    done, belief, where = said.stdout.split()
    assert (done, float(belief)) == ("1", 0.795506)  # P(known | success) = .35 * .9 / .445, then .3 of the rest
    assert where.startswith(str(installed.folder)), "the repository was used, not the wheel"


def test_every_module_of_serving_loads(installed: Installed) -> None:
    light = [p for f in ("journeys", "policies", "serving") for p in sorted((ROOT / f).glob("[!_]*.py"))]
    modules = ", ".join(f"{path.parent.name}.{path.stem}" for path in light)
    said = installed.run("python", "-c", f"import {modules}")
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize(("command", "extra"), [(name, c.extra) for name, c in COMMANDS.items() if c.extra])
def test_a_command_of_research_names_the_missing_extra(installed: Installed, command: str, extra: str) -> None:
    said = installed.run("handrail", command)
    assert said.returncode == 2
    assert f"pip install '.[{extra}]' in a clone of the repository" in said.stderr  # no registry has the package
    missing = re.search(r"(\S+) is not installed", said.stderr)
    assert missing
    assert missing[1].partition(".")[0] in hidden_modules()


def test_replay_needs_no_extra(installed: Installed) -> None:
    said = installed.run("handrail", "replay", "--help")
    assert said.returncode == 0, said.stderr


def test_serving_needs_no_extra(installed: Installed) -> None:
    """The whole service: HTTP, store and rules, a decision, and a graceful end."""
    said = installed.run("python", "-c", SERVE_A_DECISION)
    assert said.returncode == 0, said.stderr
    assert "200" in said.stdout.splitlines()


def test_checking_a_journey_needs_no_extra(installed: Installed) -> None:
    said = installed.run("handrail", "journey", "check", "tiny", "saas")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("tiny: sound. ")
