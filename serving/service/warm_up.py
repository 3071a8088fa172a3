"""Compile what the service compiles once, so that its first start is as quick as any: for images and packages."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from journeys.loading import load_journey
from policies.bundle import Contents, load_bundle, save_bundle
from policies.families import OF_ANY_JOURNEY
from serving.engine import Engine
from serving.stores.memory_store import MemoryStore

JOURNEY = "tiny"  # compiled code is the same for every journey


def main() -> int:
    """Build an engine for each family that needs no training; returns 0."""
    journey = load_journey(JOURNEY)
    with tempfile.TemporaryDirectory() as folder:
        for family in OF_ANY_JOURNEY:
            path = save_bundle(Path(folder) / family, Contents(family, "1", journey, family))
            Engine(MemoryStore(), [load_bundle(path)])
    print("compiled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
