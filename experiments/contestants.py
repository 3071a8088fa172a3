"""Who may be played: the baselines by name, trained policies by the path of their run folder or bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.run_folder import RUN_FILE, read_policy
from experiments.settings import SettingsError
from journeys.spec import Journey
from policies.bandits.settings import BANDITS
from policies.bundle import load_bundle
from policies.families import WITHOUT_TENSORS, baseline
from policies.protocol import Policy

TRAINED = ("ppo", "scorer", *BANDITS)  # conf/policy/ lists them for `train`; elsewhere their run folder stands for them


def contestants(names_or_paths: Sequence[str], journey: Journey) -> list[Policy]:
    """The policies in order, each under a name of its own. Raises `SettingsError` or `BundleError`."""
    policies = [contestant(item, journey) for item in names_or_paths]
    names = [policy.name for policy in policies]
    for name, item in zip(names, names_or_paths, strict=True):
        if names.count(name) > 1:
            raise SettingsError(f"policies: {item!r} would be the second called {name!r}. Mend: name it once only")
    return policies


def with_references(names_or_paths: Sequence[str], references: Sequence[str], journey: Journey) -> list[Policy]:
    """`contestants`, joined by those `references` that are not among them already. Raises `SettingsError`."""
    for reference in references:
        if references.count(reference) > 1:
            raise SettingsError(f"references: {reference!r} is there twice. Mend: name it once only")
    return contestants([*names_or_paths, *(r for r in references if r not in names_or_paths)], journey)


def name_of(name_or_path: str) -> str:
    """What a contestant is called: a baseline by its name, a trained policy after its folder or file."""
    return name_or_path if name_or_path in WITHOUT_TENSORS else Path(name_or_path).resolve().name


def contestant(name_or_path: str, journey: Journey) -> Policy:
    """One policy for `journey`."""
    if name_or_path in WITHOUT_TENSORS:
        return baseline(name_or_path, journey)
    path = Path(name_or_path)
    if not path.exists():
        if name_or_path in TRAINED:
            raise SettingsError(
                f"policy {name_or_path!r} has to be trained first. "
                "Mend: handrail train, then its run folder in its place, policy.name=RUN_FOLDER"
            )
        known = ", ".join(WITHOUT_TENSORS)
        raise SettingsError(f"no policy {name_or_path!r}. Mend: use one of {known}, or the path of a run or bundle")
    policy = read_policy(path, journey) if (path / RUN_FILE).exists() else policy_of_bundle(path, journey)
    policy.name = name_of(name_or_path)
    return policy


def policy_of_bundle(path: Path, journey: Journey) -> Policy:
    """The policy in a bundle that serves `journey`. Raises `BundleError`."""
    return load_bundle(path, journey).policy
