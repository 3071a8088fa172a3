"""`handrail export`: turn the folder of a training run into a bundle that production can serve."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from experiments.onnx_copy import OnnxError, onnx_copy
from experiments.run_folder import JOURNEY_FILE, METRICS_FILE, RUN_FILE, WEIGHTS_FILE
from journeys.loading import JourneyError, journey_from
from journeys.spec import Journey
from personas.persona import load_population
from policies.bundle import Contents, OnnxCopy, save_bundle
from policies.bundle_checks import SUCCESS_BIAS, SUCCESS_WEIGHT, USUAL, persona_of
from policies.bundle_files import BundleError
from policies.families import SCORER, build_policy, tensor_names
from policies.network import NetworkPolicy
from policies.random_legal import RandomLegal
from policies.success import SuccessHead
from policies.training.rollout import rounds

PARITY_POPULATION, PARITY_USERS, PARITY_ROUNDS, PARITY_SEED = "mixed", 100, 20, 0
ANY_JOURNEY = "any-journey"  # what a bundle for every journey is called where nobody names it
MEND = "Mend: give the folder that 'handrail train' wrote, from a run that ended"


class ExportError(ValueError):
    """A run folder that cannot be exported: why, and how to mend it."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (2 where the run folder or the target is wrong)."""
    command = argparse.ArgumentParser(prog="handrail export", description=__doc__)
    command.add_argument("run", type=Path, metavar="RUN_FOLDER", help="what 'handrail train' left behind")
    command.add_argument("--out", type=Path, required=True, help="the bundle: a new folder, or a file ending in .zip")
    command.add_argument("--name", help="name of the bundle (default: that of the journey, or any-journey)")
    command.add_argument("--version", default="1", help="version of the bundle (default 1)")
    command.add_argument("--any-journey", action="store_true", help="of policy=scorer: a bundle for every journey file")
    options = command.parse_args(arguments)
    try:
        path = export_run(options.run, options.out, options.name, options.version, options.any_journey)
    except (ExportError, BundleError) as error:
        print(f"handrail export: {error}", file=sys.stderr)
        return 2
    print(path)
    return 0


def export_run(run: Path, out: Path, name: str | None = None, version: str = "1", any_journey: bool = False) -> Path:
    """Write the policy of the folder `run` as a bundle to `out`; returns its path.

    A bundle of `any_journey` has neither journey nor what was fitted to one: the heads and the usual user.

    Raises `ExportError` where the folder is not that of a finished training or `version` is empty, `BundleError`
    where `out` is taken.
    """
    if not version:
        raise ExportError("--version is empty. Mend: give one such as 1, or leave it out")
    provenance = read_object(run / RUN_FILE)
    family = provenance.get("family")
    if not isinstance(family, str):
        raise ExportError(f"{run / RUN_FILE}: field 'family' is missing: nothing was trained in this run. {MEND}")
    temperature = provenance.get("temperature", 1.0)
    if not isinstance(temperature, int | float):
        raise ExportError(f"{run / RUN_FILE}: field 'temperature' is not a number. {MEND}")
    if any_journey and family != SCORER:
        raise ExportError(f"--any-journey: a policy of family {family!r} knows one journey. Mend: train policy=scorer")
    personas = provenance.get("personas", [])
    if not isinstance(personas, list) or not all(isinstance(persona, str) for persona in personas):
        raise ExportError(f"{run / RUN_FILE}: field 'personas' is not a list of names. {MEND}")
    journey = read_journey(run / JOURNEY_FILE)
    tensors = read_tensors(run / WEIGHTS_FILE)
    try:
        own = {tensor: tensors[tensor] for tensor in tensor_names(family)}
        success = SuccessHead(tensors[SUCCESS_WEIGHT], float(tensors[SUCCESS_BIAS].item()))
        persona = persona_of(tensors, personas, journey, named_in=RUN_FILE)
        contents = Contents(
            name=name or (ANY_JOURNEY if any_journey else journey.name),
            version=version,
            journey=None if any_journey else journey,
            family=family,
            tensors=own,
            temperature=temperature,
            success=None if any_journey else success,
            usual=None if any_journey else tensors[USUAL],
            provenance=provenance,
            metrics=read_object(run / METRICS_FILE),
            onnx=copy_of(journey, family, own, temperature),
            persona=None if any_journey else persona,
        )
    except KeyError as error:
        raise ExportError(f"{run / WEIGHTS_FILE}: tensor {error} is missing. {MEND}") from None
    except (ValueError, OnnxError) as error:
        raise ExportError(f"{run / WEIGHTS_FILE}: {error}. {MEND}") from None
    return save_bundle(out, contents)


def copy_of(journey: Journey, family: str, tensors: Mapping[str, np.ndarray], temperature: float) -> OnnxCopy | None:
    """The ONNX copy of a network, compared on what simulated users show it; None for other families."""
    policy = build_policy(family, tensors, temperature, journey)
    if not isinstance(policy, NetworkPolicy):
        return None
    played = rounds(journey, load_population(PARITY_POPULATION), RandomLegal(), PARITY_USERS, PARITY_SEED)
    moments = [(m.observations, m.masks) for m in islice(played, PARITY_ROUNDS)]
    return onnx_copy(policy, *(np.concatenate(column) for column in zip(*moments, strict=True)))


def read_bytes(path: Path) -> bytes:
    """Content of a file of the run folder. Raises `ExportError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"{path}: cannot be read: {error.strerror}. {MEND}") from None


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object, as it stands. Raises `ExportError`."""
    try:
        return msgspec.json.decode(read_bytes(path), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportError(f"{path}: {error}. {MEND}") from None


def read_journey(path: Path) -> Journey:
    """The journey of the run. Raises `ExportError`."""
    try:
        return journey_from(read_object(path), str(path))
    except JourneyError as error:
        raise ExportError(str(error)) from None


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of the run. Raises `ExportError`."""
    read_bytes(path)
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise ExportError(f"{path}: {error}. {MEND}") from None


if __name__ == "__main__":
    sys.exit(main())
