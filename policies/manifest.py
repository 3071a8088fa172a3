"""The manifest of a bundle: what it holds, for which journey and observation, whence, and how to tell it is whole."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

FORMAT = 1  # raised whenever an older reader would misread a newer bundle

Text = Annotated[str, Meta(min_length=1, max_length=128)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class JourneyOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The journey that the policy was made for; the journey itself is the bundle's `journey.json`."""

    name: str
    version: int
    hash: Sha256


class ObservationOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the policy reads: the number of entries `D` and the hash of their names and meanings.

    Of a policy for any journey: the features of a user and one step (policies/step_features.py).
    """

    size: int
    schema_hash: Sha256


class Parity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far `policy.onnx` is from the policy itself: the largest absolute difference of any probability."""

    observations: int
    max_difference: float


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`manifest.json`; docs/bundle.md explains it field by field.

    A field with a default is left out where it has that value. So a bundle that lacks what came later has the bytes,
    and the digest, that it had before; and a reader that does not know the field refuses a bundle that has it.
    """

    format: int
    name: Text
    version: Text
    journey: JourneyOf | None  # None: any
    observation: ObservationOf
    actions: tuple[str, ...]
    family: str
    temperature: float
    provenance: dict[str, Any]
    metrics: dict[str, Any]
    onnx: Parity | None
    files: dict[str, Sha256]
    digest: str  # empty until `with_digest`
    personas: tuple[Text, ...] = ()  # of the persona head's columns, in order; none: there is no such head

    def with_digest(self) -> Manifest:
        """The same manifest with its own SHA-256 filled in."""
        return msgspec.structs.replace(self, digest=self.own_hash())

    def own_hash(self) -> str:
        """SHA-256 over the manifest's canonical JSON with an empty digest."""
        return sha256(canonical(msgspec.structs.replace(self, digest="")))


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: the same value, the same bytes."""
    return msgspec.json.encode(value, order="sorted")


def sha256(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()
