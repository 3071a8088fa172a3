"""Every folder imports only those above it, and what production runs loads nothing that only research needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("journeys", "personas", "agents", "simulator", "envs", "policies", "experiments", "serving")

# The table of folders in the design: what each may import besides itself.
LIGHT_POLICIES = "policies (light half)"
MAY_IMPORT = {
    "journeys": set(),
    "personas": {"journeys"},
    "agents": {"journeys", "personas"},
    "simulator": {"journeys", "personas", "agents"},
    "envs": {"journeys", "personas", "agents", "simulator", LIGHT_POLICIES},
    LIGHT_POLICIES: {"journeys"},
    "policies.training": {"journeys", "personas", "agents", "simulator", "envs", LIGHT_POLICIES},
    "serving": {"journeys", LIGHT_POLICIES},
    "experiments": {
        "journeys", "personas", "agents", "simulator", "envs", LIGHT_POLICIES, "policies.training", "serving",
    },
}  # fmt: skip
ONLY_FOR_RESEARCH = (
    "torch",
    "ray",
    "hydra",
    "gymnasium",
    "stable_baselines3",
    "mesa",
    "pandas",
    "matplotlib",
    "sklearn",
)


def folder_of(module: str) -> str:
    """The row of the table that a module belongs to."""
    if module.startswith("policies"):
        return "policies.training" if module.startswith("policies.training") else LIGHT_POLICIES
    return module.split(".", maxsplit=1)[0]


def modules_in(*folders: str) -> list[str]:
    """Names of the modules right inside some folders."""
    return sorted(f"{folder}.{path.stem}" for folder in folders for path in (ROOT / folder).glob("[!_]*.py"))


def test_the_projects_import_contracts_are_kept() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    linted = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "Contracts: " in linted.stdout
    assert " 0 broken" in linted.stdout


def test_every_folder_imports_only_those_above_it() -> None:
    graph = grimp.build_graph(*PACKAGES)
    wrong = [
        f"{module} imports {imported}"
        for module in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(module))
        if folder_of(imported) not in MAY_IMPORT[folder_of(module)] | {folder_of(module)}
    ]
    assert not wrong


def test_there_are_no_import_cycles() -> None:
    graph = grimp.build_graph(*PACKAGES)
    for module in sorted(graph.modules):
        around = [
            m for m in graph.find_modules_directly_imported_by(module) if module in graph.find_upstream_modules(m)
        ]
        assert not around, f"{module} imports {around}, which import it again"


@pytest.mark.parametrize("module", modules_in("journeys", "policies", "serving"))
def test_serving_and_light_policies_load_nothing_of_research(module: str) -> None:
    """A fresh interpreter, so that nothing was loaded before; `handrail` itself has to stay as light."""
    script = f"import sys, handrail, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(loaded.stdout.split()) & {*ONLY_FOR_RESEARCH, "personas", "agents", "envs", "simulator"}
