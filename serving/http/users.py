"""`GET /v1/users/{id}` and `GET /v1/journeys`: what is known of a user, and what is served."""

from __future__ import annotations

from typing import Protocol

import msgspec

from serving.engine import Engine
from serving.http.replies import Reply, problem
from serving.http.requests import Request
from serving.service.user_view import UserView

PATH = "/v1/users/"
LONGEST_NAME = 128  # characters, as in events


class Lookup(Protocol):
    """Finds users."""

    async def user(self, journey: str, user: str) -> UserView | None:
        """What is known of a user; None where that is nothing."""


class Served(msgspec.Struct, frozen=True):
    """A journey and the bundle that serves it."""

    journey: str
    journey_hash: str
    bundle: str
    version: str
    family: str
    digest: str


class JourneysServed(msgspec.Struct, frozen=True):
    """All journeys that are served."""

    journeys: list[Served]


class Users:
    """Shows one user."""

    def __init__(self, engine: Engine, lookup: Lookup) -> None:
        self._engine, self._lookup = engine, lookup

    async def __call__(self, request: Request) -> Reply:
        """200 with the user; 404 where nothing is known; 400 where it is not clear which journey is meant."""
        served = list(self._engine.journeys)
        journey = request.query.get("journey") or (served[0] if len(served) == 1 else None)
        if journey is None:
            return problem(400, "which_journey", f"several are served. Mend: say ?journey=, one of {', '.join(served)}")
        if journey not in served:
            return problem(404, "no_journey", f"journey {journey!r} is not served. Mend: use {', '.join(served)}")
        user = request.path[len(PATH) :]
        view = await self._lookup.user(journey, user) if 0 < len(user) <= LONGEST_NAME else None
        if view is None:
            return problem(404, "no_user", f"no event of this user came in journey {journey!r}. Mend: check the id")
        return Reply(200, msgspec.json.encode(view))


class Journeys:
    """Shows what is served."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, _request: Request) -> Reply:
        """200 with the journeys."""
        served = []
        for name, runtime in self._engine.journeys.items():
            manifest = runtime.bundle.manifest
            served.append(
                Served(name, runtime.journey_hash, manifest.name, manifest.version, manifest.family, manifest.digest)
            )
        return Reply(200, msgspec.json.encode(JourneysServed(served)))
