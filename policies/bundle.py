"""The bundle: what training hands to production. Writing one, and reading one with every check.

A folder (or one zip) of manifest.json, weights.safetensors, MODEL_CARD.md, journey.json unless it serves any journey,
and, for a network, policy.onnx. docs/bundle.md is its specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from safetensors.numpy import save as save_tensors

from journeys.loading import load_journey
from journeys.spec import Journey
from policies.bundle_checks import (
    CARD,
    JOURNEY,
    MANIFEST,
    MEND,
    ONNX,
    PERSONA_BIAS,
    PERSONA_WEIGHT,
    SUCCESS_BIAS,
    SUCCESS_WEIGHT,
    USUAL,
    WEIGHTS,
    check_files,
    journey_of,
    manifest_of,
    persona_of,
    success_of,
    tensors_of,
)
from policies.bundle_files import BundleError, read_files, write_files
from policies.families import build_policy, tensor_names
from policies.manifest import FORMAT, Manifest, Parity, canonical, sha256
from policies.model_card import model_card
from policies.persona_head import PersonaHead
from policies.protocol import Policy
from policies.scope import scope_of
from policies.success import SuccessHead

OF_ONE_JOURNEY = frozenset({SUCCESS_WEIGHT, SUCCESS_BIAS, PERSONA_WEIGHT, PERSONA_BIAS, USUAL})
SOME_JOURNEY = "tiny"  # on which a bundle of any journey is tried before it is written


class OnnxCopy(NamedTuple):
    """The policy for other languages: the content of `policy.onnx`, and how far it is from the policy itself."""

    content: bytes
    parity: Parity


class Contents(NamedTuple):
    """What goes into a bundle. `tensors` are the family's own (float32); `usual` `(D,)` the mean observation.

    `journey` None makes a bundle that serves any journey; it has no `success`, `persona` or `usual`, which are of one.
    """

    name: str
    version: str
    journey: Journey | None
    family: str
    tensors: Mapping[str, np.ndarray] = {}
    temperature: float = 1.0
    success: SuccessHead | None = None
    usual: np.ndarray | None = None
    provenance: Mapping[str, Any] = {}
    metrics: Mapping[str, Any] = {}
    onnx: OnnxCopy | None = None
    persona: PersonaHead | None = None


class Bundle(NamedTuple):
    """A bundle that passed every check, for `journey`: its own, or the one given to a bundle of any journey.

    `usual` `(D,)` float32 is zero where the bundle states none.
    """

    manifest: Manifest
    journey: Journey
    policy: Policy
    success: SuccessHead | None
    usual: np.ndarray
    persona: PersonaHead | None


def save_bundle(path: str | Path, contents: Contents) -> Path:
    """Write a bundle to the folder `path`, or to a zip where `path` ends in .zip; returns the path.

    Writing is all or nothing. Raises `BundleError` where the contents do not make a sound bundle, or where `path`
    exists and is anything but this very bundle.
    """
    path = Path(path)
    files = files_of(contents)
    bundle_of(files, str(path), None if contents.journey else load_journey(SOME_JOURNEY))
    if path.exists() or path.is_symlink():
        if is_same(path, files):
            return path
        raise BundleError(f"{path}: exists already. Mend: choose another name, or remove it first")
    try:
        write_files(path, files)
    except OSError as error:
        raise BundleError(f"{path}: cannot be written: {error}. Mend: check the folder and the space left") from None
    return path


def is_same(path: Path, files: Mapping[str, bytes]) -> bool:
    """Whether the bundle at `path` holds exactly `files`."""
    try:
        return read_files(path) == files
    except BundleError:
        return False


def load_bundle(path: str | Path, journey: Journey | None = None) -> Bundle:
    """Read and check a bundle. Raises `BundleError` that says what is wrong and how to mend it.

    A bundle of any journey has to be told for which `journey`; one that was made for a journey serves no other.
    """
    return bundle_of(read_files(Path(path)), str(path), journey)


def files_of(contents: Contents) -> dict[str, bytes]:
    """Every file of the bundle, manifest included."""
    journey, scope = contents.journey, scope_of(contents.journey)
    files = {WEIGHTS: weights_of(contents)}
    if journey is not None:
        files[JOURNEY] = msgspec.json.encode(journey, order="deterministic")
    if contents.onnx is not None:
        files[ONNX] = contents.onnx.content
    manifest = Manifest(
        format=FORMAT,
        name=contents.name,
        version=contents.version,
        journey=scope.journey,
        observation=scope.observation,
        actions=scope.actions,
        family=contents.family,
        temperature=float(contents.temperature),
        provenance=dict(contents.provenance),
        metrics=dict(contents.metrics),
        onnx=contents.onnx.parity if contents.onnx else None,
        files={},
        digest="",
        personas=contents.persona.names if contents.persona else (),
    )
    files[CARD] = model_card(manifest, journey, contents.success is not None).encode()
    manifest = msgspec.structs.replace(manifest, files={name: sha256(files[name]) for name in sorted(files)})
    files[MANIFEST] = msgspec.json.format(canonical(manifest.with_digest()), indent=2) + b"\n"
    return files


def weights_of(contents: Contents) -> bytes:
    """The tensors as safetensors: the family's, and those of the heads that there are."""
    tensors = {name: np.ascontiguousarray(array) for name, array in contents.tensors.items()}
    if contents.success is not None:
        tensors[SUCCESS_WEIGHT] = contents.success.weight
        tensors[SUCCESS_BIAS] = np.array([contents.success.bias])
    if contents.persona is not None:
        tensors[PERSONA_WEIGHT], tensors[PERSONA_BIAS] = contents.persona.weight, contents.persona.bias
    if contents.usual is not None:
        tensors[USUAL] = np.ascontiguousarray(contents.usual, np.float32)
    return save_tensors(tensors)


def bundle_of(files: Mapping[str, bytes], where: str, given: Journey | None = None) -> Bundle:
    """Check the files of a bundle and build what they hold; `where` names it in errors. Raises `BundleError`."""
    manifest = manifest_of(files, where)
    check_files(manifest, files, where)
    journey = journey_of(manifest, files, where, given)
    tensors = tensors_of(files[WEIGHTS], where)
    try:
        policy = build_policy(manifest.family, tensors, manifest.temperature, journey)
        success, usual = success_of(tensors, journey)
        of_one = OF_ONE_JOURNEY if manifest.journey else frozenset()
        if extra := sorted(set(tensors) - {*tensor_names(manifest.family)} - of_one):
            whose = f"a policy of family {manifest.family!r}" + ("" if manifest.journey else " of any journey")
            raise ValueError(f"tensor {extra[0]!r} does not belong to {whose}")
        persona = persona_of(tensors, manifest.personas, journey)
    except ValueError as error:
        raise BundleError(f"{where}: {error}. {MEND}") from None
    return Bundle(manifest, journey, policy, success, usual, persona)
