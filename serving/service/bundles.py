"""The bundles that are served: loaded at the start, and swapped when their files change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import structlog

from journeys.loading import JourneyError, load_journey
from policies.bundle import Bundle, load_bundle
from policies.bundle_files import BundleError
from serving.engine import Engine
from serving.service.numbers import Numbers
from serving.service.origin import about
from serving.service.settings import BundleSettings, SettingsError
from serving.stand_in import stand_in
from serving.stores.store import StoreDown, StoreError

log = structlog.get_logger("handrail.bundles")


class Look(NamedTuple):
    """How a bundle's files look from outside: another look means that they were written anew."""

    changed_ns: int
    size: int
    inode: int


def look_at(path: Path) -> Look | None:
    """The look of a bundle; None where there is none."""
    try:
        found = (path / "manifest.json" if path.is_dir() else path).stat()
    except OSError:
        return None
    return Look(found.st_mtime_ns, found.st_size, found.st_ino)


def load(settings: BundleSettings) -> Bundle:
    """Load one bundle. Raises `BundleError` or `JourneyError`."""
    return load_bundle(Path(settings.path), None if settings.journey is None else load_journey(settings.journey))


def load_or_stand_in(settings: BundleSettings) -> Bundle:
    """Load one bundle; where it cannot be used and its journey is named, the expert rules stand in for it."""
    try:
        return load(settings)
    except BundleError as error:
        if settings.journey is None:
            raise
        log.error("bundle refused", path=settings.path, detail=str(error), mend="the expert rules stand in for it")
        return stand_in(load_journey(settings.journey), f"the bundle cannot be used: {error}")


def load_all(bundles: Sequence[BundleSettings], load: Callable[[BundleSettings], Bundle] = load) -> list[Bundle]:
    """Load all bundles. Raises `BundleError`, `JourneyError`, or `SettingsError` where two serve one journey."""
    loaded: dict[str, Bundle] = {}
    for i, settings in enumerate(bundles):
        with about(f"bundles[{i}]"):
            bundle = load(settings)
            name = bundle.journey.name
            if name in loaded:
                raise SettingsError(f"{settings.path}: journey {name!r} is served twice. Mend: take one away")
        loaded[name] = bundle
    return list(loaded.values())


class Watcher:
    """Looks at the files of bundles, and swaps those that were written anew. One that is wrong changes nothing."""

    def __init__(self, bundles: Sequence[BundleSettings], engine: Engine, numbers: Numbers) -> None:
        self._engine, self._numbers = engine, numbers
        self._looks = {settings: look_at(Path(settings.path)) for settings in bundles}
        self.show()

    def look(self, force: bool = False) -> None:
        """Load and swap what changed; with `force` everything."""
        for settings, before in self._looks.items():
            now = look_at(Path(settings.path))
            if force or (now is not None and now != before):
                self._looks[settings] = now if self._swap(settings) else None

    def _swap(self, settings: BundleSettings) -> bool:
        """Swap a bundle; False where the store was in the way, so that the next look tries again."""
        try:
            bundle = load(settings)
            name = bundle.journey.name
            if name not in self._engine.journeys:
                raise BundleError(f"{settings.path}: is of journey {name!r} now. Mend: start the service anew for that")
            self._engine.swap(bundle)
        except StoreDown as error:
            log.warning("bundle not swapped yet", path=settings.path, detail=str(error))
            return False
        except (BundleError, JourneyError, StoreError, OSError) as error:
            self._numbers.add("handrail_bundle_swaps", (Path(settings.path).name, "refused"))
            log.error("bundle refused", path=settings.path, detail=str(error), mend="the old one goes on serving")
            return True
        self._numbers.add("handrail_bundle_swaps", (name, "swapped"))
        log.info("bundle swapped", journey=name, bundle=bundle.manifest.name, version=bundle.manifest.version)
        self.show()
        return True

    def show(self) -> None:
        """Put the versions served into the metrics."""
        self._numbers.clear("handrail_bundle")
        for name, runtime in self._engine.journeys.items():
            manifest = runtime.bundle.manifest
            self._numbers.set("handrail_bundle", (name, manifest.name, manifest.version), 1.0)
