"""The bundle: what training hands to production. Writing one, and reading one with every check.

A folder (or one zip) of manifest.json, journey.json, weights.safetensors, MODEL_CARD.md and, for a network,
policy.onnx. docs/bundle.md is its specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from journeys.actions import describe
from journeys.loading import JourneyError, journey_from
from journeys.observation import observation_size, schema_hash
from journeys.spec import Journey
from policies.bundle_files import BundleError, read_files, write_files
from policies.families import build_policy, check_tensor, tensor_names
from policies.manifest import FORMAT, JourneyOf, Manifest, ObservationOf, Parity, canonical, sha256
from policies.model_card import model_card
from policies.protocol import Policy
from policies.success import SuccessHead

MANIFEST, JOURNEY, WEIGHTS, CARD, ONNX = (
    "manifest.json",
    "journey.json",
    "weights.safetensors",
    "MODEL_CARD.md",
    "policy.onnx",
)
SUCCESS_WEIGHT, SUCCESS_BIAS, USUAL = "success.weight", "success.bias", "usual"
MEND = "Mend: export the bundle again, or copy it again if it was copied"


class OnnxCopy(NamedTuple):
    """The policy for other languages: the content of `policy.onnx`, and how far it is from the policy itself."""

    content: bytes
    parity: Parity


class Contents(NamedTuple):
    """What goes into a bundle. `tensors` are the family's own (float32); `usual` `(D,)` the mean observation."""

    name: str
    version: str
    journey: Journey
    family: str
    tensors: Mapping[str, np.ndarray] = {}
    temperature: float = 1.0
    success: SuccessHead | None = None
    usual: np.ndarray | None = None
    provenance: Mapping[str, Any] = {}
    metrics: Mapping[str, Any] = {}
    onnx: OnnxCopy | None = None


class Bundle(NamedTuple):
    """A bundle that passed every check. `usual` `(D,)` float32 is zero where the bundle states none."""

    manifest: Manifest
    journey: Journey
    policy: Policy
    success: SuccessHead | None
    usual: np.ndarray


def save_bundle(path: str | Path, contents: Contents) -> Path:
    """Write a bundle to the folder `path`, or to a zip where `path` ends in .zip; returns the path.

    Writing is all or nothing. Raises `BundleError` where the contents do not make a sound bundle, or where `path`
    exists and is anything but this very bundle.
    """
    path = Path(path)
    files = files_of(contents)
    bundle_of(files, str(path))
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


def load_bundle(path: str | Path) -> Bundle:
    """Read and check a bundle. Raises `BundleError` that says what is wrong and how to mend it."""
    return bundle_of(read_files(Path(path)), str(path))


def files_of(contents: Contents) -> dict[str, bytes]:
    """Every file of the bundle, manifest included."""
    journey = contents.journey
    files = {JOURNEY: msgspec.json.encode(journey, order="deterministic"), WEIGHTS: weights_of(contents)}
    if contents.onnx is not None:
        files[ONNX] = contents.onnx.content
    n_steps, n_skills = len(journey.steps), len(journey.skills)
    manifest = Manifest(
        format=FORMAT,
        name=contents.name,
        version=contents.version,
        journey=JourneyOf(journey.name, journey.version, journey.hash()),
        observation=ObservationOf(observation_size(n_steps, n_skills), schema_hash(n_steps, n_skills)),
        actions=tuple(describe(journey.step_names())),
        family=contents.family,
        temperature=float(contents.temperature),
        provenance=dict(contents.provenance),
        metrics=dict(contents.metrics),
        onnx=contents.onnx.parity if contents.onnx else None,
        files={},
    )
    files[CARD] = model_card(manifest, journey, contents.success is not None).encode()
    manifest = msgspec.structs.replace(manifest, files={name: sha256(files[name]) for name in sorted(files)})
    files[MANIFEST] = msgspec.json.format(canonical(manifest.with_digest()), indent=2) + b"\n"
    return files


def weights_of(contents: Contents) -> bytes:
    """The tensors as safetensors: the family's, and those of the success head where there is one."""
    tensors = {name: np.ascontiguousarray(array) for name, array in contents.tensors.items()}
    if contents.success is not None:
        tensors[SUCCESS_WEIGHT] = contents.success.weight
        tensors[SUCCESS_BIAS] = np.array([contents.success.bias])
    if contents.usual is not None:
        tensors[USUAL] = np.ascontiguousarray(contents.usual, np.float32)
    return save_tensors(tensors)


def bundle_of(files: Mapping[str, bytes], where: str) -> Bundle:
    """Check the files of a bundle and build what they hold; `where` names it in errors. Raises `BundleError`."""
    manifest = manifest_of(files, where)
    check_files(manifest, files, where)
    journey = journey_of(manifest, files[JOURNEY], where)
    size = observation_size(len(journey.steps), len(journey.skills))
    tensors = tensors_of(files[WEIGHTS], where)
    try:
        policy = build_policy(manifest.family, tensors, manifest.temperature, journey)
        success, usual = success_of(tensors, size)
        known = {*tensor_names(manifest.family), SUCCESS_WEIGHT, SUCCESS_BIAS, USUAL}
        if extra := sorted(set(tensors) - known):
            raise ValueError(f"tensor {extra[0]!r} does not belong to a policy of family {manifest.family!r}")
    except ValueError as error:
        raise BundleError(f"{where}: {error}. {MEND}") from None
    return Bundle(manifest, journey, policy, success, usual)


def manifest_of(files: Mapping[str, bytes], where: str) -> Manifest:
    """The manifest, of a format that this reader knows and unchanged since it was written."""
    if MANIFEST not in files:
        raise BundleError(f"{where}: {MANIFEST} is missing, so this is not a bundle. {MEND}")
    try:
        version = msgspec.json.decode(files[MANIFEST], type=dict[str, Any]).get("format")
        if isinstance(version, int) and version > FORMAT:
            raise BundleError(
                f"{where}: {MANIFEST} has format {version}, this installation reads up to {FORMAT}. "
                "Mend: upgrade Handrail here, or export with the version that serves"
            )
        manifest = msgspec.json.decode(files[MANIFEST], type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{where}: {MANIFEST}: {error}. {MEND}") from None
    if manifest.format != FORMAT:
        raise BundleError(f"{where}: {MANIFEST} has format {manifest.format}, which never existed. {MEND}")
    if manifest.digest != manifest.own_hash():
        raise BundleError(f"{where}: {MANIFEST} was changed after it was written (its digest differs). {MEND}")
    return manifest


def check_files(manifest: Manifest, files: Mapping[str, bytes], where: str) -> None:
    """Exactly the files of the manifest are there, with exactly their content."""
    must = {JOURNEY, WEIGHTS, CARD} | ({ONNX} if manifest.onnx else set())
    for name in sorted(must ^ set(manifest.files)):
        raise BundleError(f"{where}: {MANIFEST} and the format disagree about file {name!r}. {MEND}")
    for name in sorted(must - set(files)):
        raise BundleError(f"{where}: file {name!r} is missing. {MEND}")
    for name in sorted(set(files) - must - {MANIFEST}):
        raise BundleError(f"{where}: file {name!r} is not in {MANIFEST}. Mend: remove it, or export the bundle again")
    for name, expected in manifest.files.items():
        if sha256(files[name]) != expected:
            raise BundleError(f"{where}: file {name!r} was changed after it was written (its SHA-256 differs). {MEND}")


def journey_of(manifest: Manifest, content: bytes, where: str) -> Journey:
    """The journey, of the hash, observation schema and action codec that the policy was made for."""
    try:
        journey = journey_from(msgspec.json.decode(content), f"{where}, {JOURNEY}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{where}: {JOURNEY}: {error}. {MEND}") from None
    except JourneyError as error:
        raise BundleError(str(error)) from None
    stated = manifest.journey
    if (stated.name, stated.version, stated.hash) != (journey.name, journey.version, journey.hash()):
        raise BundleError(f"{where}: {JOURNEY} is not the journey that {MANIFEST} names (its hash differs). {MEND}")
    n_steps, n_skills = len(journey.steps), len(journey.skills)
    here = ObservationOf(observation_size(n_steps, n_skills), schema_hash(n_steps, n_skills))
    if manifest.observation != here:
        raise BundleError(
            f"{where}: the policy reads another observation schema than this installation writes "
            "(schema hashes differ). Mend: train and export with this version of Handrail, or serve with that one"
        )
    if manifest.actions != tuple(describe(journey.step_names())):
        raise BundleError(f"{where}: the action codec of {MANIFEST} is not that of {JOURNEY}. {MEND}")
    return journey


def tensors_of(content: bytes, where: str) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file."""
    try:
        return dict(load_tensors(content))
    except (SafetensorError, KeyError, ValueError) as error:
        raise BundleError(f"{where}: {WEIGHTS} is not readable: {error}. {MEND}") from None


def success_of(tensors: Mapping[str, np.ndarray], size: int) -> tuple[SuccessHead | None, np.ndarray]:
    """The success head, if there is one, and the usual observation `(size,)`. Raises `ValueError`."""
    usual = tensors.get(USUAL, np.zeros(size, np.float32))
    check_tensor(USUAL, usual, np.dtype(np.float32), (size,))
    present = [name for name in (SUCCESS_WEIGHT, SUCCESS_BIAS) if name in tensors]
    if not present:
        return None, usual
    if len(present) == 1:
        raise ValueError(f"tensor {present[0]!r} stands alone: a success head has weight and bias")
    check_tensor(SUCCESS_WEIGHT, tensors[SUCCESS_WEIGHT], np.dtype(np.float64), (size,))
    check_tensor(SUCCESS_BIAS, tensors[SUCCESS_BIAS], np.dtype(np.float64), (1,))
    return SuccessHead(tensors[SUCCESS_WEIGHT], float(tensors[SUCCESS_BIAS][0])), usual
