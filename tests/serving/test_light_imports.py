"""The bare install serves: nothing of the training side is imported, not even by way of something else."""

from __future__ import annotations

import subprocess
import sys

# Not in this list: scipy, which numba looks into where it happens to be installed.
HEAVY = ("torch", "ray", "hydra", "gymnasium", "mesa", "simpy", "sklearn", "pandas", "onnx", "matplotlib")
OURS = ("personas", "agents", "simulator", "envs", "experiments", "policies.training")
PROGRAM = f"""
import importlib, pkgutil, sys
import policies, serving
for package in (policies, serving):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if not module.ispkg:
            importlib.import_module(module.name)
print(len([name for name in sys.modules if name.startswith("serving.")]))
print([name for name in {HEAVY + OURS!r} if name in sys.modules])
"""


def test_serving_and_the_light_half_of_policies_import_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    count, heavy = done.stdout.splitlines()
    assert int(count) >= 10
    assert heavy == "[]"
