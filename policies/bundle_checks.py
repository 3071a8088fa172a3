"""Every check that a bundle must pass before it is used: each refusal says what is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from journeys.loading import JourneyError, journey_from
from journeys.observation import observation_size
from journeys.spec import Journey
from policies.bundle_files import BundleError
from policies.families import BOUND_TO_ONE
from policies.manifest import FORMAT, Manifest, sha256
from policies.persona_head import PersonaHead
from policies.scope import scope_of
from policies.success import SuccessHead
from policies.tensor_check import check_tensor

MANIFEST, JOURNEY, WEIGHTS, CARD, ONNX = (
    "manifest.json",
    "journey.json",
    "weights.safetensors",
    "MODEL_CARD.md",
    "policy.onnx",
)
SUCCESS_WEIGHT, SUCCESS_BIAS, USUAL = "success.weight", "success.bias", "usual"
PERSONA_WEIGHT, PERSONA_BIAS = "persona.weight", "persona.bias"
MEND = "Mend: export the bundle again, or copy it again if it was copied"


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
    must = {WEIGHTS, CARD} | ({JOURNEY} if manifest.journey else set()) | ({ONNX} if manifest.onnx else set())
    for name in sorted(must ^ set(manifest.files)):
        raise BundleError(f"{where}: {MANIFEST} and the format disagree about file {name!r}. {MEND}")
    for name in sorted(must - set(files)):
        raise BundleError(f"{where}: file {name!r} is missing. {MEND}")
    for name in sorted(set(files) - must - {MANIFEST}):
        raise BundleError(f"{where}: file {name!r} is not in {MANIFEST}. Mend: remove it, or export the bundle again")
    for name, expected in manifest.files.items():
        if sha256(files[name]) != expected:
            raise BundleError(f"{where}: file {name!r} was changed after it was written (its SHA-256 differs). {MEND}")


def journey_of(manifest: Manifest, files: Mapping[str, bytes], where: str, given: Journey | None) -> Journey:
    """The journey to serve: the bundle's own, or the one `given` to a bundle of any journey.

    It, the observation schema and the action codec are those that the policy was made for. Raises `BundleError`.
    """
    if manifest.journey is None and manifest.family in BOUND_TO_ONE:
        raise BundleError(f"{where}: family {manifest.family!r} serves one journey, and {MANIFEST} names none. {MEND}")
    own = None if manifest.journey is None else own_journey(files[JOURNEY], where)
    scope = scope_of(own)
    if manifest.journey != scope.journey:
        raise BundleError(f"{where}: {JOURNEY} is not the journey that {MANIFEST} names (its hash differs). {MEND}")
    if manifest.observation != scope.observation:
        raise BundleError(
            f"{where}: the policy reads another observation schema than this installation writes "
            "(schema hashes differ). Mend: train and export with this version of Handrail, or serve with that one"
        )
    if manifest.actions != scope.actions:
        raise BundleError(f"{where}: the action codec of {MANIFEST} is not that of this installation. {MEND}")
    if own is None and given is None:
        raise BundleError(
            f"{where}: the policy serves any journey, and none was given. Mend: give the journey as well, as in "
            "--journey my.yaml"
        )
    if own is not None and given is not None and own.hash() != given.hash():
        raise BundleError(
            f"{where}: was made for journey {own.name!r} version {own.version} (hash {own.hash()[:12]}), not for "
            f"{given.name!r} version {given.version} (hash {given.hash()[:12]}). Mend: serve the journey that it "
            "was made for, or take a bundle made for yours, or one that serves any journey"
        )
    return own or given  # type: ignore[return-value]


def own_journey(content: bytes, where: str) -> Journey:
    """The journey inside a bundle. Raises `BundleError`."""
    try:
        return journey_from(msgspec.json.decode(content), f"{where}, {JOURNEY}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{where}: {JOURNEY}: {error}. {MEND}") from None
    except JourneyError as error:
        raise BundleError(str(error)) from None


def tensors_of(content: bytes, where: str) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file."""
    try:
        return dict(load_tensors(content))
    except (SafetensorError, KeyError, ValueError) as error:
        raise BundleError(f"{where}: {WEIGHTS} is not readable: {error}. {MEND}") from None


def success_of(tensors: Mapping[str, np.ndarray], journey: Journey) -> tuple[SuccessHead | None, np.ndarray]:
    """The success head, if there is one, and the usual observation `(D,)`. Raises `ValueError`."""
    size = observation_size(len(journey.steps), len(journey.skills))
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


def persona_of(
    tensors: Mapping[str, np.ndarray], names: Sequence[str], journey: Journey, named_in: str = MANIFEST
) -> PersonaHead | None:
    """The persona head, if there is one: `names` of its columns are field 'personas' of the file `named_in`.

    Raises `ValueError`.
    """
    present = [name for name in (PERSONA_WEIGHT, PERSONA_BIAS) if name in tensors]
    if not present and not names:
        return None
    if not names:
        raise ValueError(f"{named_in}, field 'personas' names none, and tensor {present[0]!r} has a column for each")
    if len(present) < 2:
        missing = PERSONA_BIAS if PERSONA_WEIGHT in tensors else PERSONA_WEIGHT
        raise ValueError(f"tensor {missing!r} is missing, and {named_in}, field 'personas', names {len(names)}")
    size = observation_size(len(journey.steps), len(journey.skills))
    check_tensor(PERSONA_WEIGHT, tensors[PERSONA_WEIGHT], np.dtype(np.float64), (size, len(names)))
    check_tensor(PERSONA_BIAS, tensors[PERSONA_BIAS], np.dtype(np.float64), (len(names),))
    try:
        return PersonaHead(names, tensors[PERSONA_WEIGHT], tensors[PERSONA_BIAS])
    except ValueError as error:
        raise ValueError(f"{named_in}, field 'personas': {error}") from None
